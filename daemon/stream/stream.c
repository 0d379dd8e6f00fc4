#include "daemon/stream/stream.h"

#include <sys/types.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/say.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/judge.h"
#include "daemon/stream/sparse.h"

static void
set_fields(struct syslog_fields *f, const struct conf_source *source,
    enum syslog_format format)
{
	memset(f, 0, sizeof(*f));
	f->format = format;
	f->facility = source->facility;
	f->severity = source->severity;
	f->hostname = source->hostname;
	f->app_name = source->app_name;
	f->procid = source->procid;
	f->msgid = source->msgid;
	f->sd = source->sd;
}

int
route_init(struct route *r, const struct conf_source *source,
    const struct conf_destination *to)
{
	struct syslog_fields fields;

	memset(r, 0, sizeof(*r));
	r->source = source;
	r->to = to;
	set_fields(&fields, source, to->format);
	if (syslog_header_init(&r->header, &fields) == -1)
		return (-1);
	set_fields(&fields, source, to->datagram_format);
	if (syslog_header_init(&r->local, &fields) == -1) {
		syslog_header_fini(&r->header);
		return (-1);
	}
	r->style.text = source->text;
	r->style.oversize = to->oversize;
	r->style.bom = to->bom;
	r->style.max_message = to->max_message;
	return (0);
}

void
route_fini(struct route *r)
{
	syslog_header_fini(&r->header);
	syslog_header_fini(&r->local);
}

/* As struct stream has it; a file that is larger counts as without end. */
static uint32_t
blocks_of(off_t size)
{
	const off_t most = STREAM_BEGUN_MOST;
	off_t blocks =
	    size / STREAM_BEGUN_BLOCK + (size % STREAM_BEGUN_BLOCK != 0);

	return ((uint32_t)(blocks < most ? blocks : most));
}

struct stream *
stream_new(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->tail = t;
	s->route = r;
	s->cursor.sent = s->cursor.acked = offset;
	s->begun = blocks_of(t->size) & STREAM_BEGUN_MOST;
	tails_stats(t->all)->streams++;
	return (s);
}

void
stream_free(struct stream *s)
{
	s->route->ops->on_drop(s, s->route->dest);
	tail_packed_close(s);
	ledger_drop(tails_ledger(s->tail->all), &s->mark, false);
	tails_stats(s->tail->all)->streams--;
	stream_guard_forget(s);
	free(s);
}

struct stream *
stream_of(struct cursor *c)
{
	return ((struct stream *)(void *)c);
}

struct stream *
stream_of_mark(struct checkpoint_mark *mark)
{
	return ((struct stream *)(void *)((char *)mark -
	    offsetof(struct stream, mark)));
}

bool
stream_is_done(const struct stream *s)
{
	return (s->cursor.acked >= s->tail->size);
}

bool
stream_is_guarded(const struct stream *s)
{
	return (s->is_drained && s->cursor.sent == s->tail->size &&
	    s->guard.at == s->cursor.sent);
}

/* Whether t has something that dest is to be sent before what follows it. */
static bool
owes(const struct tail *t, const void *dest)
{
	const struct stream *b;

	if (t->held != NULL || t->seeking)
		return (t->seeking);
	for (b = t->streams; b != NULL; b = b->next)
		if (b->route->dest == dest)
			return (!b->is_drained && b->cursor.sent < t->owed);
	return (false);
}

/* One that has nothing to send itself may stand between two that have. */
bool
stream_must_wait(const struct stream *s)
{
	const struct tail *t = s->tail;
	unsigned n;

	if (t->held != NULL)
		return (true);
	for (n = 0; n < TAIL_WAITS_FOR && (t = t->before) != NULL; n++)
		if (owes(t, s->route->dest))
			return (true);
	return (false);
}

void
stream_wake(struct stream *s)
{
	s->is_drained = false;
	if (!s->is_ready && !stream_must_wait(s))
		s->route->ops->on_ready(s, s->route->dest);
}

/* The offset of local time; it changes at most every quarter of an hour. */
static long
local_offset(time_t now)
{
	static time_t quarter = -1;
	static long offset;
	struct tm tm;

	if (now / 900 != quarter && localtime_r(&now, &tm) != NULL) {
		quarter = now / 900;
		offset = tm.tm_gmtoff;
	}
	return (offset);
}

