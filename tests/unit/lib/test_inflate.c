/*
 * Goal: what gzip, zstd and xz have written comes back as it was, in any
 * pieces and from any number of members; what is damaged or wants too much is
 * told, and what was before it is not lost.
 */
#include "lib/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#define TEXT 100000
#define ROOM (4 * TEXT)

static const enum inflate_kind kinds[] = { INFLATE_GZIP, INFLATE_ZSTD,
	INFLATE_XZ };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint8_t text[TEXT];
static uint8_t packed[ROOM], unpacked[ROOM];

static int
make_text(void **state)
{
	size_t i = 0, line = 0;

	(void)state;
	for (; i + 64 < sizeof(text); line++)
		i += (size_t)snprintf((char *)text + i, sizeof(text) - i,
		    "line %zu of a log, %zx\n", line, line * 2654435761U);
	while (i < sizeof(text))
		text[i++] = '\n';
	return (0);
}

static size_t
pack_gzip(const void *p, size_t n, uint8_t *out)
{
	z_stream z;

	memset(&z, 0, sizeof(z));
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	memcpy(unpacked, p, n);
	z.next_in = unpacked;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = ROOM / 2;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = ROOM / 2 - z.avail_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
	return (n);
}

static size_t
pack(enum inflate_kind kind, const void *p, size_t n, uint8_t *out)
{
	size_t made = 0;

	switch (kind) {
	case INFLATE_GZIP:
		return (pack_gzip(p, n, out));
	case INFLATE_ZSTD:
		made = ZSTD_compress(out, ROOM / 2, p, n, 3);
		assert_false(ZSTD_isError(made));
		break;
	case INFLATE_XZ:
		assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64,
				     NULL, p, n, out, &made, ROOM / 2),
		    LZMA_OK);
		break;
	case INFLATE_NONE:
		fail();
	}
	return (made);
}

/*
 * Unpacks in[0..n) in pieces of in_step and out_step octets; *made is what
 * comes out.
 */
static enum inflate_status
unpack_with(struct inflate *z, const uint8_t *in, size_t n, size_t in_step,
    size_t out_step, size_t *made)
{
	enum inflate_status status = INFLATE_MORE;
	struct inflate_io io;
	size_t used = 0;

	*made = 0;
	do {
		io.in = in + used;
		io.in_len = n - used < in_step ? n - used : in_step;
		io.out = unpacked + *made;
		io.room = ROOM - *made < out_step ? ROOM - *made : out_step;
		status = inflate_run(z, &io);
		assert_true(io.used <= io.in_len && io.made <= io.room);
		used += io.used;
		*made += io.made;
	} while (status != INFLATE_DAMAGED &&
	    (io.used > 0 || io.made > 0 || used < n));
	return (status);
}

static enum inflate_status
unpack(enum inflate_kind kind, const uint8_t *in, size_t n, size_t in_step,
    size_t out_step, size_t *made)
{
	struct inflate *z = inflate_new(kind);
	enum inflate_status status;

	assert_non_null(z);
	status = unpack_with(z, in, n, in_step, out_step, made);
	if (status == INFLATE_DAMAGED)
		assert_true(strlen(inflate_error(z)) > 0);
	inflate_free(z);
	return (status);
}

static void
assert_text(size_t made, size_t times)
{
	size_t i;

	assert_int_equal(made, times * TEXT);
	for (i = 0; i < times; i++)
		assert_memory_equal(unpacked + i * TEXT, text, TEXT);
}

static void
the_first_octets_tell_the_kind(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, 100, packed);
		assert_int_equal(inflate_kind_of(packed, n), kinds[i]);
		assert_int_equal(
		    inflate_kind_of(packed, INFLATE_MAGIC), kinds[i]);
		assert_int_equal(inflate_kind_of(packed, 2), INFLATE_NONE);
	}
	assert_int_equal(inflate_kind_of(text, TEXT), INFLATE_NONE);
	assert_int_equal(inflate_kind_of(text, 0), INFLATE_NONE);
}

static void
a_text_comes_back_in_any_pieces(void **state)
{
	static const size_t steps[] = { 1, 7, 4096, ROOM };
	size_t i, k, l, n, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, TEXT, packed);
		for (k = 0; k < 4; k++)
			for (l = 0; l < 4; l++) {
				assert_int_equal(unpack(kinds[i], packed, n,
						     steps[k], steps[l], &made),
				    INFLATE_WHOLE);
				assert_text(made, 1);
			}
	}
}

static void
an_empty_text_is_whole(void **state)
{
	size_t i, n, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, 0, packed);
		assert_int_equal(
		    unpack(kinds[i], packed, n, 1, 1, &made), INFLATE_WHOLE);
		assert_int_equal(made, 0);
	}
}

static void
members_are_one_text(void **state)
{
	size_t i, n, step, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, TEXT, packed);
		memcpy(packed + n, packed, n);
		for (step = 1; step <= ROOM; step *= 100) {
			assert_int_equal(
			    unpack(kinds[i], packed, 2 * n, step, ROOM, &made),
			    INFLATE_WHOLE);
			assert_text(made, 2);
		}
	}
}

static void
padding_and_what_is_no_member_is_passed_over(void **state)
{
	size_t i, n, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, TEXT, packed);
		memset(packed + n, 0, 8);
		memcpy(packed + n + 8, packed, n);
		memcpy(packed + 2 * n + 8, "\0\0\0\0garbage", 11);
		assert_int_equal(
		    unpack(kinds[i], packed, 2 * n + 19, 100, ROOM, &made),
		    INFLATE_WHOLE);
		assert_text(made, 2);
	}
}

