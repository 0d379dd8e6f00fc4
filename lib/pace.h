/*
 * pace.h - how long to wait.
 *
 * Backoff doubles from first to longest, with full jitter on the upper half, so
 * that a thousand daemons do not come back in the same second.  Pure: time and
 * randomness are arguments.
 */
#ifndef PACE_H
#define PACE_H

#include <stdint.h>

struct backoff {
	uint64_t	first_ms;
	uint64_t	longest_ms;
	uint64_t	next_ms;	/* 0: nothing has failed yet */
};

/* A longest_ms shorter than first_ms counts as first_ms. */
void	backoff_init(struct backoff *, uint64_t first_ms, uint64_t longest_ms);

/*
 * Returns the milliseconds to wait before the next attempt, between half the
 * step and the whole of it by random (any 32 bits), and doubles the step.
 * Never 0 unless first_ms is.
 */
uint64_t	backoff_next(struct backoff *, uint32_t random);

/* It worked: the next failure waits first_ms again. */
void	backoff_reset(struct backoff *);

#endif
