/*
 * Goal: no turn of the loop takes more entries, or more time, than it may,
 * however many there are; directories take turns, and none is forgotten.
 */
#include "daemon/base/scan_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/base/sizes.h"

/* A directory with so many entries. */
struct fake {
	struct scan_job job;
	unsigned left;
	unsigned parts;
	unsigned done; /* in this turn */
	unsigned ended; /* in which turn */
};

struct world {
	struct scan_queue q;
	struct ev_loop *loop;
	unsigned turn;
	unsigned pauses;
	unsigned in_turn; /* entries of all directories */
	double second_each; /* what an entry takes */
	struct fake *ends; /* deletes this one */
	struct fake *adds; /* and adds that one, urgently */
};

static double now = 1000;

double
clock_steady(void)
{
	return (now);
}

static bool
step(struct scan_job *job, void *arg)
{
	struct fake *f = (struct fake *)(void *)job;
	struct world *w = arg;

	f->parts++;
	if (w->ends == f) {
		scan_queue_del(&w->q, job);
		return (false);
	}
	if (w->adds != NULL && w->adds != f) {
		scan_queue_add_urgent(&w->q, &w->adds->job);
		w->adds = NULL;
	}
	while (f->left > 0 && scan_queue_take(&w->q, 1)) {
		f->left--;
		f->done++;
		w->in_turn++;
		now += w->second_each;
	}
	if (f->left > 0)
		return (false);
	f->ended = w->turn;
	return (true);
}

static int
set_up(void **state)
{
	static struct world w;

	w = (struct world) { .loop = ev_loop_new(0) };
	scan_queue_init(&w.q, w.loop, step, &w);
	*state = &w;
	return (0);
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	scan_queue_fini(&w->q);
	ev_loop_destroy(w->loop);
	return (0);
}

/* One turn of the loop, in which what is left goes on. */
static void
turn(struct world *w)
{
	scan_queue_turn(&w->q);
	w->turn++;
	w->in_turn = 0;
	ev_run(w->loop, EVRUN_NOWAIT);
}

static void
a_turn_takes_no_more_entries_than_it_may(void **state)
{
	struct world *w = *state;
	struct fake huge = { .left = 200000 };
	unsigned turns;

	scan_queue_add(&w->q, &huge.job);
	scan_queue_run(&w->q);
	assert_int_equal(w->in_turn, SCAN_TURN);
	/* In the same turn there is nothing left for it. */
	scan_queue_run(&w->q);
	assert_int_equal(w->in_turn, SCAN_TURN);
	for (turns = 1; huge.left > 0; turns++) {
		turn(w);
		assert_true(w->in_turn <= SCAN_TURN);
		assert_true(w->in_turn > 0);
	}
	assert_int_equal(turns, (200000 + SCAN_TURN - 1) / SCAN_TURN);
	assert_true(scan_queue_is_empty(&w->q));
}

static void
a_turn_ends_by_the_clock_where_entries_take_long(void **state)
{
	struct world *w = *state;
	struct fake slow = { .left = 1000 };
	double began = now;

	w->second_each = SCAN_SECONDS / 10;
	scan_queue_add(&w->q, &slow.job);
	scan_queue_run(&w->q);
	assert_true(now >= began + SCAN_SECONDS);
	/* The clock is not asked for each entry. */
	assert_true(w->in_turn <= 32);
	while (slow.left > 0) {
		turn(w);
		assert_true(w->in_turn > 0 && w->in_turn <= 32);
	}
}

static void
an_entry_that_takes_longer_than_a_turn_is_done(void **state)
{
	struct world *w = *state;
	struct fake slow = { .left = 3 };
	unsigned i;

	w->second_each = SCAN_SECONDS * 100;
	scan_queue_add(&w->q, &slow.job);
	scan_queue_run(&w->q);
	for (i = 0; i < 3; i++)
		turn(w);
	assert_int_equal(slow.left, 0);
}

static void
a_small_directory_does_not_wait_for_huge_ones(void **state)
{
	struct world *w = *state;
	struct fake huge[3] = { { .left = 100000 }, { .left = 100000 },
		{ .left = 100000 } };
	struct fake small = { .left = 5 };

	scan_queue_add(&w->q, &huge[0].job);
	scan_queue_add(&w->q, &huge[1].job);
	scan_queue_add(&w->q, &huge[2].job);
	scan_queue_run(&w->q);
	turn(w);
	scan_queue_add(&w->q, &small.job);
	assert_int_equal(small.left, 5);
	turn(w);
	assert_int_equal(small.left, 0);
	assert_true(huge[0].left > 90000);
	assert_true(huge[2].left > 90000);
	while (!scan_queue_is_empty(&w->q))
		turn(w);
	assert_int_equal(huge[0].left + huge[1].left + huge[2].left, 0);
}