static void
a_text_cut_off_is_not_whole_and_what_was_before_is_there(void **state)
{
	size_t i, n, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, TEXT, packed);
		assert_int_equal(
		    unpack(kinds[i], packed, n - 1, 100, ROOM, &made),
		    INFLATE_MORE);
		assert_memory_equal(unpacked, text, made);
		assert_int_equal(
		    unpack(kinds[i], packed, n / 2, 100, ROOM, &made),
		    INFLATE_MORE);
		assert_memory_equal(unpacked, text, made);
	}
}

static void
what_was_cut_off_goes_on_when_more_comes(void **state)
{
	struct inflate *z;
	size_t i, n, first, rest;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, TEXT, packed);
		z = inflate_new(kinds[i]);
		assert_int_equal(
		    unpack_with(z, packed, n / 2, 100, ROOM, &first),
		    INFLATE_MORE);
		assert_int_equal(
		    unpack_with(z, packed + n / 2, n - n / 2, 100, ROOM, &rest),
		    INFLATE_WHOLE);
		assert_int_equal(first + rest, TEXT);
		assert_memory_equal(unpacked, text + first, rest);
		inflate_free(z);
	}
}

static void
damage_is_told_and_stays(void **state)
{
	struct inflate_io io;
	struct inflate *z;
	size_t i, n, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		n = pack(kinds[i], text, TEXT, packed);
		memset(packed + n / 2, 0xff, 256);
		z = inflate_new(kinds[i]);
		assert_int_equal(unpack_with(z, packed, n, 100, ROOM, &made),
		    INFLATE_DAMAGED);
		assert_true(made < TEXT);
		io = (struct inflate_io) {
			.in = packed, .in_len = n, .out = unpacked, .room = ROOM
		};
		assert_int_equal(inflate_run(z, &io), INFLATE_DAMAGED);
		assert_int_equal(io.used + io.made, 0);
		inflate_free(z);
	}
}

static void
what_is_not_compressed_is_damaged(void **state)
{
	size_t i, made;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		assert_int_equal(unpack(kinds[i], text, TEXT, 100, ROOM, &made),
		    INFLATE_DAMAGED);
		assert_int_equal(made, 0);
	}
}

/* A gigabyte of nothing comes in as many pieces as there is room for. */
static void
a_bomb_takes_no_more_than_the_room_there_is(void **state)
{
	static uint8_t zeros[1024 * 1024], out[4096];
	ZSTD_CStream *c = ZSTD_createCStream();
	ZSTD_outBuffer to = { packed, ROOM, 0 };
	ZSTD_inBuffer from;
	struct inflate *z = inflate_new(INFLATE_ZSTD);
	struct inflate_io io = { .in = packed };
	uint64_t made = 0;
	int i;

	(void)state;
	for (i = 0; i < 256; i++) {
		from = (ZSTD_inBuffer) { zeros, sizeof(zeros), 0 };
		assert_false(ZSTD_isError(ZSTD_compressStream2(
		    c, &to, &from, i == 255 ? ZSTD_e_end : ZSTD_e_continue)));
	}
	ZSTD_freeCStream(c);
	do {
		io.in += io.used;
		io.in_len = to.pos - (size_t)(io.in - packed);
		io.out = out;
		io.room = sizeof(out);
		assert_int_not_equal(inflate_run(z, &io), INFLATE_DAMAGED);
		assert_true(io.made <= sizeof(out));
		made += io.made;
	} while (io.made > 0 || io.used > 0);
	assert_true(made == (uint64_t)256 * sizeof(zeros));
	inflate_free(z);
}

static void
what_wants_too_much_memory_is_refused(void **state)
{
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL } };
	struct inflate *z = inflate_new(INFLATE_XZ);
	size_t n = 0, made;

	(void)state;
	assert_false(lzma_lzma_preset(&options, 0));
	options.dict_size = 1U << 29;
	if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, text,
		100, packed, &n, ROOM) != LZMA_OK)
		skip(); /* no memory for the encoder itself */
	assert_int_equal(
	    unpack_with(z, packed, n, 100, ROOM, &made), INFLATE_DAMAGED);
	assert_non_null(strstr(inflate_error(z), "memory"));
	inflate_free(z);
}

static void
freeing_nothing_is_fine(void **state)
{
	(void)state;
	inflate_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_octets_tell_the_kind),
		cmocka_unit_test(a_text_comes_back_in_any_pieces),
		cmocka_unit_test(an_empty_text_is_whole),
		cmocka_unit_test(members_are_one_text),
		cmocka_unit_test(padding_and_what_is_no_member_is_passed_over),
		cmocka_unit_test(
		    a_text_cut_off_is_not_whole_and_what_was_before_is_there),
		cmocka_unit_test(what_was_cut_off_goes_on_when_more_comes),
		cmocka_unit_test(damage_is_told_and_stays),
		cmocka_unit_test(what_is_not_compressed_is_damaged),
		cmocka_unit_test(a_bomb_takes_no_more_than_the_room_there_is),
		cmocka_unit_test(what_wants_too_much_memory_is_refused),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return (cmocka_run_group_tests(tests, make_text, NULL));
}
