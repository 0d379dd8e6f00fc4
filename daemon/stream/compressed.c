#include "daemon/stream/compressed.h"

#include <sys/queue.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/say.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/record.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

#define GUARD_WITHIN ((off_t)64 * 1024 * 1024) /* of text, for a guard */
#define QUIET 60. /* seconds until what is cut off stays so */

enum packed_state {
	PACKED_GOES_ON,
	PACKED_CUT, /* the file ends, its text does not */
	PACKED_WHOLE,
	PACKED_DAMAGED
};

/* Where one stream is in a compressed file. */
struct packed {
	TAILQ_ENTRY(packed) entry;
	struct stream *stream;
	struct inflate *z;
	enum packed_state state;
	bool refused; /* others for its sake: they wait */
	off_t in_at; /* of what follows in[] in the file */
	size_t in_start, in_end;
	off_t base; /* offset of buf[0] in the text */
	size_t len, size;
	uint8_t *buf;
	uint8_t in[TAIL_PACKED_INPUT];
};

/* Decodes in[0..n) into head, from *made on.  Returns whether to go on. */
static bool
decode_head(struct inflate *z, const uint8_t *in, size_t n,
    uint8_t head[FINGERPRINT_MAX], size_t *made)
{
	struct inflate_io io = { .in = in, .in_len = n };

	do {
		io.out = head + *made;
		io.room = FINGERPRINT_MAX - *made;
		if (inflate_run(z, &io) == INFLATE_DAMAGED)
			return (false);
		*made += io.made;
		io.in += io.used;
		io.in_len -= io.used;
	} while (*made < FINGERPRINT_MAX && (io.used > 0 || io.made > 0));
	return (*made < FINGERPRINT_MAX);
}

int
tail_packed_head(int fd, enum inflate_kind kind, uint8_t head[FINGERPRINT_MAX])
{
	uint8_t in[TAIL_PACKED_INPUT];
	struct inflate *z;
	size_t made = 0;
	off_t at = 0;
	ssize_t n = 0;

	if ((z = inflate_new(kind)) == NULL)
		return (-1);
	while (at < TAIL_PACKED_HEAD &&
	    (n = read_whole(fd, in, sizeof(in), at)) > 0) {
		at += n;
		if (!decode_head(z, in, (size_t)n, head, &made))
			break;
	}
	inflate_free(z);
	return (n == -1 ? -1 : (int)fingerprint_length(head, made));
}

/* The last octets of a text that were decoded, and how many there were. */
struct last {
	uint8_t buf[2 * TAIL_PACKED_INPUT];
	size_t len;
	off_t end;
};

/* Decodes in[0..n) up to offset at.  Returns whether to go on. */
static bool
decode_up_to(
    struct inflate *z, const uint8_t *in, size_t n, struct last *l, off_t at)
{
	struct inflate_io io = { .in = in, .in_len = n };
	off_t left;

	do {
		if (l->len >= TAIL_PACKED_INPUT) {
			memmove(l->buf, l->buf + l->len - GUARD_MAX, GUARD_MAX);
			l->len = GUARD_MAX;
		}
		left = at - l->end;
		io.out = l->buf + l->len;
		io.room = sizeof(l->buf) - l->len;
		if ((off_t)io.room > left)
			io.room = (size_t)left;
		if (inflate_run(z, &io) == INFLATE_DAMAGED)
			return (false);
		l->len += io.made;
		l->end += (off_t)io.made;
		io.in += io.used;
		io.in_len -= io.used;
	} while (l->end < at && (io.used > 0 || io.made > 0));
	return (l->end < at);
}

/* Returns 0, or -1 where nobody knows what stands before offset. */
static int
decode_before(int fd, enum inflate_kind kind, off_t offset, struct last *l)
{
	uint8_t in[TAIL_PACKED_INPUT];
	struct inflate *z;
	off_t at = 0;
	ssize_t n;

	l->len = 0;
	l->end = 0;
	if (offset > GUARD_WITHIN || (z = inflate_new(kind)) == NULL)
		return (-1);
	while ((n = read_whole(fd, in, sizeof(in), at)) > 0) {
		at += n;
		if (!decode_up_to(z, in, (size_t)n, l, offset))
			break;
	}
	inflate_free(z);
	return (n == -1 ? -1 : 0);
}

