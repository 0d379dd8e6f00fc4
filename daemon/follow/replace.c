
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/read.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"
#include "daemon/follow/suspect.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

#define COMPARED 4096 /* octets, at the end of what the old one had */
#define SAME_MOST ((off_t)64 * 1024 * 1024) /* of both are compared */
#define UNSEEN_MOST 15 /* looks: in one to two minutes */

/* The two files. */
struct pair {
	struct file *was;
	off_t size; /* of what it has now */
	struct guard guard; /* of what was sent of it most */
	int fd; /* of the other */
	bool unknown; /* it could not be read */
	bool unseen; /* the old one could not be looked at */
	const struct stat *st;
};

/* Whether a later attempt to open the file may tell more. */
static bool
may_open_later(int error)
{
	return (error != EACCES && error != EPERM && error != ELOOP &&
	    error != ENXIO && error != ENAMETOOLONG);
}

/* Whether the entry is the old file, as far as can be known. */
static bool
is_it(struct pair *p, int dirfd, const char *name)
{
	const struct file *was = p->was;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return (st.st_dev == was->dev && st.st_ino == was->ino);
	p->unseen |= errno != ENOENT;
	return (false);
}

/* Whether an entry of its directory still is the old file. */
static bool
has_name_in(struct pair *p, struct names *place)
{
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	if ((dir = names_list(place)) == NULL) {
		p->unseen |= may_open_later(errno);
		return (true);
	}
	for (errno = 0; !found && (e = readdir(dir)) != NULL; errno = 0)
		if (e->d_ino == p->was->ino)
			found = is_it(p, dirfd(dir), e->d_name);
	p->unseen |= errno != 0;
	(void)closedir(dir);
	return (found || p->unseen);
}

/*
 * Whether the old file has a name still, or may have: then it was renamed, and
 * not replaced.
 */
static bool
has_name(struct pair *p)
{
	const struct file *was = p->was;
	struct stat st;

	if (was->place == NULL)
		return (false);
	if (was->fd == -1)
		return (has_name_in(p, was->place));
	if (fstat(was->fd, &st) == 0)
		return (st.st_nlink > 0);
	p->unseen = true;
	return (true);
}

static int
open_other(struct names *place, const char *name, const struct file *was,
    const struct stat *st)
{
	char path[PATH_MAX];
	struct stat now;
	int fd, n;

	n = snprintf(path, sizeof(path), "%s/%s", place->path, name);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	fd = opener_open(path,
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
		(was->linked ? 0 : O_NOFOLLOW));
	if (fd == -1)
		return (-1);
	if (fstat(fd, &now) == 0 && now.st_dev == st->st_dev &&
	    now.st_ino == st->st_ino)
		return (fd);
	(void)close(fd);
	errno = ESTALE;
	return (-1);
}

/*
 * Read the old file, and the other.  Return how many octets there are at the
 * offset, or -1 where that cannot be known.
 */
static ssize_t
read_old(struct pair *p, void *buf, size_t n, off_t at)
{
	ssize_t got = read_whole(p->was->fd, buf, n, at);

	p->unseen |= got == -1;
	return (got);
}

static ssize_t
read_other(struct pair *p, void *buf, size_t n, off_t at)
{
	ssize_t got = read_whole(p->fd, buf, n, at);

	p->unknown |= got == -1;
	return (got);
}

/*
 * Whether the last octets of the old file stand at the same offset in the
 * other.
 */
static bool
ends_alike(struct pair *p)
{
	uint8_t x[COMPARED], y[COMPARED];
	size_t n = p->size < COMPARED ? (size_t)p->size : COMPARED;
	off_t at = p->size - (off_t)n;

	return (p->was->fd != -1 && read_old(p, x, n, at) == (ssize_t)n &&
	    read_other(p, y, n, at) == (ssize_t)n && memcmp(x, y, n) == 0);
}

