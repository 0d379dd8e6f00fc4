#include "daemon/ledger.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/conf.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/stream_guard.h"
#include "daemon/tail.h"
#include "daemon/tails.h"

/*
 * A record whose file or destination is not there is kept for so many days
 * after it was last seen: what is not mounted now may be so tomorrow, and a
 * destination may come back.  What is there is seen once a day, the first time
 * an hour after the start.
 */
#define KEPT_DAYS 30
#define DAY 86400
#define FIRST 3600

#define SLICE 1024 /* records written in one go */
#define HURRY 0.001 /* seconds: in the next turn of the loop */
#define SLICE_EVERY .005

struct ledger {
	struct ev_loop *loop;
	struct checkpoint *checkpoint; /* NULL: no state is kept */
	struct tails *tails;
	struct stream_list dirty;
	ev_timer due;
	ev_tstamp every;
	ev_timer daily;
	struct timespec written; /* before it was opened */
	bool failing;
	struct reason error;
};

static void on_due(struct ev_loop *, ev_timer *, int);
static void on_day(struct ev_loop *, ev_timer *, int);

struct ledger *
ledger_new(
    struct ev_loop *loop, int dirfd, uint64_t interval_ms, struct reason *why)
{
	struct ledger *l;
	struct stat st;
	ev_tstamp every = (double)interval_ms / 1e3;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		reason_set(why, "out of memory");
		return (NULL);
	}
	l->loop = loop;
	TAILQ_INIT(&l->dirty);
	l->every = every;
	ev_timer_init(&l->due, on_due, every, every);
	l->due.data = l;
	if (dirfd == -1)
		return (l);
	if (fstatat(dirfd, "checkpoint", &st, 0) == 0)
		l->written = st.st_mtim;
	if ((l->checkpoint = checkpoint_open(dirfd, why)) == NULL) {
		free(l);
		return (NULL);
	}
	ev_timer_init(&l->daily, on_day, FIRST, DAY);
	l->daily.data = l;
	ev_timer_start(loop, &l->daily);
	return (l);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	ev_timer_stop(l->loop, &l->due);
	if (l->checkpoint != NULL)
		ev_timer_stop(l->loop, &l->daily);
	checkpoint_close(l->checkpoint);
	free(l);
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

const struct timespec *
ledger_written(const struct ledger *l)
{
	if (l->checkpoint == NULL || checkpoint_is_new(l->checkpoint))
		return (NULL);
	return (&l->written);
}

