#include "daemon/find/inside.h"

#include <errno.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/file/table.h"

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

void
again_init(struct sources *ss, void (*on_time)(EV_P_ ev_timer *, int))
{
	TAILQ_INIT(&ss->again);
	ss->waits = WAITS;
	ss->again_wait = SOON;
	ss->decided_at = clock_now() + UNDECIDED;
	ev_timer_init(&ss->again_timer, on_time, SOON, 0.);
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
again_later(struct sources *ss)
{
	if (TAILQ_EMPTY(&ss->again)) {
		ss->again_wait = SOON;
		return;
	}
	ss->again_wait *= 2;
	if (ss->again_wait > LATER)
		ss->again_wait = LATER;
	ev_timer_set(&ss->again_timer, ss->again_wait, 0.);
	ev_timer_start(ss->loop, &ss->again_timer);
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

void
sources_pause(void *arg)
{
	struct sources *ss = arg;
	int error = errno;

	if (ss->starting && !ss->late && ss->pause != NULL)
		ss->pause(ss->pause_arg);
	errno = error;
}
