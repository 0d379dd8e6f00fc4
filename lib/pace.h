/*
 * pace.h - how long to wait.
 *
 * A receiver that was away for long may stay away for long, and one that comes
 * back should not be kept waiting: the wait is a part of the outage.  Jitter
 * keeps thousands of daemons that lost a receiver together from coming back in
 * the same moment: tests/bench/backoff.c shows both.  A bucket lets so many
 * things a second pass; of the turns of a loop, those beyond them gather what
 * there is to do.  Pure: time and randomness are arguments.
 */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	uint64_t	first_ms;
	uint64_t	longest_ms;
	uint64_t	since_ms;	/* the outage began */
	bool		failing;	/* there is one */
};

/* A longest_ms shorter than first_ms counts as first_ms. */
void	backoff_init(struct backoff *, uint64_t first_ms, uint64_t longest_ms);

/*
 * It failed at now_ms, of a clock that only goes forward.  Returns the
 * milliseconds to wait before the next attempt, by random (any 32 bits).  At
 * the first failure, with which an outage begins: first_ms at the most, and an
 * eighth of that at the least.  Then an eighth of the outage so far, times 0.5
 * to 1.5; first_ms at the least, longest_ms at the most, and where that cuts
 * the range off, anything from half of longest_ms on.  Never 0 unless first_ms
 * is.
 */
uint64_t	backoff_next(struct backoff *, uint64_t now_ms, uint32_t random);

/* It worked: the outage is over. */
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

struct turns {
	struct bucket	bucket;
	uint64_t	calm;
	bool		gathers;
};

/* So many turns a second may come at once; calm is at least 1, see below. */
void	turns_init(struct turns *, uint64_t rate, uint64_t calm);

/*
 * A turn ends.  Returns whether the next one may come at once, or is to wait
 * for more to do.  Where too many came, they wait until there are calm turns to
 * spare: one at once behind each that waited would find next to nothing.
 */
bool	turns_take(struct turns *, uint64_t now_us);

#endif
