/*
 * Goal: the paths of many files can be told of at once, however long they are,
 * and of whatever kind: none is overwritten by the next.
 */
#include "daemon/file/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEST(name) cmocka_unit_test(name)

static struct names logs = { .path = (char *)"/var/log" };
static struct names old = { .path = (char *)"/var/old" };
static struct file a = { .place = &logs, .name = (char *)"a" };
static struct file b = { .place = &old, .name = (char *)"b" };

static void
two_paths_stand_in_one_message(void **state)
{
	char text[3 * sizeof(struct path_text) + 8];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s, %s, %s", file_path(&a).text,
	    file_path(&b).text, file_path(&a).text);
	assert_string_equal(text, "/var/log/a, /var/old/b, /var/log/a");
}

static void
the_origin_and_the_place_of_two_files_are_kept(void **state)
{
	struct path_text buf[3];
	const char *origin, *other, *real;

	(void)state;
	origin = file_origin(&a, &buf[0]);
	other = file_origin(&b, &buf[1]);
	file_set_origin(&b, origin);
	real = file_real(&b, &buf[2]);
	assert_string_equal(origin, "/var/log/a");
	assert_string_equal(other, "/var/old/b");
	assert_string_equal(real, "/var/old/b");
	assert_string_equal(file_origin(&b, &buf[1]), "/var/log/a");
	file_forget_paths(&b);
}

static void
a_path_longer_than_any_is_cut_off(void **state)
{
	static char dir[PATH_MAX * 2], name[PATH_MAX * 2];
	struct names place = { .path = dir };
	struct file t = { .place = &place, .name = name };
	struct path_text path;

	(void)state;
	memset(dir, 'd', sizeof(dir) - 1);
	memset(name, 'n', sizeof(name) - 1);
	path = file_path(&t);
	assert_int_equal(strlen(path.text), 2 * (PATH_MAX - 1) + 1);
	t.place = NULL;
	assert_memory_equal(file_path(&t).text, "(no name, was)/n", 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_paths_stand_in_one_message),
		TEST(the_origin_and_the_place_of_two_files_are_kept),
		TEST(a_path_longer_than_any_is_cut_off),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
