#include "daemon/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail_copy.h"

/*
 * How long a file without a name may be quiet before it is finished with: a
 * deleted one holds disk space, one that was moved away may still be written.
 */
#define DELETED_QUIET	60.
#define MOVED_QUIET	600.
/* The rest of a rotated file without a newline is sent after so long. */
#define ROTATED_QUIET	60.

RB_HEAD(tail_ids, tail);

struct tails {
	struct ev_loop		*loop;
	struct ledger		*ledger;
	struct tail_ids		 ids;
	struct tail_list	 opened;
	struct tail_list	 timed;
	ev_timer		 look;
	struct tails_conf	 conf;
	struct tails_stats	 stats;
	uint8_t			*scratch;
};

static int
compare_ids(const struct tail *a, const struct tail *b)
{
	if (a->dev != b->dev)
		return (a->dev < b->dev ? -1 : 1);
	return (a->ino < b->ino ? -1 : a->ino > b->ino);
}

static int
compare_names(const struct tail *a, const struct tail *b)
{
	return (strcmp(a->name, b->name));
}

RB_PROTOTYPE(tail_ids, tail, by_id, compare_ids)
RB_GENERATE(tail_ids, tail, by_id, compare_ids)
RB_GENERATE(tail_names, tail, by_name, compare_names)

static void	on_look(struct ev_loop *, ev_timer *, int);

struct tails *
tails_new(struct ev_loop *loop, struct ledger *ledger,
    const struct tails_conf *conf)
{
	struct tails *ts;
	ev_tstamp every = (double)conf->look_ms / 1e3;

	if ((ts = calloc(1, sizeof(*ts))) == NULL)
		return (NULL);
	if ((ts->scratch = malloc(conf->scratch)) == NULL) {
		free(ts);
		return (NULL);
	}
	ts->loop = loop;
	ts->ledger = ledger;
	ts->conf = *conf;
	RB_INIT(&ts->ids);
	TAILQ_INIT(&ts->opened);
	TAILQ_INIT(&ts->timed);
	ev_timer_init(&ts->look, on_look, every, every);
	ts->look.data = ts;
	return (ts);
}

uint8_t *
tails_scratch(struct tails *ts, size_t *size)
{
	*size = ts->conf.scratch;
	return (ts->scratch);
}

struct ledger *
tails_ledger(struct tails *ts)
{
	return (ts->ledger);
}

void
tails_count_stream(struct tails *ts, int change)
{
	ts->stats.streams += (uint64_t)change;
}

ev_tstamp
tails_now(const struct tails *ts)
{
	return (ev_now(ts->loop));
}

void
tails_stats(const struct tails *ts, struct tails_stats *stats)
{
	*stats = ts->stats;
}

void
tails_walk(struct tails *ts, void (*fn)(struct tail *, void *), void *arg)
{
	struct tail *t, *next;

	RB_FOREACH_SAFE (t, tail_ids, &ts->ids, next)
		fn(t, arg);
	/* A truncated file without a copy is known by no identity. */
	TAILQ_FOREACH_SAFE (t, &ts->timed, timed, next)
		if (!t->known)
			fn(t, arg);
}

const char *
tail_path(const struct tail *t)
{
	static char path[PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s/%s",
	    t->place != NULL ? t->place->path : "(no name, was)", t->name);
	return (path);
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
tail_at(struct place *place, const char *name)
{
	struct tail key;
	union {
		const char	*in;
		char		*out;
	} u = { .in = name };

	key.name = u.out;
	return (RB_FIND(tail_names, &place->names, &key));
}

/* A file that needs a look by time, not by event. */
static void
tail_time(struct tail *t)
{
	struct tails *ts = t->all;

	if (t->is_timed)
		return;
	t->is_timed = true;
	TAILQ_INSERT_TAIL(&ts->timed, t, timed);
	if (!ev_is_active(&ts->look))
		ev_timer_again(ts->loop, &ts->look);
}

static void
tail_untime(struct tail *t)
{
	struct tails *ts = t->all;

	if (!t->is_timed)
		return;
	t->is_timed = false;
	TAILQ_REMOVE(&ts->timed, t, timed);
	if (TAILQ_EMPTY(&ts->timed))
		ev_timer_stop(ts->loop, &ts->look);
}

static void
tail_close(struct tail *t)
{
	if (t->fd == -1)
		return;
	(void)close(t->fd);
	t->fd = -1;
	TAILQ_REMOVE(&t->all->opened, t, opened);
	t->all->stats.open--;
}

static bool
tail_is_drained(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!s->is_drained)
			return (false);
	return (true);
}

