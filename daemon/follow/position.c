#include "daemon/base/read.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

/* So much may stand at the beginning of each file that a program writes. */
#define BANNER_MOST ((off_t)64 * 1024)

/* How far from where they stood the bytes of a guard are looked for. */
#define SEEK_AROUND ((off_t)32 * 1024 * 1024)

/* Whether the last line that was read began at offset at. */
static int
last_line_holds(const struct file *t, int fd, off_t at)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(at);
	struct guard g;
	ssize_t n;

	if ((n = read_whole(fd, buf, len, at - (off_t)len)) == -1)
		return (-1);
	guard_of(&g, at, buf, (size_t)n);
	return (g.at == at && (uint32_t)g.hash == t->last_guard);
}

/*
 * Whether no guard is known for the end of what s has sent, as after a start or
 * a lost connection, and the newest one, or how the file begins, holds.
 */
static bool
is_past_guards(const struct file *t, const struct stream *s, int fd, off_t at)
{
	const struct guard newest = stream_guard_newest(s);
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if (newest.at > 0)
		return (at == newest.at);
	return (t->print.len > 0 &&
	    (n = read_fingerprint_head(fd, head)) != -1 &&
	    fingerprint_matches(&t->print, head, (size_t)n));
}

/*
 * Up to where fd, which has size octets, has what s has sent; 0: nowhere, -1:
 * cannot be read.  A short text may as well have been begun anew with the same
 * first line.
 */
static off_t
position(const struct file *t, struct stream *s, int fd, off_t size)
{
	off_t at = stream_guard_find(s, fd), line;
	int holds;

	if (at == -1 || at == s->cursor.sent)
		return (at);
	if (size >= s->cursor.sent && is_past_guards(t, s, fd, at))
		return (s->cursor.sent);
	line = s->cursor.sent - (off_t)t->last_line;
	if (t->last_line > 0 && line >= GUARD_MAX && line > at) {
		if ((holds = last_line_holds(t, fd, line)) == -1)
			return (-1);
		if (holds)
			return (line);
	}
	return (at >= GUARD_MAX ? at : 0);
}

struct search {
	const struct file *file;
	int fd;
	const struct guard *guard;
	off_t found; /* behind its bytes, or 0 */
	unsigned times;
};

/*
 * The end of one long line is no evidence: it may be of filling, and come again
 * with each.  Then what stands before the line has to be the same, too.
 */
static bool
is_evidence(const struct search *q, const uint8_t *p, off_t end)
{
	const off_t line = q->file->last_line;

	return (memchr(p, '\n', GUARD_MAX - 1) != NULL ||
	    (line > 0 && end - line >= GUARD_MAX &&
		last_line_holds(q->file, q->fd, end - line) == 1));
}

/* Looks in p[0..n), which stands at offset at, behind the end of each line. */
static void
search_lines(struct search *q, const uint8_t *p, size_t n, off_t at)
{
	struct guard g = *q->guard;
	const uint8_t *line = p, *nl;

	while ((nl = memchr(line, '\n', n - (size_t)(line - p))) != NULL) {
		line = nl + 1;
		if (line - p < GUARD_MAX ||
		    !guard_matches(&g, line - GUARD_MAX, GUARD_MAX) ||
		    !is_evidence(q, line - GUARD_MAX, at + (line - p)))
			continue;
		if (at + (line - p) != q->found)
			q->times++;
		q->found = at + (line - p);
	}
}

off_t
follow_seek_guard(struct file *t, int fd, off_t size, const struct guard *guard)
{
	struct search q = { .file = t, .fd = fd, .guard = guard };
	size_t room;
	uint8_t *buf = file_table_scratch(t->all, &room);
	off_t at = guard->at > SEEK_AROUND ? guard->at - SEEK_AROUND : 0;
	off_t end = guard->at + SEEK_AROUND;
	ssize_t n;

	if (guard_length(guard->at) < GUARD_MAX)
		return (0);
	for (; at < size && at < end; at += (off_t)room - GUARD_MAX) {
		if ((n = read_whole(fd, buf, room, at)) == -1)
			return (-1);
		search_lines(&q, buf, (size_t)n, at);
		if (q.times > 1 || n < (ssize_t)room)
			break;
	}
	return (q.times == 1 ? q.found : 0);
}

void
follow_go_to(struct stream *s, off_t offset)
{
	s->route->ops->on_drop(s, s->route->dest);
	s->cursor.sent = s->cursor.acked = offset;
	s->scanned = 0;
	checkpointer_mark(file_table_checkpointer(s->file->all), &s->mark);
}

void
follow_spend(struct file *t, int fd, off_t size)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(size);
	struct stream *s;
	struct guard g = { 0, 0 };
	ssize_t n;

	t->spent = true;
	t->size = size;
	t->sure = 0;
	t->last_line = 0;
	t->print.len = 0;
	if (fd != -1) {
		(void)streams_update_print(t, fd);
		n = read_whole(fd, buf, len, size - (off_t)len);
		guard_of(&g, size, buf, n > 0 ? (size_t)n : 0);
	}
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		follow_go_to(s, size);
		stream_guard_set(s, &g);
		stream_set_drained(s, true);
	}
}

/* Whether every receiver has all of it, and the guard of its end is known. */
static bool
all_have_all(const struct file *t, struct guard *sent)
{
	const struct stream *s;

	if (t->streams == NULL)
		return (false);
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent != t->streams->cursor.sent ||
		    s->cursor.acked != s->cursor.sent || !s->is_drained)
			return (false);
	*sent = stream_guard_newest(t->streams);
	return (sent->at > 0 && sent->at == t->streams->cursor.sent);
}

