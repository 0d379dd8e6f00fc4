/*
 * state.h - the answer to "is it working, and how far behind?", as JSON.
 */
#ifndef STATE_H
#define STATE_H

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"

struct conf;
struct dest;
struct ledger;
struct route;
struct sources;
struct tails;

/* What a worker is made of; all borrowed. */
struct state_view {
	const struct conf	*conf;
	struct dest *const	*dests;
	size_t			 ndests;
	const struct route	*routes;
	size_t			 nroutes;
	struct tails		*tails;
	struct sources		*sources;
	struct ledger		*ledger;
	ev_tstamp		 started;	/* wall clock */
};

/* The shortest answer. */
struct state_sum {
	uint64_t	files;
	uint64_t	behind;		/* bytes not acknowledged, of all */
	unsigned	destinations;
	unsigned	away;		/* of these: not connected */
};

void	state_sum(const struct state_view *, struct state_sum *);

/* Parts of it. */
#define STATE_COUNTERS		1u	/* of the process and the checkpoint too */
#define STATE_DESTINATIONS	2u
#define STATE_SOURCES		4u
#define STATE_FILES		8u
#define STATE_ALL		15u

/* Returns the wanted parts as JSON, which the caller frees, or NULL. */
char	*state_text(const struct state_view *, unsigned wanted);

/*
 * Writes "state.json" in dirfd, atomically, mode 0640.  Returns 0, or -1 with
 * why set; the file that was there stays.
 */
int	state_dump(const struct state_view *, int dirfd, struct reason *why);

#endif
