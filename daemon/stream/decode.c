#include "daemon/stream/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/read.h"
#include "daemon/base/sizes.h"

#define GUARD_WITHIN ((off_t)64 * 1024 * 1024) /* of text, for a guard */

struct decoder {
	struct inflate *z; /* NULL: there was no memory to begin anew */
	enum inflate_kind kind;
	enum decoder_state state;
	off_t in_at; /* of what follows in[] in the file */
	size_t in_start, in_end;
	off_t base; /* offset of buf[0] in the text */
	size_t len, size;
	uint8_t *buf;
	uint8_t in[DECODER_INPUT];
};

/* Begins at the first octet of the file.  Returns 0, or -1 with ENOMEM. */
static int
start(struct decoder *d)
{
	inflate_free(d->z);
	d->state = DECODER_GOES_ON;
	d->in_at = d->base = 0;
	d->in_start = d->in_end = d->len = 0;
	d->z = inflate_new(d->kind);
	return (d->z == NULL ? -1 : 0);
}

struct decoder *
decoder_new(enum inflate_kind kind, size_t longest)
{
	struct decoder *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->kind = kind;
	/* A read goes back by less than the one before was long. */
	d->size = 2 * longest;
	if ((d->buf = malloc(d->size)) == NULL || start(d) == -1) {
		decoder_free(d);
		return (NULL);
	}
	return (d);
}

void
decoder_free(struct decoder *d)
{
	if (d == NULL)
		return;
	inflate_free(d->z);
	free(d->buf);
	free(d);
}

static off_t
text_end(const struct decoder *d)
{
	return (d->base + (off_t)d->len);
}

enum decoder_state
decoder_state(const struct decoder *d, off_t *end)
{
	*end = text_end(d);
	return (d->state);
}

const char *
decoder_error(const struct decoder *d)
{
	return (inflate_error(d->z));
}

/* Fetches more of the file.  Returns whether there was any, or -1. */
static int
fill(struct decoder *d, int fd)
{
	ssize_t n;

	if (d->in_start < d->in_end)
		return (1);
	do {
		n = pread(fd, d->in, sizeof(d->in), d->in_at);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	d->in_start = 0;
	d->in_end = (size_t)n;
	d->in_at += n;
	return (n > 0);
}

/* Decodes into the room behind buf[len].  Returns 0, or -1 with errno. */
static int
decode(struct decoder *d, int fd)
{
	enum inflate_status status;
	struct inflate_io io;
	int more;

	if ((more = fill(d, fd)) == -1)
		return (-1);
	io = (struct inflate_io) { .in = d->in + d->in_start,
		.in_len = d->in_end - d->in_start,
		.out = d->buf + d->len,
		.room = d->size - d->len };
	status = inflate_run(d->z, &io);
	d->in_start += io.used;
	d->len += io.made;
	if (status == INFLATE_DAMAGED)
		d->state = DECODER_DAMAGED;
	else if (more || io.made > 0)
		d->state = DECODER_GOES_ON;
	else
		d->state =
		    status == INFLATE_WHOLE ? DECODER_WHOLE : DECODER_CUT;
	return (0);
}

/*
 * Makes room behind buf[len]: drops the text before at.  Returns the octets
 * dropped.
 */
static size_t
make_room(struct decoder *d, off_t at)
{
	size_t drop = d->len;

	if (at < text_end(d))
		drop = at > d->base ? (size_t)(at - d->base) : 0;
	if (drop > 0 && d->len - drop > 0)
		memmove(d->buf, d->buf + drop, d->len - drop);
	d->base += (off_t)drop;
	d->len -= drop;
	return (drop);
}

ssize_t
decoder_read(struct decoder *d, int fd, uint8_t *buf, size_t n, off_t at)
{
	size_t passed = 0, got;

	if ((d->z == NULL || at < d->base) && start(d) == -1)
		return (-1);
	/* The file may have grown. */
	if (d->state == DECODER_CUT)
		d->state = DECODER_GOES_ON;
	while (d->state == DECODER_GOES_ON && text_end(d) < at + (off_t)n) {
		if (d->len == d->size || at >= text_end(d))
			passed += make_room(d, at);
		if (passed > DECODER_TURN) {
			errno = EAGAIN;
			return (-1);
		}
		if (decode(d, fd) == -1)
			return (-1);
	}
	if (at >= text_end(d))
		return (0);
	got = d->len - (size_t)(at - d->base);
	if (got > n)
		got = n;
	memcpy(buf, d->buf + (at - d->base), got);
	return ((ssize_t)got);
}

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
decoder_read_head(int fd, enum inflate_kind kind, uint8_t head[FINGERPRINT_MAX])
{
	uint8_t in[DECODER_INPUT];
	struct inflate *z;
	size_t made = 0;
	off_t at = 0;
	ssize_t n = 0;

	if ((z = inflate_new(kind)) == NULL)
		return (-1);
	while (
	    at < DECODER_HEAD && (n = read_whole(fd, in, sizeof(in), at)) > 0) {
		at += n;
		if (!decode_head(z, in, (size_t)n, head, &made))
			break;
	}
	inflate_free(z);
	return (n == -1 ? -1 : (int)fingerprint_length(head, made));
}

/* The last octets of a text that were decoded, and how many there were. */
struct last {
	uint8_t buf[2 * DECODER_INPUT];
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
		if (l->len >= DECODER_INPUT) {
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
	uint8_t in[DECODER_INPUT];
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
decoder_has_guard(int fd, enum inflate_kind kind, const struct guard *g)
{
	struct last l;

	if (decode_before(fd, kind, g->at, &l) == -1)
		return (-1);
	return (l.end == g->at && guard_matches(g, l.buf, l.len));
}

int
decoder_line_ends_at(int fd, enum inflate_kind kind, off_t offset)
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
	uint8_t buf[DECODER_INPUT];

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
	uint8_t text[DECODER_INPUT];
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
decoder_is_part(int fd, enum inflate_kind kind, int of)
{
	uint8_t in[DECODER_INPUT];
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
