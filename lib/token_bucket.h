/*
 * token_bucket.h - how many things may pass in a second.
 *
 * A bucket fills with tokens at a rate; each thing that passes takes one.  For
 * the turns of a loop, a second structure says whether the next turn may begin
 * at once or should wait until there is more to do.  Pure: time is an argument.
 */
#ifndef TOKEN_BUCKET_H
#define TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {			/* embedded by its owner */
	uint64_t	rate;		/* tokens a second; 0 is no limit */
	uint64_t	level;		/* millionths of a token */
	uint64_t	last_us;	/* when level was computed */
};

/*
 * Fills the bucket, which holds as many tokens as a second brings.  A rate of
 * more than 10^12 may count as no limit.
 */
void	token_bucket_init(struct token_bucket *, uint64_t rate);

/*
 * Takes want tokens, or as many as there are, and returns how many.  now_us is
 * a clock that should only go forward; while it goes back no token is added.
 */
uint64_t	token_bucket_take(struct token_bucket *, uint64_t want,
		    uint64_t now_us);

/* Puts n of the tokens back that were taken: so many things did not pass. */
void	token_bucket_give(struct token_bucket *, uint64_t n);

/* Returns the microseconds until there is a token, 0 when there is one now. */
uint64_t	token_bucket_wait_us(const struct token_bucket *,
		    uint64_t now_us);

struct turns {				/* embedded by its owner */
	struct token_bucket bucket;
	uint64_t	calm;
	bool		gathers;	/* turns wait, see turns_take() */
};

/*
 * rate turns a second may begin at once.  calm is the number of tokens, at
 * least 1, that must be there before turns begin at once again.
 */
void	turns_init(struct turns *, uint64_t rate, uint64_t calm);

/*
 * A turn ends.  Returns whether the next turn may begin at once; false: the
 * loop should wait a little to have more to do in it.  After too many turns
 * came at once, all wait until calm tokens are there: a turn at once behind
 * each turn that waited would find next to nothing to do.
 */
bool	turns_take(struct turns *, uint64_t now_us);

#endif
