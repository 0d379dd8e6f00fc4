#include "daemon/stream/streams.h"

#include <sys/stat.h>

#include <string.h>

#include "daemon/base/read.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/sparse.h"
#include "daemon/stream/stream.h"

/* How far before the end the last line is looked for. */
#define LAST_LINE_WITHIN ((off_t)64 * 1024 * 1024)

void
streams_wake(struct file *t)
{
	struct stream *s;

	for (s = t == NULL ? NULL : t->streams; s != NULL; s = s->next)
		stream_wake(s);
}

void
streams_watch(struct file *t)
{
	if (file_watch(t))
		streams_wake(t);
}

bool
streams_are_drained(const struct file *t)
{
	return (t->undrained == 0);
}

bool
streams_are_unread(const struct file *t)
{
	return (t->error != 0 && t->print.len == 0 && t->size > 0 &&
	    t->compression == INFLATE_NONE && !t->spent &&
	    streams_most_sent(t) == 0);
}

/* The record says more of such a file than its name. */
void
streams_mark_unread(struct file *t)
{
	struct stream *s;

	if (streams_are_unread(t))
		for (s = t->streams; s != NULL; s = s->next)
			checkpointer_mark(
			    file_table_checkpointer(t->all), &s->mark);
}

void
streams_read_failed(struct file *t, int error)
{
	t->unread = true;
	file_cannot_be_read(t, error);
}

/* The read that failed may have been another stream's. */
void
streams_can_be_read(struct file *t)
{
	struct stream *s;

	t->unread = false;
	t->error = 0;
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size)
			stream_wake(s);
}

off_t
streams_last_line(struct file *t, int fd)
{
	uint8_t *buf, *nl;
	size_t size, n;
	off_t end = t->size, read = 0;

	buf = file_table_scratch(t->all, &size);
	while (end > 0 && read < LAST_LINE_WITHIN) {
		end = sparse_data_end(fd, end);
		n = end < (off_t)size ? (size_t)end : size;
		if (n == 0 ||
		    read_whole(fd, buf, n, end - (off_t)n) != (ssize_t)n)
			break;
		if ((nl = memrchr(buf, '\n', n)) != NULL)
			return (end - (off_t)n + (nl - buf) + 1);
		end -= (off_t)n;
		read += (off_t)n;
	}
	return (end > 0 ? t->size : 0);
}

void
streams_begin_at_end(struct file *t, int fd)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->from_end) {
			s->cursor.sent = s->cursor.acked =
			    streams_last_line(t, fd);
			s->from_end = false;
		}
}

void
streams_set_print(struct file *t, const uint8_t *head, size_t n)
{
	struct stream *s;

	if (t->only_rest)
		return;
	fingerprint_of(&t->print, head, n);
	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
}

int
streams_update_print(struct file *t, int fd)
{
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if (t->compression != INFLATE_NONE)
		return (1);
	if ((n = read_fingerprint_head(fd, head)) == -1)
		return (-1);
	if (!fingerprint_matches(&t->print, head, (size_t)n))
		return (0);
	if (t->print.len < FINGERPRINT_MAX && t->print.len < (uint32_t)n)
		streams_set_print(t, head, (size_t)n);
	else if (t->print.len == 0 && !t->only_rest)
		/*
		 * A fingerprint of no octets, and not none: see
		 * follow/resume.c.
		 */
		fingerprint_of(&t->print, head, 0);
	return (1);
}

struct guard
streams_newest_guard(const struct file *t)
{
	const struct stream *s;
	struct guard g, newest = { 0, 0 };

	for (s = t->streams; s != NULL; s = s->next) {
		g = stream_guard_newest(s);
		if (g.at > newest.at)
			newest = g;
	}
	return (newest);
}

const struct stream *
streams_find(const struct file *t, const void *dest)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->route->dest == dest)
			return (s);
	return (NULL);
}

void
streams_decide(struct file *t)
{
	struct stream *s;

	if (!t->undecided)
		return;
	t->undecided = false;
	for (s = t->streams; s != NULL; s = s->next) {
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
		stream_wake(s);
	}
}

bool
streams_are_undecided(struct file *t)
{
	const struct file_finder *finder = file_finder(t->all);

	if (!t->undecided)
		return (false);
	if (t->place == NULL || finder->is_undecided == NULL ||
	    !finder->is_undecided(t->place))
		streams_decide(t);
	return (t->undecided);
}

void
streams_wake_undecided(struct file *t)
{
	struct stream *s;

	for (s = t->streams; t->undecided && s != NULL; s = s->next)
		stream_wake(s);
}

off_t
streams_least_sent(const struct file *t)
{
	const struct stream *s;
	off_t least = t->size;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < least)
			least = s->cursor.sent;
	return (least);
}

off_t
streams_most_sent(const struct file *t)
{
	const struct stream *s;
	off_t most = 0;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent > most)
			most = s->cursor.sent;
	return (most);
}

bool
streams_are_done(const struct file *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.acked < t->size)
			return (false);
	return (true);
}

void
streams_end_flush(struct file *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		s->flush = false;
}

/*
 * The event of what was read is still to come, and must not be taken for the
 * same text written once more.
 */
void
streams_have_grown(struct file *t, int fd, off_t size)
{
	struct stream *s;
	struct stat st;

	t->size = size;
	t->rewritten = false;
	streams_end_flush(t);
	/* The next check will see nothing that the other streams had not. */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < size)
			stream_wake(s);
	if (size <= STREAMS_REWRITTEN_MOST && t->compression == INFLATE_NONE &&
	    fstat(fd, &st) == 0 && st.st_size == size) {
		t->written_ns = file_written_ns(&st);
		t->cut = true;
		t->changed = file_table_now(t->all);
	}
}

double
streams_partial_seconds(const struct file *t)
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
