#include "cipher_map.h"

#include <assert.h>

static struct cipher_mark *
nth(struct cipher_map *m, size_t i)
{
	return (&m->marks[(m->head + i) % CIPHER_MAP_MARKS]);
}

/* Drops the earlier mark of each pair, so that the newest always stays. */
static void
thin_out(struct cipher_map *m)
{
	size_t left = 0;

	for (size_t i = m->count % 2 == 0 ? 1 : 0; i < m->count; i += 2)
		*nth(m, left++) = *nth(m, i);
	m->count = left;
}

void
cipher_map_add(struct cipher_map *m, uint64_t cipher, uint64_t plain)
{
	const struct cipher_mark *last;

	if (m->count > 0) {
		last = nth(m, m->count - 1);
		assert(cipher >= last->cipher && plain >= last->plain);
	}
	if (m->count == CIPHER_MAP_MARKS)
		thin_out(m);
	*nth(m, m->count++) = (struct cipher_mark) { cipher, plain };
}

uint64_t
cipher_map_acked(struct cipher_map *m, uint64_t cipher)
{
	while (m->count > 0 && nth(m, 0)->cipher <= cipher) {
		m->plain = nth(m, 0)->plain;
		m->head = (m->head + 1) % CIPHER_MAP_MARKS;
		m->count--;
	}
	return (m->plain);
}
