#include "daemon/file/table.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/say.h"
#include "daemon/base/scan_queue.h"
#include "daemon/base/sizes.h"
#include "daemon/file/file.h"
#include "daemon/follow/away.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/inside.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/stream.h"
#include "daemon/watch/watch.h"
#include "lib/ns.h"

#define TICK 2 /* seconds: the coarsest clock of a file system */
#define LATER .05 /* seconds, to a look that is soon but not at once */
#define LOOKED_AT 64 /* files, for one to close */
#define AT_ONCE 16 /* closed when the process has no descriptor left */

RB_HEAD(tail_ids, tail);

/* Open files, least recently used first. */
struct open_set {
	struct tail_list opened;
	unsigned n;
	unsigned most;
};

struct tails {
	struct ev_loop *loop;
	struct ledger *ledger;
	struct tail_ids ids;
	struct open_set **sets; /* the first: without a limit */
	unsigned nsets;
	struct tail_list timed;
	SLIST_HEAD(, tail) unsure;
	ev_timer look;
	ev_timer soon; /* the same, once */
	ev_timer later; /* the same */
	ev_check turn;
	double now; /* when the turn began; 0: before the first */
	struct tail *next; /* to be looked at */
	struct tails_conf conf;
	struct tails_stats stats;
	uint8_t *scratch;
	struct watch *watch;
	struct tails_finder finder;
	struct place homeless; /* holds leavers, by their whole path */
	struct packed_list packed;
	struct scan_queue searches;
	struct held_list held;
	struct tails_loss losses[TAILS_LOSSES];
	unsigned nlosses;
	unsigned reserved; /* descriptors that others have */
	bool starting;
};

static int
compare_ids(const struct tail *a, const struct tail *b)
{
	if (a->dev != b->dev)
		return (a->dev < b->dev ? -1 : 1);
	return (a->ino < b->ino ? -1 : a->ino > b->ino);
}

RB_PROTOTYPE(tail_ids, tail, by_id, compare_ids)
RB_GENERATE(tail_ids, tail, by_id, compare_ids)

static void on_look(struct ev_loop *, ev_timer *, int);
static void on_turn(struct ev_loop *, ev_check *, int);

struct tails *
tails_new(
    struct ev_loop *loop, struct ledger *ledger, const struct tails_conf *conf)
{
	struct tails *ts;
	ev_tstamp every = (double)conf->look_ms / 1e3;

	if ((ts = calloc(1, sizeof(*ts))) == NULL)
		return (NULL);
	RB_INIT(&ts->ids);
	TAILQ_INIT(&ts->timed);
	SLIST_INIT(&ts->unsure);
	RB_INIT(&ts->homeless.leavers);
	TAILQ_INIT(&ts->packed);
	scan_queue_init(&ts->searches, loop, tail_copy_step, ts);
	scan_queue_allow(&ts->searches, TAIL_COPY_TURN, TAIL_COPY_TURN);
	LIST_INIT(&ts->held);
	if ((ts->scratch = malloc(conf->scratch)) == NULL ||
	    tails_add_set(ts, 0) == -1) {
		tails_free(ts);
		return (NULL);
	}
	ts->loop = loop;
	ts->ledger = ledger;
	ts->conf = *conf;
	ev_timer_init(&ts->look, on_look, every, every);
	ts->look.data = ts;
	ev_timer_init(&ts->soon, on_look, 0., 0.);
	ts->soon.data = ts;
	ev_timer_init(&ts->later, on_look, LATER, 0.);
	ts->later.data = ts;
	ev_check_init(&ts->turn, on_turn);
	ev_set_priority(&ts->turn, EV_MAXPRI);
	ts->turn.data = ts;
	ev_check_start(loop, &ts->turn);
	return (ts);
}

int
tails_add_set(struct tails *ts, unsigned max_open)
{
	struct open_set *set, **grown;

	grown =
	    reallocarray(ts->sets, ts->nsets + 1, sizeof(struct open_set *));
	if (grown == NULL)
		return (-1);
	ts->sets = grown;
	if ((set = calloc(1, sizeof(*set))) == NULL)
		return (-1);
	TAILQ_INIT(&set->opened);
	set->most = max_open == 0 ? UINT_MAX : max_open;
	ts->sets[ts->nsets] = set;
	return ((int)ts->nsets++);
}

static struct open_set *
set_of(const struct tail *t)
{
	return (t->all->sets[t->open_set]);
}

uint8_t *
tails_scratch(struct tails *ts, size_t *size)
{
	*size = ts->conf.scratch;
	return (ts->scratch);
}