/*
 * Closes what was not used for longest and can be opened again; rather what is
 * drained, for a file that is closed may be deleted.
 */
static void
make_room(struct tails *ts)
{
	struct tail *t, *next, *undrained = NULL;
	unsigned looked = 0;

	TAILQ_FOREACH_SAFE (t, &ts->opened, opened, next) {
		if (ts->stats.open < ts->conf.max_open)
			return;
		if (++looked > 64)
			break;
		if (t->place == NULL)
			continue;
		if (tail_is_drained(t))
			tail_close(t);
		else if (undrained == NULL)
			undrained = t;
	}
	if (ts->stats.open >= ts->conf.max_open && undrained != NULL)
		tail_close(undrained);
}

static void
set_fd(struct tail *t, int fd)
{
	make_room(t->all);
	t->fd = fd;
	t->error = 0;
	TAILQ_INSERT_TAIL(&t->all->opened, t, opened);
	t->all->stats.open++;
}

static void
say_unreadable(struct tail *t, int error)
{
	if (t->error != error) {
		errno = error;
		log_warn("%s: cannot be read, will try again when it changes",
		    tail_path(t));
	}
	t->error = error;
}

int
tail_fd(struct tail *t)
{
	struct stat st;
	int fd;

	if (t->fd != -1) {
		if (TAILQ_NEXT(t, opened) != NULL) {
			TAILQ_REMOVE(&t->all->opened, t, opened);
			TAILQ_INSERT_TAIL(&t->all->opened, t, opened);
		}
		return (t->fd);
	}
	if (t->place == NULL)
		return (-1);
	fd = open(tail_path(t),
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
		(t->linked ? 0 : O_NOFOLLOW));
	if (fd == -1) {
		say_unreadable(t, errno);
		return (-1);
	}
	if (fstat(fd, &st) == -1 || st.st_dev != t->dev ||
	    st.st_ino != t->ino) {
		/* Replaced: the event that says so is on its way. */
		(void)close(fd);
		return (-1);
	}
	set_fd(t, fd);
	return (fd);
}

static void
enter_name(struct tail *t, struct place *place, char *name)
{
	free(t->name);
	t->name = name;
	t->place = place;
	RB_INSERT(tail_names, &place->names, t);
}

static struct tail *
tail_alloc(struct tails *ts, const char *name)
{
	struct tail *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->name = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	t->all = ts;
	t->fd = -1;
	t->changed = ev_now(ts->loop);
	return (t);
}

static int64_t
written_ns(const struct stat *st)
{
	return ((int64_t)st->st_mtim.tv_sec * 1000000000 +
	    st->st_mtim.tv_nsec);
}

static void
know(struct tail *t, const struct stat *st)
{
	t->written_ns = written_ns(st);
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	RB_INSERT(tail_ids, &t->all->ids, t);
	t->known = true;
}

static void
unknow(struct tail *t)
{
	if (t->known)
		RB_REMOVE(tail_ids, &t->all->ids, t);
	t->known = false;
}

/* after is to be sent when before is at its end. */
static void
tail_follows(struct tail *after, struct tail *before)
{
	if (after == before || after->before != NULL || before->behind != NULL)
		return;
	after->before = before;
	before->behind = after;
}

static void
unleave(struct tail *t)
{
	if (t->left_place == NULL)
		return;
	TAILQ_REMOVE(&t->left_place->leavers, t, left);
	t->left_place = NULL;
	free(t->left_name);
	t->left_name = NULL;
}

void
tail_was(struct tail *t, struct place *place, const char *name)
{
	unleave(t);
	if ((t->left_name = strdup(name)) == NULL)
		return;
	t->left_place = place;
	TAILQ_INSERT_TAIL(&place->leavers, t, left);
}

