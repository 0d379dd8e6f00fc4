/*
 * pace.h - how long to wait.
 *
 * Backoff doubles from first to longest, with so much jitter that a thousand
 * daemons do not come back in the same second, even when they lost a receiver
 * together: tests/bench/backoff.c shows it.  A bucket lets so many things a
 * second pass.  Pure: time and randomness are arguments.
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
 * step and twice it, and never more than longest_ms, by random (any 32 bits);
 * and doubles the step.  Never 0 unless first_ms is.
 */
uint64_t	backoff_next(struct backoff *, uint32_t random);

/* It worked: the next failure waits first_ms again. */
void	backoff_reset(struct backoff *);

struct bucket {
	uint64_t	rate;		/* a second; 0 is no limit */
	uint64_t	level;		/* millionths of what may go */
	uint64_t	last_us;
};

/*
 * Begins full: a bucket fills with rate a second and holds as many.  A rate of
 * more than 10^12 may count as no limit.
 */
void	bucket_init(struct bucket *, uint64_t rate);

/*
 * Returns how many of want may go now, and takes them out.  now_us is a clock
 * that should only go forward; when it goes back nothing is added.
 */
uint64_t	bucket_take(struct bucket *, uint64_t want, uint64_t now_us);

/* n of those that were taken did not go. */
void	bucket_give(struct bucket *, uint64_t n);

/* Returns the microseconds until one may go: 0 when one may now. */
uint64_t	bucket_wait_us(const struct bucket *, uint64_t now_us);

#endif
