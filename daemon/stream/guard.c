#include "daemon/stream/guard.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/read.h"
#include "daemon/stream/stream.h"

#define LEVELS (CHECKPOINT_GUARDS - 1)
#define ALL (3 + 4 * LEVELS)
#define SPARE 128

static const off_t distances[LEVELS] = { 64 * 1024, 1024 * 1024,
	16 * 1024 * 1024 };

/* An older guard, replaced when it is so far behind; then it is the last. */
struct level {
	struct guard now;
	struct guard last;
};

struct older {
	struct level acked[LEVELS];
	/* The same of what was sent: all of it may be acknowledged at once. */
	struct level sent[LEVELS];
};

/*
 * A file that is short has no older ones: few octets come and go with a pull.
 */
struct stream_guards {
	struct guard acked; /* the newest that is acknowledged */
	struct guard next; /* the first in flight */
	struct older *older; /* or NULL */
};

static bool
is_set(const struct guard *g)
{
	return (g->at > 0);
}

/*
 * With each pull some files need memory, until all of it is acknowledged: what
 * the last ones had is at hand.
 */
static struct stream_guards *spare[SPARE];
static size_t nspare;

/* Returns NULL when there is no memory: then less is known. */
static struct stream_guards *
keep(struct stream *s)
{
	if (s->kept != NULL)
		return (s->kept);
	if (nspare > 0)
		s->kept = spare[--nspare];
	else
		s->kept = malloc(sizeof(*s->kept));
	if (s->kept != NULL)
		*s->kept = (struct stream_guards) { .older = NULL };
	return (s->kept);
}

/* The same, for a file that has passed the first distance. */
static struct older *
keep_older(struct stream_guards *k)
{
	if (k->older == NULL)
		k->older = calloc(1, sizeof(*k->older));
	return (k->older);
}

static void
drop(struct stream *s)
{
	if (s->kept == NULL)
		return;
	free(s->kept->older);
	if (nspare < SPARE)
		spare[nspare++] = s->kept;
	else
		free(s->kept);
	s->kept = NULL;
}

static void
move_levels(struct level levels[LEVELS], const struct guard *to)
{
	struct level *l;
	size_t i;

	for (i = 0; i < LEVELS; i++) {
		l = &levels[i];
		if (to->at >= l->now.at + distances[i]) {
			if (is_set(&l->now))
				l->last = l->now;
			l->now = *to;
		}
	}
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
		if (was.at >= distances[0] && keep_older(k) != NULL)
			move_levels(k->older->sent, &was);
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

/* What was ahead and is acknowledged now, the oldest first. */
static void
catch_up(struct older *o, off_t acked)
{
	const struct level *l;
	size_t i;

	for (i = LEVELS; i-- > 0;) {
		l = &o->sent[i];
		if (l->last.at <= acked)
			move_levels(o->acked, &l->last);
		if (l->now.at <= acked)
			move_levels(o->acked, &l->now);
	}
}

void
stream_guard_acked(struct stream *s)
{
	const struct guard g = newest_acked(s);
	struct stream_guards *k;

	if (s->kept == NULL && g.at < distances[0])
		return;
	if ((k = keep(s)) == NULL)
		return;
	k->acked = g;
	if (k->next.at <= s->cursor.acked)
		k->next = (struct guard) { 0, 0 };
	if (g.at >= distances[0] && keep_older(k) != NULL) {
		catch_up(k->older, s->cursor.acked);
		move_levels(k->older->acked, &g);
	}
	if (k->older == NULL && g.at == s->guard.at)
		drop(s);
}

void
stream_guard_load(struct stream *s, const struct checkpoint_record *rec)
{
	struct stream_guards *k;
	unsigned i, most, level = 0;

	if (rec->nguards == 0)
		return;
	if (rec->guards[0].at == s->cursor.sent)
		s->guard = rec->guards[0];
	if (rec->nguards == 1 && s->guard.at == rec->guards[0].at)
		return;
	if ((k = keep(s)) == NULL)
		return;
	k->acked = rec->guards[0];
	/*
	 * Each has a level of its own, by its distance where there is a choice.
	 */
	if (rec->nguards > 1 && keep_older(k) == NULL)
		return;
	for (i = 1; i < rec->nguards && level < LEVELS; i++) {
		most = LEVELS - (rec->nguards - i);
		while (level < most && level + 1 < LEVELS &&
		    k->acked.at - rec->guards[i].at >= distances[level + 1])
			level++;
		k->older->acked[level++].now = rec->guards[i];
	}
}

unsigned
stream_guards(const struct stream *s, struct guard guards[CHECKPOINT_GUARDS])
{
	const struct stream_guards *k = s->kept;
	const struct guard *g;
	unsigned n = 0, i;

	guards[0] = newest_acked(s);
	n += is_set(&guards[0]);
	for (i = 0; k != NULL && k->older != NULL && i < LEVELS; i++) {
		g = is_set(&k->older->acked[i].last) ? &k->older->acked[i].last
						     : &k->older->acked[i].now;
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
	for (i = 0; k->older != NULL && i < LEVELS; i++) {
		all[n++] = &k->older->acked[i].now;
		all[n++] = &k->older->acked[i].last;
		all[n++] = &k->older->sent[i].now;
		all[n++] = &k->older->sent[i].last;
	}
	return (n);
}

struct guard
stream_guard_within(struct stream *s, off_t most)
{
	struct guard *all[ALL], newest = { 0, 0 };
	size_t n = list_all(s, all), i;

	for (i = 0; i < n; i++)
		if (all[i]->at > newest.at && all[i]->at <= most)
			newest = *all[i];
	return (newest);
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
		if ((holds = read_guard_holds(all[i], fd)) == -1)
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
	drop(s);
}
