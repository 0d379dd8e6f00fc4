/*
 * Goal: no bytes in a log make pack_lines() write a frame that a receiver
 * could misread.  Packs the input under every combination of rules, takes the
 * frames apart again and checks each message; then packs it once more in
 * pieces, which must make the same octets.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pack.h"

#define MOST_INPUT 2048
#define OFFSET 98
#define FIRST_TXNR (WIRE_TXNR_LAST - 5)
#define STYLES (4 * 4 * 2 * 3 * 2 * 2)

#define require(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

struct packed {
	uint8_t p[128 * MOST_INPUT]; /* a header for each octet */
	size_t len;
	uint64_t messages;
	uint64_t repaired;
	uint64_t oversize;
};

static struct syslog_header headers[4];
static struct packed whole, pieces;

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
make_headers(void)
{
	static const enum syslog_format formats[] = { SYSLOG_RAW,
		SYSLOG_RFC5424, SYSLOG_RFC5424, SYSLOG_RFC3164 };
	struct syslog_fields fields = { .facility = 1,
		.severity = 6,
		.hostname = "h",
		.app_name = "a",
		.procid = "-",
		.msgid = "-",
		.sd = "" };

	for (size_t i = 0; i < 4; i++) {
		fields.format = formats[i];
		fields.file = i == 2 ? "f" : NULL;
		require(syslog_header_init(&headers[i], &fields) == 0);
	}
}

static struct pack_style
style_of(size_t n)
{
	static const enum wire wires[] = { WIRE_OCTET, WIRE_NEWLINE,
		WIRE_DATAGRAM, WIRE_RELP };
	static const enum text_invalid invalids[] = { TEXT_INVALID_REPLACE,
		TEXT_INVALID_ESCAPE, TEXT_INVALID_PASS };
	struct pack_style style = { .header = headers + n % 4 };

	n /= 4;
	style.wire = wires[n % 4];
	n /= 4;
	style.oversize = n % 2 == 0 ? PACK_SPLIT : PACK_TRUNCATE;
	n /= 2;
	style.text.invalid = invalids[n % 3];
	n /= 3;
	style.text.control =
	    n % 2 == 0 ? TEXT_CONTROL_ESCAPE : TEXT_CONTROL_PASS;
	style.bom = n / 2 % 2 == 1;
	style.max_message = pack_least(style.header);
	return (style);
}

/*
 * Packs in[0..n), of which step octets more are there at each look.  The work
 * buffers end with their allocations.
 */
static void
pack_in_steps(const struct pack_style *style, const uint8_t *in, size_t n,
    size_t step, struct packed *to)
{
	size_t room = pack_room(style) + step % 100;
	size_t used = 0, end = 0, i;
	uint32_t txnr = FIRST_TXNR;
	struct pack_mark marks[8] = { { 0, 0 } };
	uint8_t *piece, *out = malloc(room);
	enum pack_stop stop = PACK_NEED_INPUT;

	require(out != NULL);
	to->len = 0;
	to->messages = to->repaired = to->oversize = 0;
	while (used < n) {
		struct pack_io io = { .in_offset = OFFSET + used,
			.out = out,
			.out_room = room,
			.most = step % 9,
			.marks = step % 9 > 0 ? marks : NULL,
			.txnr = txnr };

		if (stop == PACK_NEED_INPUT) {
			require(end < n);
			end = n - end < step ? n : end + step;
		}
		io.in_len = end - used;
		io.ends_line = end == n;
		piece = malloc(io.in_len > 0 ? io.in_len : 1);
		require(piece != NULL);
		memcpy(piece, in + used, io.in_len);
		io.in = piece;
		stop = pack_lines(style, &io);
		free(piece);
		require(io.used <= io.in_len && io.made <= room);
		require(stop == PACK_NEED_INPUT || io.messages > 0);
		require(io.most == 0 || io.messages <= io.most);
		require(stop != PACK_ENOUGH || io.messages == io.most);
		for (i = 0; io.marks != NULL && i < io.messages; i++)
			require(marks[i].end > OFFSET + used &&
			    marks[i].made <= io.made);
		if (io.marks != NULL && i > 0)
			require(marks[i - 1].end == OFFSET + used + io.used &&
			    marks[i - 1].made == io.made);
		require(io.made <= sizeof(to->p) - to->len);
		memcpy(to->p + to->len, out, io.made);
		to->len += io.made;
		to->messages += io.messages;
		to->repaired += io.repaired;
		to->oversize += io.oversize;
		used += io.used;
		txnr = io.txnr;
	}
	require(used == n);
	free(out);
}

