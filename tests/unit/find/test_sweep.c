/*
 * Goal: the sweep comes to every directory, a batch at a time, though
 * directories come and go meanwhile; and finds out which of them have changed.
 */
#include "daemon/find/sweep.h"

#include "daemon/find/scan.h"
#include "tests/unit/find/world.h"

#define BATCH 200
#define MOST 16

struct swept {
	struct world w;
	struct dir *d[MOST]; /* was queued to be scanned */
	unsigned n;
};

static bool
fake_step(struct scan_job *job, void *arg)
{
	struct swept *s = arg;

	assert_true(s->n < MOST);
	s->d[s->n++] =
	    (struct dir *)(void *)((char *)job - offsetof(struct dir, job));
	return (true);
}

static int
setup(void **state)
{
	struct swept *s = calloc(1, sizeof(*s));

	world_begin(&s->w);
	scan_queue_init(&s->w.ss->scans, s->w.loop, fake_step, s);
	sweep_start(s->w.ss);
	*state = s;
	return (0);
}

static int
teardown(void **state)
{
	struct swept *s = *state;

	world_end(&s->w);
	free(s);
	return (0);
}

/* A directory that is in the tree for a pattern. */
static struct dir *
add(struct swept *s, struct dir *parent, const char *name)
{
	struct dir *d = world_dir(&s->w, name);

	d->parent = parent;
	assert_non_null(d->matches = calloc(1, sizeof(*d->matches)));
	d->nmatches = 1;
	return (d);
}

/* One with so many files that a batch ends behind it. */
static struct dir *
add_full(struct swept *s, struct dir *parent, const char *name)
{
	struct dir *d = add(s, parent, name);
	unsigned i;

	for (i = 0; i < BATCH; i++)
		dir_count_old(d);
	return (d);
}

static void
batch(struct swept *s)
{
	scan_queue_turn(&s->w.ss->scans);
	ev_invoke(s->w.loop, &s->w.ss->sweep, EV_TIMER);
}

static void
a_batch_ends_and_the_next_goes_on_behind_it(void **state)
{
	struct swept *s = *state;
	struct dir *top = add(s, NULL, ""), *a = add_full(s, top, "a");
	struct dir *b = add_full(s, top, "b"), *c = add(s, top, "c");

	batch(s);
	assert_int_equal(s->n, 2);
	assert_ptr_equal(s->d[0], top);
	assert_ptr_equal(s->d[1], a);
	batch(s);
	assert_int_equal(s->n, 3);
	assert_ptr_equal(s->d[2], b);
	/* And begins again with the first. */
	batch(s);
	assert_int_equal(s->n, 4);
	assert_ptr_equal(s->d[3], c);
	batch(s);
	assert_int_equal(s->n, 6);
	assert_ptr_equal(s->d[4], top);
}

static void
the_sweep_goes_on_where_its_directory_has_gone(void **state)
{
	struct swept *s = *state;
	struct dir *top = add_full(s, NULL, ""), *a = add_full(s, top, "a");
	struct dir *b = add_full(s, top, "b");

	batch(s);
	batch(s);
	assert_ptr_equal(s->d[1], a);
	tree_remove(a);
	batch(s);
	assert_int_equal(s->n, 3);
	assert_ptr_equal(s->d[2], b);
}

static void
another_directory_of_that_path_is_swept_too(void **state)
{
	struct swept *s = *state;
	struct dir *top = add_full(s, NULL, ""), *a = add_full(s, top, "a");

	batch(s);
	batch(s);
	tree_remove(a);
	a = add_full(s, top, "a");
	batch(s);
	assert_int_equal(s->n, 3);
	assert_ptr_equal(s->d[2], a);
}

static void
a_directory_that_has_not_changed_is_left_alone(void **state)
{
	struct swept *s = *state;
	struct dir *d = add(s, NULL, "");
	struct stat st;

	world_write("f", "x", 1);
	assert_int_equal(stat(s->w.path, &st), 0);
	d->listed_ns = file_written_ns(&st);
	sweep_dir(d);
	scan_some(s->w.ss);
	assert_int_equal(s->n, 0);
	d->dangles = true;
	sweep_dir(d);
	scan_some(s->w.ss);
	assert_int_equal(s->n, 1);
}

static void
a_directory_without_links_into_it_leaves_the_tree(void **state)
{
	struct swept *s = *state;

	(void)world_dir(&s->w, "a");
	assert_int_equal(s->w.ss->ndirs, 1);
	batch(s);
	assert_int_equal(s->w.ss->ndirs, 0);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_batch_ends_and_the_next_goes_on_behind_it),
		T(the_sweep_goes_on_where_its_directory_has_gone),
		T(another_directory_of_that_path_is_swept_too),
		T(a_directory_that_has_not_changed_is_left_alone),
		T(a_directory_without_links_into_it_leaves_the_tree),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
