/*
 * flow.h - how many octets may be in flight.
 *
 * A long path needs a large window; a short path gains nothing by it, and
 * octets in flight may have to be sent again.  So the window begins small.
 * While it is full all the time, it is doubled for a trial, and stays so if the
 * receiver then acknowledges octets faster.  Pure: time is an argument.
 */
#ifndef FLOW_H
#define FLOW_H

#include <stdbool.h>
#include <stdint.h>

struct flow {				/* embedded by its owner */
	uint64_t	size;		/* of the window in octets; the owner
					   reads it */
	uint64_t	most;		/* octets that size may grow to */
	uint64_t	before;		/* octets a second with half of size */
	uint64_t	begin;		/* octets acknowledged when the round
					   began, */
	uint64_t	begin_us;	/* and when that was */
	unsigned	wait;		/* rounds until the next trial */
	unsigned	patience;	/* rounds to wait after a trial that
					   gained nothing */
	unsigned	round;		/* of a trial; 0: there is none */
	bool		full;		/* the window was, in this round */
};

/* The size begins at least and grows to most, in octets. */
void	flow_init(struct flow *, uint64_t least, uint64_t most);

/*
 * A connection begins, on which nothing is acknowledged.  The size stays, but a
 * trial is undone.
 */
void	flow_begin(struct flow *);

/* There are octets to send, and no room in the window. */
void	flow_full(struct flow *);

/* The receiver has acknowledged this many octets since flow_begin(). */
void	flow_acked(struct flow *, uint64_t octets, uint64_t now_us);

#endif