void
tails_set_finder(struct tails *ts, const struct tails_finder *finder)
{
	ts->finder = *finder;
}

const struct tails_finder *
tails_finder(const struct tails *ts)
{
	return (&ts->finder);
}

struct place *
tails_homeless(struct tails *ts)
{
	return (&ts->homeless);
}

void
tails_set_watch(struct tails *ts, struct watch *watch)
{
	ts->watch = watch;
}

static bool
needs_watch(const struct tail *t)
{
	if (t->place == NULL)
		return (true);
	return (!t->place->polled &&
	    (!t->place->told || t->linked || t->many_links || t->mounted ||
		!watch_sees_files(t->all->watch)));
}

/* How many files may be open: not what directories' watches take. */
static unsigned
most_open(const struct tails *ts)
{
	unsigned taken = watch_descriptors(ts->watch) + ts->reserved;

	return (ts->conf.max_open > taken ? ts->conf.max_open - taken : 1);
}

/* Whether it can be opened without another being closed for it. */
static bool
has_room(const struct tail *t)
{
	return (t->all->stats.open < most_open(t->all) &&
	    set_of(t)->n < set_of(t)->most);
}

static void
begin_watch(struct tail *t)
{
	struct stream *s;

	/* Where the watch needs a descriptor, opening begins it. */
	if (t->fd == -1 && !watch_sees_files(t->all->watch) && has_room(t))
		(void)tail_fd(t);
	if (t->watch == NULL)
		t->watch =
		    watch_file_add(t->all->watch, t->fd, tail_path(t).text, t);
	/* What was written before is found by reading. */
	for (s = t->streams; t->watch != NULL && s != NULL; s = s->next)
		stream_wake(s);
}

static void
end_watch(struct tail *t)
{
	watch_file_del(t->watch);
	t->watch = NULL;
}

void
tails_watch(struct tail *t)
{
	bool needed = t->known && needs_watch(t);

	if (!needed)
		end_watch(t);
	else if (t->watch == NULL && (t->fd != -1 || t->place != NULL))
		begin_watch(t);
	t->untold =
	    needed && t->watch == NULL && watch_sees_files(t->all->watch);
	if (t->untold)
		tails_time(t);
}

void
tails_lose(struct tails *ts, const struct tails_loss *loss)
{
	struct tails_loss *slot = &ts->losses[ts->nlosses % TAILS_LOSSES];

	say_warnx(loss->path,
	    "%lld bytes at %lld were %s before they could be read",
	    (long long)loss->bytes, (long long)loss->at, loss->how);
	ts->stats.lost_bytes += (uint64_t)loss->bytes;
	free(slot->path);
	*slot = *loss;
	slot->path = strdup(loss->path);
	slot->when = ev_now(ts->loop);
	ts->nlosses++;
}

const struct tails_loss *
tails_loss(const struct tails *ts, unsigned n)
{
	const struct tails_loss *loss;

	if (n >= ts->nlosses || n >= TAILS_LOSSES)
		return (NULL);
	loss = &ts->losses[(ts->nlosses - 1 - n) % TAILS_LOSSES];
	return (loss->path != NULL ? loss : NULL);
}

struct packed_list *
tails_packed(struct tails *ts)
{
	return (&ts->packed);
}

struct held_list *
tails_held(struct tails *ts)
{
	return (&ts->held);
}

void
tails_wake_packed(struct tails *ts, const void *dest)
{
	struct stream *s;
	struct tail *t;

	TAILQ_FOREACH (t, &ts->timed, timed)
		for (s = t->streams; s != NULL; s = s->next)
			if (t->packed != INFLATE_NONE && !s->is_drained &&
			    s->route->dest == dest)
				stream_wake(s);
}

void
tails_set_starting(struct tails *ts, bool starting)
{
	ts->starting = starting;
}

bool
tails_is_starting(const struct tails *ts)
{
	return (ts->starting);
}

/* Before it is read, so that nothing is written between the two. */
static void
watch_descriptor(struct tail *t)
{
	if (t->watch == NULL && t->known && needs_watch(t) &&
	    !watch_sees_files(t->all->watch))
		t->watch =
		    watch_file_add(t->all->watch, t->fd, tail_path(t).text, t);
}

struct ledger *
tails_ledger(struct tails *ts)
{
	return (ts->ledger);
}

/* A clock a line would cost more than what it tells. */
static void
on_turn(struct ev_loop *loop, ev_check *check, int revents)
{
	struct tails *ts = check->data;

	(void)loop;
	(void)revents;
	ts->now = clock_now();
	scan_queue_turn(&ts->searches);
}

