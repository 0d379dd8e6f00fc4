#include "daemon/source_inside.h"

/*
 * Any user may move a tree of thousands of directories into a watched one.  So
 * many are begun with in a turn of the loop; the others have the next ones, and
 * lines of others are sent between.  Nothing is missed: a directory is scanned
 * when it has its watch.
 */
#define AT_ONCE 64

static void
begin(struct dir *d)
{
	d->all->nbegun++;
	d->widened = true;
	dir_watch(d);
	dir_scan(d);
}

static void
on_later(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct sources *ss = timer->data;
	struct dir *d;

	(void)revents;
	while (ss->nbegun < AT_ONCE && (d = TAILQ_FIRST(&ss->later)) != NULL) {
		later_leave(d);
		begin(d);
	}
	if (TAILQ_EMPTY(&ss->later))
		return;
	ev_timer_set(timer, 0., 0.);
	ev_timer_start(loop, timer);
}

void
later_init(struct sources *ss)
{
	TAILQ_INIT(&ss->later);
	ev_timer_init(&ss->later_timer, on_later, 0., 0.);
	ss->later_timer.data = ss;
}

void
later_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->later_timer);
}

void
later_turn(struct sources *ss)
{
	ss->nbegun = 0;
}

void
dir_begin(struct dir *d)
{
	struct sources *ss = d->all;

	if (d->later)
		return;
	if (ss->starting || (ss->nbegun < AT_ONCE && TAILQ_EMPTY(&ss->later))) {
		begin(d);
		return;
	}
	d->later = true;
	TAILQ_INSERT_TAIL(&ss->later, d, later_entry);
	ev_timer_start(ss->loop, &ss->later_timer);
}

void
later_leave(struct dir *d)
{
	if (!d->later)
		return;
	d->later = false;
	TAILQ_REMOVE(&d->all->later, d, later_entry);
}
