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
#include "daemon/place.h"
#include "daemon/stream.h"
#include "daemon/tail_copy.h"
#include "daemon/tail_held.h"
#include "daemon/tail_packed.h"
#include "daemon/tails.h"
#include "lib/rotation.h"

const char *
tail_path(const struct tail *t)
{
	static char path[PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s/%s",
	    t->place != NULL ? t->place->path : "(no name, was)", t->name);
	return (path);
}

bool
tail_is_drained(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!s->is_drained)
			return (false);
	return (true);
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

/* For what could not be opened when it was found. */
static void
begin_at_end(struct tail *t, int fd)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->from_end) {
			s->cursor.sent = s->cursor.acked = last_line(t, fd);
			s->from_end = false;
		}
}

static int
open_by_path(const struct tail *t)
{
	return (open(tail_path(t),
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
		(t->linked ? 0 : O_NOFOLLOW)));
}

int
tail_fd(struct tail *t)
{
	struct stat st;
	int fd;

	if (t->fd != -1)
		return (tails_used(t));
	if (t->place == NULL)
		return (-1);
	fd = open_by_path(t);
	if (fd == -1 && (errno == EMFILE || errno == ENFILE) &&
	    tails_close_some(t->all))
		fd = open_by_path(t);
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
	tails_opened(t, fd);
	begin_at_end(t, fd);
	return (fd);
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
	t->changed = tails_now(ts);
	return (t);
}

/*
 * Whether nothing has happened to the file, nor to its inode, since the last
 * checkpoint of the daemon before this one.  Some file systems count seconds.
 */
static bool
is_unchanged(struct tails *ts, const struct stat *st)
{
	const struct timespec *written = ledger_written(tails_ledger(ts));

	return (tails_is_starting(ts) && written != NULL &&
	    (ev_tstamp)written->tv_sec <= tails_now(ts) &&
	    st->st_ctim.tv_sec + 2 < written->tv_sec);
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
	tails_know(t, st);
	place_enter(t, place, copy);
	place_follow_leaver(t);
	t->size = st->st_size;
	t->settled = is_unchanged(ts, st);
	tails_stats(ts)->files++;
	tails_stats(ts)->found++;
	return (t);
}

struct tail *
tail_new_nameless(
    struct tails *ts, const char *name, int fd, const struct stat *st)
{
	struct tail *t;

	if ((t = tail_alloc(ts, name)) == NULL) {
		(void)close(fd);
		return (NULL);
	}
	tails_know(t, st);
	tails_opened(t, fd);
	t->size = st->st_size;
	t->deleted = st->st_nlink == 0;
	t->many_links = st->st_nlink > 1;
	t->rotated = true;
	tails_stats(ts)->files++;
	tails_stats(ts)->found++;
	return (t);
}

void
tail_free(struct tail *t)
{
	struct stream *s;

	if (t->place != NULL)
		RB_REMOVE(tail_names, &t->place->names, t);
	tails_forget(t);
	tails_untime(t);
	place_unleave(t);
	tail_unlink_order(t);
	while ((s = t->streams) != NULL) {
		t->streams = s->next;
		stream_free(s);
	}
	tails_closed(t);
	tails_stats(t->all)->files--;
	tail_unhold(t);
	free(t->origin);
	free(t->name);
	free(t);
}

/* The file will not come back: neither will its records. */
void
tail_finish(struct tail *t)
{
	struct stream *s;

	log_info("%s: finished", tail_path(t));
	for (s = t->streams; s != NULL; s = s->next)
		ledger_drop(tails_ledger(t->all), s, t->known);
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
	struct stream *s;
	int n;

	if (t->packed != INFLATE_NONE || (n = fingerprint_head(fd, head)) == -1)
		return (true);
	if (!fingerprint_matches(&t->print, head, (size_t)n))
		return (false);
	if (t->print.len == FINGERPRINT_MAX || t->print.len == (uint32_t)n)
		return (true);
	fingerprint_of(&t->print, head, (size_t)n);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), s);
	return (true);
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

static struct stream *
link_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = stream_new(t, r, offset)) == NULL)
		return (NULL);
	s->next = t->streams;
	t->streams = s;
	return (s);
}

