/*
 * Goal: a look that failed is tried again as often as it may be and no more;
 * and a directory in which one failed is scanned again, each less soon than
 * before.
 */
#include "daemon/find/retry.h"

#include <errno.h>

#include "tests/unit/find/world.h"

#define AT_ONCE 3

static unsigned pauses;

static void
on_time(EV_P_ ev_timer *timer, int revents)
{
	(void)EV_A;
	(void)timer;
	(void)revents;
}

static void
on_pause(void *arg)
{
	(void)arg;
	pauses++;
	errno = 0;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_begin(w);
	retry_init(w->ss, on_time);
	pauses = 0;
	*state = w;
	return (0);
}

static int
teardown(void **state)
{
	world_end(*state);
	free(*state);
	return (0);
}

static unsigned
attempts(struct sources *ss, int error)
{
	unsigned n = 0;

	for (errno = error; retry_lookup(ss, n); n++)
		assert_int_equal(errno, error);
	assert_int_equal(errno, error);
	return (n);
}

static void
what_tells_that_nothing_is_there_is_not_tried_again(void **state)
{
	static const int answers[] = { ENOENT, ENOTDIR, ELOOP, ESTALE, EACCES,
		EPERM, ENAMETOOLONG, ENXIO };
	static const int others[] = { EIO, ENOMEM, EMFILE, ENFILE, EINTR };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		assert_false(retry_may_help(answers[i]));
		assert_int_equal(attempts(w->ss, answers[i]), 0);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(retry_may_help(others[i]));
		assert_int_equal(attempts(w->ss, others[i]), AT_ONCE);
	}
}

static void
a_start_waits_between_attempts_but_not_forever(void **state)
{
	struct world *w = *state;

	sources_on_pause(w->ss, on_pause, NULL);
	w->ss->starting = true;
	w->ss->waits = 2;
	assert_int_equal(attempts(w->ss, EIO), AT_ONCE + 2);
	assert_int_equal(pauses, 2);
	assert_int_equal(attempts(w->ss, EIO), AT_ONCE);
	w->ss->starting = false;
}

static void
a_directory_is_scanned_again_once(void **state)
{
	struct world *w = *state;
	struct dir *a = world_dir(w, "a"), *b = world_dir(w, "b");

	retry_dir(a);
	retry_dir(b);
	retry_dir(a);
	assert_int_equal(w->ss->nretries, 2);
	assert_ptr_equal(TAILQ_FIRST(&w->ss->retries), a);
	assert_true(ev_is_active(&w->ss->retry_timer));
	tree_remove(a);
	assert_int_equal(w->ss->nretries, 1);
	retry_cancel(b);
	assert_int_equal(w->ss->nretries, 0);
	assert_true(TAILQ_EMPTY(&w->ss->retries));
}

static void
only_what_a_start_could_not_do_is_done_first(void **state)
{
	struct world *w = *state;
	struct dir *a = world_dir(w, "a"), *b = world_dir(w, "b");

	retry_dir_first(b);
	assert_int_equal(w->ss->nretries, 0);
	w->ss->late = w->ss->starting = true;
	retry_dir(a);
	retry_dir_first(b);
	assert_ptr_equal(TAILQ_FIRST(&w->ss->retries), b);
	retry_dir_first(a);
	assert_ptr_equal(TAILQ_FIRST(&w->ss->retries), a);
	assert_int_equal(w->ss->nretries, 2);
	assert_true(a->unrecovered && b->unrecovered);
	w->ss->late = w->ss->starting = false;
}

static void
it_fails_again_and_again_ever_less_often(void **state)
{
	struct world *w = *state;
	struct dir *a = world_dir(w, "a");
	double last = w->ss->retry_wait;
	unsigned i;

	retry_dir(a);
	for (i = 0; i < 20; i++) {
		ev_timer_stop(w->loop, &w->ss->retry_timer);
		retry_later(w->ss);
		assert_true(ev_is_active(&w->ss->retry_timer));
		assert_true(w->ss->retry_wait >= last);
		last = w->ss->retry_wait;
	}
	assert_true(last > 9.9 && last < 10.1);
	ev_timer_stop(w->loop, &w->ss->retry_timer);
	retry_cancel(a);
	retry_later(w->ss);
	assert_false(ev_is_active(&w->ss->retry_timer));
	assert_true(w->ss->retry_wait < 1);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_tells_that_nothing_is_there_is_not_tried_again),
		T(a_start_waits_between_attempts_but_not_forever),
		T(a_directory_is_scanned_again_once),
		T(only_what_a_start_could_not_do_is_done_first),
		T(it_fails_again_and_again_ever_less_often),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
