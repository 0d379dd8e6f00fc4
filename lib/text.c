#include "text.h"

#include <string.h>

#define ONES UINT64_C(0x0101010101010101) /* times x: x in each byte */
#define HIGH (ONES * 0x80)
#define WORD sizeof(uint64_t)
#define STEP (4 * WORD)

static const uint8_t replacement[] = { 0xef, 0xbf, 0xbd }; /* U+FFFD */

static inline size_t
least(size_t a, size_t b)
{
	return (a < b ? a : b);
}

static inline uint64_t
load(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return (w);
}

/*
 * Has a high bit if and only if some byte of w is below 0x20 or above 0x7f.
 * Cheap, but a borrow may set the bit of a wrong byte, and tab counts.
 */
static inline uint64_t
suspect(uint64_t w)
{
	return ((w - ONES * 0x20) | w);
}

/* Sets the high bit of exactly those bytes of w that are not plain. */
static inline uint64_t
special(uint64_t w)
{
	uint64_t low = w & ~HIGH;
	uint64_t printable = low + ONES * 0x60;
	uint64_t not_tab = (low ^ ONES * '\t') + ONES * 0x7f;

	return ((w | (~printable & not_tab)) & HIGH);
}

/* Returns which byte in memory has the first high bit of marks, not 0. */
static inline size_t
first_mark(uint64_t marks)
{
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		return ((size_t)__builtin_ctzll(marks) / 8);
	return ((size_t)__builtin_clzll(marks) / 8);
}

static inline bool
is_plain(uint8_t c)
{
	return ((c >= 0x20 && c <= 0x7f) || c == '\t');
}

size_t
text_plain(const uint8_t *p, size_t n)
{
	uint64_t marks;
	size_t i, end;

	for (i = 0; n - i >= STEP; i = end) {
		end = i + STEP;
		marks = suspect(load(p + i)) | suspect(load(p + i + WORD)) |
		    suspect(load(p + i + 2 * WORD)) |
		    suspect(load(p + i + 3 * WORD));
		if ((marks & HIGH) == 0)
			continue;
		for (; i < end; i += WORD) {
			if ((marks = special(load(p + i))) != 0)
				return (i + first_mark(marks));
		}
	}
	for (; n - i >= WORD; i += WORD) {
		if ((marks = special(load(p + i))) != 0)
			return (i + first_mark(marks));
	}
	while (i < n && is_plain(p[i]))
		i++;
	return (i);
}

/*
 * Returns how many octets of p[0..n), n > 0, go together as a character or as
 * a maximal subpart of one (Unicode 3.9, table 3-7).  Sets *whole to the
 * length that the first octet asks for, 0 if it can begin nothing.
 */
static inline size_t
sequence(const uint8_t *p, size_t n, size_t *whole)
{
	uint8_t c = p[0];
	uint8_t from = 0x80, to = 0xbf;
	size_t i;

	if (c < 0xc2 || c > 0xf4) {
		*whole = 0;
		return (1);
	}
	*whole = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	/* The second octet tells overlong forms, surrogates, > U+10FFFF. */
	if (c == 0xe0)
		from = 0xa0;
	else if (c == 0xed)
		to = 0x9f;
	else if (c == 0xf0)
		from = 0x90;
	else if (c == 0xf4)
		to = 0x8f;
	for (i = 1; i < *whole && i < n; i++) {
		if (p[i] < from || p[i] > to)
			break;
		from = 0x80;
		to = 0xbf;
	}
	return (i);
}

size_t
text_unfinished(const uint8_t *p, size_t n)
{
	size_t back, whole;

	for (back = 1; back <= 3 && back <= n; back++) {
		if (p[n - back] < 0x80)
			return (0);
		if (p[n - back] < 0xc0)
			continue;
		if (sequence(p + n - back, back, &whole) == back &&
		    whole > back)
			return (back);
		return (0);
	}
	return (0);
}

/*
 * Writes an invalid run of len octets.  Returns the octets written, 0 if they
 * do not fit; *len becomes what they stand for.
 */
static size_t
put_invalid(enum text_invalid rule, const uint8_t *in, size_t *len,
    uint8_t *out, size_t room)
{
	static const char hex[] = "0123456789abcdef";

	switch (rule) {
	case TEXT_INVALID_REPLACE:
		if (room < sizeof(replacement))
			return (0);
		memcpy(out, replacement, sizeof(replacement));
		return (sizeof(replacement));
	case TEXT_INVALID_ESCAPE:
		if (room < 4)
			return (0);
		out[0] = '\\';
		out[1] = 'x';
		out[2] = (uint8_t)hex[in[0] >> 4];
		out[3] = (uint8_t)hex[in[0] & 0xf];
		*len = 1;
		return (4);
	case TEXT_INVALID_PASS:
		if (room < 1)
			return (0);
		out[0] = in[0];
		*len = 1;
		return (1);
	}
	return (0);
}

/* Where to convert from, and to. */
struct piece {
	const uint8_t *in;
	size_t n;
	uint8_t *out;
	size_t room;
};

/* Converts the octets above 0x7f that the piece begins with, as far as fits. */
static void
convert_wide(
    enum text_invalid rule, const struct piece *piece, struct text_result *r)
{
	/* The output may overlap anything: these stay in registers. */
	const uint8_t *in = piece->in;
	uint8_t *out = piece->out;
	size_t n = piece->n, room = piece->room;
	size_t i = 0, o = 0, len, put, whole;

	while (i < n && in[i] >= 0x80) {
		len = sequence(in + i, n - i, &whole);
		if (len == whole) {
			if (room - o < len)
				break;
			out[o] = in[i];
			for (put = 1; put < len; put++)
				out[o + put] = in[i + put];
			r->wide = true;
		} else {
			put =
			    put_invalid(rule, in + i, &len, out + o, room - o);
			if (put == 0)
				break;
			r->repaired += len;
			if (rule != TEXT_INVALID_ESCAPE)
				r->wide = true;
			if (rule == TEXT_INVALID_PASS)
				r->utf8 = false;
		}
		i += len;
		o += put;
	}
	r->used += i;
	r->made += o;
}

static void
convert_control(enum text_control rule, uint8_t c, uint8_t *out, size_t room,
    struct text_result *r)
{
	size_t put = rule == TEXT_CONTROL_PASS ? 1 : 4;

	if (room < put)
		return;
	if (rule == TEXT_CONTROL_PASS) {
		out[0] = c;
	} else {
		out[0] = '#';
		out[1] = (uint8_t)('0' + (c >> 6));
		out[2] = (uint8_t)('0' + (c >> 3 & 7));
		out[3] = (uint8_t)('0' + (c & 7));
	}
	r->used++;
	r->made += put;
}

struct text_result
text_convert(const struct text_rules *rules, const uint8_t *in, size_t n,
    uint8_t *out, size_t room)
{
	struct text_result r = { .utf8 = true };
	struct piece piece;
	size_t run, before;

	while (r.used < n && r.made < room) {
		before = r.used;
		run = text_plain(in + r.used, least(n - r.used, room - r.made));
		memcpy(out + r.made, in + r.used, run);
		r.used += run;
		r.made += run;
		if (r.used == n || r.made == room)
			break;
		piece = (struct piece) { in + r.used, n - r.used, out + r.made,
			room - r.made };
		if (*piece.in < 0x80)
			convert_control(rules->control, *piece.in, piece.out,
			    piece.room, &r);
		else
			convert_wide(rules->invalid, &piece, &r);
		if (r.used == before + run)
			break;
	}
	return (r);
}