/* Whether a local syslog daemon reads the messages from a socket. */
static bool
is_local(const struct route *r, const struct pull *p)
{
	return (p->wire == WIRE_DATAGRAM && r->to->urls[0].scheme == CONF_UNIX);
}

/* With a position every file has a header of its own, made for the slice. */
static int
make_header(const struct stream *s, enum syslog_format format,
    struct syslog_header *own)
{
	struct path_text path = tail_path(s->tail);
	struct syslog_fields fields;

	set_fields(&fields, s->route->source, format);
	fields.file = path.text;
	fields.inode = s->tail->ino;
	return (syslog_header_init(own, &fields));
}

static enum pack_stop
pack(struct stream *s, const struct pull *p, struct pack_io *io)
{
	struct route *r = s->route;
	struct pack_style style = r->style;
	struct syslog_header own;
	struct syslog_header *header = is_local(r, p) ? &r->local : &r->header;
	struct timespec now;
	enum pack_stop stop;
	bool position =
	    r->source->position && make_header(s, header->format, &own) == 0;

	/*
	 * A path may be longer than a message: then the position is left out.
	 */
	if (position && pack_least(&own) > style.max_message) {
		syslog_header_fini(&own);
		position = false;
	}
	if (position)
		header = &own;
	style.header = header;
	style.wire = p->wire;
	if (p->max_message != 0 && p->max_message < style.max_message &&
	    p->max_message >= pack_least(header))
		style.max_message = p->max_message;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	syslog_header_stamp(header, &now, local_offset(now.tv_sec));
	stop = pack_lines(&style, io);
	if (position)
		syslog_header_fini(&own);
	r->messages += io->messages;
	r->bytes += io->used;
	r->repaired += io->repaired;
	r->oversize += io->oversize;
	return (stop);
}

/*
 * The system may read less than there is: that is not the end of the file.
 * Returns what there is up to an error, which *error tells, or -1.
 */
static ssize_t
read_plain(const struct stream *s, int fd, uint8_t *buf, size_t size, off_t at,
    int *error)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = pread(fd, buf + got, size - got, at + (off_t)got);
		if (n > 0)
			got += (size_t)n;
	} while ((n == -1 && errno == EINTR) ||
	    (n > 0 && got < size && at + (off_t)got < s->tail->size));
	if (n == -1)
		*error = errno;
	return (got > 0 ? (ssize_t)got : n);
}

/*
 * What was read before an error is no end of the file: the rest of it is unread
 * then, as where nothing could be read.
 */
static ssize_t
read_at(struct stream *s, int fd, uint8_t *buf, size_t size, off_t at)
{
	int error = 0;
	ssize_t n;

	if (s->tail->packed == INFLATE_NONE)
		n = read_plain(s, fd, buf, size, at, &error);
	else if ((n = tail_packed_read(s, fd, buf, size, at)) == -1)
		error = errno;
	if (error != 0 && (n != -1 || (error != EAGAIN && error != EBUSY)))
		tail_read_failed(s->tail, error);
	else if (n != -1 && s->tail->unread)
		tail_can_be_read(s->tail);
	return (n);
}

/*
 * The offset behind the NULs at from, or -1 where nothing follows them yet:
 * some programs fill a file with NULs before they write lines over them.
 */
static off_t
behind_nuls(struct stream *s, int fd, uint8_t *buf, size_t size, off_t from)
{
	off_t at = from;
	ssize_t n, i;

	while (at - from < STREAM_NULS_TURN) {
		if (s->tail->packed == INFLATE_NONE &&
		    (at = tail_hole_end(fd, at)) == -1)
			return (-1);
		if ((n = read_at(s, fd, buf, size, at)) <= 0)
			return (-1);
		for (i = 0; i < n && buf[i] == '\0'; i++)
			continue;
		at += i;
		if (i < n)
			break;
	}
	return (at);
}

/* Where p[0..n) begins to hold nothing but NULs. */
static size_t
text_length(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == '\0')
		n--;
	return (n);
}

