#include "daemon/checkpoint/checkpointer.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/checkpoint/inside.h"
#include "lib/ns.h"

/*
 * A record whose file or destination is missing is kept for so many days: a
 * file system may be mounted again tomorrow, and a destination may come back.
 * Once a day, the first time an hour after the start, the file is written anew,
 * and the records of all files that are followed get the time of that day.
 */
#define KEPT_DAYS 30
#define DAY 86400
#define FIRST 3600

static void on_day(struct ev_loop *, ev_timer *, int);

static int
open_checkpoint(struct checkpointer *l, int dirfd, struct reason *why)
{
	struct stat st = { 0 };

	(void)fstatat(dirfd, "checkpoint", &st, 0);
	if ((l->checkpoint = checkpoint_open(dirfd, why)) == NULL)
		return (-1);
	checkpointer_time_load(l, &st);
	l->writer = checkpoint_writer_new(
	    l->loop, checkpoint_file(l->checkpoint), checkpointer_on_done, l);
	if (l->writer == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	l->stats = checkpoint_file(l->checkpoint)->stats;
	ev_timer_init(&l->daily, on_day, FIRST, DAY);
	l->daily.data = l;
	ev_timer_start(l->loop, &l->daily);
	return (0);
}

struct checkpointer *
checkpointer_new(
    struct ev_loop *loop, int dirfd, uint64_t interval_ms, struct reason *why)
{
	struct checkpointer *l;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		reason_set(why, "out of memory");
		return (NULL);
	}
	l->loop = loop;
	TAILQ_INIT(&l->dirty);
	TAILQ_INIT(&l->past);
	l->every = (double)interval_ms / 1e3;
	l->append_at = l->sync_at = -CHECKPOINTER_NEVER;
	l->renew_at = CHECKPOINTER_NEVER;
	ev_timer_init(&l->due, checkpointer_on_due, 0., 0.);
	l->due.data = l;
	if (dirfd == -1 || open_checkpoint(l, dirfd, why) == 0)
		return (l);
	checkpointer_free(l);
	return (NULL);
}

void
checkpointer_free(struct checkpointer *l)
{
	if (l == NULL)
		return;
	checkpoint_writer_free(l->writer);
	ev_timer_stop(l->loop, &l->due);
	ev_timer_stop(l->loop, &l->daily);
	checkpoint_close(l->checkpoint);
	checkpoint_batch_free(&l->changed);
	checkpoint_batch_free(&l->renewal.slice);
	free(l);
}

void
checkpointer_start(struct checkpointer *l)
{
	if (l->checkpoint != NULL && checkpoint_writer_start(l->writer) == -1)
		log_warn("checkpoint: no thread: a slow disk delays lines");
}

void
checkpointer_serve(
    struct checkpointer *l, const struct checkpointer_ops *ops, void *arg)
{
	l->ops = ops;
	l->ops_arg = arg;
}

bool
checkpointer_take(struct checkpointer *l, const char *dest, dev_t dev,
    ino_t ino, struct checkpoint_record *rec)
{
	return (l->checkpoint != NULL &&
	    checkpoint_take(l->checkpoint, dest, dev, ino, rec));
}

bool
checkpointer_take_moved(struct checkpointer *l,
    const struct checkpoint_record *now, struct checkpoint_record *rec)
{
	return (l->checkpoint != NULL &&
	    checkpoint_take_moved(l->checkpoint, now, rec));
}

void
checkpointer_give_back(struct checkpointer *l)
{
	if (checkpoint_give_back(l->checkpoint) == -1)
		log_warn("checkpoint");
}

struct untaken_walk {
	void (*fn)(const struct checkpoint_record *, void *);
	void *arg;
};

static bool
visit_untaken(const struct checkpoint_record *rec, void *arg)
{
	struct untaken_walk *w = arg;

	w->fn(rec, w->arg);
	return (true);
}

void
checkpointer_walk_untaken(struct checkpointer *l,
    void (*fn)(const struct checkpoint_record *, void *), void *arg)
{
	struct untaken_walk w = { fn, arg };

	if (l->checkpoint != NULL)
		checkpoint_sweep(l->checkpoint, visit_untaken, &w);
}

bool
checkpointer_is_first(const struct checkpointer *l)
{
	return (l->checkpoint == NULL || checkpoint_is_new(l->checkpoint));
}

const struct checkpoint_record *
checkpointer_find(
    struct checkpointer *l, const char *dest, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_find(l->checkpoint, dest, dev, ino));
}

const struct checkpoint_record *
checkpointer_last(struct checkpointer *l, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_last(l->checkpoint, dev, ino));
}

