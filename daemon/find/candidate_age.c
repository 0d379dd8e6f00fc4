#include "daemon/find/candidate.h"

#include <limits.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/link.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

/* Whether the checkpoint knows that t has had the name that c had. */
static bool
is_known_as(const struct tail *t, const struct candidate *c)
{
	return (t->met && !t->passed_by && t->rotated &&
	    rotation_is_of(t->name, c->base));
}

/*
 * Whether a is the younger one, by name.  An empty one says less than another:
 * the inode of one that the checkpoint knows may be that of any.
 */
static bool
is_younger(const struct tail *a, const struct tail *b, const char *base)
{
	if (b == NULL || (a->size == 0) != (b->size == 0))
		return (b == NULL || a->size > 0);
	return (rotation_compare(base, a->name, b->name) > 0);
}

/*
 * Whether a name is still that of the file which had it at the last look, as
 * what was sent of that tells: no other can have had it since.
 */
static bool
has_what_was_sent(struct tail *t)
{
	return (t != NULL && t->met && !t->rotated && t->size > 0 &&
	    tail_newest_guard(t).at > 0);
}

/*
 * Whether it is younger than all files that are known to have had its name, by
 * when they were written or by their names: the clock was set back, perhaps
 * more than once, so that a younger file may have an older time.  Of one whose
 * time is still to come the name has to tell.  When an empty one was written
 * says nothing, and its inode may be that of any.  If none is known it is as it
 * seems.
 */
static bool
is_behind_known(const struct candidate *c, bool seems)
{
	struct tail *t, *base = tail_at(&c->dir->place, c->base);
	bool by_time = true, by_name = true, is_known = false;
	int order;

	/* Another has its name: the one that had it is gone elsewhere. */
	seems |= base == NULL || !base->met;
	if (has_what_was_sent(base))
		return (false);
	RB_FOREACH (t, tail_names, &c->dir->place.names) {
		if (!is_known_as(t, c) || t->size == 0 || t->was_empty)
			continue;
		is_known = true;
		order = rotation_compare(c->base, c->name, t->name);
		by_name &= order > 0;
		if (clock_is_to_come(written_ns(&c->st)))
			by_time &= order > 0 ||
			    (order == 0 && c->kind == INFLATE_NONE);
		else if (clock_is_to_come(t->written_ns))
			by_time &= order >= 0;
		else
			by_time &= t->written_ns <= written_ns(&c->st);
	}
	return (is_known ? by_time || by_name : seems);
}

const struct tail *
candidate_youngest(const struct candidate *c)
{
	struct place *place = &c->dir->place;
	size_t n = strcspn(c->base, ".");
	const struct tail *youngest = NULL;
	char stem[NAME_MAX + 1];
	struct tail *t;

	memcpy(stem, c->base, n);
	stem[n] = '\0';
	for (t = tail_behind(place, stem);
	     t != NULL && strncmp(t->name, stem, n) == 0;
	     t = RB_NEXT(tail_names, &place->names, t))
		if (is_known_as(t, c) && is_younger(t, youngest, c->base))
			youngest = t;
	return (youngest);
}

/*
 * When it was written last, as far as its times tell.  One that is still to
 * come is none: then when it changed counts, which may be when it got another
 * name; *is_own is whether it was not needed.
 */
static int64_t
last_write(const struct candidate *c, bool *is_own)
{
	const int64_t changed = ns_of(&c->st.st_ctim);
	const int64_t written = written_ns(&c->st);

	*is_own = !clock_is_to_come(written) || clock_is_to_come(changed);
	return (*is_own ? written : changed);
}

/*
 * Of what was sent and compressed before the checkpoint, the time is that of
 * its last line, which came before.
 */
static enum ledger_side
side_of(const struct candidate *c, int64_t written)
{
	return (place_side(&c->dir->place, c->dir->all->ledger,
	    written - (c->kind != INFLATE_NONE)));
}

/* The file that is called as c was, perhaps by a link that leads there. */
static struct tail *
find_log(const struct candidate *c)
{
	struct tail *t = tail_at(&c->dir->place, c->base);
	const char *name;
	struct dir *d;

	if (t != NULL ||
	    (d = link_leading_to(c->dir, c->base, &c->st, &name)) == NULL)
		return (t);
	return (tail_at(&d->place, name));
}

/*
 * A file that was written while the clock was set back has a time of before:
 * where another can have had the name of c since the last look, the names tell.
 * Of one that is compressed its name does not tell that it was not sent.
 */
static bool
is_younger_by_name(const struct candidate *c, const struct tail *youngest)
{
	return (c->kind == INFLATE_NONE && youngest != NULL &&
	    rotation_compare(c->base, c->name, youngest->name) > 0 &&
	    !has_what_was_sent(find_log(c)));
}

/* Where its time says nothing the names tell. */
bool
candidate_is_new(const struct candidate *c, const struct tail *youngest)
{
	const struct ledger *l = c->dir->all->ledger;
	enum ledger_side side;
	bool is_own;

	if (c->is_deferred)
		return (true);
	side = side_of(c, last_write(c, &is_own));
	if (side == LEDGER_BEFORE)
		return (is_younger_by_name(c, youngest));
	if (side == LEDGER_SINCE && is_own)
		return (true);
	return (
	    is_behind_known(c, side == LEDGER_SINCE || !ledger_knows_look(l)));
}

void
candidate_defer(const struct candidate *c)
{
	bool is_own;
	int64_t written = last_write(c, &is_own);

	if (c->is_deferred || side_of(c, written) != LEDGER_BEFORE)
		last_look_defer(c->dir, c->st.st_ino, written);
}

void
candidate_undefer(struct candidate *c)
{
	bool is_own;

	c->is_deferred =
	    last_look_undefer(c->dir, c->st.st_ino, last_write(c, &is_own));
}

void
candidate_undefer_moved(
    struct candidate *c, bool (*is_there)(ino_t, void *), void *arg)
{
	bool is_own;

	if (!c->is_deferred && c->base[0] != '\0' && c->head_len >= 0)
		c->is_deferred = last_look_undefer_moved(
		    c->dir, last_write(c, &is_own), is_there, arg);
}
