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
#include "daemon/tail_held.h"
#include "daemon/tail_inside.h"
#include "daemon/tail_packed.h"
#include "daemon/tails.h"

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
off_t
tail_last_line(struct tail *t, int fd)
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
			s->cursor.sent = s->cursor.acked = tail_last_line(t, fd);
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

struct tail *
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
	tails_sure(t);
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
	free(t->real);
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

bool
tail_update_print(struct tail *t, int fd)
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

const struct stream *
tail_stream_to(const struct tail *t, const void *dest)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->route->dest == dest)
			return (s);
	return (NULL);
}

struct stream *
tail_link_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = stream_new(t, r, offset)) == NULL)
		return (NULL);
	s->next = t->streams;
	t->streams = s;
	return (s);
}

int
tail_add_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = tail_link_stream(t, r, offset)) == NULL)
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

void
tail_set_real(struct tail *t, const char *dir)
{
	char *copy = NULL;

	if (dir != NULL && (copy = strdup(dir)) == NULL)
		log_warn("%s", dir);
	free(t->real);
	t->real = copy;
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
	if (t->sure != 0)
		t->size = t->sure;
	t->sure = 0;
	tails_time_soon(t);
}

void
tail_set_packed(
    struct tail *t, enum inflate_kind kind, const struct fingerprint *print)
{
	t->packed = kind;
	t->print = *print;
	tails_time(t);
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

bool
tail_is_done(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!stream_is_done(s))
			return (false);
	return (true);
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

/*
 * Whether the fingerprint need not be compared now, as each stream compares
 * what stands before what it reads; by the first event of a second it is.
 */
static bool
is_guarded(const struct tail *t)
{
	const struct stream *s;

	if (t->linked || t->print.len < FINGERPRINT_MAX ||
	    t->size < FINGERPRINT_MAX ||
	    (int64_t)t->changed != (int64_t)tails_now(t->all))
		return (false);
	for (s = t->streams; s != NULL; s = s->next)
		if (!stream_is_guarded(s))
			return (false);
	return (true);
}

/*
 * It may have been truncated and written anew between two looks: whatever the
 * size says, the fingerprint tells, or what stood before what is read next.
 */
static void
tail_written(struct tail *t, const struct stat *st, bool surely)
{
	struct stream *s;
	bool same_size;
	int fd;

	if (!surely && is_guarded(t)) {
		t->sure = t->size;
		tails_unsure(t);
	} else if ((fd = tail_fd(t)) != -1 && !tail_update_print(t, fd)) {
		tail_truncated(t, st);
		return;
	} else {
		t->sure = 0;
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

static void
check(struct tail *t, bool surely)
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
	    t->error != 0 || (surely && t->sure != 0))
		tail_written(t, &st, surely);
}

void
tail_check(struct tail *t)
{
	check(t, false);
}

void
tail_check_surely(struct tail *t)
{
	check(t, true);
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
