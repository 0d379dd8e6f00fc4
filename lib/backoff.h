/*
 * backoff.h - how long to wait before the next attempt to connect.
 *
 * A receiver that was away for long may stay away for long, and a receiver that
 * comes back should not be kept waiting: the wait is a part of the outage.
 * Jitter keeps thousands of daemons that lost a receiver together from coming
 * back in the same moment: tests/bench/backoff.c shows both.  Pure: time and
 * randomness are arguments.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {			/* embedded by its owner */
	uint64_t	first_ms;
	uint64_t	longest_ms;
	uint64_t	since_ms;	/* when the outage began */
	bool		failing;	/* an outage has begun */
};

/* A longest_ms shorter than first_ms counts as first_ms. */
void	backoff_init(struct backoff *, uint64_t first_ms, uint64_t longest_ms);

/*
 * An attempt failed at now_ms, of a clock that only goes forward.  Returns the
 * milliseconds to wait before the next attempt, by random (any 32 bits).  The
 * first failure begins an outage: then the wait is first_ms at the most, and an
 * eighth of that at the least.  Later it is an eighth of the outage so far,
 * times 0.5 to 1.5; first_ms at the least, longest_ms at the most, and where
 * longest_ms cuts the range off, anything from half of longest_ms on.  The wait
 * is 0 only where first_ms is.
 */
uint64_t	backoff_next(struct backoff *, uint64_t now_ms,
		    uint32_t random);

/* An attempt succeeded: the outage is over. */
void	backoff_reset(struct backoff *);

#endif