struct scan_queue *
tails_searches(struct tails *ts)
{
	return (&ts->searches);
}

double
tails_now(const struct tails *ts)
{
	return (ts->now > 0. ? ts->now : clock_now());
}

struct tails_stats *
tails_stats(struct tails *ts)
{
	return (&ts->stats);
}

/* A truncated file without a copy is known by no identity. */
void
tails_walk_unknown(
    struct tails *ts, void (*fn)(struct tail *, void *), void *arg)
{
	struct tail *t, *next;

	TAILQ_FOREACH_SAFE (t, &ts->timed, timed, next)
		if (!t->known)
			fn(t, arg);
}

void
tails_walk(struct tails *ts, void (*fn)(struct tail *, void *), void *arg)
{
	struct tail *t, *next;

	RB_FOREACH_SAFE (t, tail_ids, &ts->ids, next)
		fn(t, arg);
	tails_walk_unknown(ts, fn, arg);
}

struct tail *
tails_behind(struct tails *ts, dev_t dev, ino_t ino)
{
	struct tail key, *t;

	key.dev = dev;
	key.ino = ino;
	t = RB_NFIND(tail_ids, &ts->ids, &key);
	if (t != NULL && t->dev == dev && t->ino == ino)
		t = RB_NEXT(tail_ids, &ts->ids, t);
	return (t);
}

struct tail *
tails_find(struct tails *ts, dev_t dev, ino_t ino)
{
	struct tail key;

	key.dev = dev;
	key.ino = ino;
	return (RB_FIND(tail_ids, &ts->ids, &key));
}

struct tail *
tails_find_from(struct tails *ts, dev_t dev, ino_t ino)
{
	struct tail key;

	key.dev = dev;
	key.ino = ino;
	return (RB_NFIND(tail_ids, &ts->ids, &key));
}

/* A file that needs a look by time, not by event. */
void
tails_time(struct tail *t)
{
	struct tails *ts = t->all;

	if (t->is_timed)
		return;
	t->is_timed = true;
	TAILQ_INSERT_TAIL(&ts->timed, t, timed);
	if (!ev_is_active(&ts->look))
		ev_timer_again(ts->loop, &ts->look);
}

void
tails_time_soon(struct tail *t)
{
	tails_time(t);
	ev_timer_start(t->all->loop, &t->all->soon);
}

void
tails_time_later(struct tail *t)
{
	struct tails *ts = t->all;

	tails_time(t);
	if (ev_is_active(&ts->later))
		return;
	ev_timer_set(&ts->later, LATER, 0.);
	ev_timer_start(ts->loop, &ts->later);
}

bool
tails_lack_events(const struct tail *t)
{
	return (t->watch != NULL || t->untold ||
	    (t->place != NULL && t->place->polled));
}

