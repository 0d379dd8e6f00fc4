/*
 * Goal: every message has its own count of rejects, however they are mixed.
 */
#include "lib/rejects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int
begin(void **state)
{
	return ((*state = rejects_new(4)) == NULL ? -1 : 0);
}

static int
end(void **state)
{
	rejects_free(*state);
	return (0);
}

static void
a_message_is_counted_each_time(void **state)
{
	for (unsigned i = 1; i < 10; i++)
		assert_int_equal(rejects_add(*state, 1, 2, 3), i);
}

static void
messages_in_turns_do_not_disturb_each_other(void **state)
{
	for (unsigned i = 1; i < 10; i++)
		for (off_t at = 0; at < 4; at++)
			assert_int_equal(rejects_add(*state, 1, 2, at), i);
}

static void
device_inode_and_offset_make_a_message(void **state)
{
	assert_int_equal(rejects_add(*state, 1, 2, 3), 1);
	assert_int_equal(rejects_add(*state, 9, 2, 3), 1);
	assert_int_equal(rejects_add(*state, 1, 9, 3), 1);
	assert_int_equal(rejects_add(*state, 1, 2, 9), 1);
	assert_int_equal(rejects_add(*state, 1, 2, 3), 2);
}

static void
the_one_that_was_longest_left_alone_makes_way(void **state)
{
	for (off_t at = 0; at < 4; at++)
		assert_int_equal(rejects_add(*state, 1, 1, at), 1);
	assert_int_equal(rejects_add(*state, 1, 1, 0), 2);
	assert_int_equal(rejects_add(*state, 1, 1, 5), 1);
	/* That was the place of 1. */
	assert_int_equal(rejects_add(*state, 1, 1, 0), 3);
	assert_int_equal(rejects_add(*state, 1, 1, 2), 2);
	assert_int_equal(rejects_add(*state, 1, 1, 3), 2);
	assert_int_equal(rejects_add(*state, 1, 1, 1), 1);
}

static void
after_clear_all_begin_anew(void **state)
{
	assert_int_equal(rejects_add(*state, 1, 1, 1), 1);
	rejects_clear(*state);
	assert_int_equal(rejects_add(*state, 1, 1, 1), 1);
}

static void
nothing_to_free_is_fine(void **state)
{
	(void)state;
	rejects_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_counted_each_time),
		TEST(messages_in_turns_do_not_disturb_each_other),
		TEST(device_inode_and_offset_make_a_message),
		TEST(the_one_that_was_longest_left_alone_makes_way),
		TEST(after_clear_all_begin_anew),
		cmocka_unit_test(nothing_to_free_is_fine),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