/* Checks the text of a message, what stands before it taken off. */
static void
check_text(const struct pack_style *style, const uint8_t *p, size_t n)
{
	static const struct text_rules as_is = { TEXT_INVALID_PASS,
		TEXT_CONTROL_PASS };
	bool marked = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
	struct text_result r;
	uint8_t copy[512];

	require(n <= sizeof(copy));
	r = text_convert(&as_is, p, n, copy, sizeof(copy));
	require(r.used == n && r.made == n && memcmp(p, copy, n) == 0);
	if (style->text.invalid != TEXT_INVALID_PASS)
		require(r.utf8);
	if (style->bom && style->header->format == SYSLOG_RFC5424 && r.utf8)
		require(marked == r.wide);
	for (size_t i = 0; i < n; i++) {
		require(p[i] != '\n');
		if (style->text.control == TEXT_CONTROL_ESCAPE)
			require(p[i] >= 0x20 || p[i] == '\t');
	}
}

static void
check_message(const struct pack_style *style, const uint8_t *p, size_t n)
{
	const struct syslog_header *h = style->header;
	size_t at = h->len;

	require(n >= at && n <= style->max_message);
	require(memcmp(p, h->bytes, at) == 0);
	if (h->position) {
		while (at < n && p[at] >= '0' && p[at] <= '9')
			at++;
		require(at > h->len && n - at >= 3);
		require(memcmp(p + at, "\"] ", 3) == 0);
		at += 3;
	}
	check_text(style, p + at, n - at);
}

/* Reads the number at p[*at], without a needless 0, and goes behind it. */
static uint32_t
take_number(const uint8_t *p, size_t n, size_t *at)
{
	size_t from = *at;
	uint32_t number = 0;

	for (; *at < n && p[*at] >= '0' && p[*at] <= '9'; (*at)++)
		number = number * 10 + p[*at] - '0';
	require(*at == from + 1 || (*at > from && p[from] != '0'));
	return (number);
}

/* Finds where a frame's message is.  Returns the length of the frame. */
static size_t
take_frame(enum wire wire, uint32_t txnr, const uint8_t *p, size_t n,
    size_t *head, size_t *message)
{
	const uint8_t *lf;
	uint32_t len = 0;

	switch (wire) {
	case WIRE_OCTET:
		*head = 0;
		len = take_number(p, n, head);
		require(*head < n && p[(*head)++] == ' ');
		break;
	case WIRE_NEWLINE:
		require((lf = memchr(p, '\n', n)) != NULL);
		*head = 0;
		*message = (size_t)(lf - p);
		return (*message + 1);
	case WIRE_DATAGRAM:
		*head = sizeof(len);
		require(n >= *head);
		memcpy(&len, p, sizeof(len));
		break;
	case WIRE_RELP:
		*head = 0;
		require(take_number(p, n, head) == txnr);
		require(n - *head > 8);
		require(memcmp(p + *head, " syslog ", 8) == 0);
		*head += 8;
		len = take_number(p, n, head);
		require(n - *head > len + 1 && p[*head] == ' ');
		require(p[++*head + len] == '\n');
		*message = len;
		return (*head + len + 1);
	}
	require(n >= *head && len <= n - *head);
	*message = len;
	return (*head + len);
}

static void
check_frames(const struct pack_style *style, const struct packed *made)
{
	size_t frame, head = 0, message = 0;
	uint64_t messages = 0;
	uint32_t txnr = FIRST_TXNR;

	for (size_t at = 0; at < made->len; at += frame) {
		frame = take_frame(style->wire, txnr, made->p + at,
		    made->len - at, &head, &message);
		txnr = wire_next_txnr(txnr);
		check_message(style, made->p + at + head, message);
		messages++;
	}
	require(messages == made->messages);
}

/* Every line is there once, cut lines in one part more for each cut. */
static void
check_count(const struct pack_style *style, const uint8_t *in, size_t n,
    const struct packed *made)
{
	uint64_t lines = n > 0 && in[n - 1] != '\n' ? 1 : 0;

	for (size_t i = 0; i < n; i++)
		lines += in[i] == '\n';
	if (style->oversize == PACK_SPLIT)
		lines += made->oversize;
	require(made->messages == lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	size_t step;

	if (headers[0].bytes == NULL)
		make_headers();
	if (n > MOST_INPUT)
		return (0);
	for (size_t i = 0; i < STYLES; i++) {
		struct pack_style style = style_of(i);

		step = n > 0 ? 1 + (in[0] * 7u + in[n / 2] + i) % 131 : 1;
		pack_in_steps(&style, in, n, n > 0 ? n : 1, &whole);
		check_frames(&style, &whole);
		check_count(&style, in, n, &whole);
		pack_in_steps(&style, in, n, step, &pieces);
		require(pieces.len == whole.len);
		require(memcmp(pieces.p, whole.p, whole.len) == 0);
		require(pieces.messages == whole.messages);
		require(pieces.repaired == whole.repaired);
		require(pieces.oversize == whole.oversize);
	}
	return (0);
}
