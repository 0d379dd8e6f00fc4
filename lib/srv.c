#include "srv.h"

#include <string.h>

/*
 * RFC 2782: records of weight 0 stand before the others, and the first record
 * is chosen whose weight, added to all weights before it, comes to a random
 * number from 0 to the total.  So a weight of 0 has a small chance beside
 * others.
 */
static size_t
chosen(const struct srv *list, size_t n, uint16_t priority, uint64_t reach)
{
	size_t first = n;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n && reach == 0; i++)
		if (list[i].priority == priority && list[i].weight == 0)
			return (i);
	for (i = 0; i < n; i++) {
		if (list[i].priority != priority)
			continue;
		if (first == n)
			first = i;
		sum += list[i].weight;
		if (list[i].weight > 0 && sum >= reach)
			return (i);
	}
	return (first);
}

void
srv_choose(struct srv *list, size_t n, uint32_t random)
{
	uint16_t lowest = UINT16_MAX;
	uint64_t total = 0;
	struct srv next;
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++) {
		if (list[i].priority < lowest) {
			lowest = list[i].priority;
			total = 0;
		}
		if (list[i].priority == lowest)
			total += list[i].weight;
	}
	/* At most 2^16 records fit into an answer: no overflow. */
	i = chosen(list, n, lowest, (total + 1) * random >> 32);
	next = list[i];
	memmove(list + 1, list, i * sizeof(*list));
	list[0] = next;
}
