#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/place.h"
#include "daemon/tail.h"
#include "lib/rotation.h"

/* A file and the name that it has or had. */
struct member {
	char name[NAME_MAX + 1];
	struct tail *tail;
	bool related; /* its new name tells of its age */
	bool by_name; /* its time, or another's, does not */
};

static int
compare_names(const struct member *x, const struct member *y)
{
	if (!x->related || !y->related)
		return (0);
	return (rotation_compare(x->name, x->tail->name, y->tail->name));
}

/*
 * By the name they had, then by their last write; new names that tell of the
 * age count where the times are the same, or one of them is still to come.
 */
static int
compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order;

	if ((order = strcmp(x->name, y->name)) != 0)
		return (order);
	if (x->by_name && (order = compare_names(x, y)) != 0)
		return (order);
	if (x->tail->written_ns != y->tail->written_ns)
		return (x->tail->written_ns < y->tail->written_ns ? -1 : 1);
	return (compare_names(x, y));
}

static void
sort_members(struct member *list, size_t n)
{
	const int64_t soon = ((int64_t)time(NULL) + 1) * 1000000000;
	bool to_come = false;
	size_t i;

	for (i = 0; i < n; i++)
		to_come = to_come || list[i].tail->written_ns > soon;
	for (i = 0; i < n; i++)
		list[i].by_name = to_come;
	qsort(list, n, sizeof(*list), compare_members);
}

static void
add_member(struct place *place, struct member **list, size_t *n,
    const char *name, struct tail *t)
{
	struct member *grown;

	/* Room is doubled where it is a power of two. */
	if ((*n & (*n - 1)) == 0) {
		grown =
		    reallocarray(*list, *n == 0 ? 1 : *n * 2, sizeof(**list));
		if (grown == NULL)
			return;
		*list = grown;
	}
	(void)strlcpy((*list)[*n].name, name, sizeof((*list)[*n].name));
	(*list)[*n].related =
	    t->place == place && rotation_is_of(t->name, name);
	(*list)[(*n)++].tail = t;
}

/* The name from which rotation made name, where a file has it now. */
static const char *
base_in_use(struct place *place, const char *name, char base[NAME_MAX + 1])
{
	size_t i;

	for (i = 0; rotation_base(name, i, base, NAME_MAX + 1); i++)
		if (tail_at(place, base) != NULL)
			return (base);
	return (NULL);
}

/* The same where files had it, and none has it now. */
static const char *
base_that_was_left(
    struct place *place, const char *name, char base[NAME_MAX + 1])
{
	size_t i;

	for (i = 0; rotation_base(name, i, base, NAME_MAX + 1); i++)
		if (place_leaver(place, base) != NULL)
			return (base);
	return (NULL);
}

/* list[0..n) had the same name. */
static void
order_members(struct place *place, const struct member *list, size_t n)
{
	struct tail *holder = tail_at(place, list[0].name);
	struct tail *t, *last = NULL, *other = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		tail_unlink_order(list[i].tail);
	/* One that had the name and has gone elsewhere comes before them all. */
	if (holder != NULL && (other = holder->before) != NULL)
		other->behind = holder->before = NULL;
	for (i = 0; i < n; i++, last = t) {
		t = list[i].tail;
		if (last == NULL) {
			if (other != NULL)
				tail_follows(t, other);
			continue;
		}
		tail_follows(t, last);
		place_unleave(last);
	}
	if (holder == NULL) {
		tail_was(last, place, list[0].name);
		return;
	}
	place_unleave(last);
	tail_follows(holder, last);
}

void
place_order(struct place *place)
{
	char base[NAME_MAX + 1];
	struct member *list = NULL;
	struct leaver *l;
	const char *name;
	struct tail *t;
	size_t n = 0, i, k;

	RB_FOREACH (l, leavers, &place->leavers) {
		name = base_in_use(place, l->name, base);
		add_member(
		    place, &list, &n, name != NULL ? name : l->name, l->tail);
	}
	RB_FOREACH (t, tail_names, &place->names)
		/* What may be a copy is not sent, and makes nobody wait. */
		if (t->left == NULL && t->held == NULL &&
		    (t->origin == NULL || place_holds(place, t->origin)) &&
		    ((name = base_in_use(place, t->name, base)) != NULL ||
			(name = base_that_was_left(place, t->name, base)) !=
			    NULL))
			add_member(place, &list, &n, name, t);
	if (n > 1)
		sort_members(list, n);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n; k++)
			if (strcmp(list[i].name, list[k].name) != 0)
				break;
		order_members(place, list + i, k - i);
	}
	free(list);
}
