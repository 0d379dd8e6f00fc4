#include "refusals.h"

#include <stdint.h>
#include <stdlib.h>

struct refusal {
	dev_t dev;
	ino_t ino;
	off_t at;
	unsigned times;
	uint64_t turn; /* of the last time */
};

struct refusals {
	size_t max;
	size_t n;
	uint64_t turn;
	struct refusal list[];
};

struct refusals *
refusals_new(size_t max)
{
	struct refusals *r;

	if ((r = calloc(1, sizeof(*r) + max * sizeof(r->list[0]))) != NULL)
		r->max = max;
	return (r);
}

void
refusals_free(struct refusals *r)
{
	free(r);
}

/* One that has a place, or gets one, maybe of who was longest left alone. */
static struct refusal *
place(struct refusals *r, dev_t dev, ino_t ino, off_t at)
{
	struct refusal *one, *oldest = &r->list[0];
	size_t i;

	for (i = 0; i < r->n; i++) {
		one = &r->list[i];
		if (one->at == at && one->ino == ino && one->dev == dev)
			return (one);
		if (one->turn < oldest->turn)
			oldest = one;
	}
	one = r->n < r->max ? &r->list[r->n++] : oldest;
	*one = (struct refusal) { .dev = dev, .ino = ino, .at = at };
	return (one);
}

unsigned
refusals_add(struct refusals *r, dev_t dev, ino_t ino, off_t at)
{
	struct refusal *one = place(r, dev, ino, at);

	one->turn = ++r->turn;
	return (++one->times);
}

void
refusals_clear(struct refusals *r)
{
	r->n = 0;
}
