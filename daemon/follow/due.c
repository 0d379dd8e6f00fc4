#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include "daemon/base/sizes.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

static void
flush(struct tail *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next) {
		if (s->cursor.sent >= t->size || s->flush)
			continue;
		s->flush = true;
		stream_wake(s);
	}
}

static bool
is_in_flight(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.acked < s->cursor.sent)
			return (true);
	return (false);
}

/*
 * Whether the file may have a name all the same: the event that tells of the
 * name may still wait to be read.
 */
static bool
may_be_named(const struct tail *t, double quiet)
{
	const struct tails_finder *finder = tails_finder(t->all);

	if (t->deleted || quiet >= TAILS_MOVED_QUIET)
		return (false);
	if (quiet < TAILS_UNTOLD_QUIET || tails_events_wait(t->all))
		return (true);
	return (finder->is_blind != NULL &&
	    finder->is_blind(finder->arg, tail_old_path(t)));
}

static void
look_at_nameless(struct tail *t, double quiet)
{
	if ((t->held != NULL || t->fd == -1) && may_be_named(t, quiet))
		return;
	if (tail_release_unknown(t))
		return;
	if (t->held != NULL) {
		tail_finish(t);
	} else if (t->fd == -1) {
		/*
		 * Nothing of it can be read again: only what is in flight
		 * counts.
		 */
		if (is_in_flight(t))
			return;
		if (tail_may_come_back(t)) {
			tail_leave(t);
			return;
		}
		tail_say_lost(t, "gone");
		tail_finish(t);
	} else if (quiet >=
	    (t->deleted ? TAILS_DELETED_QUIET : TAILS_MOVED_QUIET)) {
		if (!tail_is_done(t))
			flush(t);
		else if (tail_may_come_back(t))
			tail_leave(t);
		else
			tail_finish(t);
	}
}

/* Returns whether the file, which has a name, still needs looks by time. */
static bool
look_at_named(struct tail *t, double quiet)
{
	double partial = tail_partial_seconds(t);

	if (t->held != NULL)
		return (tail_held_is_timed(t));
	if (t->untold || t->error != 0 || t->suspect || t->rewritten)
		return (true);
	if (!tail_is_drained(t) || tail_least_sent(t) >= t->size)
		return (false);
	if ((partial > 0 && quiet >= partial) ||
	    (t->rotated && quiet >= TAILS_ROTATED_QUIET))
		flush(t);
	return (t->rotated || partial > 0);
}

static void
on_drained(struct tail *t)
{
	tail_wake_behind(t);
	if (tail_least_sent(t) < t->size &&
	    (t->rotated || tail_partial_seconds(t) > 0))
		tails_time(t);
}

static void
on_due(struct tail *t)
{
	const struct tails_finder *finder = tails_finder(t->all);

	if (t->seeking)
		tail_seek_copy(t);
	else if (t->linked && t->place != NULL && finder->look != NULL)
		finder->look(t->place, t->name);
	else
		tail_check_surely(t);
}

static void
on_quiet(struct tail *t, double quiet)
{
	tail_held_by_time(t, quiet);
	if (t->rewritten)
		tails_time_later(t);
	if (t->seeking)
		return;
	if (t->packed != INFLATE_NONE) {
		if (tail_packed_look(t, quiet))
			tail_finish_packed(t);
	} else if (t->place == NULL)
		look_at_nameless(t, quiet);
	else if (!look_at_named(t, quiet))
		tails_untime(t);
}

/* Where a search has ended, its file asks for the result. */
static bool
on_search(struct scan_job *job, void *tails)
{
	struct tail *told = NULL;
	bool over = tail_copy_step(job, &told);

	if (told == NULL)
		return (over);
	if (told->seeking)
		tail_seek_copy(told);
	else if (told->suspect)
		tail_check_surely(told);
	tail_copy_told(tails, job);
	return (false);
}

const struct file_ops follow_ops = { .check = tail_check,
	.check_surely = tail_check_surely,
	.on_due = on_due,
	.on_quiet = on_quiet,
	.on_opened = streams_begin_at_end,
	.on_error = streams_mark_unread,
	.on_drained = on_drained,
	.on_taken_back = tail_held_taken_back,
	.is_done = tail_is_done,
	.on_search = on_search };