int
tail_packed_guard(int fd, enum inflate_kind kind, const struct guard *g)
{
	struct last l;

	if (decode_before(fd, kind, g->at, &l) == -1)
		return (-1);
	return (l.end == g->at && guard_matches(g, l.buf, l.len));
}

int
tail_packed_line_ends_at(int fd, enum inflate_kind kind, off_t offset)
{
	struct last l;

	if (decode_before(fd, kind, offset, &l) == -1)
		return (-1);
	return (l.end == offset && l.len > 0 && l.buf[l.len - 1] == '\n');
}

/* Whether of has these octets at that offset. */
static bool
has_at(int of, const uint8_t *p, size_t n, off_t at)
{
	uint8_t buf[TAIL_PACKED_INPUT];

	return (n <= sizeof(buf) && read_whole(of, buf, n, at) == (ssize_t)n &&
	    memcmp(buf, p, n) == 0);
}

/*
 * Compares what in[0..n) is decoded to with of from *at on.  Returns 1 where it
 * is the same, 0 where it is not, or -1 where it is damaged.
 */
static int
compare_text(struct inflate *z, const uint8_t *in, size_t n, int of, off_t *at)
{
	uint8_t text[TAIL_PACKED_INPUT];
	struct inflate_io io = { .in = in, .in_len = n };

	do {
		io.out = text;
		io.room = sizeof(text);
		if (inflate_run(z, &io) == INFLATE_DAMAGED)
			return (-1);
		if (!has_at(of, text, io.made, *at))
			return (0);
		*at += (off_t)io.made;
		io.in += io.used;
		io.in_len -= io.used;
	} while (io.used > 0 || io.made > 0);
	return (1);
}

int
tail_packed_is_part(int fd, enum inflate_kind kind, int of)
{
	uint8_t in[TAIL_PACKED_INPUT];
	struct inflate *z;
	off_t read = 0, at = 0;
	int same = 1;
	ssize_t n = 0;

	if ((z = inflate_new(kind)) == NULL)
		return (-1);
	while (same == 1 && at < GUARD_WITHIN &&
	    (n = read_whole(fd, in, sizeof(in), read)) > 0) {
		read += n;
		same = compare_text(z, in, (size_t)n, of, &at);
	}
	inflate_free(z);
	return (same == 1 && n != 0 ? -1 : same);
}

/* Begins again at the first octet. */
static int
rewind_packed(struct packed *p)
{
	inflate_free(p->z);
	p->state = PACKED_GOES_ON;
	p->in_at = p->base = 0;
	p->in_start = p->in_end = p->len = 0;
	p->z = inflate_new(p->stream->tail->packed);
	return (p->z == NULL ? -1 : 0);
}

static void
packed_free(struct packed *p)
{
	inflate_free(p->z);
	free(p->buf);
	free(p);
}

/* The file that is being read for the same destination, or NULL. */
static struct packed *
find_busy(struct stream *s)
{
	struct packed *p;

	TAILQ_FOREACH (p, tails_packed(s->tail->all), entry)
		if (p->stream->route->dest == s->route->dest)
			return (p);
	return (NULL);
}

static int
open_packed(struct stream *s)
{
	struct packed *p;
	size_t scratch;

	if ((p = find_busy(s)) != NULL) {
		p->refused = true;
		errno = EBUSY;
		return (-1);
	}
	(void)tails_scratch(s->tail->all, &scratch);
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (-1);
	p->stream = s;
	/* A read goes back by less than it was long. */
	p->size = 2 * scratch;
	if ((p->buf = malloc(p->size)) == NULL || rewind_packed(p) == -1) {
		packed_free(p);
		return (-1);
	}
	s->packed = p;
	TAILQ_INSERT_TAIL(tails_packed(s->tail->all), p, entry);
	return (0);
}

void
tail_packed_close(struct stream *s)
{
	struct packed *p = s->packed;
	bool wake;

	if (p == NULL)
		return;
	s->packed = NULL;
	TAILQ_REMOVE(tails_packed(s->tail->all), p, entry);
	wake = p->refused;
	packed_free(p);
	/* Of many small files none waits for another. */
	if (wake)
		tails_wake_packed(s->tail->all, s->route->dest);
}

