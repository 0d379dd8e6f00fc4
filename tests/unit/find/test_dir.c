/*
 * Goal: directories are found by their paths, by what is above them and by
 * their identity; and whatever a path's length, none is cut.
 */
#include "daemon/find/dir.h"

#include <errno.h>

#include "tests/unit/find/world.h"

#define PATHS_MOST 8 /* of one directory */

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

/* A directory that is on no disk. */
static struct dir *
enter(struct world *w, struct dir *parent, const char *path, ino_t ino)
{
	struct stat st = { .st_dev = 1, .st_ino = ino };
	struct dir *d;

	assert_non_null(d = dir_enter(w->ss, parent, path, &st));
	return (d);
}

static void
directories_come_in_the_order_of_their_paths(void **state)
{
	struct world *w = *state;
	struct dir *root = enter(w, NULL, "", 1), *b = enter(w, root, "/b", 2);
	struct dir *a = enter(w, root, "/a", 3), *ax = enter(w, a, "/a/x", 4);
	struct dir *am = enter(w, root, "/a-", 5);

	assert_ptr_equal(dir_from(w->ss, ""), root);
	assert_ptr_equal(dir_next(root), a);
	/* '-' comes before '/'. */
	assert_ptr_equal(dir_next(a), am);
	assert_ptr_equal(dir_next(am), ax);
	assert_ptr_equal(dir_next(ax), b);
	assert_null(dir_next(b));
	assert_ptr_equal(dir_from(w->ss, "/a/y"), b);
	assert_null(dir_from(w->ss, "/c"));
	assert_ptr_equal(dir_find(w->ss, "/a/x"), ax);
	assert_null(dir_find(w->ss, "/a/"));
}

static void
what_is_below_begins_with_the_whole_path(void **state)
{
	struct world *w = *state;
	struct dir *root = enter(w, NULL, "", 1), *a = enter(w, root, "/a", 2);
	struct dir *ab = enter(w, root, "/ab", 3);
	struct dir *ax = enter(w, a, "/a/x", 4);

	assert_true(dir_is_below(ax, a));
	assert_false(dir_is_below(ab, a));
	assert_false(dir_is_below(a, a));
	assert_true(dir_is_below(a, root));
	assert_ptr_equal(dir_first_below(a), ax);
	assert_null(dir_first_below(ab));
	assert_ptr_equal(dir_first_below(root), a);
}

static void
a_path_leads_to_the_directory_and_the_name_there(void **state)
{
	struct world *w = *state;
	struct dir *root = enter(w, NULL, "", 1), *a = enter(w, root, "/a", 2);
	char path[PATH_MAX], longer[PATH_MAX];
	const char *name;

	assert_ptr_equal(dir_of_path(w->ss, "/a/x", &name), a);
	assert_string_equal(name, "x");
	assert_ptr_equal(dir_of_path(w->ss, "/x", &name), root);
	assert_string_equal(name, "x");
	assert_null(dir_of_path(w->ss, "/b/x", &name));
	assert_null(dir_of_path(w->ss, "x", &name));
	assert_int_equal(dir_path(a, "x", path), 0);
	assert_string_equal(path, "/a/x");
	assert_int_equal(dir_path(root, "x", path), 0);
	assert_string_equal(path, "/x");
	assert_string_equal(dir_display(root), "/");
	memset(longer, 'x', sizeof(longer));
	longer[PATH_MAX - 3] = '\0';
	assert_int_equal(dir_path(a, longer, path), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	longer[PATH_MAX - 4] = '\0';
	assert_int_equal(dir_path(a, longer, path), 0);
	assert_int_equal(strlen(path), PATH_MAX - 1);
}

static void
a_directory_has_so_many_paths_and_no_more(void **state)
{
	struct stat st = { .st_dev = 1, .st_ino = 7 };
	struct world *w = *state;
	char path[16];
	unsigned i;

	for (i = 0; i < PATHS_MOST; i++) {
		assert_false(dir_is_everywhere(w->ss, &st));
		(void)snprintf(path, sizeof(path), "/p%u", i);
		enter(w, NULL, path, 7);
		/* Others do not count. */
		(void)snprintf(path, sizeof(path), "/q%u", i);
		enter(w, NULL, path, 8);
	}
	assert_true(dir_is_everywhere(w->ss, &st));
}

static void
a_loop_of_links_is_found_by_identity(void **state)
{
	struct stat a_st = { .st_dev = 1, .st_ino = 2 };
	struct stat other = { .st_dev = 2, .st_ino = 2 };
	struct world *w = *state;
	struct dir *root = enter(w, NULL, "", 1), *a = enter(w, root, "/a", 2);
	struct dir *ax = enter(w, a, "/a/x", 3);

	assert_true(dir_is_inside(ax, &a_st));
	assert_true(dir_is_inside(a, &a_st));
	assert_false(dir_is_inside(root, &a_st));
	assert_false(dir_is_inside(ax, &other));
}

static void
what_is_below_leaves_the_tree_with_it(void **state)
{
	struct world *w = *state;
	struct dir *root = enter(w, NULL, "", 1), *a = enter(w, root, "/a", 2);
	struct dir *ax = enter(w, a, "/a/x", 3);

	enter(w, ax, "/a/x/y", 4);
	enter(w, root, "/ab", 5);
	tree_remove(a);
	assert_int_equal(w->ss->ndirs, 2);
	assert_null(dir_find(w->ss, "/a/x/y"));
	assert_non_null(dir_find(w->ss, "/ab"));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(directories_come_in_the_order_of_their_paths),
		T(what_is_below_begins_with_the_whole_path),
		T(a_path_leads_to_the_directory_and_the_name_there),
		T(a_directory_has_so_many_paths_and_no_more),
		T(a_loop_of_links_is_found_by_identity),
		T(what_is_below_leaves_the_tree_with_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
