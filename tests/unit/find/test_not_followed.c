/*
 * Goal: of names that are not followed the log has so many and no more, however
 * many a user makes; it has each once; and what is gone makes room.
 */
#include "daemon/find/not_followed.h"

#include "tests/unit/find/world.h"

#define IN_DIR 16
#define IN_ALL 512

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_begin(w);
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
say_names(struct dir *d, unsigned from, unsigned to)
{
	char name[16];

	for (; from < to; from++) {
		(void)snprintf(name, sizeof(name), "n%u", from);
		not_followed_say(d, name, "of this test");
	}
}

static void
a_name_is_said_once(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "");

	say_names(d, 0, 1);
	say_names(d, 0, 1);
	assert_int_equal(d->nnamed, 1);
	assert_int_equal(w->ss->nnamed, 1);
	assert_int_equal(w->ss->nunnamed, 0);
}

static void
a_directory_has_only_some_of_its_names_in_the_log(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, ""), *other = world_dir(w, "other");

	say_names(d, 0, IN_DIR + 10);
	assert_int_equal(d->nnamed, IN_DIR);
	assert_int_equal(d->nunnamed, 10);
	say_names(other, 0, 1);
	assert_int_equal(other->nnamed, 1);
}

static void
all_directories_together_have_a_bound(void **state)
{
	struct world *w = *state;
	unsigned i, n = IN_ALL / IN_DIR;
	struct dir *d = NULL;
	char name[16];

	for (i = 0; i <= n; i++) {
		(void)snprintf(name, sizeof(name), "d%u", i);
		d = world_dir(w, name);
		say_names(d, 0, IN_DIR);
	}
	assert_int_equal(w->ss->nnamed, IN_ALL);
	assert_int_equal(d->nnamed, 0);
	assert_int_equal(w->ss->nunnamed, IN_DIR);
}

static void
a_directory_that_goes_leaves_its_room_to_others(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "d");

	say_names(d, 0, IN_DIR + 3);
	tree_remove(d);
	assert_int_equal(w->ss->nnamed, 0);
	assert_int_equal(w->ss->nunnamed, 0);
}

static void
a_scan_counts_the_others_anew(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "d"), *other = world_dir(w, "other");

	say_names(d, 0, IN_DIR + 3);
	say_names(other, 0, IN_DIR + 4);
	not_followed_recount(d);
	assert_int_equal(d->nunnamed, 0);
	assert_int_equal(w->ss->nunnamed, 4);
	assert_int_equal(d->nnamed, IN_DIR);
}

static void
names_that_are_gone_are_forgotten(void **state)
{
	struct world *w = *state;
	struct dir *d = world_dir(w, "d"), *other = world_dir(w, "other");
	int fd;

	world_write("d/n1", "x", 1);
	say_names(d, 0, 3);
	say_names(other, 0, 1);
	assert_true((fd = open("d", O_RDONLY | O_DIRECTORY)) != -1);
	not_followed_prune(d, fd);
	assert_int_equal(close(fd), 0);
	assert_int_equal(d->nnamed, 1);
	assert_int_equal(other->nnamed, 1);
	not_followed_forget(d, "n0");
	assert_int_equal(d->nnamed, 1);
	not_followed_forget(d, "n1");
	assert_int_equal(d->nnamed, 0);
}

static void
the_number_of_the_others_is_logged_when_it_doubles(void **state)
{
	struct world *w = *state;
	struct sources *ss = w->ss;
	struct dir *d = world_dir(w, "d");

	say_names(d, 0, IN_DIR + 2);
	assert_true(ev_is_active(&ss->tell));
	ev_timer_stop(w->loop, &ss->tell);
	ev_invoke(w->loop, &ss->tell, EV_TIMER);
	assert_int_equal(ss->nsaid, 2);
	say_names(d, IN_DIR + 2, IN_DIR + 3);
	assert_false(ev_is_active(&ss->tell));
	say_names(d, IN_DIR + 3, IN_DIR + 4);
	assert_true(ev_is_active(&ss->tell));
	ev_invoke(w->loop, &ss->tell, EV_TIMER);
	assert_int_equal(ss->nsaid, 4);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_name_is_said_once),
		T(a_directory_has_only_some_of_its_names_in_the_log),
		T(all_directories_together_have_a_bound),
		T(a_directory_that_goes_leaves_its_room_to_others),
		T(a_scan_counts_the_others_anew),
		T(names_that_are_gone_are_forgotten),
		T(the_number_of_the_others_is_logged_when_it_doubles),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
