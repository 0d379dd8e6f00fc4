#include "daemon/find/inside.h"

#include <errno.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/unmatched.h"

#define SOON .1 /* seconds */
#define LATER 10. /* where it fails again and again */

#define UNDECIDED 60. /* seconds, until what was found counts as new */

#define AT_ONCE 3 /* attempts */
#define WAIT_MS 10 /* to the next ones, at a start */
#define WAITS 200

/*
 * Directories in which something could not be looked at: that is no news of
 * what is there, so they are looked at again.
 */

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
on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct sources *ss = timer->data;
	unsigned n = ss->nagain;
	struct dir *d;

	(void)revents;
	/* Those for which it fails once more come behind these. */
	for (; n > 0 && (d = next_again(ss)) != NULL; n--)
		dir_scan_again(d);
	scan_some(ss);
	if (TAILQ_EMPTY(&ss->again)) {
		ss->again_wait = SOON;
		sources_forget_orphans(ss);
		return;
	}
	ss->again_wait *= 2;
	if (ss->again_wait > LATER)
		ss->again_wait = LATER;
	ev_timer_set(timer, ss->again_wait, 0.);
	ev_timer_start(loop, timer);
}

void
again_init(struct sources *ss)
{
	TAILQ_INIT(&ss->again);
	ss->waits = WAITS;
	ss->again_wait = SOON;
	ss->decided_at = clock_now() + UNDECIDED;
	ev_timer_init(&ss->again_timer, on_again, SOON, 0.);
	ss->again_timer.data = ss;
}

void
again_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->again_timer);
}

static void
again(struct dir *d, bool first)
{
	struct sources *ss = d->all;

	if (ss->starting)
		d->unrecovered = true;
	else
		dir_is_unseen(d);
	if (d->again && !first)
		return;
	again_leave(d);
	d->again = true;
	ss->nagain++;
	if (first) {
		/* Before anything of it is sent. */
		TAILQ_INSERT_HEAD(&ss->again, d, again_entry);
		ss->nlate++;
	} else {
		TAILQ_INSERT_TAIL(&ss->again, d, again_entry);
	}
	if (ev_is_active(&ss->again_timer))
		return;
	ev_timer_set(&ss->again_timer, ss->again_wait, 0.);
	ev_timer_start(ss->loop, &ss->again_timer);
}

void
dir_again(struct dir *d)
{
	again(d, false);
}

void
dir_again_first(struct dir *d)
{
	if (d->all->late)
		again(d, true);
}

void
again_leave(struct dir *d)
{
	if (!d->again)
		return;
	d->again = false;
	TAILQ_REMOVE(&d->all->again, d, again_entry);
	d->all->nagain--;
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

bool
is_no_answer(int error)
{
	return (error != ENOENT && error != ENOTDIR && error != ELOOP &&
	    error != ESTALE && error != EACCES && error != EPERM &&
	    error != ENAMETOOLONG && error != ENXIO);
}

bool
lookup_again(struct sources *ss, unsigned n)
{
	const struct timespec wait = { .tv_nsec = WAIT_MS * 1000000L };
	int error = errno;

	if (!is_no_answer(error))
		return (false);
	if (tails_out_of_descriptors(error))
		(void)tails_close_some(ss->tails);
	if (n >= AT_ONCE) {
		if (!ss->starting || ss->waits == 0) {
			errno = error;
			return (false);
		}
		ss->waits--;
		(void)nanosleep(&wait, NULL);
		sources_pause(ss);
	}
	errno = error;
	return (true);
}

DIR *
dir_list(struct dir *d)
{
	unsigned n = 0;
	DIR *handle;

	while ((handle = place_list(&d->place)) == NULL &&
	    lookup_again(d->all, n++))
		;
	return (handle);
}
