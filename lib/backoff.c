#include "backoff.h"

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
