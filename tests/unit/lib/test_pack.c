/*
 * Goal: every line arrives, in frames that parse, whatever pieces the input
 * comes in and however little room the output has.  A slow model of the rules
 * says what all of the output must be; buffers end where their allocation
 * ends, so that a sanitizer sees a slip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pack.h"
#include "naive_text.h"

#define BOM "\xef\xbb\xbf"
#define LEAST 67 /* pack_least() of an empty header */
#define OFFSET 995 /* of the first octet: digits change soon */

struct bytes {
	uint8_t *p;
	size_t len;
	size_t room;
};

struct totals {
	uint64_t messages;
	uint64_t repaired;
	uint64_t oversize;
};

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8);
}

static void
append(struct bytes *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (n > b->room - b->len) {
		b->room = 2 * b->room + n;
		b->p = realloc(b->p, b->room);
		assert_non_null(b->p);
	}
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

static void *
copy_of(const void *p, size_t n)
{
	void *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	return (copy);
}

/* A header of the format; position only where it is rfc5424. */
static struct syslog_header
make_header(enum syslog_format format, bool position)
{
	struct syslog_fields fields = {
		.format = format,
		.facility = 1,
		.severity = 6,
		.hostname = "h",
		.app_name = "a",
		.procid = "-",
		.msgid = "-",
		.sd = "",
		.file = position ? "f" : NULL,
	};
	struct syslog_header header;

	assert_int_equal(syslog_header_init(&header, &fields), 0);
	return (header);
}

/* One call, whose input and output end with their allocations. */
static enum pack_stop
pack_once(const struct pack_style *style, struct pack_io *io, const void *in,
    size_t n, struct bytes *made)
{
	uint8_t *copy = copy_of(in, n);
	uint8_t *out = malloc(io->out_room > 0 ? io->out_room : 1);
	enum pack_stop stop;

	assert_non_null(out);
	io->in = copy;
	io->in_len = n;
	io->out = out;
	stop = pack_lines(style, io);
	assert_true(io->used <= n && io->made <= io->out_room);
	append(made, out, io->made);
	free(copy);
	free(out);
	return (stop);
}

/*
 * The literal tests: raw format, newlines, messages of 67 octets at most
 * unless the style says otherwise.
 */
struct simple {
	struct pack_style style;
	struct syslog_header header;
	struct pack_io io;
	struct bytes made;
	enum pack_stop stop;
};

static struct simple
simple_new(enum syslog_format format, bool position)
{
	struct simple s = { .style.wire = WIRE_NEWLINE };

	s.header = make_header(format, position);
	s.style.max_message = pack_least(&s.header);
	return (s);
}

static void
simple_pack(struct simple *s, const void *in, size_t n, bool ends_line)
{
	s->style.header = &s->header;
	if (s->io.out_room == 0)
		s->io.out_room = 4096;
	s->io.ends_line = ends_line;
	s->made.len = 0;
	s->stop = pack_once(&s->style, &s->io, in, n, &s->made);
}

static void
assert_made(const struct simple *s, const void *want, size_t n)
{
	assert_int_equal(s->made.len, n);
	assert_memory_equal(s->made.p, want, n);
}

static void
simple_free(struct simple *s)
{
	free(s->made.p);
	syslog_header_fini(&s->header);
}

/* Packs in as raw lines and checks the output, the input used, the stop. */
static void
assert_packs(const char *in, bool ends_line, const char *want, size_t used)
{
	struct simple s = simple_new(SYSLOG_RAW, false);

	simple_pack(&s, in, strlen(in), ends_line);
	assert_made(&s, want, strlen(want));
	assert_int_equal(s.io.used, used);
	assert_int_equal(s.stop, PACK_NEED_INPUT);
	simple_free(&s);
}

static void
a_line_becomes_a_frame_behind_the_header(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC5424, false);
	const char *want = "60 <14>1 1970-01-01T00:00:00.000000+00:00 h a - - "
			   "- hello there"
			   "53 <14>1 1970-01-01T00:00:00.000000+00:00 h a - - "
			   "- \x7f\tx!"
			   "49 <14>1 1970-01-01T00:00:00.000000+00:00 h a - - "
			   "- ";

	(void)state;
	s.style.wire = WIRE_OCTET;
	simple_pack(&s, "hello there\n\x7f\tx!\n\nrest", 22, false);
	assert_made(&s, want, strlen(want));
	assert_int_equal(s.stop, PACK_NEED_INPUT);
	assert_int_equal(s.io.used, 18);
	assert_int_equal(s.io.messages, 3);
	assert_int_equal(s.io.repaired, 0);
	assert_int_equal(s.io.oversize, 0);
	simple_free(&s);
}

