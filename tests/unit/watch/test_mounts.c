/*
 * Goal: every path at which a mount came, went or was replaced is told, and no
 * other; and what is mounted where is known.
 */
#include "daemon/watch/mounts.h"

#include "daemon/watch/mounts_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake {
	const char *path;
	uint64_t id;
};

static const struct fake *there; /* up to one without a path */
static bool fails;
static void (*system_change)(void *);
static void *system_arg;
static struct mounts *mounts;
static struct ev_loop *loop;
static char told[256];

struct mounts_system *
mounts_system_open(struct ev_loop *l, void (*on_change)(void *), void *arg)
{
	static char system;

	(void)l;
	system_change = on_change;
	system_arg = arg;
	return ((struct mounts_system *)(void *)&system);
}

void
mounts_system_close(struct mounts_system *s)
{
	(void)s;
}

int
mounts_system_list(struct mounts_system *s,
    int (*add)(void *, const char *, uint64_t), void *to)
{
	const struct fake *f;

	(void)s;
	for (f = there; f->path != NULL; f++)
		assert_int_equal(add(to, f->path, f->id), 0);
	return (fails ? -1 : 0);
}

static void
on_change(void *arg, const char *const *paths, size_t n)
{
	size_t i;

	assert_ptr_equal(arg, told);
	for (i = 0; i < n; i++) {
		(void)strlcat(told, paths[i], sizeof(told));
		(void)strlcat(told, " ", sizeof(told));
	}
	ev_break(loop, EVBREAK_ALL);
}

static void
begin(const struct fake *first)
{
	there = first;
	told[0] = '\0';
	loop = ev_default_loop(0);
	mounts = mounts_new(loop, on_change, told);
	assert_non_null(mounts);
}

/* What there is now, and the paths that are told then. */
static void
change(const struct fake *now, const char *paths)
{
	there = now;
	told[0] = '\0';
	system_change(system_arg);
	ev_run(loop, 0);
	assert_string_equal(told, paths);
}

static int
end(void **state)
{
	(void)state;
	mounts_free(mounts);
	mounts = NULL;
	fails = false;
	return (0);
}

static void
what_came_and_went_is_told(void **state)
{
	static const struct fake one[] = { { "/", 1 }, { "/b", 2 }, { 0 } };
	static const struct fake two[] = { { "/a", 3 }, { "/", 1 }, { "/c", 4 },
		{ 0 } };

	(void)state;
	begin(one);
	change(two, "/a /b /c ");
	change(one, "/a /b /c ");
}

static void
what_took_the_place_of_another_is_told_once(void **state)
{
	static const struct fake one[] = { { "/a", 1 }, { "/a", 2 },
		{ "/b", 3 }, { 0 } };
	static const struct fake two[] = { { "/b", 3 }, { "/a", 5 },
		{ "/a", 4 }, { 0 } };

	(void)state;
	begin(one);
	change(two, "/a ");
}

static void
nothing_is_told_without_a_change(void **state)
{
	static const struct fake one[] = { { "/a", 1 }, { "/b", 3 }, { 0 } };

	(void)state;
	begin(one);
	change(one, "");
}

static void
what_cannot_be_read_is_read_again(void **state)
{
	static const struct fake none[] = { { 0 } };
	static const struct fake one[] = { { "/a", 1 }, { 0 } };

	(void)state;
	begin(none);
	there = one;
	fails = true;
	system_change(system_arg);
	ev_run(loop, EVRUN_ONCE);
	assert_string_equal(told, "");
	assert_false(mounts_has(mounts, "", "a"));
	fails = false;
	ev_run(loop, 0);
	assert_string_equal(told, "/a ");
	assert_true(mounts_has(mounts, "", "a"));
}

static void
what_is_mounted_is_known_by_directory_and_name(void **state)
{
	static const struct fake one[] = { { "/", 1 }, { "/a", 1 },
		{ "/a-b", 1 }, { "/a/b", 1 }, { "/a/b c", 1 }, { "/ab/c", 1 },
		{ 0 } };

	(void)state;
	begin(one);
	assert_true(mounts_has(mounts, "", "a"));
	assert_true(mounts_has(mounts, "", "a-b"));
	assert_true(mounts_has(mounts, "/a", "b"));
	assert_true(mounts_has(mounts, "/a", "b c"));
	assert_true(mounts_has(mounts, "/ab", "c"));
	assert_false(mounts_has(mounts, "", "ab"));
	assert_false(mounts_has(mounts, "/a", ""));
	assert_false(mounts_has(mounts, "/a", "c"));
	assert_false(mounts_has(mounts, "/a/b", "c"));
	assert_false(mounts_has(mounts, "/a-b", "c"));
	assert_false(mounts_has(NULL, "", "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_came_and_went_is_told, end),
		cmocka_unit_test_teardown(
		    what_took_the_place_of_another_is_told_once, end),
		cmocka_unit_test_teardown(
		    nothing_is_told_without_a_change, end),
		cmocka_unit_test_teardown(
		    what_cannot_be_read_is_read_again, end),
		cmocka_unit_test_teardown(
		    what_is_mounted_is_known_by_directory_and_name, end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
