/*
 * Goal: a window grows where the receiver takes octets faster with a larger
 * one, and nowhere else.
 */
#include "lib/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB (1024 * 1024)

/*
 * A path on which an answer takes rtt_us, and a receiver that takes no more
 * than rate octets a second: runs for so many seconds with a full window.
 */
static void
run(struct flow *f, uint64_t rtt_us, uint64_t rate, unsigned seconds)
{
	uint64_t now_us = 1, octets = 0, step_us = 1000, took, sent = 0;
	double speed, part = 0;

	flow_begin(f);
	for (; now_us < seconds * UINT64_C(1000000); now_us += step_us) {
		took = rtt_us > step_us ? rtt_us : step_us;
		speed = (double)f->size / (double)took * 1e6;
		if (speed > (double)rate)
			speed = (double)rate;
		part += speed * (double)step_us / 1e6;
		sent = (uint64_t)part;
		octets += sent;
		part -= (double)sent;
		flow_full(f);
		flow_acked(f, octets, now_us);
	}
}

static void
a_long_path_gets_a_large_window(void **state)
{
	struct flow f;

	(void)state;
	flow_init(&f, 4 * MB, 64 * MB);
	run(&f, 200000, 1000 * MB, 20);
	assert_int_equal(f.size, 64 * MB);
	flow_init(&f, 4 * MB, 64 * MB);
	run(&f, 50000, 200 * MB, 20);
	assert_true(f.size >= 8 * MB);
	assert_true(f.size <= 32 * MB);
}

static void
a_slow_receiver_gets_no_larger_one(void **state)
{
	unsigned larger = 0, i;
	struct flow f;

	(void)state;
	flow_init(&f, 4 * MB, 64 * MB);
	for (i = 1; i <= 60; i++) {
		run(&f, 100, 20 * MB, 5);
		assert_true(f.size <= 8 * MB);
		larger += f.size > 4 * MB;
	}
	assert_true(larger < 12);
}

static void
who_never_fills_it_gets_no_larger_one(void **state)
{
	struct flow f;
	uint64_t octets = 0, now_us;

	(void)state;
	flow_init(&f, 4 * MB, 64 * MB);
	flow_begin(&f);
	for (now_us = 1; now_us < 60000000; now_us += 1000)
		flow_acked(&f, octets += 1000000, now_us);
	assert_int_equal(f.size, 4 * MB);
}

static void
a_window_of_one_size_keeps_it(void **state)
{
	struct flow f;

	(void)state;
	flow_init(&f, 5 * MB, 5 * MB);
	run(&f, 200000, 1000 * MB, 20);
	assert_int_equal(f.size, 5 * MB);
}

static void
a_new_connection_keeps_the_size(void **state)
{
	struct flow f;

	(void)state;
	flow_init(&f, 4 * MB, 64 * MB);
	run(&f, 200000, 1000 * MB, 20);
	flow_begin(&f);
	assert_int_equal(f.size, 64 * MB);
	/* Positions begin again. */
	flow_acked(&f, 1, 1);
	flow_acked(&f, 2, 2);
	assert_int_equal(f.size, 64 * MB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_path_gets_a_large_window),
		cmocka_unit_test(a_slow_receiver_gets_no_larger_one),
		cmocka_unit_test(who_never_fills_it_gets_no_larger_one),
		cmocka_unit_test(a_window_of_one_size_keeps_it),
		cmocka_unit_test(a_new_connection_keeps_the_size),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