/*
 * Everything was sent, and all of it to everybody: the place in the new content
 * behind what was sent last, where that is to be found; also in sent->at.
 */
static off_t
seek_last_sent(
    struct file *t, int fd, const struct stat *st, struct guard *sent)
{
	if (!all_have_all(t, sent))
		return (0);
	sent->at = follow_seek_guard(t, fd, st->st_size, sent);
	return (sent->at);
}

static void
go_to_all(struct file *t, const struct guard *sent)
{
	struct stream *s;

	say_notice(file_path(t).text,
	    "was written anew, with what was sent of it: "
	    "goes on behind that, at %lld",
	    (long long)sent->at);
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		follow_go_to(s, sent->at);
		stream_guard_set(s, sent);
	}
}

/* What of it was unread, and is not there any more. */
static void
say_cut_off(struct file *t, off_t size)
{
	const struct stream *s;
	bool unread = false;

	for (s = t->streams; s != NULL; s = s->next)
		unread = unread || !s->is_drained;
	if (!unread || size >= t->size)
		return;
	file_table_lose(t->all,
	    &(struct file_table_loss) { .path = file_path(t).text,
		.how = "cut off",
		.at = size,
		.bytes = t->size - size });
}

static void
went_on(struct file *t, int fd, const struct stat *st)
{
	struct stream *s;

	t->cut = st->st_size < t->size;
	t->sought = false;
	t->size = st->st_size;
	t->sure = 0;
	file_saw(t, st);
	t->changed = file_table_now(t->all);
	t->last_line = 0;
	t->print.len = 0;
	(void)streams_update_print(t, fd);
	for (s = t->streams; s != NULL; s = s->next)
		stream_wake(s);
}

/* Moves back those of which less stands in the file than they have sent. */
static void
go_back(struct file *t, int fd, off_t size)
{
	struct stream *s;
	off_t at;

	for (s = t->streams; s != NULL; s = s->next) {
		at = position(t, s, fd, size);
		/* All was taken back, and is not known by what was sent. */
		if (at == 0 && s->cursor.sent == 0)
			stream_guard_forget(s);
		if (at <= 0)
			continue;
		stream_guard_cut(s, at);
		if (at == s->cursor.sent)
			continue;
		say_notice(file_path(t).text,
		    "what was sent to %s up to %lld stands in it no "
		    "more, but up to %lld: goes on there",
		    s->route->to->name, (long long)s->cursor.sent,
		    (long long)at);
		/* What is not acknowledged up to there is sent again, too. */
		follow_go_to(s, at < s->cursor.acked ? at : s->cursor.acked);
	}
}

bool
follow_goes_back(struct file *t, int fd, off_t size)
{
	struct stream *s;
	off_t at;

	for (s = t->streams; s != NULL; s = s->next) {
		if (s->cursor.sent == 0)
			continue;
		at = position(t, s, fd, size);
		if (at > 0 && at < s->cursor.sent && at < BANNER_MOST)
			return (true);
	}
	return (false);
}

static bool
knows_guard(const struct file *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (stream_guard_newest(s).at > 0)
			return (true);
	return (false);
}

/* A file was truncated to nothing; before, it had what is known here. */
struct emptied {
	struct guard sent;
	struct fingerprint print;
	uint32_t last_line;
	uint32_t last_guard;
};

struct emptied *
follow_sent_of(const struct file *t)
{
	struct guard sent;
	struct emptied *e;

	if (!all_have_all(t, &sent) || (e = malloc(sizeof(*e))) == NULL)
		return (NULL);
	*e = (struct emptied) { sent, t->print, t->last_line, t->last_guard };
	return (e);
}

/*
 * Whether the file may have lost its older lines alone.  What begins as the
 * file did, or has less than would tell, was written anew with the same text.
 */
static int
has_another_head(const struct emptied *e, int fd)
{
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if ((n = read_fingerprint_head(fd, head)) == -1)
		return (-1);
	return (e->print.len > 0 && n >= (int)e->print.len &&
	    !fingerprint_matches(&e->print, head, (size_t)n));
}

/* The first content of a file that was empty.  Returns 1, or -1 with errno. */
static int
fill(struct file *t, int fd, const struct stat *st)
{
	struct emptied *e = t->emptied;
	struct guard sent = e->sent;
	int other;

	if ((other = has_another_head(e, fd)) == -1)
		return (-1);
	t->last_line = e->last_line;
	t->last_guard = e->last_guard;
	if (other == 1 &&
	    (sent.at = follow_seek_guard(t, fd, st->st_size, &e->sent)) == -1)
		return (-1);
	if (other == 1 && sent.at > 0 && sent.at < e->sent.at)
		go_to_all(t, &sent);
	free(e);
	t->emptied = NULL;
	went_on(t, fd, st);
	return (1);
}

int
follow_go_on(struct file *t, int fd, const struct stat *st)
{
	struct stream *s;
	bool any = false, all = true;
	struct guard sent;
	off_t at;

	if (t->emptied != NULL)
		return (fill(t, fd, st));
	for (s = t->streams; s != NULL; s = s->next) {
		if (s->cursor.sent == 0)
			continue;
		any = true;
		if ((at = position(t, s, fd, st->st_size)) == -1)
			return (-1);
		all = all && at > 0;
	}
	/*
	 * Nothing but NULs was seen of it; or all that was sent was taken back,
	 * and what is known of that stands there no more.
	 */
	if (!any)
		all = t->print.len == 0 && !knows_guard(t);
	if (all) {
		say_cut_off(t, st->st_size);
		go_back(t, fd, st->st_size);
	} else {
		if ((at = seek_last_sent(t, fd, st, &sent)) <= 0)
			return ((int)at);
		go_to_all(t, &sent);
	}
	went_on(t, fd, st);
	return (1);
}
