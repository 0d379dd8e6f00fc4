#include "daemon/find/inside.h"

#include "daemon/base/clock.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/unmatched.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/streams.h"

/*
 * What a start could not look at is looked at as if it were one, but without
 * waiting: what is found is a file that was there, or what one has become.
 */
static void
set_late(struct sources *ss, bool late)
{
	ss->late = ss->starting = late;
	tails_set_starting(ss->tails, late);
}

static void
scan_late(struct dir *d)
{
	struct sources *ss = d->all;

	set_late(ss, true);
	dir_scan_later(d);
	scan_all(ss);
	dir_recover(d);
	dir_note_unseen(d);
	dir_wake_undecided(d);
	place_order(&d->place);
	links_order(d);
	set_late(ss, false);
}

/* The next one is to be scanned now. */
static struct dir *
next_again(struct sources *ss)
{
	struct dir *d;

	if ((d = TAILQ_FIRST(&ss->again)) == NULL)
		return (NULL);
	again_leave(d);
	if (d->place.polled && !dir_is_to_be_polled(d))
		dir_watch(d);
	return (d);
}

void
dir_scan_again(struct dir *d)
{
	struct sources *ss = d->all;
	unsigned n = ss->nlate;

	if (!d->unrecovered) {
		dir_scan_later(d);
		return;
	}
	scan_late(d);
	/* Those that it has found are the next, before anything is sent. */
	for (; n != ss->nlate && (d = next_again(ss)) != NULL; n++)
		scan_late(d);
}

static void
scan_all_again(struct sources *ss)
{
	unsigned n = ss->nagain;
	struct dir *d;

	/* Those for which it fails once more come behind these. */
	for (; n > 0 && (d = next_again(ss)) != NULL; n--)
		dir_scan_again(d);
	scan_some(ss);
	if (TAILQ_EMPTY(&ss->again))
		orphans_forget(ss);
	again_later(ss);
}

static void
on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	scan_all_again(timer->data);
}

void
retry_init(struct sources *ss)
{
	again_init(ss, on_again);
}

bool
dir_is_undecided(struct dir *d)
{
	const struct sources *ss = d->all;

	if (!d->unrecovered || !d->again || clock_now() >= ss->decided_at)
		return (false);
	/* What is missing in one that was found late is not known before. */
	return (!d->started ||
	    (ss->orphans != NULL && orphans_are_missed(ss->orphans, d)));
}

void
dir_wake_undecided(struct dir *d)
{
	struct tail *t;

	RB_FOREACH (t, tail_names, &d->place.names)
		tail_wake_undecided(t);
}
