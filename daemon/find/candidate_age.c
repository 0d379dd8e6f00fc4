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

/*
 * Whether t is a file of the checkpoint that had the candidate's base before
 * rotation renamed it.
 */
static bool
is_known_as(const struct file *t, const struct candidate *c)
{
	return (t->met && !t->passed_by && t->rotated &&
	    rotation_is_of(t->name, c->base));
}

/*
 * Whether a is younger than b, by its name.  A file that has something counts
 * before an empty one: that may just have the inode of a file of the
 * checkpoint.
 */
static bool
is_younger(const struct file *a, const struct file *b, const char *base)
{
	if (b == NULL || (a->size == 0) != (b->size == 0))
		return (b == NULL || a->size > 0);
	return (rotation_compare(base, a->name, b->name) > 0);
}

/*
 * Whether t still has the name that it had at the last look, as what was sent
 * of it tells: then no other file can have had that name since.
 */
static bool
has_what_was_sent(struct file *t)
{
	return (t != NULL && t->met && !t->rotated && t->size > 0 &&
	    streams_newest_guard(t).at > 0);
}

/*
 * Whether the candidate is younger than all files that are known to have had
 * its base: by the time of their last write, or by their names, as the clock
 * may have been set back, even more than once.  Where a time is still to come,
 * the name has to tell.  An empty file says nothing: neither its time, nor its
 * inode, which may be that of any file.  Where no such file is known, the
 * answer is what it seems to be.
 */
static bool
is_behind_known(const struct candidate *c, bool seems)
{
	struct file *t, *base = names_at(&c->dir->place, c->base);
	bool by_time = true, by_name = true, is_known = false;
	int order;

	/* Another file has the base now: the one that had it is elsewhere. */
	seems |= base == NULL || !base->met;
	if (has_what_was_sent(base))
		return (false);
	RB_FOREACH (t, names_by_name, &c->dir->place.names) {
		if (!is_known_as(t, c) || t->size == 0 || t->was_empty)
			continue;
		is_known = true;
		order = rotation_compare(c->base, c->name, t->name);
		by_name &= order > 0;
		if (clock_is_to_come(file_written_ns(&c->st)))
			by_time &= order > 0 ||
			    (order == 0 && c->kind == INFLATE_NONE);
		else if (clock_is_to_come(t->written_ns))
			by_time &= order >= 0;
		else
			by_time &= t->written_ns <= file_written_ns(&c->st);
	}
	return (is_known ? by_time || by_name : seems);
}

const struct file *
candidate_youngest(const struct candidate *c)
{
	struct names *place = &c->dir->place;
	size_t n = strcspn(c->base, ".");
	const struct file *youngest = NULL;
	char stem[NAME_MAX + 1];
	struct file *t;

	memcpy(stem, c->base, n);
	stem[n] = '\0';
	for (t = names_next(place, stem);
	     t != NULL && strncmp(t->name, stem, n) == 0;
	     t = RB_NEXT(names_by_name, &place->names, t))
		if (is_known_as(t, c) && is_younger(t, youngest, c->base))
			youngest = t;
	return (youngest);
}

/*
 * The time of the last write.  Where that is still to come, it is none, and the
 * time of the last change counts, which may be that of a rename; *is_own: it
 * was not needed.
 */
static int64_t
last_write(const struct candidate *c, bool *is_own)
{
	const int64_t changed = ns_of(&c->st.st_ctim);
	const int64_t written = file_written_ns(&c->st);

	*is_own = !clock_is_to_come(written) || clock_is_to_come(changed);
	return (*is_own ? written : changed);
}

/*
 * Whether that time is before the last look or after it.  What was compressed
 * after it was sent has the time of its last line, which came before.
 */
static enum checkpointer_side
side_of(const struct candidate *c, int64_t written)
{
	return (names_side(&c->dir->place, c->dir->all->checkpointer,
	    written - (c->kind != INFLATE_NONE)));
}

/*
 * The file that has the candidate's base, perhaps by a link that leads there.
 */
static struct file *
find_log(const struct candidate *c)
{
	struct file *t = names_at(&c->dir->place, c->base);
	const char *name;
	struct dir *d;

	if (t != NULL ||
	    (d = link_leading_to(c->dir, c->base, &c->st, &name)) == NULL)
		return (t);
	return (names_at(&d->place, name));
}

/*
 * While the clock is set back, a new file has a time before the last look: then
 * names tell, where another file can have had the base since.  Not that of a
 * compressed file: it does not say that the text was not sent.
 */
static bool
is_younger_by_name(const struct candidate *c, const struct file *youngest)
{
	return (c->kind == INFLATE_NONE && youngest != NULL &&
	    rotation_compare(c->base, c->name, youngest->name) > 0 &&
	    !has_what_was_sent(find_log(c)));
}

bool
candidate_is_new(const struct candidate *c, const struct file *youngest)
{
	const struct checkpointer *l = c->dir->all->checkpointer;
	enum checkpointer_side side;
	bool is_own;

	if (c->is_deferred)
		return (true);
	side = side_of(c, last_write(c, &is_own));
	if (side == CHECKPOINTER_BEFORE)
		return (is_younger_by_name(c, youngest));
	if (side == CHECKPOINTER_SINCE && is_own)
		return (true);
	return (is_behind_known(
	    c, side == CHECKPOINTER_SINCE || !checkpointer_knows_look(l)));
}

void
candidate_defer(const struct candidate *c)
{
	bool is_own;
	int64_t written = last_write(c, &is_own);

	if (c->is_deferred || side_of(c, written) != CHECKPOINTER_BEFORE)
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
