#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "receiver.h"

void
buffer_reserve(struct buffer *b, size_t n)
{
	if (b->size - b->len >= n)
		return;
	b->size = 2 * (b->len + n);
	if ((b->data = realloc(b->data, b->size)) == NULL)
		err(1, NULL);
}

void
buffer_add(struct buffer *b, const void *p, size_t n)
{
	buffer_reserve(b, n);
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void
buffer_drop(struct buffer *b, size_t n)
{
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
}
