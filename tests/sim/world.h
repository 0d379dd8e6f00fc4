/*
 * world.h - logs as their writers see them.
 */
#ifndef WORLD_H
#define WORLD_H

#include "tests/sim/sim.h"

#define WORLD_LOGS	3
#define SCRIPT		8

enum op {
	OP_SHIFT,		/* .1 becomes .2, and so on */
	OP_RENAME,		/* to .1 */
	OP_DATE,		/* to a name with a date */
	OP_AWAY,		/* to another directory */
	OP_COPY,		/* to .1 */
	OP_CUT,			/* to nothing */
	OP_UNLINK,
	OP_REOPEN,
	OP_REPLACE,
	OP_COMPRESS,
	OP_SHRED,		/* .1 */
	OP_UNLINK_SHREDDED,
	OP_LINK
};

struct log {
	char		path[32];
	struct inode	*inode;	/* that the writer has open, or NULL */
	size_t		at;	/* where it writes, if it does not append */
	bool		appends;
	char		rest[SIM_LINE];	/* of a line that is half written */
	size_t		nrest;
	enum op		script[SCRIPT];
	unsigned	nscript;
	unsigned	generation;
	int64_t		opened;		/* when it was */
	int64_t		renamed;	/* when it or an older one was */
	int64_t		copied;	/* when it was, and is to be cut yet; or 0 */
	size_t		in_copy; /* so many octets */
};

extern struct log world_logs[WORLD_LOGS];
extern unsigned world_nlogs;

void	rotate_begin(struct log *, enum sim_kind);
void	rotate_go_on(struct log *);
void	rotate_expire(struct log *);
void	rotate_reset(void);
void	log_open_new(struct log *);
void	log_append(struct log *, struct rng *, unsigned n, bool partial);
void	log_finish_line(struct log *);

#endif