static void
a_datagram_is_preceded_by_its_length(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	uint32_t two = 2;
	uint8_t want[6] = "....\xc3\xa9";

	(void)state;
	s.style.wire = WIRE_DATAGRAM;
	memcpy(want, &two, 4);
	simple_pack(&s, "\xc3\xa9\n", 3, false);
	assert_made(&s, want, sizeof(want));
	simple_free(&s);
}

static void
one_cr_before_the_newline_is_not_text(void **state)
{
	(void)state;
	assert_packs("a\r\n\r\nb\n", false, "a\n\nb\n", 7);
	assert_packs("a\r\r\n", false, "a#015\n", 4);
	assert_packs("\xc3\xa9\r\nb\rc\n", false, "\xc3\xa9\nb#015c\n", 8);
}

static void
a_line_without_newline_waits(void **state)
{
	(void)state;
	assert_packs("a\nb", false, "a\n", 2);
	assert_packs("a\n\xc3", false, "a\n", 2);
	assert_packs("a\r", false, "", 0);
	assert_packs("", false, "", 0);
}

static void
the_end_can_count_as_a_newline(void **state)
{
	(void)state;
	assert_packs("a\nb", true, "a\nb\n", 3);
	assert_packs("a\r", true, "a\n", 2);
	assert_packs("a\xe2\x82", true, "a\xef\xbf\xbd\n", 3);
	assert_packs("a\xe2\x82\r", true, "a\xef\xbf\xbd\n", 4);
	assert_packs("\r", true, "\n", 1);
}

static void
nothing_is_made_of_nothing(void **state)
{
	(void)state;
	assert_packs("", true, "", 0);
	assert_packs("a\n", true, "a\n", 2);
}

static void
a_nul_is_a_byte_like_others(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);

	(void)state;
	simple_pack(&s, "a\0b\n\0\n", 6, false);
	assert_made(&s, "a#000b\n#000\n", 12);
	s.style.text.control = TEXT_CONTROL_PASS;
	simple_pack(&s, "a\0b\n\0\n", 6, false);
	assert_made(&s, "a\0b\n\0\n", 6);
	assert_int_equal(s.io.messages, 2);
	simple_free(&s);
}

static void
passed_bytes_go_as_they_are_and_are_counted(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC3164, false);
	const char *head = "<14>Jan  1 00:00:00 h a: ";

	(void)state;
	s.style.text.control = TEXT_CONTROL_PASS;
	s.style.text.invalid = TEXT_INVALID_PASS;
	simple_pack(&s, "\x1b[0m\xff\xc3\r\n", 8, false);
	assert_int_equal(s.made.len, strlen(head) + 7);
	assert_memory_equal(s.made.p, head, strlen(head));
	assert_memory_equal(s.made.p + strlen(head), "\x1b[0m\xff\xc3\n", 7);
	assert_int_equal(s.io.repaired, 2);
	simple_free(&s);
}

/* Packs one line as RFC 5424; returns whether its text begins with mark. */
static bool
text_begins(struct simple *s, const char *in, const char *mark)
{
	simple_pack(s, in, strlen(in), true);
	assert_int_equal(s->io.messages, 1);
	assert_true(s->made.len >= s->header.len + strlen(mark));
	return (memcmp(s->made.p + s->header.len, mark, strlen(mark)) == 0);
}

static void
utf8_beyond_ascii_is_marked_in_rfc5424(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC5424, false);

	(void)state;
	s.style.bom = true;
	assert_true(text_begins(&s, "a\xc3\xa9", BOM "a\xc3\xa9\n"));
	assert_true(text_begins(&s, "plain", "plain\n"));
	assert_true(text_begins(&s, "\x1b", "#033\n"));
	assert_true(text_begins(&s, "\xff", BOM "\xef\xbf\xbd\n"));
	s.style.text.invalid = TEXT_INVALID_ESCAPE;
	assert_true(text_begins(&s, "\xff", "\\xff\n"));
	assert_true(text_begins(&s, "\xff\xc3\xa9", BOM "\\xff\xc3\xa9\n"));
	s.style.text.invalid = TEXT_INVALID_PASS;
	assert_true(text_begins(&s, "\xc3\xa9\xff", "\xc3\xa9\xff\n"));
	assert_true(text_begins(&s, "\xc3\xa9", BOM "\xc3\xa9\n"));
	simple_free(&s);
}

