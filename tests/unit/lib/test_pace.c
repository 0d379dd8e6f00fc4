/*
 * Goal: waits follow the outage, spread evenly, between the first and the
 * longest; a bucket lets pass exactly what its
 * rate says; and no figures make them overflow or vanish.
 */
#include "lib/pace.h"

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

static void
a_bucket_begins_with_what_a_second_brings(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1000);
	assert_int_equal(bucket_take(&b, 5000, 77), 1000);
	assert_int_equal(bucket_take(&b, 5000, 77), 0);
	bucket_init(&b, 1000);
	assert_int_equal(bucket_take(&b, 400, UINT64_MAX), 400);
	assert_int_equal(bucket_take(&b, 400, UINT64_MAX), 400);
	assert_int_equal(bucket_take(&b, 400, UINT64_MAX), 200);
	bucket_init(&b, 1);
	assert_int_equal(bucket_take(&b, 2, 0), 1);
}

static void
a_bucket_without_a_rate_is_no_limit(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 0);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 0), UINT64_MAX);
	bucket_give(&b, 7);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 0), UINT64_MAX);
	assert_int_equal(bucket_wait_us(&b, 0), 0);
}

static void
a_bucket_holds_no_more_than_a_second_brings(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 50);
	assert_int_equal(bucket_take(&b, 50, 0), 50);
	assert_int_equal(bucket_take(&b, 1000, 3600000000), 50);
	assert_int_equal(bucket_take(&b, 1000, 3600000000), 0);
}

static void
the_wait_is_exactly_as_long_as_needed(void **state)
{
	static const uint64_t rates[] = { 1, 2, 3, 7, 10, 999, 1000, 333333,
		999999, 1000000, 1000001, 7000000 };
	struct bucket b;
	uint64_t now, wait;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		bucket_init(&b, rates[i]);
		now = 1000;
		assert_int_equal(bucket_take(&b, UINT64_MAX, now), rates[i]);
		for (j = 0; j < 1000; j++) {
			wait = bucket_wait_us(&b, now);
			assert_in_range(wait, 0, 1000000 / rates[i] + 1);
			if (wait > 0)
				assert_int_equal(
				    bucket_take(&b, 1, now + wait - 1), 0);
			now += wait;
			assert_int_equal(bucket_wait_us(&b, now), 0);
			assert_int_equal(bucket_take(&b, 1, now), 1);
		}
	}
}

/* Looked at in whatever steps, a day brings a day's worth. */
static void
a_bucket_does_not_drift(void **state)
{
	static const uint64_t rates[] = { 1, 3, 7, 1000, 33333, 999999 };
	static const uint64_t steps[] = { 1, 13, 977, 10007, 99991, 333667 };
	struct bucket b;
	uint64_t now, gone;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		for (j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			bucket_init(&b, rates[i]);
			(void)bucket_take(&b, rates[i], 0);
			gone = 0;
			for (now = 0; now < 100000 * steps[j];) {
				now += steps[j];
				gone += bucket_take(&b, UINT64_MAX, now);
			}
			assert_int_equal(gone, now * rates[i] / 1000000);
		}
	}
}

/* What was in it, and what the time brought. */
static void
no_pattern_of_asking_gets_more_than_the_rate(void **state)
{
	static const uint64_t gaps[] = { 1, 499999, 500000, 999999, 1000000,
		1000001, 1999999, 2000000, 5000000 };
	const size_t ngaps = sizeof(gaps) / sizeof(gaps[0]);
	struct bucket b;
	uint64_t now, gone, rate;
	size_t i;

	(void)state;
	for (rate = 1; rate <= 3; rate++) {
		for (i = 0; i < ngaps * ngaps; i++) {
			bucket_init(&b, rate);
			now = gone = 0;
			while (now < 100000000) {
				gone += bucket_take(&b, UINT64_MAX, now);
				now += gaps[i / ngaps];
				gone += bucket_take(&b, UINT64_MAX, now);
				now += gaps[i % ngaps] + 1000;
				assert_true(
				    gone <= rate + now * rate / 1000000);
			}
		}
	}
}

static void
what_is_given_back_may_go(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 10);
	assert_int_equal(bucket_take(&b, 10, 5), 10);
	bucket_give(&b, 4);
	assert_int_equal(bucket_wait_us(&b, 5), 0);
	assert_int_equal(bucket_take(&b, 10, 5), 4);
	/* Never more than it holds. */
	bucket_give(&b, 10);
	assert_int_equal(bucket_take(&b, 1, 5), 1);
	bucket_give(&b, UINT64_MAX);
	assert_int_equal(bucket_take(&b, 100, 5), 10);
	assert_int_equal(bucket_take(&b, 100, 5), 0);
}

