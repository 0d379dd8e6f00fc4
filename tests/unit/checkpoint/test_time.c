/*
 * Goal: whatever was done to the time of day, what came since the last look is
 * told from what was there before, or it is said that nobody knows.
 */
#include "daemon/checkpoint/checkpointer.h"

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/inside.h"

#define NS INT64_C(1000000000)
#define HOUR 3600
/* The worker before looked last at that time of day. */
#define LOOK INT64_C(1795000000)
#define UP 10000 /* and that long after the host had booted */

static int64_t day, steady, ahead_ms; /* seconds */

int64_t
clock_wall_ns(void)
{
	return (day * NS);
}

double
clock_steady(void)
{
	return ((double)steady);
}

int64_t
checkpoint_ahead_ms(const struct checkpoint *cp)
{
	(void)cp;
	return (ahead_ms);
}

static time_t latest;

time_t
checkpoint_latest(const struct checkpoint *cp)
{
	(void)cp;
	return (latest);
}

static off_t put_ms;
static time_t put_latest;

int
checkpoint_batch_reserve(struct checkpoint_batch *b)
{
	(void)b;
	return (0);
}

int
checkpoint_put(struct checkpoint *cp, const struct checkpoint_record *rec,
    struct checkpoint_batch *to)
{
	(void)cp;
	(void)to;
	assert_int_equal(rec->kind, CHECKPOINT_LOOK);
	put_ms = rec->offset;
	put_latest = rec->time;
	return (0);
}

/* A start so long after the look, with a time of day that was set by so much.
 */
static void
start(struct checkpointer *l, int64_t after, int64_t set)
{
	const struct stat st = { .st_mtim.tv_sec = LOOK };

	memset(l, 0, sizeof(*l));
	ahead_ms = (LOOK - UP) * 1000;
	day = LOOK + after + set;
	steady = UP + after;
	checkpointer_time_load(l, &st);
}

static void
the_clock_was_not_set(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 60, 0);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK - 1) * NS), CHECKPOINTER_BEFORE);
	assert_int_equal(checkpointer_side(&l, LOOK * NS), CHECKPOINTER_SINCE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 60) * NS), CHECKPOINTER_SINCE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + HOUR) * NS), CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_since_record(&l, LOOK - 5), (LOOK - 5) * NS);
}

static void
what_came_before_and_after_it_was_set_back(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 60, -HOUR);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 30) * NS), CHECKPOINTER_SINCE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 30 - HOUR) * NS), CHECKPOINTER_SINCE);
	assert_int_equal(checkpointer_side(&l, (LOOK - 30 - HOUR) * NS),
	    CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK - 30) * NS), CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + HOUR) * NS), CHECKPOINTER_UNKNOWN);
	/* A copy that was made since has a time of then at the least. */
	assert_int_equal(
	    checkpointer_since_record(&l, LOOK), (LOOK - HOUR) * NS);
}

static void
what_came_before_and_after_it_was_set_forward(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 60, HOUR);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK - 1) * NS), CHECKPOINTER_BEFORE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 30) * NS), CHECKPOINTER_SINCE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 1800) * NS), CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 30 + HOUR) * NS), CHECKPOINTER_SINCE);
}

static void
a_record_of_a_clock_that_was_ahead_tells_no_time(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 60, 0);
	assert_int_equal(checkpointer_since_record(&l, LOOK + 10), 0);
}

/* Of a time to come that the clock once had, too, before it was set back. */
static void
the_clock_was_set_back_before_the_look(void **state)
{
	struct checkpointer l;

	(void)state;
	latest = LOOK + HOUR;
	start(&l, 60, 0);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 1800) * NS), CHECKPOINTER_BEFORE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + HOUR) * NS), CHECKPOINTER_BEFORE);
	assert_int_equal(checkpointer_side(&l, (LOOK + HOUR + 1) * NS),
	    CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 30) * NS), CHECKPOINTER_SINCE);
	/* It was set since, perhaps more than once. */
	start(&l, 60, 5);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 1800) * NS), CHECKPOINTER_UNKNOWN);
	start(&l, 60, -5);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 1800) * NS), CHECKPOINTER_UNKNOWN);
	/* The host was booted since. */
	start(&l, 60, 0);
	steady = 300;
	checkpointer_time_load(&l, &(struct stat) { .st_mtim.tv_sec = LOOK });
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 1800) * NS), CHECKPOINTER_UNKNOWN);
	latest = 0;
}

/* All that came since the boot came since the look, and what is later. */
static void
the_host_was_booted_with_a_clock_of_before(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 0, -24 * HOUR);
	steady = 300;
	checkpointer_time_load(&l, &(struct stat) { .st_mtim.tv_sec = LOOK });
	assert_int_equal(
	    checkpointer_side(&l, (day - 200) * NS), CHECKPOINTER_SINCE);
	assert_int_equal(
	    checkpointer_side(&l, (day - 400) * NS), CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK - 10) * NS), CHECKPOINTER_UNKNOWN);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 10) * NS), CHECKPOINTER_SINCE);
}

static void
an_older_version_wrote_the_checkpoint(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 60, 0);
	ahead_ms = -1;
	checkpointer_time_load(&l, &(struct stat) { .st_mtim.tv_sec = LOOK });
	assert_false(checkpointer_knows_look(&l));
	assert_int_equal(
	    checkpointer_side(&l, (LOOK - 1) * NS), CHECKPOINTER_BEFORE);
	assert_int_equal(
	    checkpointer_side(&l, (LOOK + 30) * NS), CHECKPOINTER_SINCE);
	day -= HOUR;
	assert_int_equal(
	    checkpointer_side(&l, (day - 1) * NS), CHECKPOINTER_UNKNOWN);
	assert_int_equal(checkpointer_since_record(&l, LOOK - 5), 0);
}

static void
what_is_written_is_what_the_next_start_goes_by(void **state)
{
	struct checkpointer l;

	(void)state;
	start(&l, 60, -HOUR);
	assert_int_equal(checkpointer_put_look(&l, &l.changed), 0);
	assert_int_equal(put_ms, (LOOK - UP - HOUR) * 1000);
	assert_int_equal(l.ahead_ms, checkpointer_ahead_ms());
	assert_int_equal(put_latest, LOOK + 60 - HOUR);
	/* The clock is set back once more: the time before that counts. */
	day -= HOUR - 10;
	steady += 10;
	assert_int_equal(checkpointer_put_look(&l, &l.changed), 0);
	assert_int_equal(put_latest, LOOK + 70 - HOUR);
	day += 10;
	steady += 10;
	assert_int_equal(checkpointer_put_look(&l, &l.changed), 0);
	assert_int_equal(put_latest, LOOK + 70 - HOUR);
	latest = put_latest;
	start(&l, 60, -2 * HOUR);
	assert_int_equal(checkpointer_put_look(&l, &l.changed), 0);
	assert_int_equal(put_latest, LOOK + 70 - HOUR);
	latest = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_was_not_set),
		cmocka_unit_test(what_came_before_and_after_it_was_set_back),
		cmocka_unit_test(what_came_before_and_after_it_was_set_forward),
		cmocka_unit_test(
		    a_record_of_a_clock_that_was_ahead_tells_no_time),
		cmocka_unit_test(the_clock_was_set_back_before_the_look),
		cmocka_unit_test(the_host_was_booted_with_a_clock_of_before),
		cmocka_unit_test(an_older_version_wrote_the_checkpoint),
		cmocka_unit_test(
		    what_is_written_is_what_the_next_start_goes_by),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