static void
nothing_is_marked_where_no_mark_is_wanted(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC5424, false);

	(void)state;
	assert_true(text_begins(&s, "a\xc3\xa9", "a\xc3\xa9\n"));
	assert_true(text_begins(&s, "\xff", "\xef\xbf\xbd\n"));
	assert_true(text_begins(&s, BOM "a", BOM "a\n"));
	simple_free(&s);
}

static void
a_mark_that_is_there_is_not_doubled(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC5424, false);

	(void)state;
	s.style.bom = true;
	assert_true(text_begins(&s, BOM "a", BOM "a\n"));
	assert_true(text_begins(&s, BOM, BOM "\n"));
	assert_true(text_begins(&s, "a" BOM, BOM "a" BOM "\n"));
	simple_free(&s);
}

static void
other_formats_are_not_marked(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC3164, false);

	(void)state;
	s.style.bom = true;
	assert_true(text_begins(&s, "\xc3\xa9", "\xc3\xa9\n"));
	simple_free(&s);
	assert_packs("\xc3\xa9\n", false, "\xc3\xa9\n", 3);
}

/* n times c, then tail; the result is static. */
static const char *
line_of(size_t n, char c, const char *tail)
{
	static char line[512];

	memset(line, c, n);
	(void)snprintf(line + n, sizeof(line) - n, "%s", tail);
	return (line);
}

static void
a_line_that_just_fits_is_one_message(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	static const char *const ends[] = { "\n", "\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		simple_pack(&s, line_of(LEAST, 'x', ends[i]),
		    LEAST + strlen(ends[i]), false);
		assert_made(&s, line_of(LEAST, 'x', "\n"), LEAST + 1);
		assert_int_equal(s.io.used, LEAST + strlen(ends[i]));
		assert_int_equal(s.io.oversize, 0);
	}
	simple_pack(&s, line_of(LEAST, 'x', "\r"), LEAST + 1, true);
	assert_made(&s, line_of(LEAST, 'x', "\n"), LEAST + 1);
	assert_int_equal(s.io.used, LEAST + 1);
	assert_int_equal(s.io.oversize, 0);
	simple_free(&s);
}

static void
a_part_is_made_only_when_the_line_surely_goes_on(void **state)
{
	static const char *const unsure[] = { "", "\r", "\xc3",
		"\xf0\x9f\x98" };
	static const char *const sure[] = { "y", "\ry", "\r\r", "\xc3\xa9",
		"\xff", "\x01", "\xf0\x9f\x98\x80" };
	struct simple s = simple_new(SYSLOG_RAW, false);

	(void)state;
	for (size_t i = 0; i < sizeof(unsure) / sizeof(unsure[0]); i++) {
		simple_pack(&s, line_of(LEAST, 'x', unsure[i]),
		    LEAST + strlen(unsure[i]), false);
		assert_int_equal(s.made.len, 0);
		assert_int_equal(s.io.used, 0);
		assert_int_equal(s.stop, PACK_NEED_INPUT);
	}
	for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]); i++) {
		simple_pack(&s, line_of(LEAST, 'x', sure[i]),
		    LEAST + strlen(sure[i]), false);
		assert_made(&s, line_of(LEAST, 'x', "\n"), LEAST + 1);
		assert_int_equal(s.io.used, LEAST);
		assert_int_equal(s.io.oversize, 1);
	}
	simple_free(&s);
}

static void
max_message_and_8_octets_always_make_a_part(void **state)
{
	static const char fills[] = { 'x', '\0', '\r', '\xff', '\x80', '\xe2',
		'\xf4' };
	uint8_t line[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(fills); i++) {
		for (int position = 0; position < 2; position++) {
			struct simple s = simple_new(SYSLOG_RFC5424, position);

			memset(line, fills[i], sizeof(line));
			simple_pack(&s, line, s.style.max_message + 8, false);
			assert_true(s.io.messages > 0);
			simple_free(&s);
		}
	}
}

