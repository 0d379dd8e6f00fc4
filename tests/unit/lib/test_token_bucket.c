/*
 * Goal: a bucket lets pass exactly what its rate says, no figures make it
 * overflow, and turns of a loop wait where too many come.
 */
#include "lib/token_bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
a_bucket_begins_with_what_a_second_brings(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 1000);
	assert_int_equal(token_bucket_take(&b, 5000, 77), 1000);
	assert_int_equal(token_bucket_take(&b, 5000, 77), 0);
	token_bucket_init(&b, 1000);
	assert_int_equal(token_bucket_take(&b, 400, UINT64_MAX), 400);
	assert_int_equal(token_bucket_take(&b, 400, UINT64_MAX), 400);
	assert_int_equal(token_bucket_take(&b, 400, UINT64_MAX), 200);
	token_bucket_init(&b, 1);
	assert_int_equal(token_bucket_take(&b, 2, 0), 1);
}

static void
a_bucket_without_a_rate_is_no_limit(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 0);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 0), UINT64_MAX);
	token_bucket_give(&b, 7);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 0), UINT64_MAX);
	assert_int_equal(token_bucket_wait_us(&b, 0), 0);
}

static void
a_bucket_holds_no_more_than_a_second_brings(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 50);
	assert_int_equal(token_bucket_take(&b, 50, 0), 50);
	assert_int_equal(token_bucket_take(&b, 1000, 3600000000), 50);
	assert_int_equal(token_bucket_take(&b, 1000, 3600000000), 0);
}

static void
the_wait_is_exactly_as_long_as_needed(void **state)
{
	static const uint64_t rates[] = { 1, 2, 3, 7, 10, 999, 1000, 333333,
		999999, 1000000, 1000001, 7000000 };
	struct token_bucket b;
	uint64_t now, wait;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		token_bucket_init(&b, rates[i]);
		now = 1000;
		assert_int_equal(
		    token_bucket_take(&b, UINT64_MAX, now), rates[i]);
		for (j = 0; j < 1000; j++) {
			wait = token_bucket_wait_us(&b, now);
			assert_in_range(wait, 0, 1000000 / rates[i] + 1);
			if (wait > 0)
				assert_int_equal(
				    token_bucket_take(&b, 1, now + wait - 1),
				    0);
			now += wait;
			assert_int_equal(token_bucket_wait_us(&b, now), 0);
			assert_int_equal(token_bucket_take(&b, 1, now), 1);
		}
	}
}

/* Looked at in whatever steps, a day brings a day's worth. */
static void
a_bucket_does_not_drift(void **state)
{
	static const uint64_t rates[] = { 1, 3, 7, 1000, 33333, 999999 };
	static const uint64_t steps[] = { 1, 13, 977, 10007, 99991, 333667 };
	struct token_bucket b;
	uint64_t now, gone;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		for (j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			token_bucket_init(&b, rates[i]);
			(void)token_bucket_take(&b, rates[i], 0);
			gone = 0;
			for (now = 0; now < 100000 * steps[j];) {
				now += steps[j];
				gone += token_bucket_take(&b, UINT64_MAX, now);
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
	struct token_bucket b;
	uint64_t now, gone, rate;
	size_t i;

	(void)state;
	for (rate = 1; rate <= 3; rate++) {
		for (i = 0; i < ngaps * ngaps; i++) {
			token_bucket_init(&b, rate);
			now = gone = 0;
			while (now < 100000000) {
				gone += token_bucket_take(&b, UINT64_MAX, now);
				now += gaps[i / ngaps];
				gone += token_bucket_take(&b, UINT64_MAX, now);
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
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 10);
	assert_int_equal(token_bucket_take(&b, 10, 5), 10);
	token_bucket_give(&b, 4);
	assert_int_equal(token_bucket_wait_us(&b, 5), 0);
	assert_int_equal(token_bucket_take(&b, 10, 5), 4);
	/* Never more than it holds. */
	token_bucket_give(&b, 10);
	assert_int_equal(token_bucket_take(&b, 1, 5), 1);
	token_bucket_give(&b, UINT64_MAX);
	assert_int_equal(token_bucket_take(&b, 100, 5), 10);
	assert_int_equal(token_bucket_take(&b, 100, 5), 0);
}

static void
a_clock_that_goes_back_adds_nothing_and_stops_nothing(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 1000);
	assert_int_equal(token_bucket_take(&b, 1000, 0), 1000);
	assert_int_equal(token_bucket_take(&b, 999, 1000000), 999);
	assert_int_equal(token_bucket_take(&b, 1, 1000000), 1);
	assert_int_equal(token_bucket_take(&b, 1, 600000), 0);
	assert_int_equal(token_bucket_wait_us(&b, 600000), 1000);
	assert_int_equal(token_bucket_wait_us(&b, 7), 1000);
	assert_int_equal(token_bucket_take(&b, 5, 601000), 1);
	assert_int_equal(token_bucket_take(&b, 5, 0), 0);
	assert_int_equal(token_bucket_take(&b, 5, 5000), 5);
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
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, most);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 0), most);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 1), most / 1000000);
	assert_int_equal(token_bucket_wait_us(&b, 1), 1);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 1000002), most);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 2999999), most);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, UINT64_MAX), most);
	token_bucket_init(&b, UINT64_MAX);
	assert_int_equal(token_bucket_take(&b, UINT64_MAX, 0), UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
