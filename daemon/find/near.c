#include "daemon/find/near.h"

#include "daemon/find/dir.h"
#include "daemon/find/inside.h"

#define BELOW 16 /* directories to be visited below one */

struct round {
	bool (*visit)(struct names *, void *);
	void *to;
	const struct dir *but; /* it was visited before */
};

/* Returns true as soon as visit does. */
static bool
visit_below(struct dir *top, const struct round *r)
{
	struct dir *d = dir_first_below(top), *next;
	unsigned n;

	for (n = 0; n < BELOW && d != NULL && dir_is_below(d, top);
	     n++, d = next) {
		next = dir_next(d);
		if (d != r->but && d->place.told && r->visit(&d->place, r->to))
			return (true);
	}
	return (false);
}

void
sources_near(
    struct names *place, bool (*visit)(struct names *, void *), void *to)
{
	struct dir *d = dir_of(place);
	struct round r = { visit, to, d };

	if (visit(place, to) || visit_below(d, &r) || d->parent == NULL)
		return;
	/* Directories that only have the root in common are not near. */
	if (d->parent->parent == NULL ||
	    (d->parent->place.told && visit(&d->parent->place, to)))
		return;
	(void)visit_below(d->parent, &r);
}
