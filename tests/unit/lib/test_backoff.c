/*
 * Goal: waits follow the outage, spread evenly, between the first and the
 * longest, and none of them is nothing.
 */
#include "lib/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_first_wait_is_no_longer_than_the_first(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 60000);
	assert_int_equal(backoff_next(&b, 77, UINT32_MAX), 1000);
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, 77, 0), 125);
}

static void
the_wait_is_an_eighth_of_the_outage_more_or_less_a_half_of_it(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 60000);
	(void)backoff_next(&b, 5000, 0);
	assert_int_equal(backoff_next(&b, 5000 + 160000, 0), 10000);
	assert_int_equal(backoff_next(&b, 5000 + 160000, UINT32_MAX), 30000);
	assert_int_equal(
	    backoff_next(&b, 5000 + 160000, UINT32_MAX / 2 + 1), 20000);
}

static void
the_wait_stays_between_the_first_and_the_longest(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 60000);
	(void)backoff_next(&b, 0, 0);
	assert_int_equal(backoff_next(&b, 0, 0), 1000);
	assert_int_equal(backoff_next(&b, 1000, UINT32_MAX), 1000);
	assert_int_equal(backoff_next(&b, 8000, 0), 1000);
	assert_int_equal(backoff_next(&b, 8000, UINT32_MAX), 1500);
	assert_int_equal(backoff_next(&b, 600000, 0), 30000);
	assert_int_equal(backoff_next(&b, 600000, UINT32_MAX), 60000);
	assert_int_equal(backoff_next(&b, UINT64_MAX, 0), 30000);
	assert_int_equal(backoff_next(&b, UINT64_MAX, UINT32_MAX), 60000);
}

static void
waits_are_spread_evenly(void **state)
{
	unsigned tenths[10] = { 0 };
	struct backoff b;
	uint64_t wait;
	uint32_t i;

	(void)state;
	backoff_init(&b, 1000, 60000);
	(void)backoff_next(&b, 0, 0);
	for (i = 0; i < 100000; i++) {
		wait = backoff_next(&b, 32000, i * (UINT32_MAX / 100000));
		assert_in_range(wait, 2000, 6000);
		tenths[wait == 6000 ? 9 : (wait - 2000) / 400]++;
	}
	for (i = 0; i < 10; i++)
		assert_in_range(tenths[i], 9800, 10200);
}

static void
a_success_ends_the_outage(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 60000);
	(void)backoff_next(&b, 0, 7);
	assert_int_equal(backoff_next(&b, 480000, UINT32_MAX), 60000);
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, 500000, UINT32_MAX), 1000);
	assert_int_equal(backoff_next(&b, 501000, UINT32_MAX), 1000);
}

static void
a_clock_that_stands_still_or_goes_back_makes_no_longer_wait(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 60000);
	(void)backoff_next(&b, 10000, 0);
	assert_int_equal(backoff_next(&b, 9000, UINT32_MAX), 1000);
}

static void
a_longest_shorter_than_the_first_counts_as_the_first(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 5000, 10);
	assert_int_equal(backoff_next(&b, 0, UINT32_MAX), 5000);
	assert_int_equal(backoff_next(&b, 1000000, 0), 5000);
	assert_int_equal(backoff_next(&b, 1000000, UINT32_MAX), 5000);
}

static void
the_smallest_wait_is_never_nothing(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1, 1);
	assert_int_equal(backoff_next(&b, 0, 0), 1);
	assert_int_equal(backoff_next(&b, 0, UINT32_MAX), 1);
	assert_int_equal(backoff_next(&b, 1000, 0), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_wait_is_no_longer_than_the_first),
		cmocka_unit_test(
		    the_wait_is_an_eighth_of_the_outage_more_or_less_a_half_of_it),
		cmocka_unit_test(
		    the_wait_stays_between_the_first_and_the_longest),
		cmocka_unit_test(waits_are_spread_evenly),
		cmocka_unit_test(a_success_ends_the_outage),
		cmocka_unit_test(
		    a_clock_that_stands_still_or_goes_back_makes_no_longer_wait),
		cmocka_unit_test(
		    a_longest_shorter_than_the_first_counts_as_the_first),
		cmocka_unit_test(the_smallest_wait_is_never_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