static void
a_part_cuts_no_character_and_no_escape(void **state)
{
	static const char *const units[] = { "\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "\x01", "\xff" };
	static const char *const become[] = { "\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "#001", "\xef\xbf\xbd" };
	struct simple s = simple_new(SYSLOG_RAW, false);
	char in[1024], want[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t n = LEAST - 4; n <= LEAST; n++) {
			bool fits = n + strlen(become[i]) <= LEAST;

			(void)snprintf(
			    in, sizeof(in), "%sz\n", line_of(n, 'x', units[i]));
			(void)snprintf(want, sizeof(want), "%s%s%sz\n",
			    line_of(n, 'x', ""), fits ? "" : "\n", become[i]);
			/* The z, too, may need a part of its own. */
			if (n + strlen(become[i]) == LEAST)
				(void)snprintf(want, sizeof(want), "%s\nz\n",
				    line_of(n, 'x', become[i]));
			simple_pack(&s, in, strlen(in), false);
			assert_made(&s, want, strlen(want));
		}
	}
	simple_free(&s);
}

static void
the_mark_counts_towards_max_message(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC5424, false);
	size_t room = s.style.max_message - s.header.len;

	(void)state;
	s.style.bom = true;
	simple_pack(&s, line_of(room - 5, 'x', "\xc3\xa9\n"), room - 2, false);
	assert_int_equal(s.io.messages, 1);
	assert_int_equal(s.made.len, s.style.max_message + 1);
	/* With one more, the character goes to a second part. */
	simple_pack(&s, line_of(room - 4, 'x', "\xc3\xa9\n"), room - 1, false);
	assert_int_equal(s.io.messages, 2);
	assert_memory_equal(
	    s.made.p + s.header.len, line_of(room - 4, 'x', "\n"), room - 3);
	assert_memory_equal(
	    s.made.p + 2 * s.header.len + room - 3, BOM "\xc3\xa9\n", 6);
	simple_free(&s);
}

static void
truncating_sends_the_first_part_and_takes_the_line(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	const char *in = line_of(LEAST - 1, 'x', "\xc3\xa9 and so on\nnext\n");

	(void)state;
	s.style.oversize = PACK_TRUNCATE;
	simple_pack(&s, in, strlen(in), false);
	assert_made(&s, line_of(LEAST - 1, 'x', "\nnext\n"), LEAST + 5);
	assert_int_equal(s.io.used, LEAST - 1 + 18);
	assert_int_equal(s.io.messages, 2);
	assert_int_equal(s.io.oversize, 1);
	simple_free(&s);
}

static void
truncating_waits_for_the_end_of_the_line(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);

	(void)state;
	s.style.oversize = PACK_TRUNCATE;
	simple_pack(&s, line_of(400, 'x', ""), 400, false);
	assert_int_equal(s.io.used, 0);
	assert_int_equal(s.made.len, 0);
	assert_int_equal(s.stop, PACK_NEED_INPUT);
	simple_pack(&s, line_of(400, 'x', ""), 400, true);
	assert_made(&s, line_of(LEAST, 'x', "\n"), LEAST + 1);
	assert_int_equal(s.io.used, 400);
	simple_free(&s);
}

static void
the_position_is_that_of_the_line_or_part(void **state)
{
	struct simple s = simple_new(SYSLOG_RFC5424, true);
	char want[1024];
	size_t room, n;

	(void)state;
	s.style.bom = true;
	s.io.in_offset = 8;
	room = s.style.max_message - s.header.len - strlen("10\"] ");
	simple_pack(&s, line_of(0, 'x', "a\n"), 2, false);
	n = (size_t)snprintf(want, sizeof(want), "%s8\"] a\n", s.header.bytes);
	assert_made(&s, want, n);
	s.io.in_offset = 10;
	simple_pack(&s, line_of(room, 'x', "yz\n"), room + 3, false);
	n = (size_t)snprintf(want, sizeof(want), "%s10\"] %s%s%zu\"] yz\n",
	    s.header.bytes, line_of(room, 'x', "\n"), s.header.bytes,
	    10 + room);
	assert_made(&s, want, n);
	s.io.in_offset = UINT64_MAX - 1;
	simple_pack(&s, "\xc3\xa9\n", 3, false);
	n = (size_t)snprintf(want, sizeof(want),
	    "%s18446744073709551614\"] " BOM "\xc3\xa9\n", s.header.bytes);
	assert_made(&s, want, n);
	simple_free(&s);
}

static void
without_room_the_line_stays(void **state)
{
	static const char *const lines[] = { "0123456789\n", "\xc3\xa9\n" };
	struct simple s = simple_new(SYSLOG_RAW, false);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		s.io.out_room = 1;
		simple_pack(&s, lines[i], strlen(lines[i]), false);
		assert_int_equal(s.stop, PACK_NEED_ROOM);
		assert_int_equal(s.io.used, 0);
		assert_int_equal(s.io.made, 0);
		assert_int_equal(s.io.messages, 0);
	}
	s.io.out_room = 40;
	simple_pack(&s, "one\ntwo\nthree and thirty and more\n", 34, false);
	assert_made(&s, "one\ntwo\n", 8);
	assert_int_equal(s.stop, PACK_NEED_ROOM);
	assert_int_equal(s.io.used, 8);
	assert_int_equal(s.io.messages, 2);
	simple_free(&s);
}