const struct checkpoint_record *
ledger_find(struct ledger *l, const char *dest, dev_t dev, ino_t ino)
{
	if (l->checkpoint == NULL)
		return (NULL);
	return (checkpoint_find(l->checkpoint, dest, dev, ino));
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

static void
start_timer(struct ledger *l)
{
	if (ev_is_active(&l->due))
		return;
	l->due.repeat = l->every;
	ev_timer_again(l->loop, &l->due);
}

void
ledger_hurry(struct ledger *l)
{
	if (l->checkpoint == NULL)
		return;
	l->due.repeat = HURRY;
	ev_timer_again(l->loop, &l->due);
}

void
ledger_see(struct ledger *l, const char *dest, const char *source)
{
	if (l->checkpoint == NULL)
		return;
	if (checkpoint_seen(l->checkpoint, dest, source, time(NULL)) == -1)
		log_warn("checkpoint");
	start_timer(l);
}

void
ledger_mark(struct ledger *l, struct stream *s)
{
	if (l->checkpoint == NULL || s->is_dirty)
		return;
	s->is_dirty = true;
	TAILQ_INSERT_TAIL(&l->dirty, s, dirty);
	start_timer(l);
}

static int
note(struct checkpoint *c, const struct stream *s, enum checkpoint_kind kind)
{
	const struct tail *t = s->tail;
	struct guard guards[CHECKPOINT_GUARDS];
	struct checkpoint_record rec = {
		.kind = kind,
		.dest = s->route->to->name,
		.dev = t->dev,
		.inode = t->ino,
		.print = t->print,
		.offset = s->cursor.acked,
		.time = time(NULL),
		.path = tail_origin(t),
		.guards = guards,
	};

	if (kind == CHECKPOINT_FILE)
		rec.nguards = stream_guards(s, guards);
	return (checkpoint_note(c, &rec));
}

void
ledger_drop(struct ledger *l, struct stream *s, bool gone)
{
	if (l->checkpoint == NULL)
		return;
	if (s->is_dirty)
		TAILQ_REMOVE(&l->dirty, s, dirty);
	s->is_dirty = false;
	if (!gone)
		return;
	if (note(l->checkpoint, s, CHECKPOINT_GONE) == -1)
		log_warn("checkpoint");
	start_timer(l);
}

void
ledger_end(struct ledger *l, const struct checkpoint_record *rec)
{
	struct checkpoint_record gone = *rec;

	gone.kind = CHECKPOINT_GONE;
	gone.time = time(NULL);
	if (checkpoint_note(l->checkpoint, &gone) == -1)
		log_warn("checkpoint");
	start_timer(l);
}

struct walk {
	struct checkpoint *checkpoint;
	int result;
};

/*
 * What a truncated file was has no record of its own, and what may be a copy
 * is looked at again.
 */
static bool
has_record(const struct tail *t)
{
	return (t->known && t->held == NULL);
}

static void
note_tail(struct tail *t, void *arg)
{
	const struct stream *s;
	struct walk *w = arg;

	if (!has_record(t))
		return;
	for (s = t->streams; s != NULL; s = s->next)
		if (note(w->checkpoint, s, CHECKPOINT_FILE) == -1)
			w->result = -1;
}

static int
note_all(struct checkpoint *c, void *arg)
{
	struct walk w = { .checkpoint = c };

	tails_walk(arg, note_tail, &w);
	return (w.result);
}

static int
compact_if_bloated(struct ledger *l, struct reason *why)
{
	if (l->tails == NULL ||
	    !checkpoint_is_bloated(
		l->checkpoint, tails_stats(l->tails)->streams))
		return (0);
	return (checkpoint_compact(l->checkpoint, note_all, l->tails, why));
}

static int
failed(struct ledger *l, const struct reason *why)
{
	if (!l->failing)
		log_errorx("%s; forwarding goes on, trying again", why->text);
	l->failing = true;
	l->error = *why;
	return (-1);
}

/* Written anew, every record of a file that is followed has today's time. */
static void
on_day(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct ledger *l = timer->data;
	struct reason why;
	size_t n;

	(void)loop;
	(void)revents;
	n = checkpoint_expire(
	    l->checkpoint, time(NULL) - (time_t)KEPT_DAYS * DAY);
	if (n > 0)
		log_notice("checkpoint: %zu records were dropped: neither file "
			   "nor destination was seen for %d days",
		    n, KEPT_DAYS);
	if (checkpoint_compact(l->checkpoint, note_all, l->tails, &why) == -1) {
		(void)failed(l, &why);
		start_timer(l);
	}
}

static int
sync_some(struct ledger *l, unsigned most, struct reason *why)
{
	struct stream *s;

	while (most-- > 0 && (s = TAILQ_FIRST(&l->dirty)) != NULL) {
		TAILQ_REMOVE(&l->dirty, s, dirty);
		s->is_dirty = false;
		if (has_record(s->tail) &&
		    note(l->checkpoint, s, CHECKPOINT_FILE) == -1)
			log_warn("checkpoint: %s", tail_path(s->tail));
	}
	return (checkpoint_sync(l->checkpoint, why));
}

static void
succeeded(struct ledger *l)
{
	if (l->failing)
		log_notice("checkpoint: written again");
	l->failing = false;
}

int
ledger_sync(struct ledger *l)
{
	struct reason why;

	if (l->checkpoint == NULL)
		return (0);
	do {
		if (sync_some(l, SLICE, &why) == -1)
			return (failed(l, &why));
	} while (!TAILQ_EMPTY(&l->dirty));
	if (compact_if_bloated(l, &why) == -1)
		return (failed(l, &why));
	succeeded(l);
	return (0);
}

/* Many at once would hold up lines, and need memory for all. */
static void
on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct ledger *l = timer->data;
	struct reason why;

	(void)revents;
	timer->repeat = l->every;
	if (sync_some(l, SLICE, &why) == -1 ||
	    (TAILQ_EMPTY(&l->dirty) && compact_if_bloated(l, &why) == -1)) {
		(void)failed(l, &why);
	} else if (!TAILQ_EMPTY(&l->dirty)) {
		timer->repeat = SLICE_EVERY;
	} else {
		succeeded(l);
		/* Started again by the next mark: nothing wakes nobody. */
		timer->repeat = 0.;
	}
	ev_timer_again(loop, timer);
}

void
ledger_stats(const struct ledger *l, struct ledger_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (l->checkpoint == NULL)
		return;
	checkpoint_stats(l->checkpoint, &stats->checkpoint);
	stats->error = l->failing ? l->error.text : NULL;
}