/* Whether the other file has all of the old one, by more than chance. */
static bool
has_all(struct pair *p)
{
	uint8_t head[FINGERPRINT_MAX];
	int n, holds = 1;

	if (p->st->st_size < p->size || p->size == 0)
		return (false);
	/* A short text may have been written twice. */
	if (p->size < GUARD_MAX && file_written_ns(p->st) != p->was->written_ns)
		return (false);
	n = read_fingerprint_head(p->fd, head);
	if (n != -1 && p->guard.at > 0)
		holds = read_guard_holds(&p->guard, p->fd);
	p->unknown = n == -1 || holds == -1;
	if (p->unknown || holds == 0 ||
	    !fingerprint_matches(&p->was->print, head, (size_t)n))
		return (false);
	return (p->guard.at == p->size || ends_alike(p));
}

/*
 * Reads half the buffer of both files at an offset.  Returns how many octets
 * are the same there, or -1 with errno.
 */
static ssize_t
same_at(struct pair *p, uint8_t *x, size_t half, off_t at)
{
	const uint8_t *y = x + half;
	ssize_t n, m, i = 0;

	if ((n = read_old(p, x, half, at)) == -1 ||
	    (m = read_other(p, x + half, half, at)) == -1)
		return (-1);
	while (i < n && i < m && at + i < p->size && x[i] == y[i])
		i++;
	return (i);
}

/*
 * The offset behind the last line up to which both files are the same.  0
 * where that is more than is compared, or less than half of the old one: that
 * may be what the program says at each start.
 */
static off_t
behind_same_lines(struct pair *p)
{
	size_t room;
	uint8_t *x = file_table_scratch(p->was->all, &room);
	const size_t half = room / 2;
	const uint8_t *nl;
	off_t at = 0, lines = 0;
	ssize_t same;

	if (p->was->fd == -1)
		return (0);
	do {
		if ((same = same_at(p, x, half, at)) == -1)
			return (0);
		if ((nl = memrchr(x, '\n', (size_t)same)) != NULL)
			lines = at + (nl - x) + 1;
		at += same;
	} while ((size_t)same == half && at < SAME_MOST);
	if ((size_t)same == half || lines < COMPARED || lines < p->size / 2)
		return (0);
	return (lines);
}

/*
 * The offset behind which the other file has only what was not sent; 0:
 * nowhere.
 */
static off_t
behind_what_was_sent(struct pair *p)
{
	const struct stream *s;
	off_t at;

	if (p->guard.at != p->size)
		return (0);
	for (s = p->was->streams; s != NULL; s = s->next)
		if (s->cursor.acked != p->size)
			return (0);
	at = follow_seek_guard(p->was, p->fd, p->st->st_size, &p->guard);
	return (at == 0 ? behind_same_lines(p) : at);
}

/*
 * Makes the guard of that offset in the other file; none where it cannot be
 * read.
 */
static void
know_before(struct pair *p, off_t at, struct guard *g)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(at);
	ssize_t n;

	n = at > 0 ? read_other(p, buf, len, at - (off_t)len) : 0;
	guard_of(g, at, buf, n > 0 ? (size_t)n : 0);
}

/*
 * A program that has the old file open may still write to it: it is read on
 * without a name, from where it ends now.
 */
static void
leave_rest(const struct pair *p)
{
	struct file *was = p->was, *rest;
	struct path_text path;
	struct stream *s;
	struct stat st;

	if (was->fd == -1)
		return;
	if (fstat(was->fd, &st) == -1 ||
	    (rest = file_alloc(was->all, was->name)) == NULL) {
		file_close(was);
		return;
	}
	file_table_stats(was->all)->found++;
	file_set_origin(rest, file_origin(was, &path));
	rest->only_rest = true;
	rest->size = p->size;
	rest->rotated = true;
	rest->deleted = st.st_nlink == 0;
	follow_know(rest, &st);
	file_hand_over(was, rest);
	for (s = was->streams; s != NULL; s = s->next)
		if (follow_add_stream(rest, s->route, p->size) == -1)
			log_warn("%s", file_path(rest).text);
	file_timer_add(rest);
	streams_watch(rest);
}

