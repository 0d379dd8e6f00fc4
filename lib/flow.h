/*
 * flow.h - how many octets may be in flight.
 *
 * A long path needs a large window, a short one gains nothing by it, and what
 * is in flight may have to be sent again.  So the window begins small.  When it
 * is full all the time it is doubled for a trial, and stays so if the receiver
 * then takes octets faster.  Pure: time is an argument.
 */
#ifndef FLOW_H
#define FLOW_H

#include <stdbool.h>
#include <stdint.h>

struct flow {				/* embedded by its owner */
	uint64_t	size;		/* of the window, octets: read it */
	uint64_t	most;
	uint64_t	before;		/* octets a second, with half of size */
	uint64_t	begin;		/* of the round: acknowledged octets */
	uint64_t	begin_us;	/* and time */
	unsigned	wait;		/* rounds until the next trial */
	unsigned	patience;	/* after a trial that gained nothing */
	unsigned	round;		/* of a trial; 0: there is none */
	bool		full;		/* it was, in this round */
};

/* A window from least to most octets; of one size where they are equal. */
void	flow_init(struct flow *, uint64_t least, uint64_t most);

/*
 * A connection begins: nothing is acknowledged.  The size stays, but for that
 * of a trial.
 */
void	flow_begin(struct flow *);

/* There was more to send, and no room in the window. */
void	flow_full(struct flow *);

/* The receiver has acknowledged so many octets of the connection. */
void	flow_acked(struct flow *, uint64_t octets, uint64_t now_us);

#endif