static int
add_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = link_stream(t, r, offset)) == NULL)
		return (-1);
	/* Also at 0: a file that is renamed must be known again. */
	ledger_mark(tails_ledger(t->all), s);
	log_debug("%s: to %s from %lld", tail_path(t), r->to->name,
	    (long long)offset);
	stream_wake(s);
	return (0);
}

void
tail_set_origin(struct tail *t, const char *path)
{
	char *copy;

	if ((copy = strdup(path)) == NULL) {
		log_warn("%s", path);
		return;
	}
	free(t->origin);
	t->origin = copy;
}

const char *
tail_origin(const struct tail *t)
{
	return (t->origin != NULL ? t->origin : tail_path(t));
}

void
tail_suspect(struct tail *t)
{
	t->suspect = true;
	tails_time(t);
}

/* The file as whose copy fd and name were found.  Takes both. */
static struct tail *
tail_of_copy(
    struct tail *now, const struct fingerprint *print, int fd, char *name)
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
	tails_know(t, &st);
	tail_set_origin(t, tail_origin(now));
	if (tail_at(now->place, name) == NULL)
		place_enter(t, now->place, name);
	else
		free(name);
	tails_opened(t, fd);
	t->print = *print;
	t->size = st.st_size;
	t->rotated = true;
	tails_stats(t->all)->files++;
	tails_stats(t->all)->found++;
	return (t);
fail:
	(void)close(fd);
	free(name);
	return (NULL);
}

/* The file was truncated while nobody looked: what it was goes on in a copy. */
static void
resume_in_copy(
    struct tail *now, struct route *r, const struct checkpoint_record *rec)
{
	struct tail_copy wanted = { .print = rec->print,
		.least = rec->offset,
		.dev = now->dev,
		.ino = now->ino,
		.all = NULL };
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
	tails_time(copy);
}

/* Whether rotation gave it its name when it was called path. */
static bool
was_called(const struct tail *t, const char *path)
{
	return (t->place != NULL && place_holds(t->place, path) &&
	    rotation_is_of(t->name, strrchr(path, '/') + 1));
}

void
tail_set_packed(
    struct tail *t, enum inflate_kind kind, const struct fingerprint *print)
{
	t->packed = kind;
	t->print = *print;
	tails_time(t);
}

/* Whether the record is of the text of a file that is compressed. */
static bool
is_text_of(struct tail *t, const struct route *r, int fd, const uint8_t *head,
    size_t n, const struct checkpoint_record *rec)
{
	enum inflate_kind kind = inflate_kind_of(head, n);
	uint8_t text[FINGERPRINT_MAX];
	int len;

	if (kind == INFLATE_NONE || !r->source->compressed ||
	    rec->print.len == 0)
		return (false);
	len = tail_packed_head(fd, kind, text);
	if (!fingerprint_matches(&rec->print, text, (size_t)len))
		return (false);
	tail_set_packed(t, kind, &rec->print);
	t->size = rec->offset + 1;
	return (true);
}

/*
 * Where to go on by the checkpoint, or -1 where it does not know the file.
 * *same is whether it is the very file of the checkpoint.
 */
static off_t
recorded_offset(struct tail *t, struct route *r, int fd, bool *same)
{
	struct checkpoint_record rec;
	uint8_t head[FINGERPRINT_MAX];
	int n;

	*same = false;
	if (!ledger_take(
		tails_ledger(t->all), r->to->name, t->dev, t->ino, &rec))
		return (-1);
	t->met = true;
	if (fd == -1 || (n = fingerprint_head(fd, head)) == -1) {
		/* To be compared when it can be read. */
		t->print = rec.print;
		return (rec.offset);
	}
	if (fingerprint_matches(&rec.print, head, (size_t)n) &&
	    rec.offset <= t->size) {
		/* Of an empty file only the name can tell. */
		*same = rec.print.len > 0 || was_called(t, rec.path);
		return (rec.offset);
	}
	if (is_text_of(t, r, fd, head, (size_t)n, &rec)) {
		*same = true;
		return (rec.offset);
	}
	t->met = false;
	if (tails_is_starting(t->all))
		ledger_give_back(tails_ledger(t->all));
	else
		resume_in_copy(t, r, &rec);
	return (0);
}

/* The first route decides with which others the file shares descriptors. */
static int
open_for(struct tail *t, const struct route *r)
{
	if (t->fd == -1 && t->streams == NULL)
		t->open_set = r->open_set;
	return (tail_fd(t));
}

