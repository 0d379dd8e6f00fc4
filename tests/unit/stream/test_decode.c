/*
 * Goal: the text of a compressed file is read at any offset, in any order, as
 * pread(2) would read it from a file that is not compressed; where it ends, and
 * why, is told apart; what cannot be known is no answer.
 */
#include "daemon/stream/decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/unit/log_text.h"

#define KINDS 3
#define LONGEST 4096

static const enum inflate_kind kinds[KINDS] = { INFLATE_GZIP, INFLATE_ZSTD,
	INFLATE_XZ };

static uint8_t packed[sizeof(text)];
static FILE *file;

/* Lines, each another one, that are hard to compress. */
static int
prepare(void **state)
{
	unsigned i;

	(void)state;
	len = 0;
	for (i = 0; i < 3000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "line %06u of a log %08x%08x\n", i, i * 2654435761u,
		    (i ^ 0x5bd1e995u) * 2246822519u);
	assert_non_null(file = tmpfile());
	fd = fileno(file);
	return (0);
}

static int
clean(void **state)
{
	(void)state;
	return (fclose(file));
}

static size_t
pack_gzip(void)
{
	z_stream z;

	memset(&z, 0, sizeof(z));
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	z.next_in = (void *)text;
	z.avail_in = (uInt)len;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return (z.total_out);
}

static size_t
pack(enum inflate_kind kind)
{
	size_t n = 0;

	switch (kind) {
	case INFLATE_GZIP:
		return (pack_gzip());
	case INFLATE_ZSTD:
		n = ZSTD_compress(packed, sizeof(packed), text, len, 3);
		assert_false(ZSTD_isError(n));
		break;
	case INFLATE_XZ:
		assert_int_equal(
		    lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL,
			(const uint8_t *)text, len, packed, &n, sizeof(packed)),
		    LZMA_OK);
		break;
	case INFLATE_NONE:
		break;
	}
	return (n);
}

/* Reads as long as the decoder asks for another turn. */
static ssize_t
read_at(struct decoder *d, uint8_t *buf, size_t n, off_t at)
{
	ssize_t got;

	do {
		errno = 0;
		got = decoder_read(d, fd, buf, n, at);
	} while (got == -1 && errno == EAGAIN);
	return (got);
}

static void
check_at(struct decoder *d, size_t n, off_t at)
{
	uint8_t buf[LONGEST];
	size_t there = (size_t)at < len ? len - (size_t)at : 0;

	if (there > n)
		there = n;
	assert_int_equal(read_at(d, buf, n, at), there);
	assert_memory_equal(buf, text + at, there);
}

static void
text_is_read_at_any_offset_in_any_order(void **state)
{
	struct decoder *d;
	unsigned i, n;
	size_t kind;
	off_t at = 0;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		put(packed, pack(kinds[kind]));
		assert_non_null(d = decoder_new(kinds[kind], LONGEST));
		/* Forward, each a little back into the one before. */
		for (at = 0; (size_t)at < len + LONGEST; at += 3000)
			check_at(d, LONGEST, at);
		for (i = 0; i < 60; i++) {
			n = 1 + i * 7919 % LONGEST;
			at = (off_t)(i * 104729 % len);
			check_at(d, n, at);
		}
		check_at(d, LONGEST, 0);
		decoder_free(d);
	}
}

static void
the_end_of_the_text_is_told(void **state)
{
	struct decoder *d;
	size_t kind;
	off_t end;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		put(packed, pack(kinds[kind]));
		assert_non_null(d = decoder_new(kinds[kind], LONGEST));
		check_at(d, LONGEST, 0);
		assert_int_equal(decoder_state(d, &end), DECODER_GOES_ON);
		assert_true(end >= LONGEST && end < (off_t)len);
		check_at(d, 10, (off_t)len);
		assert_int_equal(decoder_state(d, &end), DECODER_WHOLE);
		assert_int_equal(end, len);
		decoder_free(d);
	}
}

static void
what_is_cut_off_goes_on_when_the_file_grows(void **state)
{
	struct decoder *d;
	uint8_t buf[LONGEST];
	size_t kind, n;
	off_t end;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		n = pack(kinds[kind]);
		put(packed, n / 2);
		assert_non_null(d = decoder_new(kinds[kind], LONGEST));
		assert_int_equal(read_at(d, buf, 10, (off_t)len), 0);
		assert_int_equal(decoder_state(d, &end), DECODER_CUT);
		assert_true(end < (off_t)len);
		put(packed, n);
		check_at(d, LONGEST, (off_t)len - LONGEST);
		decoder_free(d);
	}
}

