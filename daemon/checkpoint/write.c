#include "daemon/base/clock.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/inside.h"

#define STEP_MS 500 /* less is no step of the clock */

bool
checkpointer_has_news(const struct checkpointer *l)
{
	return (l->changed.len > 0 || !TAILQ_EMPTY(&l->dirty) ||
	    checkpoint_has_notes(l->checkpoint));
}

/* When the next write is due: a time, maybe past, or CHECKPOINTER_NEVER. */
static double
next_time(const struct checkpointer *l)
{
	double at = l->renewal.under_way ? 0. : l->renew_at;
	bool failing = l->faults & (FAULT_APPEND | FAULT_SYNC);

	if (l->hurry && !failing)
		return (0.);
	if (checkpointer_has_news(l) && l->append_at < at)
		at = l->append_at;
	if (l->unsynced && !l->stats.suspect && l->sync_at < at)
		at = l->sync_at;
	return (at);
}

void
checkpointer_arm(struct checkpointer *l)
{
	double wait;

	ev_timer_stop(l->loop, &l->due);
	if ((l->due_at = next_time(l)) >= CHECKPOINTER_NEVER)
		return;
	wait = l->due_at - clock_steady();
	ev_timer_set(&l->due,
	    wait > 0. ? wait + CHECKPOINTER_WAKE_AFTER
		      : CHECKPOINTER_WAKE_AFTER,
	    0.);
	ev_timer_start(l->loop, &l->due);
}

/* If the wall clock was set, records that with what is written anyway. */
static void
note_clock(struct checkpointer *l)
{
	int64_t by = checkpointer_ahead_ms() - l->ahead_ms;

	if (l->changed.len > 0 && (by > STEP_MS || by < -STEP_MS))
		(void)checkpointer_put_look(l, &l->changed);
}

/*
 * Gives the writer a job with what is due; with all, every change.  The first
 * change after a quiet time is written at once, the next ones together.
 */
static void
give(struct checkpointer *l, bool all)
{
	struct checkpoint_job job = { .append = &l->changed };
	double now = clock_steady();
	bool sync;

	all |= l->hurry;
	sync = all || now >= l->sync_at;
	if (sync || now >= l->append_at) {
		l->all_given = checkpointer_gather(l, sync);
		note_clock(l);
		l->append_at = now + CHECKPOINTER_APPEND_EVERY;
	}
	l->unsynced |= l->changed.len > 0;
	job.sync = all ? l->all_given : sync;
	if (job.sync) {
		l->sync_at = now + l->every;
		l->hurry = false;
	}
	checkpointer_renew(l, &job);
	job.tell = all || l->renewal.under_way;
	l->given = job;
	checkpoint_writer_give(l->writer, &job);
}

/* If the writer is still busy, it calls checkpointer_on_done() when it is done.
 */
static void
write_what_is_due(struct checkpointer *l)
{
	ev_timer_stop(l->loop, &l->due);
	if (!checkpoint_writer_collect(l->writer))
		return;
	if (next_time(l) <= clock_steady())
		give(l, false);
	checkpointer_arm(l);
}

void
checkpointer_turn(struct checkpointer *l)
{
	if (ev_is_active(&l->due) && l->due_at <= clock_steady())
		write_what_is_due(l);
}

void
checkpointer_on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	write_what_is_due(timer->data);
}

static void
on_appended(struct checkpointer *l, const struct checkpoint_fault *fault)
{
	checkpointer_count(l, FAULT_APPEND, fault);
	if (fault->what == NULL)
		checkpoint_batch_clear(&l->changed);
	else
		l->append_at = clock_steady() + CHECKPOINTER_RETRY;
}

static void
on_synced(struct checkpointer *l, const struct checkpoint_result *r)
{
	if (r->append.what != NULL) {
		l->sync_at = l->append_at;
		return;
	}
	checkpointer_count(l, FAULT_SYNC, &r->sync);
	if (r->sync.what != NULL) {
		l->sync_at = clock_steady() + CHECKPOINTER_RETRY;
		return;
	}
	l->unsynced = false;
	if (r->stats.removed ||
	    (l->ops != NULL &&
		checkpoint_is_bloated(
		    l->checkpoint, &r->stats, l->ops->count(l->ops_arg))))
		checkpointer_want_renewal(l);
}

/* Answers checkpointer_ask(): all is on disk, or the disk fails. */
static void
answer(struct checkpointer *l)
{
	bool failing = l->faults & (FAULT_APPEND | FAULT_SYNC);

	if (l->hurry && !failing)
		return;
	l->asked = false;
	if (l->on_written != NULL)
		l->on_written(l->arg, failing ? l->error.text : NULL);
}

void
checkpointer_on_done(void *arg, const struct checkpoint_result *r)
{
	struct checkpointer *l = arg;

	l->stats = r->stats;
	on_appended(l, &r->append);
	checkpointer_renewed(l, r);
	if (l->given.sync)
		on_synced(l, r);
	if (l->stats.suspect)
		checkpointer_want_renewal(l);
	if (l->asked)
		answer(l);
	checkpointer_arm(l);
}

void
checkpointer_hurry(struct checkpointer *l)
{
	if (l->checkpoint == NULL)
		return;
	l->hurry = true;
	checkpointer_arm(l);
}

void
checkpointer_on_written(
    struct checkpointer *l, void (*fn)(void *arg, const char *error), void *arg)
{
	l->on_written = fn;
	l->arg = arg;
}

bool
checkpointer_ask(struct checkpointer *l)
{
	if (l->checkpoint == NULL)
		return (false);
	l->asked = true;
	checkpointer_hurry(l);
	return (true);
}

int
checkpointer_sync(struct checkpointer *l)
{
	if (l->checkpoint == NULL)
		return (0);
	checkpoint_writer_wait(l->writer);
	if (l->stats.suspect)
		l->renew_at = 0.;
	(void)checkpointer_put_look(l, &l->changed);
	do {
		give(l, true);
		checkpoint_writer_wait(l->writer);
	} while (!(l->faults & FAULT_APPEND) &&
	    (checkpointer_has_news(l) || l->renewal.under_way));
	return (l->faults & (FAULT_APPEND | FAULT_SYNC) ? -1 : 0);
}
