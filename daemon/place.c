#include "daemon/place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tails.h"
#include "lib/rotation.h"

int
tail_compare_names(const struct tail *a, const struct tail *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE(tail_names, tail, by_name, tail_compare_names)

struct tail *
tail_at(struct place *place, const char *name)
{
	struct tail key;
	union {
		const char *in;
		char *out;
	} u = { .in = name };

	key.name = u.out;
	return (RB_FIND(tail_names, &place->names, &key));
}

void
place_enter(struct tail *t, struct place *place, char *name)
{
	free(t->name);
	t->name = name;
	t->place = place;
	RB_INSERT(tail_names, &place->names, t);
}

/* after is to be sent when before is at its end. */
void
tail_follows(struct tail *after, struct tail *before)
{
	if (after == before || after->before != NULL || before->behind != NULL)
		return;
	after->before = before;
	before->behind = after;
}

void
place_unleave(struct tail *t)
{
	if (t->left_place == NULL)
		return;
	TAILQ_REMOVE(&t->left_place->leavers, t, left);
	t->left_place = NULL;
	free(t->left_name);
	t->left_name = NULL;
}

void
tail_was(struct tail *t, struct place *place, const char *name)
{
	place_unleave(t);
	if ((t->left_name = strdup(name)) == NULL)
		return;
	t->left_place = place;
	TAILQ_INSERT_TAIL(&place->leavers, t, left);
}

/* A new file has a name: what had it before is sent first. */
void
place_follow_leaver(struct tail *t)
{
	struct tail *l;

	TAILQ_FOREACH (l, &t->place->leavers, left) {
		if (l == t || strcmp(l->left_name, t->name) != 0)
			continue;
		tail_follows(t, l);
		place_unleave(l);
		return;
	}
}

void
tail_precedes(struct tail *t, struct place *place, const char *name)
{
	struct tail *holder = tail_at(place, name), *l;

	tail_unlink_order(t);
	if (holder != NULL && holder != t) {
		t->before = holder->before;
		t->behind = holder;
		if (t->before != NULL)
			t->before->behind = t;
		holder->before = t;
		return;
	}
	TAILQ_FOREACH (l, &place->leavers, left)
		if (l != t && strcmp(l->left_name, name) == 0) {
			tail_follows(t, l);
			place_unleave(l);
			break;
		}
	tail_was(t, place, name);
}

static void
place_leave(struct tail *t)
{
	if (t->place == NULL)
		return;
	if (t->origin == NULL)
		tail_set_origin(t, tail_path(t));
	RB_REMOVE(tail_names, &t->place->names, t);
	tail_was(t, t->place, t->name);
	t->place = NULL;
	t->rotated = true;
	tails_stats(t->all)->rotations++;
}

void
tail_rename(struct tail *t, struct place *place, const char *name)
{
	struct stream *s;
	char *copy;

	place_leave(t);
	t->changed = tails_now(t->all);
	tails_time(t);
	if (place == NULL) {
		tails_watch(t);
		return;
	}
	if ((copy = strdup(name)) == NULL) {
		log_warn("%s", tail_path(t));
		return;
	}
	log_info("%s/%s: was %s", place->path, name, t->name);
	place_enter(t, place, copy);
	tails_watch(t);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), s);
}

/* A file and the name that it has or had. */
struct member {
	char name[NAME_MAX + 1];
	struct tail *tail;
};

static int
compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	const struct tail *s = x->tail, *t = y->tail;
	int order;

	if ((order = strcmp(x->name, y->name)) != 0)
		return (order);
	order = rotation_compare(x->name, s->name, t->name);
	if (order != 0)
		return (order);
	return (
	    s->written_ns < t->written_ns ? -1 : s->written_ns > t->written_ns);
}

static void
add_member(struct member **list, size_t *n, const char *name, struct tail *t)
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
	(*list)[(*n)++].tail = t;
}

/* Adds t, which has a name here, to those that rotation may have named. */
static void
add_rotated(
    struct place *place, struct member **list, size_t *n, struct tail *t)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(t->name, i, base, sizeof(base)); i++)
		if (tail_at(place, base) != NULL) {
			add_member(list, n, base, t);
			return;
		}
}

/* list[0..n) had the same name, the oldest first. */
static void
order_members(struct place *place, struct member *list, size_t n)
{
	struct tail *holder = tail_at(place, list[0].name);
	size_t i;

	for (i = 0; i < n; i++)
		tail_unlink_order(list[i].tail);
	for (i = 0; i + 1 < n; i++) {
		tail_follows(list[i + 1].tail, list[i].tail);
		place_unleave(list[i].tail);
	}
	if (holder == NULL)
		return;
	place_unleave(list[i].tail);
	tail_follows(holder, list[i].tail);
}

void
place_order(struct place *place)
{
	struct member *list = NULL;
	struct tail *t;
	size_t n = 0, i, k;

	TAILQ_FOREACH (t, &place->leavers, left)
		add_member(&list, &n, t->left_name, t);
	RB_FOREACH (t, tail_names, &place->names)
		if (t->left_place != place)
			add_rotated(place, &list, &n, t);
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_members);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n; k++)
			if (strcmp(list[i].name, list[k].name) != 0)
				break;
		order_members(place, list + i, k - i);
	}
	free(list);
}

void
place_init(struct place *place, char *path)
{
	place->path = path;
	RB_INIT(&place->names);
	TAILQ_INIT(&place->leavers);
}

void
place_fini(struct place *place)
{
	struct tail *t;

	while ((t = RB_MIN(tail_names, &place->names)) != NULL)
		tail_rename(t, NULL, NULL);
	while ((t = TAILQ_FIRST(&place->leavers)) != NULL)
		place_unleave(t);
	free(place->path);
}

void
tail_unlink_order(struct tail *t)
{
	struct stream *s;

	if (t->before != NULL)
		t->before->behind = NULL;
	if (t->behind != NULL) {
		t->behind->before = NULL;
		for (s = t->behind->streams; s != NULL; s = s->next)
			stream_wake(s);
	}
	t->before = t->behind = NULL;
}
