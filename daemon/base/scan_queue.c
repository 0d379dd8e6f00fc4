#include "daemon/base/scan_queue.h"

#include <assert.h>

#include "daemon/base/clock.h"
#include "daemon/base/sizes.h"

#define ASK_CLOCK 16 /* after so many entries */

static void
on_next(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	scan_queue_run(timer->data);
}

void
scan_queue_init(
    struct scan_queue *q, struct ev_loop *loop, scan_step *step, void *arg)
{
	*q = (struct scan_queue) { .loop = loop, .step = step, .arg = arg };
	q->most_turn = SCAN_TURN;
	q->most_part = SCAN_PART;
	TAILQ_INIT(&q->jobs);
	TAILQ_INIT(&q->urgent);
	ev_timer_init(&q->next, on_next, 0., 0.);
	q->next.data = q;
	scan_queue_turn(q);
}

void
scan_queue_allow(struct scan_queue *q, unsigned turn, unsigned part)
{
	q->most_turn = turn;
	q->most_part = part;
	scan_queue_turn(q);
}

void
scan_queue_fini(struct scan_queue *q)
{
	ev_timer_stop(q->loop, &q->next);
}

static void
go_on_soon(struct scan_queue *q)
{
	if (TAILQ_EMPTY(&q->jobs) || ev_is_active(&q->next))
		return;
	ev_timer_set(&q->next, 0., 0.);
	ev_timer_start(q->loop, &q->next);
}

void
scan_queue_add(struct scan_queue *q, struct scan_job *job)
{
	if (job->queued)
		return;
	job->queued = true;
	TAILQ_INSERT_TAIL(&q->jobs, job, entry);
	go_on_soon(q);
}

bool
scan_queue_begin(struct scan_queue *q, struct scan_job *job)
{
	struct scan_job *now = q->now;
	unsigned part = q->part, taken = q->taken;
	bool done, deleted;

	if (q->until <= 0)
		q->until = clock_steady() + SCAN_SECONDS;
	q->now = job;
	q->part = q->taken = 0;
	done = q->step(job, q->arg);
	deleted = q->now != job;
	q->now = now;
	q->part = part;
	q->taken = taken;
	if (!done && !deleted)
		scan_queue_add(q, job);
	return (done);
}

void
scan_queue_add_urgent(struct scan_queue *q, struct scan_job *job)
{
	if (job->queued && job->urgent)
		return;
	scan_queue_del(q, job);
	job->queued = job->urgent = true;
	TAILQ_INSERT_TAIL(&q->urgent, job, entry);
}

void
scan_queue_del(struct scan_queue *q, struct scan_job *job)
{
	if (q->now == job)
		q->now = NULL;
	if (!job->queued)
		return;
	TAILQ_REMOVE(job->urgent ? &q->urgent : &q->jobs, job, entry);
	job->queued = job->urgent = false;
}

static bool
is_over(const struct scan_queue *q)
{
	return (q->left == 0 || (q->until > 0 && clock_steady() >= q->until));
}

/* Behind all others for its next part. */
static void
do_part(struct scan_queue *q, struct scan_job *job)
{
	struct scan_jobs *jobs = job->urgent ? &q->urgent : &q->jobs;
	bool done;

	TAILQ_REMOVE(jobs, job, entry);
	TAILQ_INSERT_TAIL(jobs, job, entry);
	q->now = job;
	q->part = 0;
	q->taken = 0;
	done = q->step(job, q->arg);
	if (done && q->now == job)
		scan_queue_del(q, job);
	q->now = NULL;
}

void
scan_queue_run(struct scan_queue *q)
{
	struct scan_job *job;

	/* A step is no place for another. */
	if (q->now != NULL || TAILQ_EMPTY(&q->jobs))
		return;
	if (q->until <= 0)
		q->until = clock_steady() + SCAN_SECONDS;
	while (!is_over(q) && (job = TAILQ_FIRST(&q->jobs)) != NULL)
		do_part(q, job);
	go_on_soon(q);
}

void
scan_queue_finish(struct scan_queue *q, void (*pause)(void *))
{
	struct scan_job *job;

	assert(q->now == NULL);
	q->whole = true;
	q->pause = pause;
	while ((job = TAILQ_FIRST(&q->urgent)) != NULL)
		do_part(q, job);
	q->whole = false;
}

void
scan_queue_turn(struct scan_queue *q)
{
	q->left = q->most_turn;
	q->until = 0;
}

bool
scan_queue_take(struct scan_queue *q, unsigned n)
{
	bool first = q->part == 0;

	if (q->whole) {
		if (q->pause != NULL)
			q->pause(q->arg);
		return (true);
	}
	if (!first && (q->part >= q->most_part || q->left == 0))
		return (false);
	q->taken += n;
	if (!first && q->taken >= ASK_CLOCK) {
		q->taken = 0;
		if (is_over(q))
			return (false);
	}
	q->part += n;
	q->left -= n < q->left ? n : q->left;
	return (true);
}

bool
scan_queue_is_empty(const struct scan_queue *q)
{
	return (TAILQ_EMPTY(&q->jobs) && TAILQ_EMPTY(&q->urgent));
}
