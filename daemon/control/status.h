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
struct ledger;
struct route;
struct sources;
struct tails;

/* What a worker is made of; all borrowed. */
struct state_view {
	const struct conf	*conf;
	struct destination *const	*dests;
	size_t			 ndests;
	const struct route	*routes;
	size_t			 nroutes;
	struct tails		*tails;
	struct sources		*sources;
	struct ledger		*ledger;
	ev_tstamp		 started;	/* wall clock */
	bool			 starting;	/* not all files are known */
};

/* The shortest answer, for systemd's status line. */
struct state_sum {
	uint64_t	files;
	uint64_t	behind;		/* bytes not acknowledged, of all */
	unsigned	destinations;
	unsigned	away;		/* of these: not connected */
};

void	state_sum(const struct state_view *, struct state_sum *);

/* Parts of it. */
#define STATE_COUNTERS		1u	/* also of process and checkpoint */
#define STATE_DESTINATIONS	2u
#define STATE_SOURCES		4u
#define STATE_FILES		8u
#define STATE_ALL		15u

/*
 * Writes the wanted parts as JSON, piece by piece, as there may be many files:
 * what changes meanwhile is as it is when its piece is made.  Returns NULL with
 * errno.  Free with state_writer_free(); NULL is fine.
 */
struct state_writer	*state_writer_new(const struct state_view *,
			    unsigned wanted);
void	state_writer_free(struct state_writer *);

/*
 * Returns the next piece, of *n octets, which is the writer's until the next
 * call; NULL with errno 0 at the end, else with an error.
 */
const char	*state_writer_next(struct state_writer *, size_t *n);

/*
 * Begins to write "state.json" in dirfd, atomically, mode 0640: a piece in each
 * turn of the loop.  on_end is called once, with NULL or with why the file that
 * was there stays.  Returns NULL with errno; state_dump_free(), for which NULL
 * is fine, ends it at any time but from within on_end.
 */
struct state_dump	*state_dump_new(struct ev_loop *,
			    const struct state_view *, int dirfd,
			    void (*on_end)(void *arg, const char *why),
			    void *arg);
void	state_dump_free(struct state_dump *);

#endif
