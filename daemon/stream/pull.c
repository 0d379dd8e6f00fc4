#include <errno.h>
#include <string.h>

#include "daemon/base/read.h"
#include "daemon/base/say.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/inside.h"
#include "daemon/stream/judge.h"
#include "daemon/stream/streams.h"

/* A read of the file: the octets that the guard is made of, and lines. */
struct slice {
	uint8_t *buf;
	size_t size; /* of buf, which the read was to fill */
	size_t skip; /* where lines begin in buf */
	size_t n; /* octets read */
	off_t from; /* the offset of the lines in the file */
	bool is_cut; /* a read failed behind these */
};

/*
 * Returns the octets of the newline that p[0..n) begins with where the line was
 * sent without it, else 0.  before is the octet before p.
 */
static size_t
late_newline(uint8_t before, const uint8_t *p, size_t n)
{
	if (before == '\n' || n == 0)
		return (0);
	if (p[0] == '\n')
		return (1);
	return (n > 1 && p[0] == '\r' && p[1] == '\n' ? 2 : 0);
}

/* What stands before the cursor, compared with what was sent. */
enum sameness {
	SAME,
	CHANGED,
	UNKNOWN /* it cannot be read */
};

/*
 * Whether what was sent still stands before the offset, of which buf[0..n) was
 * read: else the file was written anew.  After a start or a loss it may be
 * another guard that is known, or how the file began: that is looked at when
 * it has been read, or it could change in between.
 */
static enum sameness
compare(struct stream *s, const uint8_t *buf, size_t n)
{
	struct guard g;
	int holds;

	if (s->guard.at == s->cursor.sent && s->cursor.sent > 0)
		return (guard_matches(&s->guard, buf, n) ? SAME : CHANGED);
	g = stream_guard_newest(s);
	if (g.at <= 0 || s->file->compression != INFLATE_NONE)
		holds = streams_update_print(s->file, s->file->fd);
	else
		holds = read_guard_holds(&g, s->file->fd);
	if (holds == -1)
		return (UNKNOWN);
	return (holds ? SAME : CHANGED);
}

/*
 * Remembers what stands before the end of a pull, where buf[0..n) ends.  Where
 * the last line begins may be where the file is cut off next: some programs
 * write a closing bracket anew with each line.
 */
static void
remember(struct stream *s, const uint8_t *buf, size_t n, off_t end)
{
	const struct guard was = s->guard;
	struct guard g;
	const uint8_t *nl;
	size_t before = 0;
	off_t line;

	/* Nothing was read but what is remembered. */
	if (end > 0 && s->guard.at == end)
		return;
	guard_of(&g, end, buf, n);
	stream_guard_set(s, &g);
	if (n > 1 && (nl = memrchr(buf, '\n', n - 1)) != NULL)
		before = (size_t)(nl - buf) + 1;
	else if ((off_t)n < end)
		n = 0;
	line = n > 0 ? end - (off_t)(n - before) : 0;
	/* A pull of one line begins where the last one ended. */
	if (line > 0 && line == s->cursor.sent && line == was.at)
		g = was;
	else
		guard_of(&g, line, buf, before);
	file_set_last_line(s->file, &g, end);
}

/*
 * Octets that are not sent now would be read in vain.  Returns how many the
 * lines have that may be sent, if they are as long as lines were so far.
 */
static size_t
worth_reading(const struct stream *s, const struct pull *p)
{
	const struct route *r = s->route;
	uint64_t line, lines;

	if (r->messages == 0)
		return (p->room);
	line = r->bytes / r->messages + 1;
	lines = p->room / (line + r->header.len) + 1;
	if (p->most > 0 && lines > p->most)
		lines = p->most;
	return (STREAM_GUARD + (size_t)(lines * line));
}

/* Whether the line that begins at the cursor has no newline yet. */
static bool
still_partial(struct stream *s, uint8_t *buf, size_t size)
{
	off_t known = s->scanned - s->cursor.sent;

	if (known <= 0 || s->flush)
		return (false);
	if (s->route->style.oversize == PACK_SPLIT &&
	    s->file->size - s->cursor.sent > (off_t)s->route->style.max_message)
		return (false);
	return (stream_find_newline(s, buf, size) == -1);
}

/*
 * Reads what is to be sent next, and before it the octets of the guard. Returns
 * false where there is nothing to send now; *result says why.
 */
static bool
read_slice(struct stream *s, const struct pull *p, struct slice *l,
    enum pull_result *result)
{
	size_t least = STREAM_LEAST(s->route->style.max_message), worth, size;
	uint8_t *buf = file_table_scratch(s->file->all, &size);
	off_t from = s->cursor.sent;
	size_t guard = from < STREAM_GUARD ? (size_t)from : STREAM_GUARD;
	ssize_t n;