static void
pack_room_is_enough_for_the_longest_frame(void **state)
{
	static const char *const fills[] = { "x", "\x01", "\xff", "\xc3\xa9" };
	char in[4096];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (int position = 0; position < 2; position++) {
			struct simple s = simple_new(SYSLOG_RFC5424, position);
			size_t n = 0;

			while (n < 2000) {
				memcpy(in + n, fills[i], strlen(fills[i]));
				n += strlen(fills[i]);
			}
			s.style.header = &s.header;
			s.style.max_message += 1000;
			s.style.wire = WIRE_OCTET;
			s.io.in_offset = UINT64_MAX - 5000;
			s.io.out_room = pack_room(&s.style);
			simple_pack(&s, in, n, false);
			assert_int_equal(s.io.messages, 1);
			simple_free(&s);
		}
	}
}

static void
relp_messages_are_numbered_on(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	const char *want = "999999998 syslog 1 a\n999999999 syslog 0 \n"
			   "1 syslog 2 \xc3\xa9\n";

	(void)state;
	s.style.wire = WIRE_RELP;
	s.io.txnr = 999999998;
	simple_pack(&s, "a\n\n\xc3\xa9\nrest", 9, false);
	assert_made(&s, want, strlen(want));
	assert_int_equal(s.io.txnr, 2);
	simple_pack(&s, "rest", 4, false);
	assert_int_equal(s.io.txnr, 2);
	simple_pack(&s, "rest", 4, true);
	assert_made(&s, "2 syslog 4 rest\n", 16);
	assert_int_equal(s.io.txnr, 3);
	s.style.wire = WIRE_OCTET;
	simple_pack(&s, "rest", 4, true);
	assert_int_equal(s.io.txnr, 3);
	simple_free(&s);
}

static void
no_more_messages_are_made_than_wanted(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);

	(void)state;
	s.io.most = 2;
	simple_pack(&s, "one\ntwo\nthree\n", 14, false);
	assert_made(&s, "one\ntwo\n", 8);
	assert_int_equal(s.stop, PACK_ENOUGH);
	assert_int_equal(s.io.used, 8);
	assert_int_equal(s.io.messages, 2);
	/* What is left is input, though it makes no message yet. */
	simple_pack(&s, "one\ntwo\nthr", 11, false);
	assert_int_equal(s.stop, PACK_ENOUGH);
	simple_pack(&s, "one\ntwo\n", 8, false);
	assert_int_equal(s.stop, PACK_NEED_INPUT);
	assert_int_equal(s.io.messages, 2);
	simple_free(&s);
}

static void
a_run_of_nuls_behind_a_line_is_for_the_caller_to_judge(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	char in[3 + PACK_NULS_LEAST + 2];

	(void)state;
	s.style.text.control = TEXT_CONTROL_PASS;
	memset(in, 0, sizeof(in));
	memcpy(in, "one", 3);
	in[sizeof(in) - 1] = '\n';
	simple_pack(&s, in, sizeof(in), false);
	assert_int_equal(s.stop, PACK_NEED_INPUT);
	assert_int_equal(s.io.messages, 1);
	in[3] = '\n';
	simple_pack(&s, in, sizeof(in), false);
	assert_int_equal(s.stop, PACK_NULS);
	assert_made(&s, "one\n", 4);
	assert_int_equal(s.io.used, 4);
	/* One less may be a line. */
	in[4] = 'x';
	simple_pack(&s, in, sizeof(in), false);
	assert_int_equal(s.io.messages, 2);
	/* As are those at the beginning: the caller has judged. */
	simple_pack(&s, in + 5, sizeof(in) - 5, false);
	assert_int_equal(s.io.messages, 1);
	simple_free(&s);
}

static void
a_mark_says_where_each_message_ends_in_file_and_output(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	struct pack_mark marks[4];
	const char *in = line_of(LEAST, 'x', "yz\n\r\n\xc3\xa9\r\nend");

	(void)state;
	s.io.marks = marks;
	s.io.most = 4;
	s.io.in_offset = 1000;
	simple_pack(&s, in, strlen(in), false);
	assert_int_equal(s.io.messages, 4);
	assert_int_equal(s.stop, PACK_ENOUGH);
	/* The first part of a line; the rest of it with its newline. */
	assert_int_equal(marks[0].end, 1000 + LEAST);
	assert_int_equal(marks[0].made, LEAST + 1);
	assert_int_equal(marks[1].end, 1000 + LEAST + 3);
	assert_int_equal(marks[1].made, LEAST + 4);
	assert_int_equal(marks[2].end, 1000 + LEAST + 5);
	assert_int_equal(marks[2].made, LEAST + 5);
	assert_int_equal(marks[3].end, 1000 + LEAST + 9);
	assert_int_equal(marks[3].made, LEAST + 8);
	simple_free(&s);
}