/* A new file has a name: what had it before is sent first. */
static void
follow_leaver(struct tail *t)
{
	struct tail *l;

	TAILQ_FOREACH (l, &t->place->leavers, left) {
		if (l == t || strcmp(l->left_name, t->name) != 0)
			continue;
		tail_follows(t, l);
		unleave(l);
		return;
	}
}

void
tail_precedes(struct tail *t, struct place *place, const char *name)
{
	struct tail *holder = tail_at(place, name), *l;

	if (holder != NULL && holder != t) {
		t->before = holder->before;
		t->behind = holder;
		if (t->before != NULL)
			t->before->behind = t;
		holder->before = t;
		return;
	}
	TAILQ_FOREACH (l, &place->leavers, left)
		if (l != t && strcmp(l->left_name, name) == 0) {
			tail_follows(t, l);
			unleave(l);
			break;
		}
	tail_was(t, place, name);
}

static void
leave_name(struct tail *t)
{
	if (t->place == NULL)
		return;
	RB_REMOVE(tail_names, &t->place->names, t);
	tail_was(t, t->place, t->name);
	t->place = NULL;
	t->rotated = true;
	t->all->stats.rotations++;
}

void
tail_rename(struct tail *t, struct place *place, const char *name)
{
	struct stream *s;
	char *copy;

	leave_name(t);
	t->changed = ev_now(t->all->loop);
	tail_time(t);
	if (place == NULL)
		return;
	if ((copy = strdup(name)) == NULL) {
		log_warn("%s", tail_path(t));
		return;
	}
	log_info("%s/%s: was %s", place->path, name, t->name);
	enter_name(t, place, copy);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(t->all->ledger, s);
}

void
place_init(struct place *place, char *path)
{
	place->path = path;
	RB_INIT(&place->names);
	TAILQ_INIT(&place->leavers);
}

void
place_fini(struct place *place)
{
	struct tail *t;

	while ((t = RB_MIN(tail_names, &place->names)) != NULL)
		tail_rename(t, NULL, NULL);
	while ((t = TAILQ_FIRST(&place->leavers)) != NULL)
		unleave(t);
	free(place->path);
}

struct tail *
tail_new(struct tails *ts, struct place *place, const char *name,
    const struct stat *st)
{
	struct tail *t;
	char *copy;

	if ((t = tail_alloc(ts, name)) == NULL ||
	    (copy = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	know(t, st);
	enter_name(t, place, copy);
	follow_leaver(t);
	t->size = st->st_size;
	ts->stats.files++;
	ts->stats.found++;
	return (t);
}

static void
unlink_order(struct tail *t)
{
	struct stream *s;

	if (t->before != NULL)
		t->before->behind = NULL;
	if (t->behind != NULL) {
		t->behind->before = NULL;
		for (s = t->behind->streams; s != NULL; s = s->next)
			stream_wake(s);
	}
	t->before = t->behind = NULL;
}

static void
tail_free(struct tail *t)
{
	struct stream *s;

	if (t->place != NULL)
		RB_REMOVE(tail_names, &t->place->names, t);
	unknow(t);
	tail_untime(t);
	unleave(t);
	unlink_order(t);
	while ((s = t->streams) != NULL) {
		t->streams = s->next;
		stream_free(s);
	}
	tail_close(t);
	t->all->stats.files--;
	free(t->name);
	free(t);
}

void
tails_free(struct tails *ts)
{
	struct tail *t;

	if (ts == NULL)
		return;
	while ((t = RB_MIN(tail_ids, &ts->ids)) != NULL ||
	    (t = TAILQ_FIRST(&ts->timed)) != NULL)
		tail_free(t);
	free(ts->scratch);
	free(ts);
}

/* The file will not come back: neither will its records. */
static void
tail_finish(struct tail *t)
{
	struct stream *s;

	log_info("%s: finished", tail_path(t));
	for (s = t->streams; s != NULL; s = s->next)
		ledger_drop(t->all->ledger, s, t->known);
	tail_free(t);
}

/*
 * Compares the fingerprint with a file that was written to, and brings it up
 * to date.  Returns whether it is still the same file.
 */
static bool
update_print(struct tail *t, int fd)
{
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if ((n = fingerprint_head(fd, head)) == -1)
		return (true);
	if (!fingerprint_matches(&t->print, head, (size_t)n))
		return (false);
	if (t->print.len < FINGERPRINT_MAX)
		fingerprint_of(&t->print, head, (size_t)n);
	return (true);
}

/* The offset behind the last newline, or 0: where start = "end" begins. */
static off_t
last_line(struct tail *t, int fd)
{
	uint8_t *buf, *nl;
	size_t size, n;
	off_t end = t->size;
	ssize_t got;

	buf = tails_scratch(t->all, &size);
	while (end > 0) {
		n = end < (off_t)size ? (size_t)end : size;
		got = pread(fd, buf, n, end - (off_t)n);
		if (got < (ssize_t)n)
			break;
		if ((nl = memrchr(buf, '\n', n)) != NULL)
			return (end - (off_t)n + (nl - buf) + 1);
		end -= (off_t)n;
	}
	return (0);
}

static const struct stream *
stream_to(const struct tail *t, const void *dest)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->route->dest == dest)
			return (s);
	return (NULL);
}

