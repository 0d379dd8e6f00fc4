/*
 * Goal: whatever bytes come in, text comes out as the rules say, nothing is
 * read or written beyond the ends, and the fast scan agrees with a slow one.
 * Buffers end where their allocation ends, so that a sanitizer sees a slip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "naive_text.h"

static const enum text_invalid invalids[] = { TEXT_INVALID_REPLACE,
	TEXT_INVALID_ESCAPE, TEXT_INVALID_PASS };
static const enum text_control controls[] = { TEXT_CONTROL_ESCAPE,
	TEXT_CONTROL_PASS };

static const struct text_rules replace_rules = { TEXT_INVALID_REPLACE,
	TEXT_CONTROL_ESCAPE };
static const struct text_rules escape_rules = { TEXT_INVALID_ESCAPE,
	TEXT_CONTROL_ESCAPE };
static const struct text_rules pass_rules = { TEXT_INVALID_PASS,
	TEXT_CONTROL_PASS };

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8);
}

static uint8_t *
copy_of(const void *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	return (copy);
}

static void
assert_converts(
    const struct text_rules *rules, const char *in, size_t n, const char *want)
{
	struct text_result r;
	uint8_t out[256];
	uint8_t *copy = copy_of(in, n);

	r = text_convert(rules, copy, n, out, sizeof(out));
	free(copy);
	assert_int_equal(r.used, n);
	assert_int_equal(r.made, strlen(want));
	assert_memory_equal(out, want, r.made);
}

/* Compares with the slow conversion at every room up to most. */
static void
assert_as_naive(
    const struct text_rules *rules, const uint8_t *in, size_t n, size_t most)
{
	struct text_result r, want;
	uint8_t expected[1024];
	uint8_t *copy = copy_of(in, n), *out;

	assert_true(most <= sizeof(expected));
	for (size_t room = 0; room <= most; room++) {
		out = malloc(room > 0 ? room : 1);
		assert_non_null(out);
		naive_convert(rules, in, n, expected, room, &want);
		r = text_convert(rules, copy, n, out, room);
		assert_int_equal(r.used, want.used);
		assert_int_equal(r.made, want.made);
		assert_int_equal(r.repaired, want.repaired);
		assert_int_equal(r.wide, want.wide);
		assert_int_equal(r.utf8, want.utf8);
		assert_memory_equal(out, expected, r.made);
		free(out);
	}
	free(copy);
}

static size_t
naive_plain(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == 9 || (p[i] >= 32 && p[i] <= 127)))
		i++;
	return (i);
}

static void
every_byte_is_plain_or_not_at_every_place(void **state)
{
	uint8_t *p;

	(void)state;
	for (size_t n = 1; n <= 72; n++) {
		for (unsigned int c = 0; c < 256; c++) {
			size_t at = (n * 31 + c) % n;

			p = malloc(n);
			assert_non_null(p);
			memset(p, 'a', n);
			p[at] = (uint8_t)c;
			if (at > 0)
				p[at - 1] = c % 2 == 0 ? '\t' : 0x7f;
			assert_int_equal(text_plain(p, n), naive_plain(p, n));
			free(p);
		}
	}
}

static void
the_scan_finds_a_special_byte_wherever_it_stands(void **state)
{
	static const uint8_t bytes[] = { 0, '\n', 0x1f, 0x80, 0xff };
	uint8_t *p = malloc(130);

	(void)state;
	assert_non_null(p);
	memset(p, '\t', 130);
	for (size_t from = 0; from < 16; from++) {
		for (size_t at = from; at < 130; at++) {
			p[at] = bytes[at % sizeof(bytes)];
			assert_int_equal(
			    text_plain(p + from, 130 - from), at - from);
			p[at] = '\t';
		}
		assert_int_equal(text_plain(p + from, 130 - from), 130 - from);
	}
	free(p);
}

