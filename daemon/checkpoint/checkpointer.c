#include "daemon/checkpoint/checkpointer.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/inside.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "lib/ns.h"

/*
 * A record whose file or destination is not there is kept for so many days
 * after it was last seen: what is not mounted now may be so tomorrow, and a
 * destination may come back.  What is there is seen once a day, the first time
 * an hour after the start.
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
ledger_set_tails(struct ledger *l, struct tails *tails)
{
	l->tails = tails;
}

bool
ledger_take(struct ledger *l, const char *dest, dev_t dev, ino_t ino,
    struct checkpoint_record *rec)
{
	return (l->checkpoint != NULL &&
	    checkpoint_take(l->checkpoint, dest, dev, ino, rec));
}

bool
ledger_take_moved(struct ledger *l, const char *dest, dev_t dev, ino_t ino,
    const char *path, struct checkpoint_record *rec)
{
	return (l->checkpoint != NULL &&
	    checkpoint_take_moved(l->checkpoint, dest, dev, ino, path, rec));
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
	if (checkpoint_seen(l->checkpoint, dest, source, time(NULL)) == -1)
		log_warn("checkpoint");
	ledger_arm(l);
}

void
ledger_late(struct ledger *l, const char *path, int64_t since_ns)
{
	const struct timespec since = { .tv_sec = since_ns / NS_IN_S,
		.tv_nsec = since_ns % NS_IN_S };

	/* That is so of most directories, at the end of each scan. */
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

/*
 * When a file was written of which nothing could be read yet: whatever it is
 * called at the next start, or has been compressed to, was not sent.
 */
static void
note_unread(struct ledger *l, struct tail *t, bool unread)
{
	char path[LEDGER_FILE_MAX];

	if (t->place == NULL || (!unread && !t->deferred))
		return;
	t->deferred = unread && t->written_ns >= NS_IN_S;
	ledger_file_path(t->place->path, t->ino, path);
	ledger_late(l, path, t->deferred ? t->written_ns : 0);
}

/* Takes s out of the list that it is in. */
static void
unlist(struct ledger *l, struct stream *s)
{
	if (s->is_dirty)
		TAILQ_REMOVE(&l->dirty, s, dirty);
	else if (s->is_past)
		TAILQ_REMOVE(&l->past, s, dirty);
	s->is_dirty = s->is_past = false;
}

void
ledger_mark_acked(struct ledger *l, struct stream *s)
{
	bool first = TAILQ_EMPTY(&l->dirty);

	if (l->checkpoint == NULL || s->is_dirty)
		return;
	unlist(l, s);
	s->is_dirty = true;
	TAILQ_INSERT_TAIL(&l->dirty, s, dirty);
	if (first)
		ledger_arm(l);
}

void
ledger_mark(struct ledger *l, struct stream *s)
{
	s->is_recorded = false;
	ledger_mark_acked(l, s);
}

/*
 * The rest of a truncated file that is looked for in a copy: the file has its
 * inode, so this one gets a number that no file has.  How old it is tells of
 * the copy.
 */
static void
be_sought(struct checkpoint_record *rec, const struct tail *t)
{
	rec->dev = ~t->dev;
	rec->inode = t->ino ^ (ino_t)t->written_ns;
	rec->time = (time_t)(t->written_ns / NS_IN_S);
}

/*
 * When it was last known to be there.  Of one that was deleted, what is
 * acknowledged later says nothing of that: it may have been compressed since it
 * was written last, and that may be what the next start finds.
 */
static time_t
last_there(const struct tail *t)
{
	const time_t now = time(NULL);
	const time_t written = (time_t)(t->written_ns / NS_IN_S);
	struct stat st;

	if (t->place != NULL || t->fd == -1 || fstat(t->fd, &st) == -1 ||
	    st.st_nlink > 0)
		return (now);
	return (written < now ? written : now);
}

/*
 * Notes it in the batch; or in c where to is NULL, and a file is nobody's then.
 */
static int
note(struct checkpoint *c, const struct stream *s, enum checkpoint_kind kind,
    struct checkpoint_batch *to)
{
	const struct tail *t = s->tail;
	struct guard guards[CHECKPOINT_GUARDS];
	struct path_text origin, real;
	struct checkpoint_record rec = {
		.kind = kind,
		.dest = s->route->to->name,
		.dev = t->dev,
		.inode = t->ino,
		.print = t->print,
		.offset = s->cursor.acked,
		.time = last_there(t),
		.path = kind == CHECKPOINT_PAST ? "" : tail_origin(t, &origin),
		.guards = guards,
	};

