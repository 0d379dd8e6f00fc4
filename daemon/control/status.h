/*
 * status.h - the answer to "is it working, and how far behind?", as JSON.
 */
#ifndef CONTROL_STATUS_H
#define CONTROL_STATUS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"

struct conf;
struct destination;
struct checkpointer;
struct route;
struct sources;
struct file_table;

/* What a worker is made of; all borrowed. */
struct status_view {
	const struct conf	*conf;
	struct destination *const	*dests;
	size_t			 ndests;
	const struct route	*routes;
	size_t			 nroutes;
	struct file_table	*file_table;
	struct sources		*sources;
	struct checkpointer	*checkpointer;
	ev_tstamp		 started;	/* wall clock */
	bool			 starting;	/* not all files are known */
};

/* The shortest answer, for systemd's status line. */
struct status_sum {
	uint64_t	files;
	uint64_t	behind;		/* bytes not acknowledged, of all */
	unsigned	destinations;
	unsigned	away;		/* of these: not connected */
};

void	status_sum(const struct status_view *, struct status_sum *);

/* Parts of it. */
#define STATUS_COUNTERS		1u	/* also of process and checkpoint */
#define STATUS_DESTINATIONS	2u
#define STATUS_SOURCES		4u
#define STATUS_FILES		8u
#define STATUS_ALL		15u

/*
 * Writes the wanted parts as JSON, piece by piece, as there may be many files:
 * what changes meanwhile is as it is when its piece is made.  Returns NULL with
 * errno.  Free with status_writer_free(); NULL is fine.
 */
struct status_writer	*status_writer_new(const struct status_view *,
			    unsigned wanted);
void	status_writer_free(struct status_writer *);

/*
 * Returns the next piece, of *n octets, which is the writer's until the next
 * call; NULL with errno 0 at the end, else with an error.
 */
const char	*status_writer_next(struct status_writer *, size_t *n);

/*
 * Begins to write "state.json" in dirfd, atomically, mode 0640: a piece in each
 * turn of the loop.  on_end is called once, with NULL or with why the file that
 * was there stays.  Returns NULL with errno; status_dump_free(), for which NULL
 * is fine, ends it at any time but from within on_end.
 */
struct status_dump	*status_dump_new(struct ev_loop *,
			    const struct status_view *, int dirfd,
			    void (*on_end)(void *arg, const char *why),
			    void *arg);
void	status_dump_free(struct status_dump *);

#endif