static void
a_clock_that_goes_back_adds_nothing_and_stops_nothing(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1000);
	assert_int_equal(bucket_take(&b, 1000, 0), 1000);
	assert_int_equal(bucket_take(&b, 999, 1000000), 999);
	assert_int_equal(bucket_take(&b, 1, 1000000), 1);
	assert_int_equal(bucket_take(&b, 1, 600000), 0);
	assert_int_equal(bucket_wait_us(&b, 600000), 1000);
	assert_int_equal(bucket_wait_us(&b, 7), 1000);
	assert_int_equal(bucket_take(&b, 5, 601000), 1);
	assert_int_equal(bucket_take(&b, 5, 0), 0);
	assert_int_equal(bucket_take(&b, 5, 5000), 5);
}

/*
 * Turns in a second, the tenth, with a line every each_us: a turn comes with
 * the next line, but not before it has waited for 2 ms where it is to.
 */
static unsigned
turns_with_a_line_every(uint64_t each_us, unsigned *waited)
{
	uint64_t now_us = 0, next_us;
	struct turns t;
	unsigned n = 0;

	*waited = 0;
	turns_init(&t, 500, 50);
	while (now_us < 10000000) {
		next_us = now_us + each_us;
		if (!turns_take(&t, now_us)) {
			if (next_us < now_us + 2000)
				next_us = now_us + 2000;
			*waited += now_us >= 9000000;
		}
		n += now_us >= 9000000;
		now_us = next_us;
	}
	return (n);
}

static void
no_turn_at_once_comes_behind_each_that_waited(void **state)
{
	unsigned waited;

	(void)state;
	assert_in_range(turns_with_a_line_every(100, &waited), 400, 550);
	assert_in_range(turns_with_a_line_every(1000, &waited), 400, 550);
	assert_in_range(turns_with_a_line_every(1900, &waited), 400, 550);
}

static void
turns_that_are_few_do_not_wait(void **state)
{
	unsigned waited;

	(void)state;
	assert_int_equal(turns_with_a_line_every(2500, &waited), 400);
	assert_int_equal(waited, 0);
	assert_int_equal(turns_with_a_line_every(100000, &waited), 10);
	assert_int_equal(waited, 0);
}

static void
turns_do_not_wait_when_it_was_calm(void **state)
{
	uint64_t now_us = 0;
	struct turns t;

	(void)state;
	turns_init(&t, 500, 50);
	while (turns_take(&t, now_us))
		now_us += 10;
	assert_false(turns_take(&t, now_us + 50000));
	assert_true(turns_take(&t, now_us + 250000));
}

static void
the_greatest_rates_do_not_overflow(void **state)
{
	const uint64_t most = UINT64_MAX / 2000000 - 1;
	struct bucket b;

	(void)state;
	bucket_init(&b, most);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 0), most);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 1), most / 1000000);
	assert_int_equal(bucket_wait_us(&b, 1), 1);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 1000002), most);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 2999999), most);
	assert_int_equal(bucket_take(&b, UINT64_MAX, UINT64_MAX), most);
	bucket_init(&b, UINT64_MAX);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 0), UINT64_MAX);
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
		cmocka_unit_test(a_bucket_begins_with_what_a_second_brings),
		cmocka_unit_test(a_bucket_without_a_rate_is_no_limit),
		cmocka_unit_test(a_bucket_holds_no_more_than_a_second_brings),
		cmocka_unit_test(the_wait_is_exactly_as_long_as_needed),
		cmocka_unit_test(a_bucket_does_not_drift),
		cmocka_unit_test(no_pattern_of_asking_gets_more_than_the_rate),
		cmocka_unit_test(what_is_given_back_may_go),
		cmocka_unit_test(
		    a_clock_that_goes_back_adds_nothing_and_stops_nothing),
		cmocka_unit_test(no_turn_at_once_comes_behind_each_that_waited),
		cmocka_unit_test(turns_that_are_few_do_not_wait),
		cmocka_unit_test(turns_do_not_wait_when_it_was_calm),
		cmocka_unit_test(the_greatest_rates_do_not_overflow),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
