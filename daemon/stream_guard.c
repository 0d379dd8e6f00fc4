#include "daemon/stream_guard.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/stream.h"

#define LEVELS (CHECKPOINT_GUARDS - 1)
#define ALL (3 + 2 * LEVELS)

static const off_t distances[LEVELS] = { 64 * 1024, 1024 * 1024,
	16 * 1024 * 1024 };

/* An older guard is replaced when it is so far behind; then it is the last. */
struct level {
	struct guard now;
	struct guard last;
};

/*
 * Of a file that is short, or small, there are no levels: what is allocated and
 * freed with every pull is small, then.
 */
struct stream_guards {
	struct guard acked; /* the newest that is acknowledged */
	struct guard next; /* one in flight */
	bool has_levels;
	struct level levels[];
};

static bool
is_set(const struct guard *g)
{
	return (g->at > 0);
}

static size_t
nlevels(const struct stream_guards *k)
{
	return (k->has_levels ? LEVELS : 0);
}

/* Returns NULL when there is no memory: then less is known. */
static struct stream_guards *
keep(struct stream *s)
{
	if (s->kept != NULL)
		return (s->kept);
	/* Not calloc(), which does not have what was just freed at hand. */
	if ((s->kept = malloc(sizeof(*s->kept))) != NULL)
		*s->kept = (struct stream_guards) { .has_levels = false };
	return (s->kept);
}

/* The same, with levels if there is memory for them. */
static struct stream_guards *
keep_levels(struct stream *s)
{
	struct stream_guards *k = keep(s);

	if (k == NULL || k->has_levels)
		return (k);
	k = realloc(k, sizeof(*k) + LEVELS * sizeof(k->levels[0]));
	if (k == NULL)
		return (s->kept);
	memset(k->levels, 0, LEVELS * sizeof(k->levels[0]));
	k->has_levels = true;
	s->kept = k;
	return (k);
}

void
stream_guard_set(struct stream *s, const struct guard *end)
{
	const struct guard was = s->guard;
	struct stream_guards *k;

	if (is_set(&was) && was.at != end->at && (k = keep(s)) != NULL) {
		if (was.at <= s->cursor.acked)
			k->acked = was;
		else if (!is_set(&k->next) || k->next.at > was.at)
			k->next = was;
	}
	s->guard = *end;
}

/* The newest at or below what the receiver has. */
static struct guard
newest_acked(const struct stream *s)
{
	const struct stream_guards *k = s->kept;
	struct guard g = { 0, 0 };

	if (k != NULL && k->acked.at <= s->cursor.acked)
		g = k->acked;
	if (k != NULL && k->next.at <= s->cursor.acked && k->next.at > g.at)
		g = k->next;
	if (s->guard.at <= s->cursor.acked && s->guard.at > g.at)
		g = s->guard;
	return (g);
}

/* Returns whether there is one. */
static bool
move_levels(struct stream_guards *k, const struct guard *to)
{
	struct level *l;
	bool any = false;
	size_t i;

	for (i = 0; i < nlevels(k); i++) {
		l = &k->levels[i];
		if (to->at >= l->now.at + distances[i]) {
			l->last = l->now;
			l->now = *to;
		}
		any = any || is_set(&l->now);
	}
	return (any);
}

void
stream_guard_acked(struct stream *s)
{
	const struct guard g = newest_acked(s);
	struct stream_guards *k;

	k = s->kept;
	if (g.at >= distances[0])
		k = keep_levels(s);
	if (k == NULL)
		return;
	k->acked = g;
	if (k->next.at <= s->cursor.acked)
		k->next = (struct guard) { 0, 0 };
	if (move_levels(k, &g) || g.at != s->guard.at)
		return;
	free(k);
	s->kept = NULL;
}

void
stream_guard_load(struct stream *s, const struct checkpoint_record *rec)
{
	struct stream_guards *k;
	unsigned i, level = 0;

	if (rec->nguards == 0)
		return;
	if (rec->guards[0].at == s->cursor.sent)
		s->guard = rec->guards[0];
	if (rec->nguards == 1 && s->guard.at == rec->guards[0].at)
		return;
	k = rec->nguards > 1 ? keep_levels(s) : keep(s);
	if (k == NULL)
		return;
	k->acked = rec->guards[0];
	for (i = 1; k->has_levels && i < rec->nguards; i++) {
		while (level + 1 < LEVELS &&
		    k->acked.at - rec->guards[i].at >= distances[level + 1])
			level++;
		k->levels[level].now = rec->guards[i];
	}
}

unsigned
stream_guards(
    const struct stream *s, struct guard guards[CHECKPOINT_GUARDS])
{
	const struct stream_guards *k = s->kept;
	const struct guard *g;
	unsigned n = 0, i;

	guards[0] = newest_acked(s);
	n += is_set(&guards[0]);
	for (i = 0; k != NULL && i < nlevels(k); i++) {
		g = is_set(&k->levels[i].last) ? &k->levels[i].last
					       : &k->levels[i].now;
		if (is_set(g) && g->at <= s->cursor.acked &&
		    (n == 0 || g->at < guards[n - 1].at))
			guards[n++] = *g;
	}
	if (n == 0 && s->cursor.acked > 0) {
		guards[0] = stream_guard_newest(s);
		n = is_set(&guards[0]);
	}
	return (n);
}

struct guard
stream_guard_newest(const struct stream *s)
{
	const struct stream_guards *k = s->kept;
	struct guard g = s->guard;

	if (k != NULL && k->next.at > g.at)
		g = k->next;
	if (k != NULL && k->acked.at > g.at)
		g = k->acked;
	return (g);
}

/* All that may be known, in no order.  Returns how many. */
static size_t
list_all(struct stream *s, struct guard *all[ALL])
{
	struct stream_guards *k = s->kept;
	size_t n = 0, i;

	all[n++] = &s->guard;
	if (k == NULL)
		return (n);
	all[n++] = &k->next;
	all[n++] = &k->acked;
	for (i = 0; i < nlevels(k); i++) {
		all[n++] = &k->levels[i].now;
		all[n++] = &k->levels[i].last;
	}
	return (n);
}

off_t
stream_guard_find(struct stream *s, int fd)
{
	struct guard *all[ALL];
	size_t n = list_all(s, all), i;
	off_t found = 0;
	int holds;

	for (i = 0; i < n; i++) {
		if (all[i]->at <= found || found >= s->cursor.sent)
			continue;
		if ((holds = guard_holds(all[i], fd)) == -1)
			return (-1);
		if (holds)
			found = all[i]->at;
	}
	return (found < s->cursor.sent ? found : s->cursor.sent);
}

void
stream_guard_cut(struct stream *s, off_t offset)
{
	struct guard *all[ALL];
	size_t n = list_all(s, all), i;

	for (i = 0; i < n; i++)
		if (all[i]->at > offset)
			*all[i] = (struct guard) { 0, 0 };
}

void
stream_guard_forget(struct stream *s)
{
	s->guard = (struct guard) { 0, 0 };
	free(s->kept);
	s->kept = NULL;
}