static void
a_mark_covers_what_was_cut_off_a_line(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	struct pack_mark mark;

	(void)state;
	s.style.oversize = PACK_TRUNCATE;
	s.io.marks = &mark;
	s.io.most = 1;
	simple_pack(&s, line_of(400, 'x', "\nnext\n"), 406, false);
	assert_int_equal(s.stop, PACK_ENOUGH);
	assert_int_equal(mark.end, 401);
	assert_int_equal(mark.made, LEAST + 1);
	simple_free(&s);
}

/* The model: one line at a time, one character at a time. */

static bool
model_wants_bom(const struct pack_style *style, const uint8_t *text,
    const struct text_result *r)
{
	bool has = r->made >= 3 && memcmp(text, BOM, 3) == 0;

	return (style->bom && style->header->format == SYSLOG_RFC5424 &&
	    r->wide && r->utf8 && !has);
}

/* The numbers begin where they soon end. */
static uint32_t
txnr_of(uint64_t message)
{
	return (message < 3 ? 999999997 + (uint32_t)message
			    : (uint32_t)message - 2);
}

static void
model_frame(const struct pack_style *style, const struct bytes *message,
    uint32_t txnr, struct bytes *out)
{
	char head[32];
	uint32_t len = (uint32_t)message->len;

	assert_true(message->len <= style->max_message);
	if (style->wire == WIRE_OCTET)
		append(out, head,
		    (size_t)snprintf(head, sizeof(head), "%u ", len));
	else if (style->wire == WIRE_DATAGRAM)
		append(out, &len, sizeof(len));
	else if (style->wire == WIRE_RELP)
		append(out, head,
		    (size_t)snprintf(
			head, sizeof(head), "%u syslog %u ", txnr, len));
	append(out, message->p, message->len);
	if (style->wire == WIRE_NEWLINE || style->wire == WIRE_RELP)
		append(out, "\n", 1);
}

/* Appends a message of as much of text as fits.  Returns what it took. */
static size_t
model_message(const struct pack_style *style, const uint8_t *text, size_t n,
    uint64_t offset, struct bytes *out, struct totals *t)
{
	struct bytes m = { 0 };
	struct text_result r;
	uint8_t made[16384];
	char position[32];
	size_t room;

	append(&m, style->header->bytes, style->header->len);
	if (style->header->position)
		append(&m, position,
		    (size_t)snprintf(position, sizeof(position), "%llu\"] ",
			(unsigned long long)offset));
	room = style->max_message - m.len;
	assert_true(room <= sizeof(made));
	naive_convert(&style->text, text, n, made, room, &r);
	if (model_wants_bom(style, made, &r) && r.made > room - 3)
		naive_convert(&style->text, text, n, made, room - 3, &r);
	if (model_wants_bom(style, made, &r))
		append(&m, BOM, 3);
	append(&m, made, r.made);
	model_frame(style, &m, txnr_of(t->messages), out);
	t->messages++;
	t->repaired += r.repaired;
	t->oversize += r.used < n;
	free(m.p);
	return (r.used);
}

static void
model_pack(const struct pack_style *style, const uint8_t *in, size_t n,
    struct bytes *out, struct totals *t)
{
	size_t at, end, next;

	for (at = 0; at < n; at = next) {
		for (end = at; end < n && in[end] != '\n'; end++)
			continue;
		next = end < n ? end + 1 : end;
		if (end > at && in[end - 1] == '\r')
			end--;
		do {
			at += model_message(
			    style, in + at, end - at, OFFSET + at, out, t);
		} while (at < end && style->oversize == PACK_SPLIT);
	}
}

/* The marks go up to what was used and made, a message each. */
static void
assert_marked(const struct pack_io *io, enum pack_stop stop)
{
	struct pack_mark last = { io->in_offset, 0 };

	if (stop == PACK_ENOUGH)
		assert_int_equal(io->messages, io->most);
	if (io->marks == NULL)
		return;
	assert_true(io->messages <= io->most);
	for (uint64_t i = 0; i < io->messages; i++) {
		assert_true(io->marks[i].end > last.end);
		assert_true(io->marks[i].made >= last.made);
		last = io->marks[i];
	}
	assert_int_equal(last.end, io->in_offset + io->used);
	assert_int_equal(last.made, io->made);
}

/*
 * Packs in[0..n), of which ends[] says how much is there at each look; the
 * last is n, and counts as a newline.
 */