static int
add_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = stream_new(t, r, offset)) == NULL)
		return (-1);
	s->next = t->streams;
	t->streams = s;
	if (offset > 0)
		ledger_mark(t->all->ledger, s);
	log_debug("%s: to %s from %lld", tail_path(t), r->to->name,
	    (long long)offset);
	stream_wake(s);
	return (0);
}

/* The file as whose copy fd and name were found.  Takes both. */
static struct tail *
tail_of_copy(struct tail *now, const struct fingerprint *print, int fd,
    char *name)
{
	struct tail *t;
	struct stat st;

	if (fstat(fd, &st) == -1)
		goto fail;
	if ((t = tails_find(now->all, st.st_dev, st.st_ino)) != NULL) {
		(void)close(fd);
		free(name);
		return (t);
	}
	if ((t = tail_alloc(now->all, name)) == NULL)
		goto fail;
	know(t, &st);
	enter_name(t, now->place, name);
	set_fd(t, fd);
	t->print = *print;
	t->size = st.st_size;
	t->rotated = true;
	t->all->stats.files++;
	t->all->stats.found++;
	return (t);
fail:
	(void)close(fd);
	free(name);
	return (NULL);
}

/* The file was truncated while nobody looked: what it was goes on in a copy. */
static void
resume_in_copy(struct tail *now, struct route *r,
    const struct checkpoint_record *rec)
{
	struct tail_copy wanted = { .print = rec->print,
		.least = rec->offset,
		.dev = now->dev,
		.ino = now->ino };
	struct tail *copy;
	char *name;
	int fd;

	if (now->place == NULL ||
	    (fd = tail_copy_open(&wanted, now->place, &name)) == -1) {
		log_notice("%s: is another file than the one that was sent up "
			   "to %lld, of which no copy is here",
		    tail_path(now), (long long)rec->offset);
		return;
	}
	if ((copy = tail_of_copy(now, &wanted.print, fd, name)) == NULL ||
	    stream_to(copy, r->dest) != NULL ||
	    add_stream(copy, r, wanted.least) == -1)
		return;
	log_info("%s: is the copy of a truncated file: the rest is read there",
	    tail_path(copy));
	tail_follows(now, copy);
	tail_time(copy);
}

/* Where to go on by the checkpoint, or -1 where it does not know the file. */
static off_t
recorded_offset(struct tail *t, struct route *r, int fd)
{
	struct checkpoint_record rec;
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if (!ledger_take(t->all->ledger, r->to->name, t->dev, t->ino, &rec))
		return (-1);
	if (fd == -1 || (n = fingerprint_head(fd, head)) == -1)
		return (rec.offset);
	if (fingerprint_matches(&rec.print, head, (size_t)n) &&
	    rec.offset <= t->size)
		return (rec.offset);
	resume_in_copy(t, r, &rec);
	return (0);
}

int
tail_join(struct tail *t, struct route *r, bool from_end)
{
	const struct stream *other = stream_to(t, r->dest);
	off_t offset;
	int fd;

	if (other != NULL) {
		if (other->route != r)
			log_debug("%s: source %s sends it to %s already",
			    tail_path(t), other->route->source->name,
			    r->to->name);
		return (0);
	}
	fd = tail_fd(t);
	offset = recorded_offset(t, r, fd);
	if (offset == -1)
		offset = from_end && fd != -1 ? last_line(t, fd) : 0;
	if (fd != -1)
		(void)update_print(t, fd);
	return (add_stream(t, r, offset));
}

