#include "daemon/checkpoint/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoint/batch.h"

enum mail {
	MAIL_NONE,
	MAIL_JOB, /* the thread's */
	MAIL_RESULT, /* the loop's */
	MAIL_END /* the thread's: it returns */
};

struct checkpoint_writer {
	struct ev_loop *loop;
	struct checkpoint_file *file;
	void (*on_done)(void *, const struct checkpoint_result *);
	void *arg;
	ev_async done;
	pthread_t thread;
	bool has_thread;
	bool busy; /* only the loop reads and writes it */
	/* The lock guards what follows. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum mail mail;
	bool awaited; /* the loop waits for the result */
	struct checkpoint_job job;
	struct checkpoint_result result;
};

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

/* The lock is not held meanwhile: the disk may be slow. */
static void
perform(struct checkpoint_file *file, const struct checkpoint_job *job,
    struct checkpoint_result *r)
{
	memset(r, 0, sizeof(*r));
	if (job->append->len > 0 &&
	    checkpoint_file_append(file, job->append, &r->append.what) == -1) {
		r->append.error = errno;
		/* A new file would lack what could not be appended. */
		checkpoint_file_give_up(file);
	} else {
		if (renew(file, job, &r->renewal.what) == -1)
			r->renewal.error = errno;
		if (job->sync &&
		    checkpoint_file_sync(file, &r->sync.what) == -1)
			r->sync.error = errno;
	}
	r->stats = file->stats;
}

static bool
has_failed(const struct checkpoint_result *r)
{
	return (r->append.what != NULL || r->renewal.what != NULL ||
	    r->sync.what != NULL);
}

static void *
run(void *arg)
{
	struct checkpoint_writer *w = arg;
	struct checkpoint_result result;
	struct checkpoint_job job;

	(void)pthread_mutex_lock(&w->lock);
	while (w->mail != MAIL_END) {
		if (w->mail != MAIL_JOB) {
			(void)pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		job = w->job;
		(void)pthread_mutex_unlock(&w->lock);
		perform(w->file, &job, &result);
		(void)pthread_mutex_lock(&w->lock);
		w->result = result;
		w->mail = MAIL_RESULT;
		if (w->awaited)
			(void)pthread_cond_signal(&w->changed);
		if (w->job.tell || has_failed(&result))
			ev_async_send(w->loop, &w->done);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return (NULL);
}

/* Called with the lock held; releases it. */
static void
deliver(struct checkpoint_writer *w)
{
	struct checkpoint_result result;
	bool there = w->mail == MAIL_RESULT;

	if (there) {
		result = w->result;
		w->mail = MAIL_NONE;
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (!there)
		return;
	w->busy = false;
	w->on_done(w->arg, &result);
}

static void
on_async(struct ev_loop *loop, ev_async *async, int revents)
{
	struct checkpoint_writer *w = async->data;

	(void)loop;
	(void)revents;
	(void)pthread_mutex_lock(&w->lock);
	deliver(w);
}

struct checkpoint_writer *
checkpoint_writer_new(struct ev_loop *loop, struct checkpoint_file *file,
    void (*on_done)(void *, const struct checkpoint_result *), void *arg)
{
	struct checkpoint_writer *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	if ((errno = pthread_mutex_init(&w->lock, NULL)) != 0) {
		free(w);
		return (NULL);
	}
	if ((errno = pthread_cond_init(&w->changed, NULL)) != 0) {
		(void)pthread_mutex_destroy(&w->lock);
		free(w);
		return (NULL);
	}
	w->loop = loop;
	w->file = file;
	w->on_done = on_done;
	w->arg = arg;
	ev_async_init(&w->done, on_async);
	w->done.data = w;
	ev_async_start(loop, &w->done);
	return (w);
}

/* The thread takes no signals: they are for the loop. */
int
checkpoint_writer_start(struct checkpoint_writer *w)
{
	sigset_t all, before;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&w->thread, NULL, run, w);
	w->has_thread = errno == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return (w->has_thread ? 0 : -1);
}

static void
post(struct checkpoint_writer *w, enum mail mail)
{
	(void)pthread_mutex_lock(&w->lock);
	w->mail = mail;
	(void)pthread_mutex_unlock(&w->lock);
	/* After the unlock: the woken thread finds the lock free. */
	(void)pthread_cond_signal(&w->changed);
}

/* Called with the lock held; only the loop waits on the condition then. */
static void
await(struct checkpoint_writer *w)
{
	w->awaited = true;
	while (w->mail == MAIL_JOB)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	w->awaited = false;
}

void
checkpoint_writer_free(struct checkpoint_writer *w)
{
	if (w == NULL)
		return;
	if (w->has_thread) {
		(void)pthread_mutex_lock(&w->lock);
		await(w);
		(void)pthread_mutex_unlock(&w->lock);
		post(w, MAIL_END);
		(void)pthread_join(w->thread, NULL);
	}
	ev_async_stop(w->loop, &w->done);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

bool
checkpoint_writer_collect(struct checkpoint_writer *w)
{
	if (!w->busy)
		return (true);
	(void)pthread_mutex_lock(&w->lock);
	w->job.tell = true;
	deliver(w);
	return (!w->busy);
}

void
checkpoint_writer_give(
    struct checkpoint_writer *w, const struct checkpoint_job *job)
{
	w->busy = true;
	/* The thread has no job, and does not read this. */
	w->job = *job;
	if (w->has_thread) {
		post(w, MAIL_JOB);
		return;
	}
	perform(w->file, &w->job, &w->result);
	w->mail = MAIL_RESULT;
	ev_async_send(w->loop, &w->done);
}

void
checkpoint_writer_wait(struct checkpoint_writer *w)
{
	if (!w->busy)
		return;
	(void)pthread_mutex_lock(&w->lock);
	await(w);
	deliver(w);
}