	if (kind != CHECKPOINT_GONE) {
		rec.nguards = stream_guards(s, guards);
		if (kind != CHECKPOINT_PAST)
			rec.real = tail_real(t, &real);
	}
	if (t->seeking)
		be_sought(&rec, t);
	if (to != NULL)
		return (checkpoint_put(c, &rec, to));
	return (kind == CHECKPOINT_FILE ? checkpoint_leave(c, &rec)
					: checkpoint_note(c, &rec));
}

static void
leave(struct ledger *l, const struct stream *s)
{
	if (note(l->checkpoint, s, CHECKPOINT_FILE, NULL) == -1)
		log_warn("checkpoint");
}

void
ledger_leave(struct ledger *l, struct stream *s)
{
	if (l->checkpoint == NULL)
		return;
	unlist(l, s);
	leave(l, s);
	ledger_arm(l);
}

void
ledger_drop(struct ledger *l, struct stream *s, bool gone)
{
	if (l->checkpoint == NULL)
		return;
	unlist(l, s);
	if (!gone)
		return;
	note_unread(l, s->tail, false);
	if (note(l->checkpoint, s, CHECKPOINT_GONE, NULL) == -1)
		log_warn("checkpoint");
	ledger_arm(l);
}

void
ledger_end(struct ledger *l, const struct checkpoint_record *rec)
{
	struct checkpoint_record gone = *rec;

	gone.kind = CHECKPOINT_GONE;
	gone.time = time(NULL);
	if (checkpoint_note(l->checkpoint, &gone) == -1)
		log_warn("checkpoint");
	ledger_arm(l);
}

/*
 * What a truncated file was has no record of its own, but for one that nobody
 * has taken while it is looked for; and what may be a copy is looked at again,
 * as is a copy of what was not received.  Something may be written into a new
 * file between the look at it and the first read: that was compared with
 * nothing yet.  So it is with what a start could not tell what it was.
 */
bool
ledger_has_record(struct tail *t)
{
	return (t->known && !(t->fresh && t->print.len > 0) &&
	    !tail_is_undecided(t) && tail_held_has_record(t));
}

void
ledger_put(struct ledger *l, const struct stream *s, enum checkpoint_kind kind,
    struct checkpoint_batch *to)
{
	if (note(l->checkpoint, s, kind, to) == -1)
		log_warn("checkpoint: %s", tail_path(s->tail).text);
}

/* All that is not whole is to be written once more. */
static void
mark_past(struct ledger *l)
{
	struct stream *s;

	while ((s = TAILQ_FIRST(&l->past)) != NULL)
		ledger_mark(l, s);
}

/* Thousands of files a second are recorded, and few of them are in a cache. */
static void
fetch_ahead(const struct stream *s)
{
	if (s == NULL)
		return;
	__builtin_prefetch(&s->guard);
	__builtin_prefetch(&s->tail->held);
	__builtin_prefetch(&s->tail->dev);
}

/* A new record for s, which is in no list. */
static void
record(struct ledger *l, struct stream *s, bool whole)
{
	note_unread(l, s->tail, tail_is_unread(s->tail));
	if (s->tail->seeking)
		leave(l, s);
	if (!ledger_has_record(s->tail))
		return;
	s->is_past = s->is_recorded && !whole;
	s->is_recorded = true;
	ledger_put(
	    l, s, s->is_past ? CHECKPOINT_PAST : CHECKPOINT_FILE, &l->changed);
	if (s->is_past)
		TAILQ_INSERT_TAIL(&l->past, s, dirty);
}

bool
ledger_gather(struct ledger *l, bool whole)
{
	struct checkpoint_batch *to = &l->changed;
	struct stream *s;

	if (whole)
		mark_past(l);
	checkpoint_drain(
	    l->checkpoint, CHECKPOINT_DRAIN_FILES, to, LEDGER_APPEND_MOST);
	while ((s = TAILQ_FIRST(&l->dirty)) != NULL) {
		if (checkpoint_batch_is_full(to, LEDGER_APPEND_MOST) ||
		    checkpoint_batch_reserve(to) == -1)
			return (false);
		fetch_ahead(TAILQ_NEXT(s, dirty));
		unlist(l, s);
		record(l, s, whole);
	}
	checkpoint_drain(
	    l->checkpoint, CHECKPOINT_DRAIN_ALL, to, LEDGER_APPEND_MOST);
	return (!checkpoint_has_notes(l->checkpoint));
}

/* Written anew, every record of a file that is followed has today's time. */
static void
on_day(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct ledger *l = timer->data;
	size_t n;

	(void)loop;
	(void)revents;
	n = checkpoint_expire(
	    l->checkpoint, time(NULL) - (time_t)KEPT_DAYS * DAY);
	if (n > 0)
		log_notice("checkpoint: %zu records were dropped: neither file "
			   "nor destination was seen for %d days",
		    n, KEPT_DAYS);
	ledger_want_renewal(l);
	ledger_arm(l);
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