static void
pack_pieces(const struct pack_style *style, const uint8_t *in,
    const size_t *ends, size_t out_room, uint64_t most, struct bytes *out,
    struct totals *t)
{
	struct pack_mark marks[8];
	struct pack_io io = { .out_room = out_room,
		.in_offset = OFFSET,
		.most = most,
		.marks = most > 0 ? marks : NULL,
		.txnr = txnr_of(t->messages) };
	size_t used = 0, n;
	enum pack_stop stop;

	for (n = 0; ends[n + 1] > 0; n++)
		continue;
	for (size_t i = 0; i <= n; i++) {
		do {
			io.ends_line = i == n;
			stop = pack_once(
			    style, &io, in + used, ends[i] - used, out);
			assert_marked(&io, stop);
			used += io.used;
			io.in_offset += io.used;
			t->messages += io.messages;
			t->repaired += io.repaired;
			t->oversize += io.oversize;
			assert_true(stop == PACK_NEED_INPUT || io.made > 0);
		} while (stop != PACK_NEED_INPUT);
	}
	assert_int_equal(used, ends[n]);
	if (style->wire == WIRE_RELP)
		assert_int_equal(io.txnr, txnr_of(t->messages));
}

static void
assert_same(const struct bytes *made, const struct totals *t,
    const struct bytes *want, const struct totals *want_t)
{
	assert_int_equal(made->len, want->len);
	if (want->len > 0)
		assert_memory_equal(made->p, want->p, want->len);
	assert_int_equal(t->messages, want_t->messages);
	assert_int_equal(t->repaired, want_t->repaired);
	assert_int_equal(t->oversize, want_t->oversize);
}

/* Every combination of rules, with headers that the caller owns. */
#define STYLES (4 * 4 * 2 * 3 * 2 * 2)

static void
make_headers(struct syslog_header headers[4])
{
	headers[0] = make_header(SYSLOG_RAW, false);
	headers[1] = make_header(SYSLOG_RFC5424, false);
	headers[2] = make_header(SYSLOG_RFC5424, true);
	headers[3] = make_header(SYSLOG_RFC3164, false);
}

static struct pack_style
style_of(size_t n, const struct syslog_header headers[4])
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
	style.bom = n / 2 == 1;
	style.max_message = pack_least(style.header);
	return (style);
}

static size_t
random_input(uint32_t *seed, uint8_t *in, size_t most)
{
	static const char *const atoms[] = { "plain text, some of it, to fill",
		"\t", "\xc3\xa9", "\xe4\xb8\xad\xe6\x96\x87",
		"\xf0\x9f\x98\x80", BOM, "\xff", "\xc3", "\xe4\xb8", "\xf0\x9f",
		"\xed\xa0\x80", "\x01", "\n", "\r\n", "\r", "xy", "\x7f",
		"0123456789abcdefghijklmnopqrstuvwxyz" };
	size_t n = 0, len, want = next_random(seed) % (most - 40);
	/* Long lines in some inputs, short ones in others. */
	uint32_t skip = next_random(seed) % 2 == 0 ? 0 : 12;

	while (n < want) {
		uint32_t x = next_random(seed) % 19;

		if ((x == 12 || x == 13) && next_random(seed) % 16 < skip)
			continue;
		len = x == 18 ? 1 : strlen(atoms[x]);
		memcpy(in + n, x == 18 ? "" : atoms[x], len);
		n += len;
	}
	return (n);
}

static void
all_rules_make_what_the_model_makes_in_any_pieces(void **state)
{
	struct syslog_header headers[4];
	uint32_t seed = 42;
	uint8_t in[800];

	(void)state;
	make_headers(headers);
	for (size_t round = 0; round < 20 * STYLES; round++) {
		struct pack_style style = style_of(round % STYLES, headers);
		struct bytes want = { 0 }, made = { 0 };
		struct totals want_t = { 0 }, t = { 0 };
		size_t n = random_input(&seed, in, sizeof(in));
		size_t ends[sizeof(in) + 2] = { 0 }, i, end = 0;
		uint32_t step = 1 + next_random(&seed) % 300;

		style.max_message += next_random(&seed) % 40;
		model_pack(&style, in, n, &want, &want_t);
		for (i = 0; end < n; i++) {
			end += 1 + next_random(&seed) % step;
			ends[i] = end = end < n ? end : n;
		}
		pack_pieces(&style, in, ends,
		    pack_room(&style) + next_random(&seed) % 200,
		    next_random(&seed) % 9, &made, &t);
		assert_same(&made, &t, &want, &want_t);
		free(want.p);
		free(made.p);
	}
	for (size_t i = 0; i < 4; i++)
		syslog_header_fini(&headers[i]);
}

