/*
 * Goal: links that lead nowhere are examined again in turns, so many in a
 * second and so many of a directory; what leads somewhere, or has gone, is not
 * examined by time any more.
 */
#include "daemon/find/dangling.h"

#include "tests/unit/find/world.h"

#define AT_ONCE 64
#define IN_DIR 64

struct due {
	unsigned calls;
	bool again; /* the link still leads nowhere */
	struct dir *removes; /* one below */
	char last[NAME_MAX + 1];
	struct dir *of;
};

static struct due due;

/* What entry.c does. */
static void
on_due(struct dir *d, const char *name)
{
	due.calls++;
	(void)strlcpy(due.last, name, sizeof(due.last));
	due.of = d;
	if (due.removes != NULL)
		tree_remove(due.removes);
	due.removes = NULL;
	if (due.again)
		dangling_add(d, name);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_begin(w);
	dangling_init(w->ss, on_due);
	due = (struct due) { .again = true };
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

static void
add_links(struct dir *d, unsigned n)
{
	char name[16];

	while (n-- > 0) {
		(void)snprintf(name, sizeof(name), "l%u", n);
		dangling_add(d, name);
	}
}

static void
second(struct world *w)
{
	ev_invoke(w->loop, &w->ss->dangling_timer, EV_TIMER);
}

static void
a_link_is_examined_until_it_leads_somewhere(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "");

	dangling_add(d, "l");
	assert_int_equal(w->dangling, 1);
	assert_true(ev_is_active(&w->ss->dangling_timer));
	second(w);
	second(w);
	assert_int_equal(due.calls, 2);
	assert_string_equal(due.last, "l");
	assert_int_equal(d->ndangling, 1);
	due.again = false;
	second(w);
	assert_int_equal(d->ndangling, 0);
	assert_false(ev_is_active(&w->ss->dangling_timer));
	assert_false(d->dangles);
}

static void
more_links_of_a_directory_are_left_to_the_sweep(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "");

	add_links(d, IN_DIR);
	assert_false(d->dangles);
	dangling_add(d, "another");
	assert_int_equal(d->ndangling, IN_DIR);
	assert_true(d->dangles);
}

static void
a_second_has_so_many_looks_and_all_have_their_turn(void **state)
{
	struct world *w = *state;
	struct dir *d[3];
	unsigned i;

	for (i = 0; i < 3; i++) {
		d[i] = world_dir(w, i == 0 ? "a" : i == 1 ? "b" : "c");
		add_links(d[i], IN_DIR);
	}
	for (i = 0; i < 4; i++) {
		second(w);
		assert_int_equal(due.calls, (i + 1) * AT_ONCE);
		assert_ptr_equal(due.of, d[i % 3]);
		assert_string_equal(due.last, "l0");
	}
	due.again = false;
	second(w);
	second(w);
	assert_int_equal(w->ss->ndangling, IN_DIR);
	second(w);
	assert_int_equal(w->ss->ndangling, 0);
}

static void
a_look_by_time_brings_no_new_link(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "");

	w->ss->by_time = true;
	dangling_add(d, "l");
	w->ss->by_time = false;
	assert_int_equal(d->ndangling, 0);
	assert_true(d->dangles);
}

static void
a_directory_below_may_go_while_a_link_is_examined(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "d"), *below = world_dir(w, "d/below");

	add_links(d, 2);
	add_links(below, 3);
	due.removes = below;
	second(w);
	assert_ptr_equal(due.of, d);
	assert_int_equal(w->ss->ndangling, 2);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_link_is_examined_until_it_leads_somewhere),
		T(more_links_of_a_directory_are_left_to_the_sweep),
		T(a_second_has_so_many_looks_and_all_have_their_turn),
		T(a_look_by_time_brings_no_new_link),
		T(a_directory_below_may_go_while_a_link_is_examined),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