static void
many_small_ones_are_done_in_one_turn_and_in_order(void **state)
{
	struct world *w = *state;
	struct fake some[10] = { { .left = 0 } };
	size_t i;

	for (i = 0; i < 10; i++) {
		some[i].left = 10;
		scan_queue_add(&w->q, &some[i].job);
		/* Twice is once. */
		scan_queue_add(&w->q, &some[0].job);
	}
	scan_queue_run(&w->q);
	for (i = 0; i < 10; i++) {
		assert_int_equal(some[i].left, 0);
		assert_int_equal(some[i].parts, 1);
	}
	assert_true(scan_queue_is_empty(&w->q));
}

static void
one_that_is_deleted_is_not_scanned_any_more(void **state)
{
	struct world *w = *state;
	struct fake gone = { .left = 100000 }, other = { .left = 10 };

	scan_queue_add(&w->q, &gone.job);
	scan_queue_run(&w->q);
	assert_true(gone.left > 0);
	scan_queue_del(&w->q, &gone.job);
	scan_queue_del(&w->q, &gone.job);
	gone.parts = 0;
	scan_queue_add(&w->q, &other.job);
	turn(w);
	assert_int_equal(gone.parts, 0);
	assert_int_equal(other.left, 0);
}

static void
a_step_may_delete_the_directory_that_it_scans(void **state)
{
	struct world *w = *state;
	struct fake gone = { .left = 10 }, other = { .left = 10 };

	w->ends = &gone;
	scan_queue_add(&w->q, &gone.job);
	scan_queue_add(&w->q, &other.job);
	scan_queue_run(&w->q);
	assert_int_equal(gone.parts, 1);
	assert_int_equal(other.left, 0);
	assert_true(scan_queue_is_empty(&w->q));
}

static void
what_is_urgent_is_scanned_whole_and_so_is_what_it_adds(void **state)
{
	struct world *w = *state;
	struct fake root = { .left = 100000 }, below = { .left = 5000 };
	struct fake other = { .left = 5 };

	/* One that waited for its turn becomes urgent. */
	scan_queue_add(&w->q, &other.job);
	scan_queue_add(&w->q, &root.job);
	scan_queue_add_urgent(&w->q, &root.job);
	w->adds = &below;
	scan_queue_finish(&w->q, NULL);
	assert_int_equal(root.left, 0);
	assert_int_equal(root.parts, 1);
	assert_int_equal(below.left, 0);
	assert_int_equal(other.left, 5);
	turn(w);
	assert_int_equal(other.left, 0);
}

static void
one_is_begun_at_once_and_queued_for_the_rest(void **state)
{
	struct world *w = *state;
	struct fake small = { .left = 10 }, large = { .left = 100 };

	scan_queue_allow(&w->q, 50, 40);
	assert_true(scan_queue_begin(&w->q, &small.job));
	assert_int_equal(small.left, 0);
	assert_false(small.job.queued);
	assert_false(scan_queue_begin(&w->q, &large.job));
	assert_int_equal(large.left, 60);
	assert_true(large.job.queued);
	turn(w);
	turn(w);
	assert_int_equal(large.left, 0);
	assert_false(large.job.queued);
}

static void
one_that_deletes_itself_as_it_is_begun_is_not_queued(void **state)
{
	struct world *w = *state;
	struct fake f = { .left = 10 };

	w->ends = &f;
	assert_false(scan_queue_begin(&w->q, &f.job));
	assert_false(f.job.queued);
	assert_true(scan_queue_is_empty(&w->q));
}

static void
count_pause(void *arg)
{
	struct world *w = arg;

	w->pauses++;
}

static void
others_are_asked_for_at_each_entry_of_what_is_urgent(void **state)
{
	struct world *w = *state;
	struct fake a = { .left = 3 * SCAN_TURN }, b = { .left = 10 };

	scan_queue_add_urgent(&w->q, &a.job);
	scan_queue_add_urgent(&w->q, &b.job);
	scan_queue_finish(&w->q, count_pause);
	assert_true(w->pauses >= 3 * SCAN_TURN + 10);
	w->pauses = 0;
	b.left = 10;
	scan_queue_add(&w->q, &b.job);
	turn(w);
	assert_int_equal(b.left, 0);
	assert_int_equal(w->pauses, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_turn_takes_no_more_entries_than_it_may),
		TEST(a_turn_ends_by_the_clock_where_entries_take_long),
		TEST(an_entry_that_takes_longer_than_a_turn_is_done),
		TEST(a_small_directory_does_not_wait_for_huge_ones),
		TEST(many_small_ones_are_done_in_one_turn_and_in_order),
		TEST(one_that_is_deleted_is_not_scanned_any_more),
		TEST(a_step_may_delete_the_directory_that_it_scans),
		TEST(what_is_urgent_is_scanned_whole_and_so_is_what_it_adds),
		TEST(one_is_begun_at_once_and_queued_for_the_rest),
		TEST(one_that_deletes_itself_as_it_is_begun_is_not_queued),
		TEST(others_are_asked_for_at_each_entry_of_what_is_urgent),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