/* The file had lost its directory, and has its path again by another one. */
static void
come_home(struct file *t, struct names *place, const char *name)
{
	char *copy;

	if (t->place != NULL || (copy = strdup(name)) == NULL)
		return;
	names_forget(t);
	follow_enter(t, place, copy);
	follow_set_live(t);
}

static void
go_on_in(const struct pair *p, struct names *place, const char *name)
{
	struct file *t = p->was;
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_drop(
		    file_table_checkpointer(t->all), &s->mark, t->known);
	file_table_forget(t);
	suspect_copies_move(t, p->st);
	leave_rest(p);
	follow_know(t, p->st);
	file_opened(t, p->fd);
	t->unseen = 0;
	come_home(t, place, name);
	t->size = p->st->st_size;
	t->sure = 0;
	t->deleted = false;
	t->many_links = p->st->st_nlink > 1;
	t->changed = file_table_now(t->all);
	say_info(file_path(t).text,
	    "was replaced by a file that has all of it: goes on there");
	for (s = t->streams; s != NULL; s = s->next) {
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
		stream_wake(s);
	}
	streams_watch(t);
}

/* What to say where the other file does not have all of the old one. */
static enum follow_replacement
is_none(const struct pair *p, off_t at)
{
	struct file *was = p->was;

	if (p->unknown || at == -1)
		return (FOLLOW_CANNOT_TELL);
	/* The new file does not wait for ever for a look at the old one. */
	if (p->unseen && was->unseen < UNSEEN_MOST) {
		was->unseen++;
		return (FOLLOW_CANNOT_TELL);
	}
	return (FOLLOW_NOT_REPLACED);
}

enum follow_replacement
follow_replaced(struct file *was, struct names *place, const char *name,
    const struct stat *st, struct guard *from)
{
	struct pair p = { .was = was, .size = was->size, .st = st };
	enum follow_replacement result;
	char path[PATH_MAX];
	struct stat now;
	off_t at;

	*from = (struct guard) { 0, 0 };
	if (was->compression != INFLATE_NONE || was->held != NULL ||
	    was->fresh || was->spent || was->seeking || was->streams == NULL ||
	    was->print.len == 0 || st->st_size == 0)
		return (FOLLOW_NOT_REPLACED);
	if (was->fd != -1) {
		p.unseen = fstat(was->fd, &now) == -1;
		if (p.unseen)
			return (is_none(&p, 0));
		p.size = now.st_size;
	}
	p.guard = streams_newest_guard(was);
	if ((p.fd = open_other(place, name, was, st)) == -1)
		return (may_open_later(errno) ? FOLLOW_CANNOT_TELL
					      : FOLLOW_NOT_REPLACED);
	if (has_all(&p) && !has_name(&p)) {
		go_on_in(&p, place, name);
		return (FOLLOW_REPLACED);
	}
	at = behind_what_was_sent(&p);
	know_before(&p, at, from);
	if (from->at > 0 && !has_name(&p)) {
		(void)snprintf(path, sizeof(path), "%s/%s", place->path, name);
		say_notice(path,
		    "was replaced by a file with what was sent of it: goes on "
		    "behind that, at %lld",
		    (long long)from->at);
		result = FOLLOW_REPLACED_IN_PART;
	} else {
		result = is_none(&p, at);
		*from = (struct guard) { 0, 0 };
	}
	(void)close(p.fd);
	return (result);
}

void
follow_begin_from(struct file *t, const struct guard *from)
{
	struct stream *s;

	t->fresh = false;
	suspect_end(t);
	for (s = t->streams; s != NULL; s = s->next) {
		follow_go_to(s, from->at);
		stream_guard_set(s, from);
		stream_wake(s);
	}
}