static void
the_scan_agrees_with_a_slow_one_on_random_bytes(void **state)
{
	/* Mostly plain, with neighbours that borrows and carries would hit. */
	static const uint8_t odd[] = { 0, 8, 9, 10, 13, 31, 32, 33, 126, 127,
		128, 129, 159, 160, 255, 9 };
	uint32_t seed = 1;
	uint8_t *p;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = next_random(&seed) % 200;
		size_t from = n > 0 ? next_random(&seed) % n : 0;
		uint32_t rare = 2 + next_random(&seed) % 100;

		p = malloc(n > 0 ? n : 1);
		assert_non_null(p);
		for (size_t i = 0; i < n; i++) {
			uint32_t x = next_random(&seed);

			p[i] = x % rare == 0 ? odd[x / rare % sizeof(odd)]
					     : (uint8_t)(32 + x % 95);
		}
		assert_int_equal(text_plain(p + from, n - from),
		    naive_plain(p + from, n - from));
		free(p);
	}
}

static void
nothing_has_no_plain_bytes(void **state)
{
	(void)state;
	assert_int_equal(text_plain((const uint8_t *)"", 0), 0);
}

static void
plain_text_goes_as_it_is_under_every_rule(void **state)
{
	const char *text = "a\tb ~\x7f c, and so on for more than 32 bytes.";

	(void)state;
	assert_converts(&replace_rules, text, strlen(text), text);
	assert_converts(&escape_rules, text, strlen(text), text);
	assert_converts(&pass_rules, text, strlen(text), text);
}

static void
control_octets_become_three_octal_digits(void **state)
{
	(void)state;
	assert_converts(
	    &replace_rules, "a\0b\x1b[0m\n\r", 9, "a#000b#033[0m#012#015");
}

static void
control_octets_pass_where_asked(void **state)
{
	(void)state;
	assert_converts(&pass_rules, "\x01\x1b\r\n", 4, "\x01\x1b\r\n");
}

static void
a_maximal_subpart_becomes_one_replacement_character(void **state)
{
	(void)state;
	/* The example of the Unicode standard, 3.9, table 3-11. */
	assert_converts(&replace_rules, "\x61\xf1\x80\x80\xe1\x80\xc2\x62", 8,
	    "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "b");
	/* Surrogates and overlong forms: one for each byte. */
	assert_converts(&replace_rules, "\xed\xa0\x80", 3,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_converts(
	    &replace_rules, "\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd");
}

static void
invalid_bytes_are_escaped_one_by_one(void **state)
{
	(void)state;
	assert_converts(
	    &escape_rules, "a\xf1\x80\xffz", 5, "a\\xf1\\x80\\xffz");
}

static void
a_sequence_cut_off_at_the_end_is_invalid(void **state)
{
	(void)state;
	assert_converts(&replace_rules, "\xe2\x82", 2, "\xef\xbf\xbd");
	assert_converts(&escape_rules, "\xe2\x82", 2, "\\xe2\\x82");
	assert_converts(&pass_rules, "\xe2\x82", 2, "\xe2\x82");
}

static void
the_result_tells_what_the_output_is(void **state)
{
	struct text_result r;
	uint8_t out[16];
	const uint8_t *bad = (const uint8_t *)"a\xff";

	(void)state;
	r = text_convert(&pass_rules, bad, 1, out, sizeof(out));
	assert_true(!r.wide && r.utf8 && r.repaired == 0);
	r = text_convert(&pass_rules, bad, 2, out, sizeof(out));
	assert_true(r.wide && !r.utf8 && r.repaired == 1);
	r = text_convert(&replace_rules, bad, 2, out, sizeof(out));
	assert_true(r.wide && r.utf8 && r.repaired == 1);
	r = text_convert(&escape_rules, bad, 2, out, sizeof(out));
	assert_true(!r.wide && r.utf8 && r.repaired == 1);
}

static void
all_sequences_of_four_telling_bytes_are_judged_right(void **state)
{
	static const uint8_t bytes[] = { 0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
		0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xee, 0xf0, 0xf4, 0xf5 };
	struct text_result r, want;
	uint8_t in[4], out[16], expected[16];

	(void)state;
	for (size_t x = 0; x < 65536; x++) {
		for (size_t i = 0; i < 4; i++)
			in[i] = bytes[x >> 4 * i & 15];
		naive_convert(&replace_rules, in, 4, expected, 16, &want);
		r = text_convert(&replace_rules, in, 4, out, 16);
		assert_int_equal(r.made, want.made);
		assert_int_equal(r.repaired, want.repaired);
		assert_memory_equal(out, expected, r.made);
		assert_int_equal(
		    text_unfinished(in, 4), naive_unfinished(in, 4));
	}
}

static void
all_pairs_of_bytes_are_judged_right(void **state)
{
	uint8_t in[2];

	(void)state;
	for (unsigned int x = 0; x < 65536; x++) {
		in[0] = (uint8_t)(x >> 8);
		in[1] = (uint8_t)x;
		assert_as_naive(&replace_rules, in, 2, 8);
	}
}

static void
an_unfinished_character_is_seen_at_the_end_only(void **state)
{
	const uint8_t *euro = (const uint8_t *)"a\xe2\x82\xac";

	(void)state;
	assert_int_equal(text_unfinished(euro, 0), 0);
	assert_int_equal(text_unfinished(euro, 1), 0);
	assert_int_equal(text_unfinished(euro, 2), 1);
	assert_int_equal(text_unfinished(euro, 3), 2);
	assert_int_equal(text_unfinished(euro, 4), 0);
}

static void
output_stops_before_a_character_that_does_not_fit(void **state)
{
	static const char in[] = "ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x01"
				 "c\xff\xf1\x80\x80 a longer plain tail that "
				 "takes the wide steps of the scan\0\xe2";

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 2; j++) {
			struct text_rules rules = { invalids[i], controls[j] };

			assert_as_naive(
			    &rules, (const uint8_t *)in, sizeof(in) - 1, 128);
		}
	}
}