const char *
checkpointer_path(struct checkpointer *l, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_path(l->checkpoint, dev, ino));
}

bool
checkpointer_has_seen(
    struct checkpointer *l, const char *dest, const char *source)
{
	return (l->checkpoint != NULL &&
	    checkpoint_has_seen(l->checkpoint, dest, source));
}

void
checkpointer_see(struct checkpointer *l, const char *dest, const char *source)
{
	if (l->checkpoint == NULL)
		return;
	if (checkpoint_seen(l->checkpoint, dest, source, clock_wall_s()) == -1)
		log_warn("checkpoint");
	checkpointer_arm(l);
}

void
checkpointer_late(struct checkpointer *l, const char *path, int64_t since_ns)
{
	const struct timespec since = { .tv_sec = since_ns / NS_IN_S,
		.tv_nsec = since_ns % NS_IN_S };

	/* Most directories say the same at the end of each scan. */
	if (l->checkpoint == NULL ||
	    checkpointer_late_since(l, path) == since_ns)
		return;
	if (checkpoint_late(
		l->checkpoint, path, since_ns == 0 ? NULL : &since) == -1)
		log_warn("checkpoint");
	checkpointer_arm(l);
}

int64_t
checkpointer_late_since(const struct checkpointer *l, const char *path)
{
	struct timespec since;

	return (l->checkpoint != NULL &&
		    checkpoint_is_late(l->checkpoint, path, &since)
		? ns_of(&since)
		: 0);
}

const char *
checkpointer_late_below(const struct checkpointer *l, const char *prefix)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_late_below(l->checkpoint, prefix));
}

const char *
checkpointer_late_at(const struct checkpointer *l, const char *prefix,
    int64_t since_ns, bool (*fn)(const char *, void *), void *arg)
{
	const struct timespec since = { .tv_sec = since_ns / NS_IN_S,
		.tv_nsec = since_ns % NS_IN_S };

	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_late_at(l->checkpoint, prefix, &since, fn, arg));
}

void
checkpointer_file_path(
    const char *dir, ino_t ino, char path[CHECKPOINTER_FILE_MAX])
{
	(void)snprintf(
	    path, CHECKPOINTER_FILE_MAX, "%s//%ju", dir, (uintmax_t)ino);
}

void
checkpointer_mark_acked(struct checkpointer *l, struct checkpoint_mark *m)
{
	bool first = TAILQ_EMPTY(&l->dirty);

	if (l->checkpoint == NULL || m->is_dirty)
		return;
	checkpointer_unlist(l, m);
	m->is_dirty = true;
	TAILQ_INSERT_TAIL(&l->dirty, m, entry);
	if (first)
		checkpointer_arm(l);
}

void
checkpointer_mark(struct checkpointer *l, struct checkpoint_mark *m)
{
	m->is_recorded = false;
	checkpointer_mark_acked(l, m);
}

void
checkpointer_leave(struct checkpointer *l, struct checkpoint_mark *m)
{
	if (l->checkpoint == NULL)
		return;
	checkpointer_unlist(l, m);
	checkpointer_note(l, m, CHECKPOINT_FILE);
	checkpointer_arm(l);
}

void
checkpointer_drop(struct checkpointer *l, struct checkpoint_mark *m, bool gone)
{
	if (l->checkpoint == NULL)
		return;
	checkpointer_unlist(l, m);
	if (!gone)
		return;
	l->ops->on_gone(m);
	checkpointer_note(l, m, CHECKPOINT_GONE);
	checkpointer_arm(l);
}

void
checkpointer_end(struct checkpointer *l, const struct checkpoint_record *rec)
{
	struct checkpoint_record gone = *rec;

	gone.kind = CHECKPOINT_GONE;
	gone.time = clock_wall_s();
	if (checkpoint_note(l->checkpoint, &gone) == -1)
		log_warn("checkpoint");
	checkpointer_arm(l);
}

static void
expire(struct checkpointer *l)
{
	size_t n;

	n = checkpoint_expire(
	    l->checkpoint, clock_wall_s() - (time_t)KEPT_DAYS * DAY);
	if (n > 0)
		log_notice("checkpoint: %zu records were dropped: neither file "
			   "nor destination was seen for %d days",
		    n, KEPT_DAYS);
	checkpointer_want_renewal(l);
	checkpointer_arm(l);
}

static void
on_day(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	expire(timer->data);
}

void
checkpointer_stats(
    const struct checkpointer *l, struct checkpointer_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (l->checkpoint == NULL)
		return;
	stats->file = l->stats;
	stats->damaged = checkpoint_damaged(l->checkpoint);
	stats->error = l->faults != 0 ? l->error.text : NULL;
}