/* Fetches more of the file.  Returns whether there was any, or -1. */
static int
fill(struct packed *p, int fd)
{
	ssize_t n;

	if (p->in_start < p->in_end)
		return (1);
	do {
		n = pread(fd, p->in, sizeof(p->in), p->in_at);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	p->in_start = 0;
	p->in_end = (size_t)n;
	p->in_at += n;
	return (n > 0);
}

static void
say_damaged(const struct packed *p, const char *why)
{
	struct tail *t = p->stream->tail;
	off_t had = p->base + (off_t)p->len;

	if (t->packed_ended)
		return;
	t->packed_ended = true;
	tails_stats(t->all)->damaged++;
	say_warnx(tail_path(t).text,
	    "damaged: what comes after the first %lld bytes of its "
	    "text cannot be recovered: %s",
	    (long long)had, why);
}

/* Decodes into the room behind buf[len].  Returns 0, or -1 with errno. */
static int
decode(struct packed *p, int fd)
{
	enum inflate_status status;
	struct inflate_io io;
	int more;

	if ((more = fill(p, fd)) == -1)
		return (-1);
	io = (struct inflate_io) { .in = p->in + p->in_start,
		.in_len = p->in_end - p->in_start,
		.out = p->buf + p->len,
		.room = p->size - p->len };
	status = inflate_run(p->z, &io);
	p->in_start += io.used;
	p->len += io.made;
	if (status == INFLATE_DAMAGED) {
		p->state = PACKED_DAMAGED;
		say_damaged(p, inflate_error(p->z));
	} else if (!more && io.made == 0) {
		p->state = status == INFLATE_WHOLE ? PACKED_WHOLE : PACKED_CUT;
	} else {
		p->state = PACKED_GOES_ON;
	}
	return (0);
}

/* Makes room behind buf[len] by dropping what is before at. */
static size_t
make_room(struct packed *p, off_t at)
{
	size_t drop = p->len;

	if (at < p->base + (off_t)p->len)
		drop = at > p->base ? (size_t)(at - p->base) : 0;
	if (drop > 0 && p->len - drop > 0)
		memmove(p->buf, p->buf + drop, p->len - drop);
	p->base += (off_t)drop;
	p->len -= drop;
	return (drop);
}

/* The tail's size is that of its text as far as it is known. */
static void
note_size(struct packed *p)
{
	struct tail *t = p->stream->tail;
	off_t end = p->base + (off_t)p->len;

	if (p->state != PACKED_GOES_ON)
		t->size = end;
	else if (t->size <= end)
		t->size = end + 1;
	if (p->state == PACKED_WHOLE)
		t->packed_ended = true;
}

ssize_t
tail_packed_read(struct stream *s, int fd, uint8_t *buf, size_t n, off_t at)
{
	struct packed *p;
	size_t passed = 0, got;

	if (s->packed == NULL && open_packed(s) == -1)
		return (-1);
	p = s->packed;
	if (at < p->base && rewind_packed(p) == -1)
		return (-1);
	if (p->state == PACKED_CUT)
		p->state = PACKED_GOES_ON;
	while (p->state == PACKED_GOES_ON &&
	    p->base + (off_t)p->len < at + (off_t)n) {
		if (p->len == p->size || at >= p->base + (off_t)p->len)
			passed += make_room(p, at);
		if (passed > TAIL_PACKED_TURN) {
			errno = EAGAIN;
			return (-1);
		}
		if (decode(p, fd) == -1)
			return (-1);
	}
	note_size(p);
	if (at >= p->base + (off_t)p->len)
		return (0);
	got = p->len - (size_t)(at - p->base);
	if (got > n)
		got = n;
	memcpy(buf, p->buf + (at - p->base), got);
	return ((ssize_t)got);
}

bool
tail_packed_look(struct tail *t, double quiet)
{
	struct stream *s;

	if (!tail_is_drained(t))
		return (false);
	if (!t->packed_ended && quiet >= QUIET) {
		t->packed_ended = true;
		tails_stats(t->all)->damaged++;
		say_warnx(tail_path(t).text,
		    "cut off: what comes after the first %lld bytes "
		    "of its text cannot be recovered",
		    (long long)t->size);
	}
	if (!t->packed_ended)
		return (false);
	/* A line at the end of the text needs no newline. */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size && !s->flush) {
			s->flush = true;
			stream_wake(s);
		}
	return (tail_is_done(t));
}

bool
tail_packed_is_finished(const struct checkpoint_record *rec, int64_t born)
{
	return (rec != NULL &&
	    rotation_is_packed(strrchr(rec->path, '/') + 1) && born > 0 &&
	    born / NS_IN_S <= rec->time);
}