static off_t
least_sent(const struct tail *t)
{
	const struct stream *s;
	off_t least = t->size;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < least)
			least = s->cursor.sent;
	return (least);
}

static off_t
most_sent(const struct tail *t)
{
	const struct stream *s;
	off_t most = 0;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent > most)
			most = s->cursor.sent;
	return (most);
}

static bool
tail_is_done(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!stream_is_done(s))
			return (false);
	return (true);
}

/* What will never be read is said with its range. */
static void
say_lost(struct tail *t, const char *how)
{
	off_t from = least_sent(t);

	if (from >= t->size)
		return;
	log_warnx("%s: %lld bytes at %lld were %s before they could be read",
	    tail_path(t), (long long)(t->size - from), (long long)from, how);
	t->all->stats.lost_bytes += (uint64_t)(t->size - from);
}

/* old goes on as its copy, which fd is open for.  Takes fd and name. */
static void
go_on_in_copy(struct tail *old, struct place *place, int fd, char *name,
    const struct stat *st)
{
	struct stream *s;

	know(old, st);
	set_fd(old, fd);
	old->size = st->st_size;
	old->rotated = true;
	if (tail_at(place, name) == NULL)
		enter_name(old, place, name);
	else
		free(name);
	log_info("%s: is the copy of a truncated file: the rest is read there",
	    tail_path(old));
	for (s = old->streams; s != NULL; s = s->next) {
		ledger_mark(old->all->ledger, s);
		stream_wake(s);
	}
}

/*
 * What the file was before it was truncated goes on in its copy; without one,
 * what is in flight is all that can still arrive.  Takes old.
 */
static void
finish_in_copy(struct tail *old, struct place *place, struct tail *now)
{
	struct tail_copy wanted = { .print = old->print,
		.least = most_sent(old),
		.dev = old->dev,
		.ino = old->ino };
	struct stat st;
	char *name = NULL;
	int fd = -1;

	if (tail_is_done(old)) {
		tail_free(old);
		return;
	}
	tail_follows(now, old);
	if ((fd = tail_copy_open(&wanted, place, &name)) != -1 &&
	    fstat(fd, &st) == 0 &&
	    tails_find(old->all, st.st_dev, st.st_ino) == NULL) {
		go_on_in_copy(old, place, fd, name, &st);
	} else {
		if (fd != -1)
			(void)close(fd);
		free(name);
		say_lost(old, "truncated");
		old->size = least_sent(old);
	}
	tail_time(old);
}

/* Its streams begin again at 0; what was in flight is forgotten. */
static void
begin_again(struct tail *t, const struct stat *st)
{
	struct stream *s;

	t->size = st->st_size;
	for (s = t->streams; s != NULL; s = s->next) {
		s->route->ops->on_drop(s, s->route->dest);
		s->cursor.sent = s->cursor.acked = s->scanned = 0;
		stream_wake(s);
	}
}

/* The new file that a truncated one is: same place, descriptor and routes. */
static struct tail *
truncated_successor(struct tail *old, struct place *place,
    const struct stat *st)
{
	struct tails *ts = old->all;
	struct tail *now;
	struct stream *s, *fresh;
	int fd = old->fd;

	if ((now = tail_alloc(ts, old->name)) == NULL)
		return (NULL);
	ts->stats.files++;
	now->place = place;
	now->linked = old->linked;
	now->size = st->st_size;
	RB_REMOVE(tail_names, &place->names, old);
	RB_INSERT(tail_names, &place->names, now);
	old->place = NULL;
	unknow(old);
	know(now, st);
	if (fd != -1) {
		TAILQ_REMOVE(&ts->opened, old, opened);
		ts->stats.open--;
		old->fd = -1;
		set_fd(now, fd);
		(void)update_print(now, fd);
	}
	for (s = old->streams; s != NULL; s = s->next) {
		if ((fresh = stream_new(now, s->route, 0)) == NULL)
			continue;
		fresh->next = now->streams;
		now->streams = fresh;
		ledger_mark(ts->ledger, fresh);
	}
	return (now);
}

