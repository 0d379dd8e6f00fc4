/*
 * Goal: whoever reads a file that is replaced finds the old one or the new one,
 * and what is not finished leaves nothing behind.
 */
#include "daemon/base/atomic_file.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static int dirfd;
static struct atomic_file file;

static int
set_up(void **state)
{
	(void)state;
	(void)strlcpy(dir, "/tmp/test_atomic_file.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dirfd != -1);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlinkat(dirfd, "log", 0);
	(void)unlinkat(dirfd, "log", AT_REMOVEDIR);
	(void)unlinkat(dirfd, "log.new", 0);
	(void)close(dirfd);
	assert_int_equal(rmdir(dir), 0);
	return (0);
}

static void
begin(const char *text)
{
	assert_int_equal(atomic_file_open(&file, dirfd, "log", O_APPEND), 0);
	assert_int_equal(atomic_file_write(file.fd, text, strlen(text)), 0);
}

static bool
is_there(const char *name)
{
	return (faccessat(dirfd, name, F_OK, 0) == 0);
}

static void
assert_log(const char *text)
{
	char buf[64] = "";
	int fd = openat(dirfd, "log", O_RDONLY);

	assert_true(fd != -1);
	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(buf, text);
}

static void
the_old_file_is_there_until_the_new_one_is_whole(void **state)
{
	(void)state;
	begin("old");
	assert_false(is_there("log"));
	assert_int_equal(atomic_file_replace(&file, NULL), 0);
	assert_log("old");
	begin("new");
	assert_log("old");
	assert_int_equal(atomic_file_replace(&file, NULL), 0);
	assert_log("new");
	assert_int_equal(file.fd, -1);
	assert_false(is_there("log.new"));
}

static void
one_that_is_kept_open_can_be_written_on(void **state)
{
	int fd = -1;

	(void)state;
	begin("one ");
	assert_int_equal(atomic_file_replace(&file, &fd), 0);
	assert_int_equal(file.fd, -1);
	assert_int_equal(atomic_file_write(fd, "two", 3), 0);
	assert_log("one two");
	assert_int_equal(close(fd), 0);
}

static void
one_that_is_given_up_leaves_nothing(void **state)
{
	(void)state;
	begin("half");
	errno = ENOSPC;
	atomic_file_abandon(&file);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(file.fd, -1);
	assert_false(is_there("log"));
	assert_false(is_there("log.new"));
	/* Once more does nothing. */
	atomic_file_abandon(&file);
}

/* A directory has the name: no file can take its place. */
static void
a_rename_that_fails_leaves_nothing(void **state)
{
	int fd = 99;

	(void)state;
	assert_int_equal(mkdirat(dirfd, "log", 0700), 0);
	begin("text");
	assert_int_equal(atomic_file_replace(&file, NULL), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file.fd, -1);
	assert_false(is_there("log.new"));
	begin("text");
	assert_int_equal(atomic_file_replace(&file, &fd), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(fd, 99);
	assert_int_equal(file.fd, -1);
	assert_false(is_there("log.new"));
}

static void
what_a_crash_left_is_written_over(void **state)
{
	(void)state;
	begin("left by a process that was killed");
	assert_int_equal(close(file.fd), 0);
	begin("new");
	assert_int_equal(atomic_file_replace(&file, NULL), 0);
	assert_log("new");
}

/* Nobody can make us write where the link leads. */
static void
a_link_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("elsewhere", dirfd, "log.new"), 0);
	assert_int_equal(atomic_file_open(&file, dirfd, "log", 0), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(file.fd, -1);
	assert_false(is_there("elsewhere"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    the_old_file_is_there_until_the_new_one_is_whole, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_is_kept_open_can_be_written_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_is_given_up_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_rename_that_fails_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_a_crash_left_is_written_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_link_is_not_followed, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
