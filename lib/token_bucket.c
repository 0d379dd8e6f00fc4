#include "token_bucket.h"

#define ONE 1000000 /* of the level, and microseconds of a second */
#define RATE_MAX (UINT64_MAX / ONE / 2 - 1)

void
token_bucket_init(struct token_bucket *b, uint64_t rate)
{
	b->rate = rate <= RATE_MAX ? rate : 0;
	b->level = b->rate * ONE;
	b->last_us = 0;
}

/* The part of one more that has come is kept, else who is late would lose. */
static uint64_t
full(const struct token_bucket *b)
{
	return (b->rate * ONE + ONE - 1);
}

/* Each microsecond adds rate millionths, so nothing is rounded off. */
static uint64_t
level_at(const struct token_bucket *b, uint64_t now_us)
{
	uint64_t passed = now_us > b->last_us ? now_us - b->last_us : 0;

	if (passed >= 2 * ONE || b->rate * passed >= full(b) - b->level)
		return (full(b));
	return (b->level + b->rate * passed);
}

uint64_t
token_bucket_take(struct token_bucket *b, uint64_t want, uint64_t now_us)
{
	uint64_t have;

	if (b->rate == 0)
		return (want);
	b->level = level_at(b, now_us);
	b->last_us = now_us;
	have = b->level / ONE;
	if (want > have)
		want = have;
	b->level -= want * ONE;
	return (want);
}

void
token_bucket_give(struct token_bucket *b, uint64_t n)
{
	if (n <= (full(b) - b->level) / ONE)
		b->level += n * ONE;
	else
		b->level = full(b);
}

uint64_t
token_bucket_wait_us(const struct token_bucket *b, uint64_t now_us)
{
	uint64_t level;

	if (b->rate == 0 || (level = level_at(b, now_us)) >= ONE)
		return (0);
	return ((ONE - level + b->rate - 1) / b->rate);
}

void
turns_init(struct turns *t, uint64_t rate, uint64_t calm)
{
	token_bucket_init(&t->bucket, rate);
	t->calm = calm;
	t->gathers = false;
}

bool
turns_take(struct turns *t, uint64_t now_us)
{
	if (token_bucket_take(&t->bucket, 1, now_us) == 0)
		t->gathers = true;
	else if (t->bucket.level / ONE >= t->calm)
		t->gathers = false;
	return (!t->gathers);
}
