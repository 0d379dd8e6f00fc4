#include "tests/sim/conn.h"

#include <string.h>

void
buffer_put(struct buffer *b, const void *p, size_t n)
{
	if (b->n + n > BUF)
		sim_fail("the simulation has too small a buffer");
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buffer_take(struct buffer *b, size_t n)
{
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
