#include "pack.h"

#include <assert.h>
#include <string.h>

#define POSITION_DIGITS 20 /* of 2^64 - 1 */
#define POSITION_END "\"] "
#define POSITION_END_LEN (sizeof(POSITION_END) - 1)
#define BOM_LEN sizeof(bom)
#define LEAST_TEXT 64
#define WIDEST 4 /* most octets that one becomes */

/*
 * What text_convert() makes is never shorter than what it reads, so a part is
 * decided by that many octets of a line more than it has room for: the next
 * character, CR, LF.
 */
#define LOOKAHEAD 8

enum step {
	MADE,
	WANTS_INPUT,
	WANTS_ROOM
};

/* The line at hand, or the part of a line. */
struct line {
	const uint8_t *p;
	size_t left; /* octets of in[] from p on */
	size_t look; /* how many of them are looked at */
	size_t plain; /* how many are plain text */
	size_t room; /* octets that the text may have */
	size_t text; /* octets that are surely text */
	size_t next; /* where the next line begins, 0 if not seen */
	uint64_t offset; /* of p[0] in its file */
};

/* RFC 5424 6.4: before text that has more than ASCII. */
static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };

static inline size_t
least(size_t a, size_t b)
{
	return (a < b ? a : b);
}

static size_t
put_number(uint64_t n, uint8_t *out)
{
	uint8_t digits[POSITION_DIGITS];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (uint8_t)('0' + n % 10);
	} while ((n /= 10) > 0);
	memcpy(out, digits + i, sizeof(digits) - i);
	return (sizeof(digits) - i);
}

static size_t
position_size(uint64_t offset)
{
	size_t digits = 1;

	for (; offset >= 10; offset /= 10)
		digits++;
	return (digits + POSITION_END_LEN);
}

/* Returns the octets of a message before its text, a BOM aside. */
static inline size_t
head_size(const struct syslog_header *header, uint64_t offset)
{
	if (header->position)
		return (header->len + position_size(offset));
	return (header->len);
}

/*
 * Writes the frame's head and all of the message that comes before body more
 * octets.  Returns the octets written.
 */
static inline size_t
put_head(const struct pack_style *style, uint64_t offset, uint32_t txnr,
    size_t body, uint8_t *out)
{
	const struct syslog_header *header = style->header;
	size_t made;

	made =
	    wire_head(style->wire, head_size(header, offset) + body, txnr, out);
	memcpy(out + made, header->bytes, header->len);
	made += header->len;
	if (header->position) {
		made += put_number(offset, out + made);
		memcpy(out + made, POSITION_END, POSITION_END_LEN);
		made += POSITION_END_LEN;
	}
	return (made);
}

/* A line that is plain text and fits: the way that nearly all lines go. */
static inline enum step
pack_plain(
    const struct pack_style *style, struct pack_io *io, const struct line *line)
{
	uint8_t *out = io->out + io->made;
	size_t made;

	if (io->out_room - io->made <
	    WIRE_OVERHEAD + style->max_message - line->room + line->plain)
		return (WANTS_ROOM);
	made = put_head(style, line->offset, io->txnr, line->plain, out);
	memcpy(out + made, line->p, line->plain);
	made += line->plain;
	made += wire_tail(style->wire, out + made);
	io->made += made;
	io->used += line->next;
	return (MADE);
}

/*
 * Returns where the next line begins if the line ends behind its plain text,
 * or 0.
 */
static inline size_t
plain_end(const struct pack_io *io, const struct line *line)
{
	const uint8_t *p = line->p;
	size_t at = line->plain;

	if (at < line->left && p[at] == '\r')
		at++;
	if (at < line->left)
		return (p[at] == '\n' ? at + 1 : 0);
	return (io->ends_line ? at : 0);
}

/* Finds the end of a line that is not plain, or how much of it is certain. */
static void
find_end(
    const struct pack_style *style, const struct pack_io *io, struct line *line)
{
	const uint8_t *lf;
	size_t look;

	/* What is cut off may be any length. */
	look = style->oversize == PACK_TRUNCATE ? line->left : line->look;
	lf = memchr(line->p + line->plain, '\n', look - line->plain);
	line->next = 0;
	line->text = look;
	if (lf != NULL) {
		line->text = (size_t)(lf - line->p);
		line->next = line->text + 1;
	} else if (io->ends_line && look == line->left) {
		line->next = look;
	}
	/* A last CR belongs to the line's end, or may turn out to. */
	if (line->text > 0 && line->p[line->text - 1] == '\r')
		line->text--;
	else if (line->next == 0)
		line->text -= text_unfinished(line->p, line->text);
}