static void
input_may_be_cut_off_anywhere(void **state)
{
	static const char in[] =
	    "plain\n\r\nM\xc3\xbcller \xf0\x9f\x98\x80\r\n"
	    "a line that is longer than the 67 octets that a message may have,"
	    " \xe2\x82\xac and\r so on, \xe2\x82 \x01\x02\0 and on and on\r\n"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "\xe2\x82\xac\r\n"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "456\r\n\n"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\r\r\nlast, without newline \xf0\x9f\x98";
	struct syslog_header headers[4];

	(void)state;
	make_headers(headers);
	for (size_t i = 0; i < STYLES; i++) {
		struct pack_style style = style_of(i, headers);
		struct bytes want = { 0 };
		struct totals want_t = { 0 };
		size_t n = sizeof(in) - 1;

		model_pack(&style, (const uint8_t *)in, n, &want, &want_t);
		for (size_t cut = 1; cut < n; cut++) {
			struct bytes made = { 0 };
			struct totals t = { 0 };
			size_t ends[] = { cut, n, 0 };

			pack_pieces(&style, (const uint8_t *)in, ends,
			    pack_room(&style), cut % 9, &made, &t);
			assert_same(&made, &t, &want, &want_t);
			free(made.p);
		}
		free(want.p);
	}
	for (size_t i = 0; i < 4; i++)
		syslog_header_fini(&headers[i]);
}

static void
a_very_long_line_goes_out_whole_in_parts(void **state)
{
	struct simple s = simple_new(SYSLOG_RAW, false);
	size_t n = 1 << 20, sum = 0, used = 0, looks = 0;
	uint8_t *in = malloc(n);

	(void)state;
	assert_non_null(in);
	memset(in, 'x', n);
	s.style.max_message = 8192;
	s.io.out_room = 65536;
	do {
		simple_pack(&s, in + used, n - used, false);
		used += s.io.used;
		sum += s.io.messages;
		looks++;
	} while (s.stop == PACK_NEED_ROOM);
	/* The last part cannot be told from the end of the line. */
	assert_int_equal(used, n - 8192);
	assert_int_equal(sum, n / 8192 - 1);
	assert_true(looks < 30);
	simple_pack(&s, in + used, n - used, true);
	assert_int_equal(s.io.used, 8192);
	assert_int_equal(s.io.oversize, 0);
	free(in);
	simple_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_becomes_a_frame_behind_the_header),
		cmocka_unit_test(a_datagram_is_preceded_by_its_length),
		cmocka_unit_test(one_cr_before_the_newline_is_not_text),
		cmocka_unit_test(a_line_without_newline_waits),
		cmocka_unit_test(the_end_can_count_as_a_newline),
		cmocka_unit_test(nothing_is_made_of_nothing),
		cmocka_unit_test(a_nul_is_a_byte_like_others),
		cmocka_unit_test(passed_bytes_go_as_they_are_and_are_counted),
		cmocka_unit_test(utf8_beyond_ascii_is_marked_in_rfc5424),
		cmocka_unit_test(nothing_is_marked_where_no_mark_is_wanted),
		cmocka_unit_test(a_mark_that_is_there_is_not_doubled),
		cmocka_unit_test(other_formats_are_not_marked),
		cmocka_unit_test(a_line_that_just_fits_is_one_message),
		cmocka_unit_test(
		    a_part_is_made_only_when_the_line_surely_goes_on),
		cmocka_unit_test(max_message_and_8_octets_always_make_a_part),
		cmocka_unit_test(a_part_cuts_no_character_and_no_escape),
		cmocka_unit_test(the_mark_counts_towards_max_message),
		cmocka_unit_test(
		    truncating_sends_the_first_part_and_takes_the_line),
		cmocka_unit_test(truncating_waits_for_the_end_of_the_line),
		cmocka_unit_test(the_position_is_that_of_the_line_or_part),
		cmocka_unit_test(without_room_the_line_stays),
		cmocka_unit_test(pack_room_is_enough_for_the_longest_frame),
		cmocka_unit_test(relp_messages_are_numbered_on),
		cmocka_unit_test(no_more_messages_are_made_than_wanted),
		cmocka_unit_test(
		    a_run_of_nuls_behind_a_line_is_for_the_caller_to_judge),
		cmocka_unit_test(
		    a_mark_says_where_each_message_ends_in_file_and_output),
		cmocka_unit_test(a_mark_covers_what_was_cut_off_a_line),
		cmocka_unit_test(
		    all_rules_make_what_the_model_makes_in_any_pieces),
		cmocka_unit_test(input_may_be_cut_off_anywhere),
		cmocka_unit_test(a_very_long_line_goes_out_whole_in_parts),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