/*
 * Looks on for the newline of a line that had none up to s->scanned.  Returns
 * the offset behind it, 0 for not yet, -1 when the file has no more.
 */
static off_t
find_newline(struct stream *s, int fd, uint8_t *buf, size_t size)
{
	const uint8_t *nl;
	size_t turn = 0;
	ssize_t n;
	off_t end;

	while (turn < STREAM_SCAN_TURN) {
		if ((n = read_at(s, fd, buf, size, s->scanned)) <= 0)
			return (-1);
		if ((nl = memchr(buf, '\n', (size_t)n)) != NULL)
			return (s->scanned + (nl - buf) + 1);
		end = s->scanned + n;
		s->scanned += (off_t)text_length(buf, (size_t)n);
		/* Over NULs that nothing follows the line may be written. */
		if (s->scanned < end &&
		    (end = behind_nuls(s, fd, buf, size, s->scanned)) == -1)
			return (-1);
		s->scanned = end;
		turn += (size_t)n;
	}
	return (0);
}

/*
 * A line longer than the buffer, of which only the head is wanted: nothing is
 * sent before its end is found.
 */
static enum pull_result
pull_giant(struct stream *s, struct pull *p, struct pack_io *io, int fd,
    uint8_t *buf, size_t size)
{
	off_t end = find_newline(s, fd, buf, size), text_end = end - 1;
	ssize_t n;

	if (end == 0)
		return (PULL_MORE);
	if (end == -1) {
		if (!s->flush || s->tail->unread)
			return (PULL_DRAINED);
		end = text_end = s->scanned;
	}
	n = read_at(s, fd, buf, size, (off_t)io->in_offset);
	if (n <= 0 || s->tail->unread)
		return (PULL_DRAINED);
	io->in = buf;
	/* The newline, and what stands behind it, is no part of it. */
	io->in_len = (size_t)n;
	if ((off_t)io->in_len > text_end - (off_t)io->in_offset)
		io->in_len = (size_t)(text_end - (off_t)io->in_offset);
	io->ends_line = true;
	if (pack(s, p, io) == PACK_NEED_ROOM && io->made == 0)
		return (PULL_NO_ROOM);
	p->made = io->made;
	p->messages = io->messages;
	p->txnr = io->txnr;
	p->end = end;
	if (p->marks != NULL && io->messages > 0)
		p->marks[io->messages - 1].end = (uint64_t)end;
	return (PULL_MORE);
}

/* Whether what was scanned without a newline says that it is too early. */
static bool
still_partial(struct stream *s, int fd, uint8_t *buf, size_t size)
{
	off_t known = s->scanned - s->cursor.sent;

	if (known <= 0 || s->flush)
		return (false);
	if (s->route->style.oversize == PACK_SPLIT &&
	    s->tail->size - s->cursor.sent > (off_t)s->route->style.max_message)
		return (false);
	return (find_newline(s, fd, buf, size) == -1);
}

/*
 * Octets to pass over where a line was sent without its newline, and only the
 * newline came since.  before is the octet before p.
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

/* Whether what was read before may be another file's; or nobody can tell. */
enum sameness {
	SAME,
	CHANGED,
	UNKNOWN
};

/*
 * Whether what was sent still stands before the offset, of which buf[0..n) was
 * read: else the file was written anew.  After a start or a loss it may be
 * another guard that is known, or how the file began: that is looked at when
 * it has been read, or it could change in between.
 */
static enum sameness
compare(struct stream *s, int fd, const uint8_t *buf, size_t n)
{
	struct guard g;
	int holds;

	if (s->guard.at == s->cursor.sent && s->cursor.sent > 0)
		return (guard_matches(&s->guard, buf, n) ? SAME : CHANGED);
	g = stream_guard_newest(s);
	if (g.at <= 0 || s->tail->packed != INFLATE_NONE)
		holds = tail_update_print(s->tail, fd);
	else
		holds = guard_holds(&g, fd);
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
	tail_set_last_line(s->tail, &g, end);
}

/*
 * What would not be sent now is read in vain: as many octets as the lines that
 * may go should have, if they are as lines were so far.
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

/* Whether NULs stand where a line should begin. */
static bool
begins_with_nuls(const uint8_t *p, size_t n)
{
	static const uint8_t nuls[PACK_NULS_LEAST];

	return (n >= PACK_NULS_LEAST && memcmp(p, nuls, PACK_NULS_LEAST) == 0);
}