/* The file was truncated: it is a new one, at the same place. */
static void
tail_truncated(struct tail *old, const struct stat *st)
{
	struct place *place = old->place;
	struct tail *now;
	struct stream *s;

	log_info("%s: truncated from %lld to %lld bytes", tail_path(old),
	    (long long)old->size, (long long)st->st_size);
	old->all->stats.truncations++;
	if (place == NULL ||
	    (now = truncated_successor(old, place, st)) == NULL) {
		begin_again(old, st);
		return;
	}
	finish_in_copy(old, place, now);
	for (s = now->streams; s != NULL; s = s->next)
		stream_wake(s);
	if (now->linked)
		tail_time(now);
}

/*
 * It may have been truncated and written anew between two looks: whatever the
 * size says, the fingerprint tells.
 */
static void
tail_written(struct tail *t, const struct stat *st)
{
	struct stream *s;
	int fd;

	if ((fd = tail_fd(t)) != -1 && !update_print(t, fd)) {
		tail_truncated(t, st);
		return;
	}
	t->written_ns = written_ns(st);
	t->changed = ev_now(t->all->loop);
	t->size = st->st_size;
	/* Not by the size: one stream may have read on already, others not. */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size)
			stream_wake(s);
}

void
tail_check(struct tail *t)
{
	struct stat st;

	if (t->fd != -1) {
		if (fstat(t->fd, &st) == -1)
			return;
	} else if (t->place == NULL || stat(tail_path(t), &st) == -1 ||
	    st.st_dev != t->dev || st.st_ino != t->ino) {
		return;
	}
	t->deleted = st.st_nlink == 0;
	if (st.st_size < t->size)
		tail_truncated(t, &st);
	else if (st.st_size > t->size || written_ns(&st) != t->written_ns ||
	    t->error != 0)
		tail_written(t, &st);
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

/* The least partial_timeout that counts for it, in seconds; 0 for none. */
static double
partial_seconds(const struct tail *t)
{
	const struct stream *s;
	uint64_t least = 0, ms;

	for (s = t->streams; s != NULL; s = s->next) {
		ms = s->route->source->partial_timeout_ms;
		if (ms != 0 && (least == 0 || ms < least))
			least = ms;
	}
	return ((double)least / 1e3);
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

static void
look_at_nameless(struct tail *t, double quiet)
{
	if (t->fd == -1) {
		/* Nothing can be read again, only what is in flight counts. */
		if (is_in_flight(t))
			return;
		say_lost(t, "gone");
		tail_finish(t);
	} else if (quiet >= (t->deleted ? DELETED_QUIET : MOVED_QUIET)) {
		if (tail_is_done(t))
			tail_finish(t);
		else
			flush(t);
	}
}

/* Whether time still matters for a file that has a name. */
static bool
look_at_named(struct tail *t, double quiet)
{
	double partial = partial_seconds(t);

	if (t->linked)
		return (true);
	if (!tail_is_drained(t) || least_sent(t) >= t->size)
		return (false);
	if ((partial > 0 && quiet >= partial) ||
	    (t->rotated && quiet >= ROTATED_QUIET))
		flush(t);
	return (t->rotated || partial > 0);
}

/* A look may end the file, or have another follow it at the end of the list. */
static void
on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct tails *ts = timer->data;
	struct tail *t, *next;
	double quiet;

	(void)revents;
	TAILQ_FOREACH_SAFE (t, &ts->timed, timed, next)
		tail_check(t);
	TAILQ_FOREACH_SAFE (t, &ts->timed, timed, next) {
		quiet = ev_now(loop) - t->changed;
		if (t->place == NULL)
			look_at_nameless(t, quiet);
		else if (!look_at_named(t, quiet))
			tail_untime(t);
	}
}

void
tail_drained(struct tail *t)
{
	struct stream *s;

	if (t->behind != NULL)
		for (s = t->behind->streams; s != NULL; s = s->next)
			if (!s->is_drained)
				stream_wake(s);
	if (least_sent(t) < t->size && (t->rotated || partial_seconds(t) > 0))
		tail_time(t);
}
