/*
 * Goal: links are found by the directory they are in and by the file they lead
 * to; they may come and go while one goes from each to the next; and a file of
 * somebody else is not found by a link of his.
 */
#include "daemon/find/link.h"

#include "daemon/find/walk.h"
#include "tests/unit/find/world.h"

struct fixture {
	struct world w;
	struct dir *from, *into;
	struct walk walk;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	world_begin(&f->w);
	f->from = world_dir(&f->w, "from");
	f->into = world_dir(&f->w, "into");
	*state = f;
	return (0);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	world_end(&f->w);
	free(f);
	return (0);
}

static void
lead(struct fixture *f, const char *base)
{
	(void)snprintf(f->walk.real, sizeof(f->walk.real), "%.2000s/%s",
	    f->into->place.path, base);
}

static void
add(struct fixture *f, const char *name, const char *base)
{
	lead(f, base);
	assert_int_equal(link_add(f->from, name, f->into, &f->walk), 0);
}

static void
a_link_is_found_from_both_ends(void **state)
{
	const struct stat st = { .st_uid = 1001 };
	struct fixture *f = *state;
	const char *name;

	add(f, "l", "file");
	assert_true(link_is_noted(f->from, "l", &f->walk));
	assert_ptr_equal(link_target(f->from, "l", &name), f->into);
	assert_string_equal(name, "file");
	assert_ptr_equal(link_leading_to(f->into, "file", &st, &name), f->from);
	assert_string_equal(name, "l");
	assert_true(link_leads_to(f->into, "file"));
	assert_false(link_leads_to(f->into, "fil"));
	assert_null(link_target(f->from, "x", &name));
	lead(f, "other");
	assert_false(link_is_noted(f->from, "l", &f->walk));
	link_forget(f->from, "l");
	assert_false(link_leads_to(f->into, "file"));
	assert_int_equal(f->from->nlinks, 0);
}

static void
a_link_of_a_user_leads_to_files_of_that_user_only(void **state)
{
	const struct stat mine = { .st_uid = 1001 }, other = { .st_uid = 1002 };
	struct fixture *f = *state;
	const char *name;

	f->walk.has_owner = true;
	f->walk.owner = 1001;
	add(f, "a", "file");
	assert_non_null(link_leading_to(f->into, "file", &mine, &name));
	assert_null(link_leading_to(f->into, "file", &other, &name));
	assert_true(link_leads_to(f->into, "file"));
	f->walk.owner = 1002;
	assert_false(link_is_noted(f->from, "a", &f->walk));
	f->walk.owner = 1001;
	assert_true(link_is_noted(f->from, "a", &f->walk));
	f->walk.has_owner = false;
	assert_false(link_is_noted(f->from, "a", &f->walk));
	f->walk.has_owner = true;
	f->walk.owner = 1002;
	/* Another link may be of the other user. */
	add(f, "b", "file");
	assert_non_null(link_leading_to(f->into, "file", &other, &name));
	assert_string_equal(name, "b");
}

static void
links_may_go_while_one_goes_through_them(void **state)
{
	static const char *const expected[] = { "a", "c", "d" };
	struct link_cursor c = { .dir = NULL };
	struct fixture *f = *state;
	char name[NAME_MAX + 1];
	unsigned n = 0;

	add(f, "a", "x");
	add(f, "b", "x");
	add(f, "d", "y");
	for (; link_next(f->into, &c, name) != NULL; n++) {
		assert_true(n < 3);
		assert_string_equal(name, expected[n]);
		if (n == 0) {
			link_forget(f->from, "a");
			link_forget(f->from, "b");
			add(f, "c", "x");
		}
	}
	assert_int_equal(n, 3);
}

static void
a_directory_that_goes_has_links_into_it_examined_again(void **state)
{
	struct fixture *f = *state;

	add(f, "l", "file");
	tree_remove(f->into);
	assert_int_equal(f->from->nlinks, 0);
	assert_true(f->from->retry);
}

static void
links_go_with_their_directory(void **state)
{
	struct fixture *f = *state;

	add(f, "l", "file");
	add(f, "m", "file");
	assert_false(dir_is_idle(f->into));
	tree_remove(f->from);
	assert_true(dir_is_idle(f->into));
	assert_false(f->into->retry);
}

static void
a_source_of_a_link_may_want_polling(void **state)
{
	struct conf_source conf = { .poll_interval_ms = 700 };
	struct source source = { .conf = &conf };
	struct fixture *f = *state;
	uint64_t ms = 1000;

	f->from->matches = calloc(1, sizeof(*f->from->matches));
	f->from->matches[0].source = &source;
	f->from->nmatches = 1;
	add(f, "l", "file");
	assert_false(link_wants_polling(f->into, &ms));
	assert_int_equal(ms, 700);
	conf.poll = true;
	assert_true(link_wants_polling(f->into, &ms));
	assert_false(link_wants_polling(f->from, &ms));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_link_is_found_from_both_ends),
		T(a_link_of_a_user_leads_to_files_of_that_user_only),
		T(links_may_go_while_one_goes_through_them),
		T(a_directory_that_goes_has_links_into_it_examined_again),
		T(links_go_with_their_directory),
		T(a_source_of_a_link_may_want_polling),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