static void
what_stands_before_damage_is_read(void **state)
{
	struct decoder *d;
	uint8_t buf[LONGEST];
	size_t n;
	off_t end;

	(void)state;
	n = pack(INFLATE_GZIP);
	memset(packed + n / 2, 0xff, 64);
	put(packed, n);
	assert_non_null(d = decoder_new(INFLATE_GZIP, LONGEST));
	check_at(d, LONGEST, 0);
	/* What was decoded wrongly may be longer. */
	assert_int_equal(read_at(d, buf, 10, 100 * (off_t)len), 0);
	assert_int_equal(decoder_state(d, &end), DECODER_DAMAGED);
	assert_true(end > LONGEST);
	assert_non_null(decoder_error(d));
	check_at(d, 100, 1000);
	decoder_free(d);
}

static void
a_far_offset_lets_others_have_their_turn(void **state)
{
	const size_t size = 20 * 1024 * 1024;
	struct decoder *d;
	uint8_t *zeros, buf[16];
	size_t n;
	int turns = 0;

	(void)state;
	assert_non_null(zeros = calloc(1, size));
	n = ZSTD_compress(packed, sizeof(packed), zeros, size, 1);
	assert_false(ZSTD_isError(n));
	free(zeros);
	put(packed, n);
	assert_non_null(d = decoder_new(INFLATE_ZSTD, LONGEST));
	while (decoder_read(d, fd, buf, 1, (off_t)size - 1) == -1) {
		assert_int_equal(errno, EAGAIN);
		turns++;
	}
	assert_true(turns > 1 && turns < 20);
	decoder_free(d);
}

static void
a_file_that_cannot_be_read_is_no_end_of_its_text(void **state)
{
	struct decoder *d;
	uint8_t buf[16];

	(void)state;
	assert_non_null(d = decoder_new(INFLATE_XZ, LONGEST));
	assert_int_equal(decoder_read(d, -1, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, EBADF);
	put(packed, pack(INFLATE_XZ));
	check_at(d, LONGEST, 0);
	decoder_free(d);
}

static void
a_guard_is_found_in_the_text(void **state)
{
	struct guard g;
	unsigned lines;
	size_t i;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		put(packed, pack(kinds[i]));
		for (lines = 1; lines <= 3000; lines += 357) {
			g = guard_before(end_of(lines));
			assert_int_equal(
			    decoder_has_guard(fd, kinds[i], &g), 1);
			g.hash++;
			assert_int_equal(
			    decoder_has_guard(fd, kinds[i], &g), 0);
		}
		g = guard_before((off_t)len);
		g.at++;
		assert_int_equal(decoder_has_guard(fd, kinds[i], &g), 0);
	}
}

static void
nobody_knows_of_what_is_not_decoded(void **state)
{
	struct guard g = guard_before((off_t)len);
	uint8_t head[FINGERPRINT_MAX];

	(void)state;
	assert_int_equal(decoder_has_guard(-1, INFLATE_GZIP, &g), -1);
	assert_int_equal(decoder_read_head(-1, INFLATE_GZIP, head), -1);
	put(packed, pack(INFLATE_GZIP));
	assert_int_equal(
	    decoder_read_head(fd, INFLATE_GZIP, head), sizeof(head));
	assert_memory_equal(head, text, sizeof(head));
	g.at = (off_t)1 << 40;
	assert_int_equal(decoder_has_guard(fd, INFLATE_GZIP, &g), -1);
}

static void
lines_end_where_they_end(void **state)
{
	off_t at = end_of(1234);
	size_t i;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		put(packed, pack(kinds[i]));
		assert_int_equal(decoder_line_ends_at(fd, kinds[i], at), 1);
		assert_int_equal(decoder_line_ends_at(fd, kinds[i], at - 1), 0);
		assert_int_equal(
		    decoder_line_ends_at(fd, kinds[i], (off_t)len + 1), 0);
	}
}

static void
a_text_is_part_of_a_file_that_begins_with_all_of_it(void **state)
{
	FILE *other = tmpfile();
	size_t i;
	int of;

	(void)state;
	assert_non_null(other);
	of = fileno(other);
	for (i = 0; i < KINDS; i++) {
		put(packed, pack(kinds[i]));
		assert_int_equal(pwrite(of, text, len, 0), len);
		assert_int_equal(pwrite(of, "more\n", 5, (off_t)len), 5);
		assert_int_equal(decoder_is_part(fd, kinds[i], of), 1);
		assert_int_equal(pwrite(of, "!", 1, (off_t)len - 2), 1);
		assert_int_equal(decoder_is_part(fd, kinds[i], of), 0);
		assert_int_equal(decoder_is_part(-1, kinds[i], of), -1);
	}
	(void)fclose(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_is_read_at_any_offset_in_any_order),
		TEST(the_end_of_the_text_is_told),
		TEST(what_is_cut_off_goes_on_when_the_file_grows),
		TEST(what_stands_before_damage_is_read),
		TEST(a_far_offset_lets_others_have_their_turn),
		TEST(a_file_that_cannot_be_read_is_no_end_of_its_text),
		TEST(a_guard_is_found_in_the_text),
		TEST(nobody_knows_of_what_is_not_decoded),
		TEST(lines_end_where_they_end),
		TEST(a_text_is_part_of_a_file_that_begins_with_all_of_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
