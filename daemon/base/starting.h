/*
 * starting.h - a worker that looks for files still answers.
 *
 * There may be as many files as any user likes to make, and what is found of
 * them at a start is judged together: so a start is one piece of work.  Between
 * its steps this serves a loop of its own, and tells what is due.
 */
#ifndef BASE_STARTING_H
#define BASE_STARTING_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct starting {
	struct ev_loop	*loop;		/* for who is to be served, or NULL */
	double		 next;		/* look again then, by clock_steady() */
	double		 alive;		/* the same: it is to say that it is */
	double		 alive_every;
};

/* What is due. */
#define STARTING_LOOK	1u		/* at what others say */
#define STARTING_ALIVE	2u		/* to say that it is alive */
#define STARTING_STOP	4u		/* to stop: a signal waits */

/* Where there is no loop, nobody is served before the start is done. */
void	starting_begin(struct starting *, uint64_t alive_ms, bool serves);

/* Nobody uses the loop any more. */
void	starting_end(struct starting *);

/* To be called as often as one likes.  Returns the bits above. */
unsigned	starting_look(struct starting *);

#endif