	*result = PULL_DRAINED;
	if (still_partial(s, buf, size))
		return (false);
	worth = worth_reading(s, p);
	if (size > worth)
		size = worth > least ? worth : least;
	n = stream_read(s, buf, size, from - (off_t)guard);
	if (n == -1 && errno == EAGAIN)
		*result = PULL_MORE;
	else if (n == -1 && errno == EBUSY)
		*result = PULL_WAIT;
	if (n < (ssize_t)guard)
		return (false);
	*l = (struct slice) { buf, size, guard, (size_t)n, from,
		s->file->unread };
	return (true);
}

/* Gives the file, which had none, a fingerprint; no record has it yet. */
static void
begin_print(struct file *t, const uint8_t *head, size_t n)
{
	struct stream *s;

	fingerprint_of(&t->print, head, fingerprint_length(head, n));
	for (s = t->streams; s != NULL; s = s->next)
		s->mark.is_recorded = false;
}

/* Whether what was sent still stands in front of the slice. */
static bool
has_what_was_sent(struct stream *s, const struct slice *l)
{
	enum sameness same = compare(s, l->buf, l->skip);

	if (same == UNKNOWN)
		streams_read_failed(s->file, errno);
	else if (same == CHANGED)
		file_must_be_checked(s->file);
	return (same == SAME);
}

/* Notes what the slice tells of the file: its fingerprint, its size. */
static void
note_slice(struct stream *s, const struct slice *l)
{
	off_t end = l->from + (off_t)(l->n - l->skip);

	file_is_verified(s->file);
	/* Nothing is recorded of a file that has no fingerprint. */
	if (l->from == 0 && s->file->print.len == 0)
		begin_print(s->file, l->buf,
		    l->n < FINGERPRINT_MAX ? l->n : FINGERPRINT_MAX);
	if (end > s->file->size)
		streams_have_grown(s->file, s->file->fd, end);
}

/* Whether NULs stand where a line should begin. */
static bool
begins_with_nuls(const uint8_t *p, size_t n)
{
	static const uint8_t nuls[PACK_NULS_LEAST];

	return (n >= PACK_NULS_LEAST && memcmp(p, nuls, PACK_NULS_LEAST) == 0);
}

/* Sends nothing of the rest of the file. */
static enum pull_result
pass_over(struct stream *s, struct pull *p)
{
	if (s->cursor.sent >= s->file->size)
		return (PULL_DRAINED);
	p->end = s->file->size;
	return (PULL_MORE);
}

/* Whether no program writes over the NULs at its end any more, it seems. */
static bool
is_left(const struct stream *s)
{
	return (s->flush && s->file->place == NULL);
}

/*
 * A hole in the file, or what a program that does not append leaves when its
 * log is truncated.
 */
static enum pull_result
pull_nuls(struct stream *s, struct pull *p, off_t from)
{
	size_t size;
	uint8_t *buf = file_table_scratch(s->file->all, &size);
	off_t end = stream_behind_nuls(s, buf, size, from);

	s->only_nuls = end == -1;
	if (end == -1)
		return (is_left(s) ? pass_over(s, p) : PULL_DRAINED);
	p->end = end;
	/* A line was written over them meanwhile. */
	if (end == from)
		return (PULL_MORE);
	say_notice(file_path(s->file).text,
	    "%lld bytes at %lld are NULs, not lines: passed over",
	    (long long)(end - from), (long long)from);
	file_table_stats(s->file->all)->hole_bytes += (uint64_t)(end - from);
	return (PULL_MORE);
}

/* Returns 1 or 0, or -1 with errno. */
static int
is_no_text(struct stream *s, const struct slice *l)
{
	if (!s->route->source->compressed ||
	    s->file->compression != INFLATE_NONE || l->n == 0)
		return (0);
	return (stream_is_no_text(
	    s, s->file->fd, l->buf, l->n, l->from - (off_t)l->skip));
}

/* Passes over a newline that came after its line was sent. */
static void
skip_late_newline(struct slice *l)
{
	size_t late;

	if (l->skip == 0)
		return;
	late =
	    late_newline(l->buf[l->skip - 1], l->buf + l->skip, l->n - l->skip);
	l->skip += late;
	l->from += (off_t)late;
}

static bool
begins_line(const struct slice *l)
{
	return (l->from == 0 || l->buf[l->skip - 1] == '\n');
}

/*
 * Leaves off NULs at the end of the slice that a line may be written over:
 * those that nothing follows in the file.  Returns false when the slice has to
 * be read once more.
 */
static bool
leave_nuls(struct stream *s, struct slice *l)
{
	const uint8_t *nl, *p = l->buf + l->skip;
	size_t n = l->n - l->skip, len = stream_text_length(p, n);

	s->only_nuls = false;
	if (len == n || s->file->compression != INFLATE_NONE)
		return (true);
	if (l->n < l->size && !l->is_cut) {
		s->only_nuls = true;
	} else if ((nl = memrchr(p, '\n', len)) != NULL) {
		/* The next pull looks at what comes behind the line. */
		len = (size_t)(nl - p) + 1;
	} else {
		s->only_nuls = stream_behind_nuls(s, l->buf, l->size,
				   l->from + (off_t)len) == -1;
		if (stream_read(s, l->buf, l->size, l->from - (off_t)l->skip) !=
		    (ssize_t)l->n)
			return (false);
		/* Is it just being written? */
		if (stream_text_length(p, n) != len)
			return (false);
		if (!s->only_nuls)
			len = n;
	}
	l->n = l->skip + len;
	return (true);
}

