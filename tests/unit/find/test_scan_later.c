/*
 * Goal: a directory that is to be scanned is scanned once, when its turn comes;
 * at a start before anything else; and not when it has gone.
 */
#include "daemon/find/scan.h"

#include "tests/unit/find/world.h"

#define MOST 8

/* The directories that were scanned, in their order. */
struct steps {
	struct world w;
	struct dir *d[MOST];
	unsigned n;
	bool midway; /* it is not at its end after its part */
};

static bool
fake_step(struct scan_job *job, void *arg)
{
	struct steps *s = arg;

	assert_true(s->n < MOST);
	s->d[s->n++] =
	    (struct dir *)(void *)((char *)job - offsetof(struct dir, job));
	return (!s->midway);
}

static int
setup(void **state)
{
	struct steps *s = calloc(1, sizeof(*s));

	world_begin(&s->w);
	scan_queue_init(&s->w.ss->scans, s->w.loop, fake_step, s);
	*state = s;
	return (0);
}

static int
teardown(void **state)
{
	struct steps *s = *state;

	world_end(&s->w);
	free(s);
	return (0);
}

static void
a_directory_is_scanned_once_for_many_events(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a"), *b = world_dir(&s->w, "b");

	scan_later(a);
	scan_later(b);
	scan_later(a);
	assert_int_equal(s->n, 0);
	scan_some(s->w.ss);
	assert_int_equal(s->n, 2);
	assert_ptr_equal(s->d[0], a);
	assert_ptr_equal(s->d[1], b);
}

static void
a_directory_that_goes_is_not_scanned(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a"), *b = world_dir(&s->w, "b");

	scan_later(a);
	scan_later(b);
	tree_remove(a);
	scan_some(s->w.ss);
	assert_int_equal(s->n, 1);
	assert_ptr_equal(s->d[0], b);
}

static void
a_start_scans_its_own_to_their_end(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a"), *b = world_dir(&s->w, "b");

	scan_later(b);
	s->w.ss->starting = true;
	scan_later(a);
	scan_all(s->w.ss);
	s->w.ss->starting = false;
	assert_int_equal(s->n, 1);
	assert_ptr_equal(s->d[0], a);
	scan_some(s->w.ss);
	assert_int_equal(s->n, 2);
	assert_ptr_equal(s->d[1], b);
}

static void
patterns_that_came_have_it_watched_anew(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a");

	scan_with_more(a);
	assert_true(a->widened && a->unwatched);
	scan_some(s->w.ss);
	assert_int_equal(s->n, 1);
}

/* What scan.c has of a directory between two parts. */
static struct scan *
begin(struct dir *d)
{
	struct scan *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	RB_INIT(&s->entries);
	s->stage = STAGE_EXAMINE;
	s->by_time = true;
	return (d->scanning = s);
}

static void
one_that_is_midway_is_scanned_once_more(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a");

	begin(a);
	assert_true(scan_is_midway(a));
	scan_later(a);
	assert_true(a->rescan);
	assert_false(a->job.queued);
	scan_cancel(a);
	assert_false(scan_is_midway(a));
}

static void
what_a_given_up_scan_was_for_is_left_to_the_next(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a");
	struct scan *scan = begin(a);

	scan->by_time = false;
	scan->widened = true;
	a->missing = true;
	a->missing_ns = 42;
	scan_abandon(a);
	assert_true(a->by_event && a->widened && a->missed);
	assert_false(a->missing);
	assert_int_equal(a->missed_ns, 42);
}

static void
a_look_by_time_is_no_event(void **state)
{
	struct steps *s = *state;
	struct dir *a = world_dir(&s->w, "a"), *b = world_dir(&s->w, "b");

	s->w.ss->by_time = true;
	scan_later(a);
	s->w.ss->by_time = false;
	scan_later(b);
	assert_false(a->by_event);
	assert_true(b->by_event);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_directory_is_scanned_once_for_many_events),
		T(a_directory_that_goes_is_not_scanned),
		T(a_start_scans_its_own_to_their_end),
		T(patterns_that_came_have_it_watched_anew),
		T(one_that_is_midway_is_scanned_once_more),
		T(what_a_given_up_scan_was_for_is_left_to_the_next),
		T(a_look_by_time_is_no_event),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