static void
random_mixtures_convert_as_the_slow_way_says(void **state)
{
	static const char *const atoms[] = { "plain text, some of it", "\t",
		"\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xef\xbb\xbf",
		"\xff", "\xc3", "\xe4\xb8", "\xf0\x9f", "\xed\xa0\x80", "\x01",
		"\n", "\r\n", "x", "\x7f" };
	uint32_t seed = 7;
	uint8_t in[256];

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct text_rules rules;
		size_t n = 0, want = next_random(&seed) % 120;

		while (n < want) {
			const char *atom = atoms[next_random(&seed) % 16];

			memcpy(in + n, atom, strlen(atom));
			n += strlen(atom);
		}
		rules.invalid = invalids[next_random(&seed) % 3];
		rules.control = controls[next_random(&seed) % 2];
		assert_as_naive(&rules, in, n, 4 * n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_plain_or_not_at_every_place),
		cmocka_unit_test(
		    the_scan_finds_a_special_byte_wherever_it_stands),
		cmocka_unit_test(
		    the_scan_agrees_with_a_slow_one_on_random_bytes),
		cmocka_unit_test(nothing_has_no_plain_bytes),
		cmocka_unit_test(plain_text_goes_as_it_is_under_every_rule),
		cmocka_unit_test(control_octets_become_three_octal_digits),
		cmocka_unit_test(control_octets_pass_where_asked),
		cmocka_unit_test(
		    a_maximal_subpart_becomes_one_replacement_character),
		cmocka_unit_test(invalid_bytes_are_escaped_one_by_one),
		cmocka_unit_test(a_sequence_cut_off_at_the_end_is_invalid),
		cmocka_unit_test(the_result_tells_what_the_output_is),
		cmocka_unit_test(
		    all_sequences_of_four_telling_bytes_are_judged_right),
		cmocka_unit_test(all_pairs_of_bytes_are_judged_right),
		cmocka_unit_test(
		    an_unfinished_character_is_seen_at_the_end_only),
		cmocka_unit_test(
		    output_stops_before_a_character_that_does_not_fit),
		cmocka_unit_test(random_mixtures_convert_as_the_slow_way_says),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
