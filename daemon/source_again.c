#include "daemon/source_inside.h"

#define SOON .1 /* seconds */
#define LATER 10. /* where it fails again and again */

/*
 * Directories in which something could not be looked at: that is no news of
 * what is there, so they are looked at again.
 */

static void
on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct sources *ss = timer->data;
	unsigned n = ss->nagain;
	struct dir *d;

	(void)revents;
	/* Those for which it fails once more come behind these. */
	for (; n > 0 && (d = TAILQ_FIRST(&ss->again)) != NULL; n--) {
		again_leave(d);
		if (d->place.polled && !dir_is_to_be_polled(d))
			dir_watch(d);
		dir_scan(d);
	}
	if (TAILQ_EMPTY(&ss->again)) {
		ss->again_wait = SOON;
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
	ss->again_wait = SOON;
	ev_timer_init(&ss->again_timer, on_again, SOON, 0.);
	ss->again_timer.data = ss;
}

void
again_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->again_timer);
}

void
dir_again(struct dir *d)
{
	struct sources *ss = d->all;

	if (d->again)
		return;
	d->again = true;
	TAILQ_INSERT_TAIL(&ss->again, d, again_entry);
	ss->nagain++;
	if (ev_is_active(&ss->again_timer))
		return;
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
