#include "pace.h"

#define ONE 1000000 /* of the level, and microseconds of a second */
#define RATE_MAX (UINT64_MAX / ONE / 2 - 1)

void
backoff_init(struct backoff *b, uint64_t first_ms, uint64_t longest_ms)
{
	b->first_ms = first_ms;
	b->longest_ms = longest_ms < first_ms ? first_ms : longest_ms;
	b->since_ms = 0;
	b->failing = false;
}

/* From least to most, both in it; most must not be the greatest number. */
static uint64_t
between(uint64_t least, uint64_t most, uint32_t random)
{
	uint64_t span = most - least + 1;

	/* span * random / 2^32, in halves so that it cannot overflow. */
	return (least + (span >> 32) * random +
	    ((span & UINT32_MAX) * random >> 32));
}

uint64_t
backoff_next(struct backoff *b, uint64_t now_ms, uint32_t random)
{
	uint64_t outage, least, most;

	if (!b->failing) {
		b->failing = true;
		b->since_ms = now_ms;
		most = b->first_ms;
		least = most / 8 + (most % 8 > 0);
		return (between(least, most, random));
	}
	outage = now_ms > b->since_ms ? now_ms - b->since_ms : 0;
	least = outage / 16;
	most = outage / 16 * 3;
	if (most > b->longest_ms) {
		most = b->longest_ms;
		if (least > most / 2)
			least = most / 2;
	}
	if (least < b->first_ms)
		least = b->first_ms;
	if (most < least)
		most = least;
	return (between(least, most, random));
}

void
backoff_reset(struct backoff *b)
{
	b->failing = false;
}

void
bucket_init(struct bucket *b, uint64_t rate)
{
	b->rate = rate <= RATE_MAX ? rate : 0;
	b->level = b->rate * ONE;
	b->last_us = 0;
}

/* The part of one more that has come is kept, else who is late would lose. */
static uint64_t
full(const struct bucket *b)
{
	return (b->rate * ONE + ONE - 1);
}

/* Each microsecond adds rate millionths, so nothing is rounded off. */
static uint64_t
level_at(const struct bucket *b, uint64_t now_us)
{
	uint64_t passed = now_us > b->last_us ? now_us - b->last_us : 0;

	if (passed >= 2 * ONE || b->rate * passed >= full(b) - b->level)
		return (full(b));
	return (b->level + b->rate * passed);
}

uint64_t
bucket_take(struct bucket *b, uint64_t want, uint64_t now_us)
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
bucket_give(struct bucket *b, uint64_t n)
{
	if (n <= (full(b) - b->level) / ONE)
		b->level += n * ONE;
	else
		b->level = full(b);
}

uint64_t
bucket_wait_us(const struct bucket *b, uint64_t now_us)
{
	uint64_t level;

	if (b->rate == 0 || (level = level_at(b, now_us)) >= ONE)
		return (0);
	return ((ONE - level + b->rate - 1) / b->rate);
}

void
turns_init(struct turns *t, uint64_t rate, uint64_t calm)
{
	bucket_init(&t->bucket, rate);
	t->calm = calm;
	t->gathers = false;
}

bool
turns_take(struct turns *t, uint64_t now_us)
{
	if (bucket_take(&t->bucket, 1, now_us) == 0)
		t->gathers = true;
	else if (t->bucket.level / ONE >= t->calm)
		t->gathers = false;
	return (!t->gathers);
}
