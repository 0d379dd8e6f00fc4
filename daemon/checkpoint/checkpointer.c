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
open_checkpoint(struct ledger *l, int dirfd, struct reason *why)
{
	struct stat st = { 0 };

	(void)fstatat(dirfd, "checkpoint", &st, 0);
	if ((l->checkpoint = checkpoint_open(dirfd, why)) == NULL)
		return (-1);
	ledger_time_load(l, &st);
	l->writer = checkpoint_writer_new(
	    l->loop, checkpoint_file(l->checkpoint), ledger_on_done, l);
	if (l->writer == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	l->stats = checkpoint_file(l->checkpoint)->stats;
	ev_timer_init(&l->daily, on_day, FIRST, DAY);
	l->daily.data = l;
	ev_timer_start(l->loop, &l->daily);
	return (0);
}

struct ledger *
ledger_new(
    struct ev_loop *loop, int dirfd, uint64_t interval_ms, struct reason *why)
{
	struct ledger *l;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		reason_set(why, "out of memory");
		return (NULL);
	}
	l->loop = loop;
	TAILQ_INIT(&l->dirty);
	TAILQ_INIT(&l->past);
	l->every = (double)interval_ms / 1e3;
	l->append_at = l->sync_at = -LEDGER_NEVER;
	l->renew_at = LEDGER_NEVER;
	ev_timer_init(&l->due, ledger_on_due, 0., 0.);
	l->due.data = l;
	if (dirfd == -1 || open_checkpoint(l, dirfd, why) == 0)
		return (l);
	ledger_free(l);
	return (NULL);
}

void
ledger_free(struct ledger *l)
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
ledger_start(struct ledger *l)
{
	if (l->checkpoint != NULL && checkpoint_writer_start(l->writer) == -1)
		log_warn("checkpoint: no thread: a slow disk delays lines");
}

void
checkpointer_serve(
    struct ledger *l, const struct checkpointer_ops *ops, void *arg)
{
	l->ops = ops;
	l->ops_arg = arg;
}

bool
ledger_take(struct ledger *l, const char *dest, dev_t dev, ino_t ino,
    struct checkpoint_record *rec)
{
	return (l->checkpoint != NULL &&
	    checkpoint_take(l->checkpoint, dest, dev, ino, rec));
}

bool
ledger_take_moved(struct ledger *l, const struct checkpoint_record *now,
    struct checkpoint_record *rec)
{
	return (l->checkpoint != NULL &&
	    checkpoint_take_moved(l->checkpoint, now, rec));
}

void
ledger_give_back(struct ledger *l)
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
ledger_walk_untaken(struct ledger *l,
    void (*fn)(const struct checkpoint_record *, void *), void *arg)
{
	struct untaken_walk w = { fn, arg };

	if (l->checkpoint != NULL)
		checkpoint_sweep(l->checkpoint, visit_untaken, &w);
}

bool
ledger_is_first(const struct ledger *l)
{
	return (l->checkpoint == NULL || checkpoint_is_new(l->checkpoint));
}

const struct checkpoint_record *
ledger_find(struct ledger *l, const char *dest, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_find(l->checkpoint, dest, dev, ino));
}

const struct checkpoint_record *
ledger_last(struct ledger *l, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_last(l->checkpoint, dev, ino));
}

const char *
ledger_path(struct ledger *l, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_path(l->checkpoint, dev, ino));
}

bool
ledger_has_seen(struct ledger *l, const char *dest, const char *source)
{
	return (l->checkpoint != NULL &&
	    checkpoint_has_seen(l->checkpoint, dest, source));
}

void
ledger_see(struct ledger *l, const char *dest, const char *source)
{
	if (l->checkpoint == NULL)
		return;
	if (checkpoint_seen(l->checkpoint, dest, source, clock_wall_s()) == -1)
		log_warn("checkpoint");
	ledger_arm(l);
}

void
ledger_late(struct ledger *l, const char *path, int64_t since_ns)
{
	const struct timespec since = { .tv_sec = since_ns / NS_IN_S,
		.tv_nsec = since_ns % NS_IN_S };

	/* Most directories say the same at the end of each scan. */
	if (l->checkpoint == NULL || ledger_late_since(l, path) == since_ns)
		return;
	if (checkpoint_late(
		l->checkpoint, path, since_ns == 0 ? NULL : &since) == -1)
		log_warn("checkpoint");
	ledger_arm(l);
}

int64_t
ledger_late_since(const struct ledger *l, const char *path)
{
	struct timespec since;

	return (l->checkpoint != NULL &&
		    checkpoint_is_late(l->checkpoint, path, &since)
		? ns_of(&since)
		: 0);
}

const char *
ledger_late_below(const struct ledger *l, const char *prefix)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_late_below(l->checkpoint, prefix));
}

const char *
ledger_late_at(const struct ledger *l, const char *prefix, int64_t since_ns,
    bool (*fn)(const char *, void *), void *arg)
{
	const struct timespec since = { .tv_sec = since_ns / NS_IN_S,
		.tv_nsec = since_ns % NS_IN_S };

	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_late_at(l->checkpoint, prefix, &since, fn, arg));
}

void
ledger_file_path(const char *dir, ino_t ino, char path[LEDGER_FILE_MAX])
{
	(void)snprintf(path, LEDGER_FILE_MAX, "%s//%ju", dir, (uintmax_t)ino);
}

void
ledger_mark_acked(struct ledger *l, struct checkpoint_mark *m)
{
	bool first = TAILQ_EMPTY(&l->dirty);

	if (l->checkpoint == NULL || m->is_dirty)
		return;
	checkpointer_unlist(l, m);
	m->is_dirty = true;
	TAILQ_INSERT_TAIL(&l->dirty, m, entry);
	if (first)
		ledger_arm(l);
}

void
ledger_mark(struct ledger *l, struct checkpoint_mark *m)
{
	m->is_recorded = false;
	ledger_mark_acked(l, m);
}

void
ledger_leave(struct ledger *l, struct checkpoint_mark *m)
{
	if (l->checkpoint == NULL)
		return;
	checkpointer_unlist(l, m);
	checkpointer_note(l, m, CHECKPOINT_FILE);
	ledger_arm(l);
}

void
ledger_drop(struct ledger *l, struct checkpoint_mark *m, bool gone)
{
	if (l->checkpoint == NULL)
		return;
	checkpointer_unlist(l, m);
	if (!gone)
		return;
	l->ops->on_gone(m);
	checkpointer_note(l, m, CHECKPOINT_GONE);
	ledger_arm(l);
}

void
ledger_end(struct ledger *l, const struct checkpoint_record *rec)
{
	struct checkpoint_record gone = *rec;

	gone.kind = CHECKPOINT_GONE;
	gone.time = clock_wall_s();
	if (checkpoint_note(l->checkpoint, &gone) == -1)
		log_warn("checkpoint");
	ledger_arm(l);
}

static void
expire(struct ledger *l)
{
	size_t n;

	n = checkpoint_expire(
	    l->checkpoint, clock_wall_s() - (time_t)KEPT_DAYS * DAY);
	if (n > 0)
		log_notice("checkpoint: %zu records were dropped: neither file "
			   "nor destination was seen for %d days",
		    n, KEPT_DAYS);
	ledger_want_renewal(l);
	ledger_arm(l);
}

static void
on_day(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	expire(timer->data);
}

void
ledger_stats(const struct ledger *l, struct ledger_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (l->checkpoint == NULL)
		return;
	stats->file = l->stats;
	stats->damaged = checkpoint_damaged(l->checkpoint);
	stats->error = l->faults != 0 ? l->error.text : NULL;
}
