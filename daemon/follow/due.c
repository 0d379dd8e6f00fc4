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
flush(struct file *t)
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
is_in_flight(const struct file *t)
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
may_be_named(const struct file *t, double quiet)
{
	const struct file_finder *finder = file_finder(t->all);

	if (t->deleted || quiet >= FILE_MOVED_QUIET)
		return (false);
	if (quiet < FILE_UNTOLD_QUIET || file_table_events_wait(t->all))
		return (true);
	return (finder->is_blind != NULL &&
	    finder->is_blind(finder->arg, file_old_path(t)));
}

static void
look_at_nameless(struct file *t, double quiet)
{
	if ((t->held != NULL || t->fd == -1) && may_be_named(t, quiet))
		return;
	if (suspect_release_unknown(t))
		return;
	if (t->held != NULL) {
		follow_finish(t);
	} else if (t->fd == -1) {
		/*
		 * Nothing of it can be read again: only what is in flight
		 * counts.
		 */
		if (is_in_flight(t))
			return;
		if (follow_may_come_back(t)) {
			follow_leave(t);
			return;
		}
		follow_say_lost(t, "gone");
		follow_finish(t);
	} else if (quiet >=
	    (t->deleted ? FILE_DELETED_QUIET : FILE_MOVED_QUIET)) {
		if (!streams_are_done(t))
			flush(t);
		else if (follow_may_come_back(t))
			follow_leave(t);
		else
			follow_finish(t);
	}
}

/* Returns whether the file, which has a name, still needs looks by time. */
static bool
look_at_named(struct file *t, double quiet)
{
	double partial = streams_partial_seconds(t);

	if (t->held != NULL)
		return (suspect_is_timed(t));
	if (t->untold || t->error != 0 || t->suspect || t->rewritten)
		return (true);
	if (!streams_are_drained(t) || streams_least_sent(t) >= t->size)
		return (false);
	if ((partial > 0 && quiet >= partial) ||
	    (t->rotated && quiet >= FILE_ROTATED_QUIET))
		flush(t);
	return (t->rotated || partial > 0);
}

static void
on_drained(struct file *t)
{
	order_wake_behind(t);
	if (streams_least_sent(t) < t->size &&
	    (t->rotated || streams_partial_seconds(t) > 0))
		file_timer_add(t);
}

static void
on_due(struct file *t)
{
	const struct file_finder *finder = file_finder(t->all);

	if (t->seeking)
		follow_seek_copy(t);
	else if (t->linked && t->place != NULL && finder->look != NULL)
		finder->look(t->place, t->name);
	else
		follow_check_surely(t);
}

static void
on_quiet(struct file *t, double quiet)
{
	suspect_by_time(t, quiet);
	if (t->rewritten)
		file_timer_add_later(t);
	if (t->seeking)
		return;
	if (t->compression != INFLATE_NONE) {
		if (compressed_look(t, quiet))
			follow_finish_compressed(t);
	} else if (t->place == NULL)
		look_at_nameless(t, quiet);
	else if (!look_at_named(t, quiet))
		file_timer_del(t);
}

/* Where a search has ended, its file asks for the result. */
static bool
on_search(struct scan_job *job, void *file_table)
{
	struct file *told = NULL;
	bool over = copy_step(job, &told);

	if (told == NULL)
		return (over);
	if (told->seeking)
		follow_seek_copy(told);
	else if (told->suspect)
		follow_check_surely(told);
	copy_told(file_table, job);
	return (false);
}

const struct file_ops follow_ops = { .check = follow_check,
	.check_surely = follow_check_surely,
	.on_due = on_due,
	.on_quiet = on_quiet,
	.on_opened = streams_begin_at_end,
	.on_error = streams_mark_unread,
	.on_drained = on_drained,
	.on_taken_back = suspect_taken_back,
	.is_done = streams_are_done,
	.on_search = on_search };
