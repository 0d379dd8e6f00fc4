/*
 * The checkpoint's thread, in place of daemon/checkpoint/writer.c: a job is
 * done at once or a while later, but always in one go.
 */
#include "daemon/checkpoint/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoint/batch.h"
#include "tests/sim/sim.h"

struct checkpoint_writer {
	struct ev_loop *loop;
	struct checkpoint_file *file;
	void (*on_done)(void *, const struct checkpoint_result *);
	void *arg;
	ev_timer timer; /* when the disk is ready */
	struct checkpoint_job job;
	bool busy;
	bool started;
};

/* When the last job was given, and the last one that was done. */
static int64_t given, done_given;
static int64_t done; /* when that was */
static bool under_way;

int64_t
writer_has_until(int64_t within)
{
	return (under_way || S.now - done < within ? done_given : S.now);
}

static int
renew(struct checkpoint_file *file, const struct checkpoint_job *job,
    const char **what)
{
	if (job->begin && checkpoint_file_begin(file, what) == -1)
		return (-1);
	if (job->add != NULL && checkpoint_file_add(file, job->add, what) == -1)
		return (-1);
	return (job->finish ? checkpoint_file_finish(file, what) : 0);
}

static void
perform(struct checkpoint_writer *w)
{
	struct checkpoint_job *job = &w->job;
	struct checkpoint_result r;

	memset(&r, 0, sizeof(r));
	if (job->append->len > 0 &&
	    checkpoint_file_append(w->file, job->append, &r.append.what) ==
		-1) {
		r.append.error = errno;
		checkpoint_file_give_up(w->file);
	} else {
		if (renew(w->file, job, &r.renewal.what) == -1)
			r.renewal.error = errno;
		if (job->sync &&
		    checkpoint_file_sync(w->file, &r.sync.what) == -1)
			r.sync.error = errno;
	}
	r.stats = w->file->stats;
	w->busy = under_way = false;
	done_given = given;
	done = S.now;
	ev_timer_stop(w->loop, &w->timer);
	w->on_done(w->arg, &r);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	perform(timer->data);
}

struct checkpoint_writer *
checkpoint_writer_new(struct ev_loop *loop, struct checkpoint_file *file,
    void (*on_done)(void *, const struct checkpoint_result *), void *arg)
{
	struct checkpoint_writer *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->loop = loop;
	w->file = file;
	w->on_done = on_done;
	w->arg = arg;
	ev_timer_init(&w->timer, on_timer, 0., 0.);
	w->timer.data = w;
	under_way = false;
	given = done_given = done = S.now;
	return (w);
}

int
checkpoint_writer_start(struct checkpoint_writer *w)
{
	w->started = true;
	return (0);
}

void
checkpoint_writer_free(struct checkpoint_writer *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->loop, &w->timer);
	free(w);
}

void
checkpoint_writer_give(
    struct checkpoint_writer *w, const struct checkpoint_job *job)
{
	unsigned us = rng_chance(&S.calls, 50) ? rng_below(&S.calls, 2000000)
					       : rng_below(&S.calls, 2000);

	w->busy = under_way = true;
	w->job = *job;
	given = S.now;
	if (us > 2000)
		oracle_allow(4096);
	ev_timer_set(&w->timer, (double)us / 1e6, 0.);
	ev_timer_start(w->loop, &w->timer);
}

bool
checkpoint_writer_collect(struct checkpoint_writer *w)
{
	return (!w->busy);
}

void
checkpoint_writer_wait(struct checkpoint_writer *w)
{
	if (w->busy)
		perform(w);
}
