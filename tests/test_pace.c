/*
 * Goal: waits double from the first to the longest, spread over the upper half
 * of each step, and no figures make them overflow or vanish.
 */
#include "lib/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_step_doubles_up_to_the_longest(void **state)
{
	const uint64_t steps[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000,
		60000, 60000 };
	struct backoff b;
	size_t i;

	(void)state;
	backoff_init(&b, 1000, 60000);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(backoff_next(&b, UINT32_MAX), steps[i]);
}

static void
the_shortest_wait_is_half_the_step(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 3001);
	assert_int_equal(backoff_next(&b, 0), 500);
	assert_int_equal(backoff_next(&b, 0), 1000);
	/* Rounded up. */
	assert_int_equal(backoff_next(&b, 0), 1501);
}

static void
waits_are_spread_evenly_over_the_upper_half(void **state)
{
	unsigned tenths[10] = { 0 };
	struct backoff b;
	uint64_t wait;
	uint32_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		backoff_init(&b, 2000, 2000);
		wait = backoff_next(&b, i * (UINT32_MAX / 100000));
		assert_in_range(wait, 1000, 2000);
		tenths[wait == 2000 ? 9 : (wait - 1000) / 100]++;
	}
	for (i = 0; i < 10; i++)
		assert_in_range(tenths[i], 9800, 10200);
}

static void
a_success_begins_again_at_the_first_step(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1000, 60000);
	assert_int_equal(b.next_ms, 0);
	(void)backoff_next(&b, 7);
	assert_int_equal(b.next_ms, 2000);
	(void)backoff_next(&b, 7);
	backoff_reset(&b);
	assert_int_equal(b.next_ms, 0);
	assert_int_equal(backoff_next(&b, UINT32_MAX), 1000);
}

static void
a_longest_shorter_than_the_first_counts_as_the_first(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 5000, 10);
	assert_int_equal(backoff_next(&b, UINT32_MAX), 5000);
	assert_int_equal(backoff_next(&b, UINT32_MAX), 5000);
}

static void
the_greatest_figures_do_not_overflow(void **state)
{
	struct backoff b;
	uint64_t wait, last = 0;
	int i;

	(void)state;
	backoff_init(&b, 3, UINT64_MAX);
	for (i = 0; i < 100; i++) {
		wait = backoff_next(&b, i % 2 ? UINT32_MAX : UINT32_MAX - 1);
		assert_true(wait >= last - last / 1000);
		last = wait;
	}
	assert_int_equal(b.next_ms, UINT64_MAX);
	assert_true(last > UINT64_MAX - UINT64_MAX / 1000);
	assert_int_equal(backoff_next(&b, 0), UINT64_MAX / 2 + 1);
}

static void
the_smallest_wait_is_never_nothing(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1, 1);
	assert_int_equal(backoff_next(&b, 0), 1);
	assert_int_equal(backoff_next(&b, UINT32_MAX), 1);
	backoff_init(&b, 1, 3);
	assert_int_equal(backoff_next(&b, 0), 1);
	assert_int_equal(backoff_next(&b, 0), 1);
	assert_int_equal(backoff_next(&b, 0), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_step_doubles_up_to_the_longest),
		cmocka_unit_test(the_shortest_wait_is_half_the_step),
		cmocka_unit_test(waits_are_spread_evenly_over_the_upper_half),
		cmocka_unit_test(a_success_begins_again_at_the_first_step),
		cmocka_unit_test(
		    a_longest_shorter_than_the_first_counts_as_the_first),
		cmocka_unit_test(the_greatest_figures_do_not_overflow),
		cmocka_unit_test(the_smallest_wait_is_never_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