/* Nothing of it is sent, and nothing is left. */
static enum pull_result
pass_over(struct stream *s, struct pull *p)
{
	if (s->cursor.sent >= s->tail->size)
		return (PULL_DRAINED);
	p->end = s->tail->size;
	return (PULL_MORE);
}

/* Nobody writes over the NULs at its end any more, as far as is known. */
static bool
is_left(const struct stream *s)
{
	return (s->flush && s->tail->place == NULL);
}

/*
 * A hole in the file, or what a program that does not append leaves when its
 * log is truncated.
 */
static enum pull_result
pull_nuls(struct stream *s, struct pull *p, int fd, off_t from)
{
	size_t size;
	uint8_t *buf = tails_scratch(s->tail->all, &size);
	off_t end = behind_nuls(s, fd, buf, size, from);

	s->only_nuls = end == -1;
	if (end == -1)
		return (is_left(s) ? pass_over(s, p) : PULL_DRAINED);
	p->end = end;
	/* A line was written over them meanwhile. */
	if (end == from)
		return (PULL_MORE);
	say_notice(tail_path(s->tail).text,
	    "%lld bytes at %lld are NULs, not lines: passed over",
	    (long long)(end - from), (long long)from);
	tails_stats(s->tail->all)->hole_bytes += (uint64_t)(end - from);
	return (PULL_MORE);
}

/* What was read of a file: from an offset on, behind the guard. */
struct slice {
	uint8_t *buf;
	size_t size; /* of buf, and how much was wanted */
	size_t skip; /* where lines begin */
	size_t n;
	off_t from; /* the offset of that */
	bool is_cut; /* there is more, which could not be read */
};

/*
 * Leaves off NULs at the end that a line may be written over: those that
 * nothing follows in the file.  Returns false when it has to be read once more.
 */
static bool
leave_nuls(struct stream *s, int fd, struct slice *l)
{
	const uint8_t *nl, *p = l->buf + l->skip;
	size_t n = l->n - l->skip, len = text_length(p, n);

	s->only_nuls = false;
	if (len == n || s->tail->packed != INFLATE_NONE)
		return (true);
	if (l->n < l->size && !l->is_cut) {
		s->only_nuls = true;
	} else if ((nl = memrchr(p, '\n', len)) != NULL) {
		/* The next pull looks at what comes behind the line. */
		len = (size_t)(nl - p) + 1;
	} else {
		s->only_nuls = behind_nuls(s, fd, l->buf, l->size,
				   l->from + (off_t)len) == -1;
		if (read_at(s, fd, l->buf, l->size, l->from - (off_t)l->skip) !=
		    (ssize_t)l->n)
			return (false);
		/* Is it just being written? */
		if (text_length(p, n) != len)
			return (false);
		if (!s->only_nuls)
			len = n;
	}
	l->n = l->skip + len;
	return (true);
}

/* The file had no fingerprint, and no record has this one. */
static void
begin_print(struct tail *t, const uint8_t *head, size_t n)
{
	struct stream *s;

	fingerprint_of(&t->print, head, fingerprint_length(head, n));
	for (s = t->streams; s != NULL; s = s->next)
		s->mark.is_recorded = false;
}

/*
 * Reads what is to be sent next, and the guard in front of it, which is
 * skipped. Returns false where there is nothing to send now, and why in
 * *result.
 */
static bool
read_slice(struct stream *s, const struct pull *p, int fd, struct slice *l,
    enum pull_result *result)
{
	size_t least = STREAM_LEAST(s->route->style.max_message), worth, size;
	uint8_t *buf = tails_scratch(s->tail->all, &size);
	off_t from = s->cursor.sent;
	size_t guard = from < STREAM_GUARD ? (size_t)from : STREAM_GUARD;
	ssize_t n;