int
tail_rejoin(struct tail *t, struct route *r)
{
	int fd = open_for(t, r);
	off_t offset;
	bool same;

	if (fd == -1 || stream_to(t, r->dest) != NULL)
		return (0);
	offset = recorded_offset(t, r, fd, &same);
	if (!same)
		return (0);
	(void)update_print(t, fd);
	return (add_stream(t, r, offset));
}

/*
 * Whether the receiver has all of the file, and nothing has happened to it
 * since the checkpoint said so: then there is nothing to open it for.
 */
static bool
is_settled(struct tail *t, const struct route *r)
{
	const struct checkpoint_record *rec;

	if (!t->settled)
		return (false);
	rec = ledger_find(tails_ledger(t->all), r->to->name, t->dev, t->ino);
	return (rec != NULL && rec->offset == t->size &&
	    (rec->print.len > 0 || t->size == 0) &&
	    strcmp(rec->path, tail_path(t)) == 0);
}

static int
join_settled(struct tail *t, struct route *r)
{
	struct checkpoint_record rec;
	struct stream *s;

	if (!ledger_take(
		tails_ledger(t->all), r->to->name, t->dev, t->ino, &rec) ||
	    (s = link_stream(t, r, rec.offset)) == NULL)
		return (-1);
	t->print = rec.print;
	t->met = true;
	s->is_drained = true;
	return (0);
}

int
tail_join(struct tail *t, struct route *r, bool from_end)
{
	const struct stream *other = stream_to(t, r->dest);
	off_t offset;
	bool same, at_end = false;
	int fd;

	if (other != NULL) {
		if (other->route != r)
			log_debug("%s: source %s sends it to %s already",
			    tail_path(t), other->route->source->name,
			    r->to->name);
		return (0);
	}
	if (is_settled(t, r))
		return (join_settled(t, r));
	fd = open_for(t, r);
	offset = recorded_offset(t, r, fd, &same);
	if (offset == -1) {
		offset = from_end && fd != -1 ? last_line(t, fd) : 0;
		at_end = from_end && fd == -1;
	}
	if (fd != -1)
		(void)update_print(t, fd);
	if (add_stream(t, r, offset) == -1)
		return (-1);
	t->streams->from_end = at_end;
	return (0);
}

off_t
tail_least_sent(const struct tail *t)
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

bool
tail_is_done(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!stream_is_done(s))
			return (false);
	return (true);
}

/* What will never be read is said with its range. */
void
tail_say_lost(struct tail *t, const char *how)
{
	off_t from = tail_least_sent(t);

	if (from >= t->size)
		return;
	log_warnx("%s: %lld bytes at %lld were %s before they could be read",
	    tail_path(t), (long long)(t->size - from), (long long)from, how);
	tails_stats(t->all)->lost_bytes += (uint64_t)(t->size - from);
}

/* old goes on as its copy, which fd is open for.  Takes fd and name. */
static void
go_on_in_copy(struct tail *old, struct place *place, int fd, char *name,
    const struct stat *st)
{
	struct stream *s;
	struct tail *held;

	if ((held = tails_find(old->all, st->st_dev, st->st_ino)) != NULL)
		tail_retire(held);
	tails_know(old, st);
	tails_opened(old, fd);
	old->size = st->st_size;
	old->many_links = st->st_nlink > 1;
	old->rotated = true;
	if (old->origin == NULL) {
		old->place = place;
		tail_set_origin(old, tail_path(old));
		old->place = NULL;
	}
	if (tail_at(place, name) == NULL)
		place_enter(old, place, name);
	else
		free(name);
	tails_watch(old);
	log_info("%s: is the copy of a truncated file: the rest is read there",
	    tail_path(old));
	for (s = old->streams; s != NULL; s = s->next) {
		ledger_mark(tails_ledger(old->all), s);
		stream_wake(s);
	}
}

/*
 * What the file was before it was truncated goes on in its copy, which may
 * have more than anybody had seen; without one, what is in flight is all that
 * can still arrive.  Takes old.
 */