void
tails_untime(struct tail *t)
{
	struct tails *ts = t->all;

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
tails_unsure(struct tail *t)
{
	if (t->is_unsure)
		return;
	t->is_unsure = true;
	SLIST_INSERT_HEAD(&t->all->unsure, t, unsure);
}

void
tails_sure(struct tail *t)
{
	if (!t->is_unsure)
		return;
	t->is_unsure = false;
	SLIST_REMOVE(&t->all->unsure, t, tail, unsure);
}

void
tails_settle(struct tails *ts)
{
	struct tail *t;

	while ((t = SLIST_FIRST(&ts->unsure)) != NULL) {
		tails_sure(t);
		if (t->sure != 0)
			tails_time_soon(t);
	}
}

void
tails_closed(struct tail *t)
{
	if (t->fd == -1)
		return;
	if (t->watch != NULL && !watch_file_needs_no_fd(t->watch))
		end_watch(t);
	(void)close(t->fd);
	t->fd = -1;
	TAILQ_REMOVE(&set_of(t)->opened, t, opened);
	set_of(t)->n--;
	t->all->stats.open--;
}

/* It is looked at last, and finished with then. */
static void
look_last(struct tail *t)
{
	struct tails *ts = t->all;

	if (!t->is_timed)
		return;
	if (ts->next == t)
		ts->next = TAILQ_NEXT(t, timed);
	TAILQ_REMOVE(&ts->timed, t, timed);
	TAILQ_INSERT_TAIL(&ts->timed, t, timed);
}

/*
 * Closes a file that has lost its name and that every receiver has all of: it
 * is open only should somebody write to it still.  Those that were deleted come
 * first.  Of the others few are looked at: they may be many.
 */
static bool
close_nameless(struct tails *ts, const struct open_set *set, bool deleted)
{
	unsigned looked = 0;
	struct tail *t;

	TAILQ_FOREACH (t, &ts->timed, timed) {
		if (++looked > LOOKED_AT)
			break;
		if (t->fd == -1 || t->place != NULL || set_of(t) != set ||
		    t->deleted != deleted || !tail_is_done(t))
			continue;
		tails_closed(t);
		look_last(t);
		return (true);
	}
	return (false);
}

/* Whether all lines that it is known to have were read: no read failed. */
static bool
was_read(const struct tail *t)
{
	return (
	    tail_is_drained(t) && t->error == 0 && !t->suspect && t->sure == 0);
}

static bool
can_be_read(const struct tail *t)
{
	return (t->error == 0);
}

static bool
is_any(const struct tail *t)
{
	(void)t;
	return (true);
}

/*
 * Closes one that was not used for long and can be opened again, if it is so;
 * rather one that was read, for a file that is closed may be deleted.
 */
static bool
close_named(struct open_set *set, bool (*is_so)(const struct tail *))
{
	unsigned looked = 0;
	struct tail *t;

	TAILQ_FOREACH (t, &set->opened, opened) {
		if (++looked > LOOKED_AT)
			break;
		if (t->place == NULL || !is_so(t))
			continue;
		tails_closed(t);
		return (true);
	}
	return (false);
}

static bool
close_read(struct tails *ts, struct open_set *set)
{
	return (close_nameless(ts, set, true) || close_named(set, was_read) ||
	    close_nameless(ts, set, false));
}

static bool
close_one(struct tails *ts, struct open_set *set)
{
	return (close_read(ts, set) || close_named(set, can_be_read) ||
	    close_named(set, is_any));
}

static struct open_set *
largest_set(struct tails *ts)
{
	struct open_set *set = ts->sets[0];
	unsigned i;

	for (i = 1; i < ts->nsets; i++)
		if (ts->sets[i]->n > set->n)
			set = ts->sets[i];
	return (set);
}

static void
make_room(struct tails *ts, struct open_set *set)
{
	while (set->n >= set->most && close_one(ts, set))
		continue;
	while (
	    ts->stats.open >= most_open(ts) && close_one(ts, largest_set(ts)))
		continue;
}

void
tails_reserve(struct tails *ts, unsigned n)
{
	ts->reserved = n;
}

bool
tails_out_of_descriptors(int error)
{
	return (error == EMFILE || error == ENFILE);
}

bool
tails_close_some(struct tails *ts)
{
	unsigned n = 0;

	while (n < AT_ONCE && close_read(ts, largest_set(ts)))
		n++;
	return (n > 0 || close_named(largest_set(ts), can_be_read));
}

void
tails_opened(struct tail *t, int fd)
{
	struct open_set *set = set_of(t);

	make_room(t->all, set);
	t->fd = fd;
	t->error = 0;
	TAILQ_INSERT_TAIL(&set->opened, t, opened);
	set->n++;
	t->all->stats.open++;
	watch_descriptor(t);
}

int64_t
written_ns(const struct stat *st)
{
	return (ns_of(&st->st_mtim));
}

bool
is_time_set(const struct stat *st)
{
	return (st->st_ctim.tv_sec != st->st_mtim.tv_sec ||
	    st->st_ctim.tv_nsec != st->st_mtim.tv_nsec);
}

void
tails_saw(struct tail *t, const struct stat *st)
{
	t->written_ns = written_ns(st);
	t->doubtful = st->st_mtim.tv_sec + TICK >= time(NULL);
}

bool
tails_is_as_seen(const struct tail *t, const struct stat *st)
{
	return (written_ns(st) == t->written_ns && !t->doubtful);
}

void
tails_know(struct tail *t, const struct stat *st)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		s->mark.is_recorded = false;
	tails_saw(t, st);
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	t->known = RB_INSERT(tail_ids, &t->all->ids, t) == NULL;
}

void
tails_forget(struct tail *t)
{
	end_watch(t);
	if (t->known)
		RB_REMOVE(tail_ids, &t->all->ids, t);
	t->known = false;
}

void
tails_free(struct tails *ts)
{
	struct tail *t;
	unsigned i;

	if (ts == NULL)
		return;
	while ((t = RB_MIN(tail_ids, &ts->ids)) != NULL ||
	    (t = TAILQ_FIRST(&ts->timed)) != NULL)
		tail_free(t);
	scan_queue_fini(&ts->searches);
	while (ts->nsets > 0)
		free(ts->sets[--ts->nsets]);
	ev_timer_stop(ts->loop, &ts->soon);
	ev_timer_stop(ts->loop, &ts->later);
	ev_check_stop(ts->loop, &ts->turn);
	free(ts->sets);
	for (i = 0; i < TAILS_LOSSES; i++)
		free(ts->losses[i].path);
	free(ts->scratch);
	free(ts);
}

