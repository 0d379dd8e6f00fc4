/*
 * Goal: a configuration matches the directories in which a source has to look
 * for files, and no others.
 */
#include "daemon/conf/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool
has_files(const char *pattern, const char *dir)
{
	char path[256], *paths[] = { path };
	enum conf_symlinks links;
	struct reason why;
	struct conf *c;
	bool result;

	(void)strlcpy(path, pattern, sizeof(path));
	if ((c = conf_from_args("stdout:", NULL, paths, 1, &why)) == NULL)
		fail_msg("%s", why.text);
	result = conf_match_has_files(c, dir, &links);
	if (result)
		assert_int_equal(links, CONF_SYMLINKS_SAFE);
	conf_free(c);
	return (result);
}

static bool
is_listed(const char *pattern, const char *dir)
{
	char path[256], *paths[] = { path };
	enum conf_symlinks links;
	struct reason why;
	struct conf *c;
	bool result;

	(void)strlcpy(path, pattern, sizeof(path));
	if ((c = conf_from_args("stdout:", NULL, paths, 1, &why)) == NULL)
		fail_msg("%s", why.text);
	result = conf_match_lists(c, dir, &links);
	conf_free(c);
	return (result);
}

static void
files_are_where_the_last_part_is(void **state)
{
	(void)state;
	assert_true(has_files("/srv/app/log/*.log", "/srv/app/log"));
	assert_true(has_files("/srv/app/log/*.log", "//srv/app/log/"));
	assert_false(has_files("/srv/app/log/*.log", "/srv/app"));
	assert_false(has_files("/srv/app/log/*.log", "/srv/app/log/old"));
	assert_false(has_files("/srv/app/log/*.log", "/srv/app/logs"));
	assert_false(has_files("/srv/app/log/*.log", "/"));
	assert_true(has_files("/x.log", "/"));
	assert_true(has_files("/srv/*/log/x.log", "/srv/app/log"));
	assert_false(has_files("/srv/*/log/x.log", "/srv/.app/log"));
	assert_false(has_files("/srv/*/log/x.log", "/srv/app/../log"));
	assert_false(has_files("/srv/*/log/x.log", "/srv/../log"));
}

static void
any_depth_takes_any_number_of_directories(void **state)
{
	(void)state;
	assert_true(has_files("/srv/**/*.log", "/srv"));
	assert_true(has_files("/srv/**/*.log", "/srv/a/b/c"));
	assert_false(has_files("/srv/**/*.log", "/srv/a/.git"));
	assert_false(has_files("/srv/**/*.log", "/srv/.."));
	assert_false(has_files("/srv/**/*.log", "/"));
	assert_true(has_files("/srv/**/log/x.log", "/srv/log"));
	assert_true(has_files("/srv/**/log/x.log", "/srv/a/b/log"));
	assert_false(has_files("/srv/**/log/x.log", "/srv/a/b"));
}

static void
a_directory_is_listed_where_a_name_is_no_literal(void **state)
{
	(void)state;
	assert_true(is_listed("/srv/*/log/x.log", "/srv"));
	assert_true(is_listed("/srv/*/log/x.log", "/srv/app/log"));
	assert_false(is_listed("/srv/*/log/x.log", "/srv/app"));
	assert_false(is_listed("/srv/*/log/x.log", "/"));
	assert_true(is_listed("/srv/**/log/x.log", "/srv/a/b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_where_the_last_part_is),
		cmocka_unit_test(any_depth_takes_any_number_of_directories),
		cmocka_unit_test(
		    a_directory_is_listed_where_a_name_is_no_literal),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