/*
 * Sends the head of a line that is longer than the buffer and is to be cut,
 * when the end of the line is found.
 */
static enum pull_result
pull_giant(
    struct stream *s, struct pull *p, struct pack_io *io, const struct slice *l)
{
	off_t end = stream_find_newline(s, l->buf, l->size);
	off_t text_end = end - 1;
	ssize_t n;

	if (end == 0)
		return (PULL_MORE);
	if (end == -1) {
		if (!s->flush || s->file->unread)
			return (PULL_DRAINED);
		end = text_end = s->scanned;
	}
	n = stream_read(s, l->buf, l->size, (off_t)io->in_offset);
	if (n <= 0 || s->file->unread)
		return (PULL_DRAINED);
	io->in = l->buf;
	/* The newline, and what stands behind it, is no part of it. */
	io->in_len = (size_t)n;
	if ((off_t)io->in_len > text_end - (off_t)io->in_offset)
		io->in_len = (size_t)(text_end - (off_t)io->in_offset);
	io->ends_line = true;
	if (stream_frame(s, p, io) == PACK_NEED_ROOM && io->made == 0)
		return (PULL_NO_ROOM);
	p->made = io->made;
	p->messages = io->messages;
	p->txnr = io->txnr;
	p->end = end;
	if (p->marks != NULL && io->messages > 0)
		p->marks[io->messages - 1].end = (uint64_t)end;
	return (PULL_MORE);
}

/* Sends the lines of the slice. */
static enum pull_result
pull_lines(struct stream *s, struct pull *p, struct slice *l)
{
	struct pack_io io = { .out = p->out,
		.out_room = p->room,
		.most = p->most,
		.marks = p->marks,
		.txnr = p->txnr };
	bool is_full = l->n == l->size || l->is_cut;
	enum pack_stop stop;

	if (!leave_nuls(s, l))
		return (PULL_MORE);
	io.in = l->buf + l->skip;
	io.in_len = l->n - l->skip;
	io.in_offset = (uint64_t)l->from;
	io.ends_line = s->flush && !is_full;
	stop = stream_frame(s, p, &io);
	p->made = io.made;
	p->messages = io.messages;
	p->txnr = io.txnr;
	p->end = l->from + (off_t)io.used;
	remember(s, l->buf, l->skip + io.used, p->end);
	if (stop == PACK_NEED_ROOM)
		return (PULL_NO_ROOM);
	if (stop == PACK_ENOUGH || stop == PACK_NULS)
		return (PULL_MORE);
	if (is_full && io.used > 0)
		return (PULL_MORE);
	if (s->scanned < l->from + (off_t)io.in_len)
		s->scanned = l->from + (off_t)io.in_len;
	if (l->is_cut)
		return (PULL_DRAINED);
	if (is_full)
		return (pull_giant(s, p, &io, l));
	if (s->only_nuls && io.used == 0 && is_left(s))
		return (pass_over(s, p));
	return (PULL_DRAINED);
}

static enum pull_result
pull_from(struct stream *s, struct pull *p)
{
	enum pull_result result;
	struct slice l;
	int no_text;

	if (!read_slice(s, p, &l, &result))
		return (result);
	if (!has_what_was_sent(s, &l))
		return (PULL_DRAINED);
	note_slice(s, &l);
	if ((no_text = is_no_text(s, &l)) == -1)
		streams_read_failed(s->file, errno);
	if (no_text != 0)
		return (no_text == 1 ? pass_over(s, p) : PULL_DRAINED);
	skip_late_newline(&l);
	if (begins_line(&l) && begins_with_nuls(l.buf + l.skip, l.n - l.skip))
		return (pull_nuls(s, p, l.from));
	if (stream_comes_back(s, l.buf + l.skip, l.n - l.skip, l.from))
		return (PULL_DRAINED);
	return (pull_lines(s, p, &l));
}

enum pull_result
stream_pull(struct stream *s, struct pull *p)
{
	enum pull_result result;

	p->made = 0;
	p->messages = 0;
	p->end = s->cursor.sent;
	/* Octets that came since the last check tell whether it is a copy. */
	if (s->file->fresh)
		file_table_ops(s->file->all)->check(s->file);
	if (s->file->held != NULL || streams_are_undecided(s->file)) {
		compressed_close(s);
		return (PULL_WAIT);
	}
	/* What comes into an emptied file is compared by a look at it first. */
	if (s->file->fresh || s->file->emptied != NULL ||
	    file_descriptor(s->file) == -1 || s->comes_back)
		result = PULL_DRAINED;
	else
		result = pull_from(s, p);
	if (result == PULL_DRAINED) {
		compressed_close(s);
		stream_set_drained(s, true);
		s->flush = false;
	}
	return (result);
}
