#include "rejects.h"

#include <stdint.h>
#include <stdlib.h>

struct reject {
	dev_t dev;
	ino_t ino;
	off_t at;
	unsigned times;
	uint64_t turn; /* of the last time */
};

struct rejects {
	size_t max;
	size_t n;
	uint64_t turn;
	struct reject list[];
};

struct rejects *
rejects_new(size_t max)
{
	struct rejects *r;

	if ((r = calloc(1, sizeof(*r) + max * sizeof(r->list[0]))) != NULL)
		r->max = max;
	return (r);
}

void
rejects_free(struct rejects *r)
{
	free(r);
}

/* The message's entry; where it has none, a new or the oldest one. */
static struct reject *
entry_of(struct rejects *r, dev_t dev, ino_t ino, off_t at)
{
	struct reject *one, *oldest = &r->list[0];
	size_t i;

	for (i = 0; i < r->n; i++) {
		one = &r->list[i];
		if (one->at == at && one->ino == ino && one->dev == dev)
			return (one);
		if (one->turn < oldest->turn)
			oldest = one;
	}
	one = r->n < r->max ? &r->list[r->n++] : oldest;
	*one = (struct reject) { .dev = dev, .ino = ino, .at = at };
	return (one);
}

unsigned
rejects_add(struct rejects *r, dev_t dev, ino_t ino, off_t at)
{
	struct reject *one = entry_of(r, dev, ino, at);

	one->turn = ++r->turn;
	return (++one->times);
}

void
rejects_clear(struct rejects *r)
{
	r->n = 0;
}