int
tails_used(struct tail *t)
{
	if (TAILQ_NEXT(t, opened) != NULL) {
		TAILQ_REMOVE(&set_of(t)->opened, t, opened);
		TAILQ_INSERT_TAIL(&set_of(t)->opened, t, opened);
	}
	return (t->fd);
}

void
tails_hand_over(struct tail *from, struct tail *to)
{
	int fd = from->fd;

	TAILQ_REMOVE(&set_of(from)->opened, from, opened);
	set_of(from)->n--;
	from->all->stats.open--;
	from->fd = -1;
	to->open_set = from->open_set;
	tails_opened(to, fd);
}

static void
flush(struct tail *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next) {
		if (s->cursor.sent >= t->size || s->flush)
			continue;
		s->flush = true;
		stream_wake(s);
	}
}

static bool
is_in_flight(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.acked < s->cursor.sent)
			return (true);
	return (false);
}

/*
 * Whether it may have a name all the same: the event that tells of it may still
 * wait to be read.
 */
static bool
may_be_named(const struct tail *t, double quiet)
{
	const struct tails_finder *finder = &t->all->finder;

	if (t->deleted || quiet >= TAILS_MOVED_QUIET)
		return (false);
	if (quiet < TAILS_UNTOLD_QUIET || watch_is_behind(t->all->watch))
		return (true);
	return (finder->is_blind != NULL &&
	    finder->is_blind(finder->arg, tail_old_path(t)));
}

static void
look_at_nameless(struct tail *t, double quiet)
{
	if ((t->held != NULL || t->fd == -1) && may_be_named(t, quiet))
		return;
	if (tail_release_unknown(t))
		return;
	if (t->held != NULL) {
		tail_finish(t);
	} else if (t->fd == -1) {
		/* Nothing can be read again, only what is in flight counts. */
		if (is_in_flight(t))
			return;
		if (tail_may_come_back(t)) {
			tail_leave(t);
			return;
		}
		tail_say_lost(t, "gone");
		tail_finish(t);
	} else if (quiet >=
	    (t->deleted ? TAILS_DELETED_QUIET : TAILS_MOVED_QUIET)) {
		if (!tail_is_done(t))
			flush(t);
		else if (tail_may_come_back(t))
			tail_leave(t);
		else
			tail_finish(t);
	}
}

/* Whether time still matters for a file that has a name. */
static bool
look_at_named(struct tail *t, double quiet)
{
	double partial = tail_partial_seconds(t);

	if (t->held != NULL)
		return (tail_held_is_timed(t));
	if (t->untold || t->error != 0 || t->suspect || t->rewritten)
		return (true);
	if (!tail_is_drained(t) || tail_least_sent(t) >= t->size)
		return (false);
	if ((partial > 0 && quiet >= partial) ||
	    (t->rotated && quiet >= TAILS_ROTATED_QUIET))
		flush(t);
	return (t->rotated || partial > 0);
}

static struct tail *
next_timed(struct tails *ts)
{
	struct tail *t = ts->next;

	if (t != NULL)
		ts->next = TAILQ_NEXT(t, timed);
	return (t);
}

/* A look may end any file, or have another follow at the end of the list. */
static void
on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct tails *ts = timer->data;
	struct tail *t;
	double quiet;

	(void)loop;
	(void)revents;
	ts->next = TAILQ_FIRST(&ts->timed);
	while ((t = next_timed(ts)) != NULL)
		if (t->seeking)
			tail_seek_copy(t);
		else if (t->linked && t->place != NULL &&
		    ts->finder.look != NULL)
			ts->finder.look(t->place, t->name);
		else
			tail_check_surely(t);
	ts->next = TAILQ_FIRST(&ts->timed);
	while ((t = next_timed(ts)) != NULL) {
		quiet = tails_now(ts) - t->changed;
		tail_held_by_time(t, quiet);
		if (t->rewritten)
			tails_time_later(t);
		if (t->seeking)
			continue;
		if (t->packed != INFLATE_NONE) {
			if (tail_packed_look(t, quiet))
				tail_finish_packed(t);
		} else if (t->place == NULL)
			look_at_nameless(t, quiet);
		else if (!look_at_named(t, quiet))
			tails_untime(t);
	}
}
