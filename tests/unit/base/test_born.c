/*
 * Goal: when a file was made is told of that very file, not of the one that has
 * its path by now.
 */
#include "daemon/base/born.h"

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void
another_has_the_path(void **state)
{
	char old[] = "./born-XXXXXX", new[] = "./born-XXXXXX";
	int a = mkstemp(old), b = mkstemp(new);
	struct stat was, is;
	int64_t made;

	(void)state;
	assert_int_not_equal(a, -1);
	assert_int_not_equal(b, -1);
	assert_int_equal(fstat(a, &was), 0);
	assert_int_equal(fstat(b, &is), 0);
	made = born_ns(old, was.st_ino);
	if (made != 0) /* here the file system remembers it */
		assert_in_range(
		    made / 1000000000, was.st_mtime - 1, was.st_mtime + 1);
	assert_int_equal(rename(new, old), 0);
	assert_int_equal(born_ns(old, was.st_ino), 0);
	assert_true(born_open_ns(a) == made);
	if (made != 0)
		assert_true(born_ns(old, is.st_ino) >= made);
	assert_int_equal(unlink(old), 0);
	assert_int_equal(born_ns(old, is.st_ino), 0);
	(void)close(a);
	(void)close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_has_the_path),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