static void
finish_in_copy(struct tail *old, struct place *place, struct tail *now)
{
	struct tail_copy wanted = { .print = old->print,
		.least = most_sent(old),
		.dev = old->dev,
		.ino = old->ino,
		.all = old->all };
	struct stat st;
	char *name = NULL;
	int fd;

	if (wanted.least < old->size)
		wanted.least = old->size;
	fd = tail_copy_open(&wanted, place, &name);
	if (fd != -1 && fstat(fd, &st) == 0) {
		tail_follows(now, old);
		go_on_in_copy(old, place, fd, name, &st);
		tails_time(old);
		return;
	}
	if (fd != -1)
		(void)close(fd);
	free(name);
	if (tail_is_done(old)) {
		tail_free(old);
		return;
	}
	tail_follows(now, old);
	tail_say_lost(old, "truncated");
	old->size = tail_least_sent(old);
	tails_time(old);
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
		s->guard_at = -1;
		stream_wake(s);
	}
}

/* The new file that a truncated one is: same place, descriptor and routes. */
static struct tail *
truncated_successor(
    struct tail *old, struct place *place, const struct stat *st)
{
	struct tails *ts = old->all;
	struct tail *now;
	struct stream *s, *fresh;
	int fd = old->fd;

	if ((now = tail_alloc(ts, old->name)) == NULL)
		return (NULL);
	tails_stats(ts)->files++;
	now->place = place;
	now->linked = old->linked;
	now->rotated = old->rotated;
	if (old->origin != NULL)
		tail_set_origin(now, old->origin);
	now->size = st->st_size;
	RB_REMOVE(tail_names, &place->names, old);
	RB_INSERT(tail_names, &place->names, now);
	old->place = NULL;
	tails_forget(old);
	tails_know(now, st);
	if (fd != -1) {
		tails_hand_over(old, now);
		(void)update_print(now, fd);
	}
	for (s = old->streams; s != NULL; s = s->next) {
		if ((fresh = stream_new(now, s->route, 0)) == NULL)
			continue;
		fresh->next = now->streams;
		now->streams = fresh;
		ledger_mark(tails_ledger(ts), fresh);
	}
	return (now);
}

/* Its text may be longer now. */
static void
packed_written(struct tail *t, const struct stat *st)
{
	struct stream *s;

	if (written_ns(st) == t->written_ns)
		return;
	t->written_ns = written_ns(st);
	t->changed = tails_now(t->all);
	for (s = t->streams; s != NULL; s = s->next)
		stream_wake(s);
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
	tails_stats(old->all)->truncations++;
	old->suspect = false;
	if (place == NULL ||
	    (now = truncated_successor(old, place, st)) == NULL) {
		begin_again(old, st);
		return;
	}
	finish_in_copy(old, place, now);
	for (s = now->streams; s != NULL; s = s->next)
		stream_wake(s);
	tails_watch(now);
}

/*
 * It may have been truncated and written anew between two looks: whatever the
 * size says, the fingerprint tells.
 */
static void
tail_written(struct tail *t, const struct stat *st)
{
	struct stream *s;
	bool same_size;
	int fd;

	if ((fd = tail_fd(t)) != -1 && !update_print(t, fd)) {
		tail_truncated(t, st);
		return;
	}
	t->written_ns = written_ns(st);
	t->changed = tails_now(t->all);
	same_size = st->st_size == t->size;
	t->size = st->st_size;
	tail_held_look(t);
	/*
	 * Not by the size alone: one stream may have read on already, others
	 * not; and what was written over is found by reading.
	 */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size || same_size)
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
	if (t->packed != INFLATE_NONE) {
		packed_written(t, &st);
		return;
	}
	if (t->many_links != (st.st_nlink > 1)) {
		t->many_links = st.st_nlink > 1;
		tails_watch(t);
	}
	if (st.st_size < t->size || t->suspect)
		tail_truncated(t, &st);
	else if (st.st_size > t->size || written_ns(&st) != t->written_ns ||
	    t->error != 0)
		tail_written(t, &st);
}

/* The least partial_timeout that counts for it, in seconds; 0 for none. */
double
tail_partial_seconds(const struct tail *t)
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

void
tail_drained(struct tail *t)
{
	struct stream *s;

	if (t->behind != NULL)
		for (s = t->behind->streams; s != NULL; s = s->next)
			if (!s->is_drained)
				stream_wake(s);
	if (tail_least_sent(t) < t->size &&
	    (t->rotated || tail_partial_seconds(t) > 0))
		tails_time(t);
}
