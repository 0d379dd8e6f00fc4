#include <errno.h>

#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/inside.h"

void
checkpointer_unlist(struct checkpointer *l, struct checkpoint_mark *m)
{
	if (m->is_dirty)
		TAILQ_REMOVE(&l->dirty, m, entry);
	else if (m->is_past)
		TAILQ_REMOVE(&l->past, m, entry);
	m->is_dirty = m->is_past = false;
}

/* A CHECKPOINT_FILE is noted only of a file that is not followed any more. */
void
checkpointer_note(struct checkpointer *l, struct checkpoint_mark *m,
    enum checkpoint_kind kind)
{
	struct checkpoint_room room;
	struct checkpoint_record rec = { .kind = kind };
	int rc;

	l->ops->describe(m, &rec, &room);
	rc = kind == CHECKPOINT_FILE ? checkpoint_leave(l->checkpoint, &rec)
				     : checkpoint_note(l->checkpoint, &rec);
	if (rc == -1)
		log_warn("checkpoint");
}

void
checkpointer_put(struct checkpointer *l, struct checkpoint_mark *m,
    enum checkpoint_kind kind, struct checkpoint_batch *to)
{
	struct checkpoint_room room;
	struct checkpoint_record rec = { .kind = kind };

	l->ops->describe(m, &rec, &room);
	if (checkpoint_put(l->checkpoint, &rec, to) == -1)
		log_warn("checkpoint: %s", rec.path);
}

/* Marks whose last record is a CHECKPOINT_PAST get a whole one. */
static void
mark_past(struct checkpointer *l)
{
	struct checkpoint_mark *m;

	while ((m = TAILQ_FIRST(&l->past)) != NULL) {
		TAILQ_REMOVE(&l->past, m, entry);
		TAILQ_INSERT_TAIL(&l->dirty, m, entry);
		m->is_past = m->is_recorded = false;
		m->is_dirty = true;
	}
}

/* Adds a record of the mark, which is in no list, to the batch. */
static void
record(struct checkpointer *l, struct checkpoint_mark *m, bool whole)
{
	if (!l->ops->prepare(m))
		return;
	m->is_past = m->is_recorded && !whole;
	m->is_recorded = true;
	checkpointer_put(
	    l, m, m->is_past ? CHECKPOINT_PAST : CHECKPOINT_FILE, &l->changed);
	if (m->is_past)
		TAILQ_INSERT_TAIL(&l->past, m, entry);
}

/*
 * Thousands of marks a second are recorded, and few are in the CPU's cache: the
 * next one is fetched while this one is described.
 */
bool
checkpointer_gather(struct checkpointer *l, bool whole)
{
	struct checkpoint_batch *to = &l->changed;
	struct checkpoint_mark *m, *next;

	if (whole)
		mark_past(l);
	checkpoint_drain(l->checkpoint, CHECKPOINT_DRAIN_FILES, to,
	    CHECKPOINTER_APPEND_MOST);
	while ((m = TAILQ_FIRST(&l->dirty)) != NULL) {
		if (checkpoint_batch_is_full(to, CHECKPOINTER_APPEND_MOST) ||
		    checkpoint_batch_reserve(to) == -1)
			return (false);
		if ((next = TAILQ_NEXT(m, entry)) != NULL)
			l->ops->prefetch(next);
		checkpointer_unlist(l, m);
		record(l, m, whole);
	}
	checkpoint_drain(
	    l->checkpoint, CHECKPOINT_DRAIN_ALL, to, CHECKPOINTER_APPEND_MOST);
	return (!checkpoint_has_notes(l->checkpoint));
}