	*result = PULL_DRAINED;
	if (still_partial(s, fd, buf, size))
		return (false);
	worth = worth_reading(s, p);
	if (size > worth)
		size = worth > least ? worth : least;
	n = read_at(s, fd, buf, size, from - (off_t)guard);
	if (n == -1 && errno == EAGAIN)
		*result = PULL_MORE;
	else if (n == -1 && errno == EBUSY)
		*result = PULL_WAIT;
	if (n < (ssize_t)guard)
		return (false);
	*l = (struct slice) { buf, size, guard, (size_t)n, from,
		s->tail->unread };
	return (true);
}

/* Whether what was sent still stands in front of the slice. */
static bool
has_what_was_sent(struct stream *s, int fd, const struct slice *l)
{
	enum sameness same = compare(s, fd, l->buf, l->skip);

	if (same == UNKNOWN)
		tail_read_failed(s->tail, errno);
	else if (same == CHANGED)
		tail_suspect(s->tail);
	return (same == SAME);
}

/* What the slice tells of the file. */
static void
note_slice(struct stream *s, int fd, const struct slice *l)
{
	off_t end = l->from + (off_t)(l->n - l->skip);

	tail_is_compared(s->tail);
	/* Nothing is recorded of a file that has no fingerprint. */
	if (l->from == 0 && s->tail->print.len == 0)
		begin_print(s->tail, l->buf,
		    l->n < FINGERPRINT_MAX ? l->n : FINGERPRINT_MAX);
	if (end > s->tail->size)
		tail_has_grown(s->tail, fd, end);
}

static bool
is_no_text(struct stream *s, int fd, const struct slice *l)
{
	return (s->route->source->compressed &&
	    s->tail->packed == INFLATE_NONE && l->n > 0 &&
	    stream_is_no_text(s, fd, l->buf, l->n, l->from - (off_t)l->skip));
}

/* A newline that came after its line was sent. */
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

/* Sends the lines of the slice. */
static enum pull_result
pull_lines(struct stream *s, struct pull *p, int fd, struct slice *l)
{
	struct pack_io io = { .out = p->out,
		.out_room = p->room,
		.most = p->most,
		.marks = p->marks,
		.txnr = p->txnr };
	bool is_full = l->n == l->size || l->is_cut;
	enum pack_stop stop;

	if (!leave_nuls(s, fd, l))
		return (PULL_MORE);
	io.in = l->buf + l->skip;
	io.in_len = l->n - l->skip;
	io.in_offset = (uint64_t)l->from;
	io.ends_line = s->flush && !is_full;
	stop = pack(s, p, &io);
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
		return (pull_giant(s, p, &io, fd, l->buf, l->size));
	if (s->only_nuls && io.used == 0 && is_left(s))
		return (pass_over(s, p));
	return (PULL_DRAINED);
}

static enum pull_result
pull_from(struct stream *s, struct pull *p, int fd)
{
	enum pull_result result;
	struct slice l;

	if (!read_slice(s, p, fd, &l, &result))
		return (result);
	if (!has_what_was_sent(s, fd, &l))
		return (PULL_DRAINED);
	note_slice(s, fd, &l);
	if (is_no_text(s, fd, &l))
		return (pass_over(s, p));
	skip_late_newline(&l);
	if (begins_line(&l) && begins_with_nuls(l.buf + l.skip, l.n - l.skip))
		return (pull_nuls(s, p, fd, l.from));
	if (stream_comes_back(s, l.buf + l.skip, l.n - l.skip, l.from))
		return (PULL_DRAINED);
	return (pull_lines(s, p, fd, &l));
}

enum pull_result
stream_pull(struct stream *s, struct pull *p)
{
	enum pull_result result;
	int fd;

	p->made = 0;
	p->messages = 0;
	p->end = s->cursor.sent;
	/* Is it a copy?  What has come into it since it was looked at tells. */
	if (s->tail->fresh)
		tail_check(s->tail);
	if (s->tail->held != NULL || tail_is_undecided(s->tail))
		return (PULL_WAIT);
	fd = s->tail->fresh ? -1 : tail_fd(s->tail);
	if (fd == -1 || s->comes_back)
		result = PULL_DRAINED;
	else
		result = pull_from(s, p, fd);
	if (result == PULL_DRAINED) {
		tail_packed_close(s);
		s->is_drained = true;
		s->flush = false;
	}
	return (result);
}
