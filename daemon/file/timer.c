#include "daemon/base/clock.h"
#include "daemon/file/file.h"
#include "daemon/file/inside.h"
#include "daemon/file/table.h"

#define LATER .05 /* seconds, to a look that is soon but not at once */

/*
 * The time is asked for once a turn: once a line would cost more than it
 * tells.
 */
static void
begin_turn(struct file_table *ts)
{
	ts->now = clock_steady();
	scan_queue_turn(&ts->searches);
}

static void
on_turn(struct ev_loop *loop, ev_check *check, int revents)
{
	(void)loop;
	(void)revents;
	begin_turn(check->data);
}

double
file_table_now(const struct file_table *ts)
{
	return (ts->now > 0. ? ts->now : clock_steady());
}

void
file_timer_add(struct file *t)
{
	struct file_table *ts = t->all;

	if (t->is_timed)
		return;
	t->is_timed = true;
	TAILQ_INSERT_TAIL(&ts->timed, t, timed);
	if (!ev_is_active(&ts->look))
		ev_timer_again(ts->loop, &ts->look);
}

void
file_timer_add_soon(struct file *t)
{
	file_timer_add(t);
	ev_timer_start(t->all->loop, &t->all->soon);
}

void
file_timer_add_later(struct file *t)
{
	struct file_table *ts = t->all;

	file_timer_add(t);
	if (ev_is_active(&ts->later))
		return;
	ev_timer_set(&ts->later, LATER, 0.);
	ev_timer_start(ts->loop, &ts->later);
}

bool
file_lacks_events(const struct file *t)
{
	return (t->watch != NULL || t->untold ||
	    (t->place != NULL && t->place->polled));
}

void
file_timer_del(struct file *t)
{
	struct file_table *ts = t->all;

	if (!t->is_timed)
		return;
	t->is_timed = false;
	if (ts->next == t)
		ts->next = TAILQ_NEXT(t, timed);
	TAILQ_REMOVE(&ts->timed, t, timed);
	if (TAILQ_EMPTY(&ts->timed))
		ev_timer_stop(ts->loop, &ts->look);
}

void
file_unverified(struct file *t)
{
	if (t->is_unverified)
		return;
	t->is_unverified = true;
	SLIST_INSERT_HEAD(&t->all->unsure, t, unsure);
}

void
file_verified(struct file *t)
{
	if (!t->is_unverified)
		return;
	t->is_unverified = false;
	SLIST_REMOVE(&t->all->unsure, t, file, unsure);
}

void
file_table_check_unverified(struct file_table *ts)
{
	struct file *t;

	while ((t = SLIST_FIRST(&ts->unsure)) != NULL) {
		file_verified(t);
		if (t->sure != 0)
			file_timer_add_soon(t);
	}
}

void
file_timer_last(struct file *t)
{
	struct file_table *ts = t->all;

	if (!t->is_timed)
		return;
	if (ts->next == t)
		ts->next = TAILQ_NEXT(t, timed);
	TAILQ_REMOVE(&ts->timed, t, timed);
	TAILQ_INSERT_TAIL(&ts->timed, t, timed);
}

static struct file *
next_timed(struct file_table *ts)
{
	struct file *t = ts->next;

	if (t != NULL)
		ts->next = TAILQ_NEXT(t, timed);
	return (t);
}

/* A look may end any file, or put another one at the end of the list. */
static void
look_at_timed(struct file_table *ts)
{
	const struct file_ops *ops = ts->conf.ops;
	struct file *t;

	ts->next = TAILQ_FIRST(&ts->timed);
	while ((t = next_timed(ts)) != NULL)
		ops->on_due(t);
	ts->next = TAILQ_FIRST(&ts->timed);
	while ((t = next_timed(ts)) != NULL)
		ops->on_quiet(t, file_table_now(ts) - t->changed);
}

static void
on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	look_at_timed(timer->data);
}

void
file_timer_init(struct file_table *ts)
{
	ev_tstamp every = (double)ts->conf.look_ms / 1e3;

	ev_timer_init(&ts->look, on_look, every, every);
	ts->look.data = ts;
	ev_timer_init(&ts->soon, on_look, 0., 0.);
	ts->soon.data = ts;
	ev_timer_init(&ts->later, on_look, LATER, 0.);
	ts->later.data = ts;
	ev_check_init(&ts->turn, on_turn);
	ev_set_priority(&ts->turn, EV_MAXPRI);
	ts->turn.data = ts;
	ev_check_start(ts->loop, &ts->turn);
}

void
file_timer_fini(struct file_table *ts)
{
	ev_timer_stop(ts->loop, &ts->look);
	ev_timer_stop(ts->loop, &ts->soon);
	ev_timer_stop(ts->loop, &ts->later);
	ev_check_stop(ts->loop, &ts->turn);
}