static bool
wants_bom(const struct pack_style *style, const uint8_t *text,
    const struct text_result *r)
{
	if (!style->bom || style->header->format != SYSLOG_RFC5424 ||
	    !r->wide || !r->utf8)
		return (false);
	return (r->made < BOM_LEN || memcmp(text, bom, BOM_LEN) != 0);
}

/*
 * Puts the rest of the frame around text that was made behind it, in the gap
 * that was left, and takes the line's octets.
 */
static void
finish(const struct pack_style *style, struct pack_io *io,
    const struct line *line, const uint8_t *text, const struct text_result *r)
{
	uint8_t *out = io->out + io->made;
	size_t made, mark = wants_bom(style, text, r) ? BOM_LEN : 0;

	made = put_head(style, line->offset, io->txnr, mark + r->made, out);
	memcpy(out + made, bom, mark);
	made += mark;
	memmove(out + made, text, r->made);
	made += r->made;
	made += wire_tail(style->wire, out + made);
	io->made += made;
	io->repaired += r->repaired;
	if (r->used < line->text)
		io->oversize++;
	if (r->used < line->text && style->oversize == PACK_SPLIT)
		io->used += r->used;
	else
		io->used += line->next;
}

/* A line that must be converted or is too long, or has no end yet. */
static enum step
pack_other(
    const struct pack_style *style, struct pack_io *io, struct line *line)
{
	struct text_result r;
	uint8_t *text;
	size_t gap, most;

	find_end(style, io, line);
	most = WIDEST * line->text;
	if (line->next == 0 &&
	    (style->oversize == PACK_TRUNCATE || most <= line->room))
		return (WANTS_INPUT);
	gap = WIRE_OVERHEAD + style->max_message - line->room + BOM_LEN;
	if (io->out_room - io->made < gap + least(most, line->room))
		return (WANTS_ROOM);

	text = io->out + io->made + gap;
	r = text_convert(&style->text, line->p, line->text, text, line->room);
	if (line->next == 0 && r.used == line->text)
		return (WANTS_INPUT);
	if (wants_bom(style, text, &r) && r.made > line->room - BOM_LEN)
		r = text_convert(&style->text, line->p, line->text, text,
		    line->room - BOM_LEN);
	finish(style, io, line, text, &r);
	return (MADE);
}

static inline enum step
pack_next(const struct pack_style *style, struct pack_io *io)
{
	struct line line;

	line.p = io->in + io->used;
	line.left = io->in_len - io->used;
	line.offset = io->in_offset + io->used;
	line.room = style->max_message - head_size(style->header, line.offset);
	line.look = least(line.left, line.room + LOOKAHEAD);
	line.plain = text_plain(line.p, line.look);
	if (line.plain <= line.room && (line.next = plain_end(io, &line)) != 0)
		return (pack_plain(style, io, &line));
	return (pack_other(style, io, &line));
}

/* Counts the message that was just made. */
static inline void
count(const struct pack_style *style, struct pack_io *io)
{
	if (style->wire == WIRE_RELP)
		io->txnr = wire_next_txnr(io->txnr);
	if (io->marks != NULL) {
		io->marks[io->messages].end = io->in_offset + io->used;
		io->marks[io->messages].made = io->made;
	}
	io->messages++;
}

/* Whether NULs stand where the next line should begin. */
static bool
is_at_nuls(const struct pack_io *io)
{
	static const uint8_t nuls[PACK_NULS_LEAST];
	const uint8_t *p = io->in + io->used;

	return (*p == 0 && io->used > 0 && p[-1] == '\n' &&
	    io->in_len - io->used >= sizeof(nuls) &&
	    memcmp(p, nuls, sizeof(nuls)) == 0);
}

enum pack_stop
pack_lines(const struct pack_style *style, struct pack_io *io)
{
	uint64_t most = io->most > 0 ? io->most : UINT64_MAX;

	assert(io->marks == NULL || io->most > 0);
	io->used = io->made = 0;
	io->messages = io->repaired = io->oversize = 0;
	while (io->used < io->in_len) {
		if (io->messages == most)
			return (PACK_ENOUGH);
		if (is_at_nuls(io))
			return (PACK_NULS);
		switch (pack_next(style, io)) {
		case MADE:
			count(style, io);
			break;
		case WANTS_INPUT:
			return (PACK_NEED_INPUT);
		case WANTS_ROOM:
			return (PACK_NEED_ROOM);
		}
	}
	return (PACK_NEED_INPUT);
}

size_t
pack_least(const struct syslog_header *header)
{
	size_t position = POSITION_DIGITS + POSITION_END_LEN;

	return (header->len + (header->position ? position : 0) + BOM_LEN +
	    LEAST_TEXT);
}

size_t
pack_room(const struct pack_style *style)
{
	return (WIRE_OVERHEAD + BOM_LEN + style->max_message);
}
