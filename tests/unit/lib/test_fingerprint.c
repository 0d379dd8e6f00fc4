/*
 * Goal: a file that grew keeps its fingerprint, one that was written anew does
 * not.
 */
#include "lib/fingerprint.h"

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[4096];

static int
prepare(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
	return (0);
}

static void
a_file_that_grew_still_matches(void **state)
{
	struct fingerprint fp;
	size_t n, more;

	(void)state;
	for (n = 0; n <= 2000; n += 7) {
		fingerprint_of(&fp, bytes, n);
		for (more = n; more <= 2000; more += 97)
			assert_true(fingerprint_matches(&fp, bytes, more));
	}
}

static void
a_shorter_file_does_not_match(void **state)
{
	struct fingerprint fp;

	(void)state;
	fingerprint_of(&fp, bytes, 100);
	assert_true(fingerprint_matches(&fp, bytes, 100));
	assert_false(fingerprint_matches(&fp, bytes, 99));
	assert_false(fingerprint_matches(&fp, bytes, 0));
}

static void
any_changed_byte_of_the_head_is_noticed(void **state)
{
	struct fingerprint fp;
	size_t i;

	(void)state;
	fingerprint_of(&fp, bytes, FINGERPRINT_MAX);
	for (i = 0; i < FINGERPRINT_MAX; i++) {
		bytes[i] ^= 1;
		assert_false(fingerprint_matches(&fp, bytes, 2000));
		bytes[i] ^= 1;
	}
	bytes[FINGERPRINT_MAX] ^= 1;
	assert_true(fingerprint_matches(&fp, bytes, 2000));
}

static void
no_more_than_the_head_counts(void **state)
{
	struct fingerprint a, b;

	(void)state;
	fingerprint_of(&a, bytes, FINGERPRINT_MAX);
	fingerprint_of(&b, bytes, sizeof(bytes));
	assert_int_equal(a.len, FINGERPRINT_MAX);
	assert_int_equal(b.len, FINGERPRINT_MAX);
	assert_true(a.hash == b.hash);
}

static void
an_empty_file_matches_anything(void **state)
{
	struct fingerprint fp;

	(void)state;
	fingerprint_of(&fp, NULL, 0);
	assert_int_equal(fp.len, 0);
	assert_true(fingerprint_matches(&fp, NULL, 0));
	assert_true(fingerprint_matches(&fp, bytes, 500));
	/* Whatever hash a checkpoint says. */
	fp.hash = 12345;
	assert_true(fingerprint_matches(&fp, bytes, 500));
}

/* Checkpoints outlive the program: XXH3 of nothing and of "teslacoil". */
static void
the_hash_is_the_same_in_every_version(void **state)
{
	struct fingerprint fp;

	(void)state;
	fingerprint_of(&fp, "", 0);
	assert_true(fp.hash == UINT64_C(0x2d06800538d394c2));
	fingerprint_of(&fp, "teslacoil", 9);
	assert_true(fp.hash == UINT64_C(0xda391dbd3b4275fb));
}

static void
a_guard_of_too_little_is_none(void **state)
{
	struct guard g;

	(void)state;
	guard_of(&g, 1000, bytes, GUARD_MAX - 1);
	assert_int_equal(g.at, 0);
	assert_false(guard_matches(&g, bytes, GUARD_MAX));
}

static void
nuls_at_the_end_do_not_count(void **state)
{
	(void)state;
	assert_int_equal(fingerprint_length("a\0b\0\0", 5), 3);
	assert_int_equal(fingerprint_length("\0\0", 2), 0);
	assert_int_equal(fingerprint_length("", 0), 0);
}

static void
the_guard_of_an_empty_file_matches_nothing(void **state)
{
	struct guard g;

	(void)state;
	guard_of(&g, 0, bytes, 0);
	assert_false(guard_matches(&g, bytes, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_file_that_grew_still_matches, prepare),
		cmocka_unit_test_setup(a_shorter_file_does_not_match, prepare),
		cmocka_unit_test_setup(
		    any_changed_byte_of_the_head_is_noticed, prepare),
		cmocka_unit_test_setup(no_more_than_the_head_counts, prepare),
		cmocka_unit_test_setup(an_empty_file_matches_anything, prepare),
		cmocka_unit_test_setup(
		    the_hash_is_the_same_in_every_version, prepare),
		cmocka_unit_test_setup(a_guard_of_too_little_is_none, prepare),
		cmocka_unit_test_setup(nuls_at_the_end_do_not_count, prepare),
		cmocka_unit_test_setup(
		    the_guard_of_an_empty_file_matches_nothing, prepare),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
