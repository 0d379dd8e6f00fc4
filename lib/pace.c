#include "pace.h"

void
backoff_init(struct backoff *b, uint64_t first_ms, uint64_t longest_ms)
{
	b->first_ms = first_ms;
	b->longest_ms = longest_ms < first_ms ? first_ms : longest_ms;
	b->next_ms = 0;
}

uint64_t
backoff_next(struct backoff *b, uint32_t random)
{
	uint64_t step, span, jitter;

	step = b->next_ms == 0 ? b->first_ms : b->next_ms;
	b->next_ms = step > b->longest_ms / 2 ? b->longest_ms : step * 2;

	/* (span + 1) * random / 2^32, in halves so that it cannot overflow. */
	span = step / 2 + 1;
	jitter = (span >> 32) * random + ((span & UINT32_MAX) * random >> 32);
	return (step - step / 2 + jitter);
}

void
backoff_reset(struct backoff *b)
{
	b->next_ms = 0;
}
