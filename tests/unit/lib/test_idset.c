/*
 * Goal: whatever numbers come, in whatever order, a set has just those that
 * were added and not taken out.
 */
#include "lib/idset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Scattered, and each another one; the least and the greatest, too. */
static uint64_t
number(uint64_t i)
{
	return (
	    i == 0 ? UINT64_MAX - 1 : (i - 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static void
an_empty_set_has_nothing(void **state)
{
	struct idset s = { 0 };

	(void)state;
	assert_false(idset_has(&s, 0));
	idset_del(&s, 0);
	assert_false(idset_has(&s, UINT64_MAX));
	idset_fini(&s);
}

static void
at_every_size_it_has_what_was_added(void **state)
{
	struct idset s = { 0 };
	uint64_t n, i;

	(void)state;
	for (n = 0; n < 300; n++) {
		for (i = 0; i < n + 50; i++)
			assert_int_equal(idset_has(&s, number(i)), i < n);
		assert_int_equal(idset_add(&s, number(n)), 0);
	}
	idset_fini(&s);
}

static void
what_was_taken_out_is_not_in_it_and_may_come_again(void **state)
{
	struct idset s = { 0 };
	uint64_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_int_equal(idset_add(&s, number(i)), 0);
	for (i = 0; i < 1000; i += 3)
		idset_del(&s, number(i));
	for (i = 0; i < 1000; i++)
		assert_int_equal(idset_has(&s, number(i)), i % 3 != 0);
	for (i = 0; i < 1000; i += 6)
		assert_int_equal(idset_add(&s, number(i)), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(
		    idset_has(&s, number(i)), i % 3 != 0 || i % 6 == 0);
	idset_fini(&s);
}

static void
one_that_was_added_twice_is_taken_out_at_once(void **state)
{
	struct idset s = { 0 };
	uint64_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(idset_add(&s, i % 7), 0);
	idset_del(&s, 3);
	for (i = 0; i < 8; i++)
		assert_int_equal(idset_has(&s, i), i != 3 && i != 7);
	idset_fini(&s);
}

static void
one_set_is_moved_into_another(void **state)
{
	struct idset to = { 0 }, from = { 0 };
	uint64_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(idset_add(i < 60 ? &to : &from, number(i)), 0);
	idset_del(&from, number(77));
	assert_int_equal(idset_move(&to, &from), 0);
	assert_null(from.ids);
	for (i = 0; i < 120; i++)
		assert_int_equal(idset_has(&to, number(i)), i < 100 && i != 77);
	idset_clear(&to);
	assert_false(idset_has(&to, number(1)));
	idset_fini(&to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_has_nothing),
		cmocka_unit_test(at_every_size_it_has_what_was_added),
		cmocka_unit_test(
		    what_was_taken_out_is_not_in_it_and_may_come_again),
		cmocka_unit_test(one_that_was_added_twice_is_taken_out_at_once),
		cmocka_unit_test(one_set_is_moved_into_another),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
