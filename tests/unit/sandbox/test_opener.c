/*
 * Goal: a process in its sandbox gets what its configuration means, though the
 * sandbox does not know it, and gets nothing else.
 */
#include "daemon/sandbox/opener.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/conf.h"
#include "daemon/sandbox/linux_inside.h"
#include "daemon/sandbox/profile.h"
#include "daemon/sandbox/sandbox.h"

#define OTHER 12345 /* an account that is neither root's nor ours */

static char top[PATH_MAX];

/* Returns a static buffer. */
static const char *
in(const char *name)
{
	static char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return (path);
}

static void
make_file(const char *name)
{
	int fd = open(in(name), O_WRONLY | O_CREAT, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "x\n", 2), 2);
	(void)close(fd);
}

/* Returns 0, or the error. */
static int
opens(const char *name, int flags)
{
	int fd = opener_open(in(name), flags);

	if (fd == -1)
		return (errno);
	(void)close(fd);
	return (0);
}

static void
what_comes_later_is_opened(void **state)
{
	(void)state;
	assert_int_equal(opens("app/log", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(opens("app/log/x.log", O_RDONLY | O_NOFOLLOW), 0);
	/* Rotated. */
	assert_int_equal(opens("app/log/x.log.1", O_RDONLY | O_NOFOLLOW), 0);
	assert_int_equal(opens("app/log/none", O_RDONLY), ENOENT);
}

static void
what_nobody_means_is_not(void **state)
{
	(void)state;
	assert_int_equal(opens("app", O_RDONLY | O_DIRECTORY), EACCES);
	assert_int_equal(opens("secret", O_RDONLY), EACCES);
	assert_int_equal(opens("app/log/../../secret", O_RDONLY), EACCES);
	assert_int_equal(opens("app/secret", O_RDONLY), EACCES);
	assert_int_equal(opens("app/log/fifo", O_RDONLY), EACCES);
	assert_int_equal(opener_open("/etc/passwd", O_RDONLY), -1);
	assert_int_equal(opener_open("etc/passwd", O_RDONLY), -1);
	assert_int_equal(opener_open("", O_RDONLY), -1);
}

static void
nothing_is_opened_to_be_written(void **state)
{
	int fd = opener_open(in("app/log/x.log"), O_RDWR);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "y", 1), -1);
	(void)close(fd);
}

static void
a_link_leads_to_where_its_owner_may_lead(void **state)
{
	(void)state;
	assert_int_equal(opens("app/log/link", O_RDONLY), 0);
	/* And to what rotation makes of it. */
	assert_int_equal(opens("else/target.1", O_RDONLY | O_NOFOLLOW), 0);
	assert_int_equal(opens("app/log/link", O_RDONLY | O_NOFOLLOW), ELOOP);
	if (geteuid() == 0)
		assert_int_equal(opens("app/log/planted", O_RDONLY), EACCES);
}

static void
a_name_in_a_directory_is_of_that_directory(void **state)
{
	int dir = open(in("app/log"), O_PATH | O_DIRECTORY);
	int other = open(in("else"), O_PATH | O_DIRECTORY), fd;

	(void)state;
	fd = opener_open_in(dir, in("app/log"), "x.log", O_RDONLY);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	assert_int_equal(
	    opener_open_in(other, in("app/log"), "x.log", O_RDONLY), -1);
	(void)close(dir);
	(void)close(other);
}

/* The directory is not there when the sandbox is made. */
static int
enter(void **state)
{
	char path[PATH_MAX + 64], *paths[] = { path };
	struct profile needs = { .dirs = NULL };
	struct reason why;
	struct conf *c;

	(void)state;
	(void)strlcpy(path, in("app/log/*.log"), sizeof(path));
	if ((c = conf_from_args("stdout:", NULL, paths, 1, &why)) == NULL)
		return (-1);
	assert_int_equal(opener_start(c), 0);
	conf_free(c);
	assert_true(opener_is_there());
	assert_int_equal(mkdir(in("app"), 0755), 0);
	assert_int_equal(mkdir(in("app/log"), 0755), 0);
	assert_int_equal(mkdir(in("else"), 0755), 0);
	make_file("app/log/x.log");
	make_file("app/log/x.log.1");
	make_file("app/secret");
	make_file("secret");
	make_file("else/target");
	make_file("else/target.1");
	make_file("else/x.log");
	assert_int_equal(mkfifo(in("app/log/fifo"), 0644), 0);
	assert_int_equal(symlink("../../else/target", in("app/log/link")), 0);
	assert_int_equal(symlink("../../secret", in("app/log/planted")), 0);
	if (geteuid() == 0)
		assert_int_equal(
		    lchown(in("app/log/planted"), OTHER, OTHER), 0);
	why.text[0] = '\0';
	(void)sandbox_landlock(&needs, -1, &why);
	return (0);
}

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return (remove(path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_later_is_opened),
		cmocka_unit_test(what_nobody_means_is_not),
		cmocka_unit_test(nothing_is_opened_to_be_written),
		cmocka_unit_test(a_link_leads_to_where_its_owner_may_lead),
		cmocka_unit_test(a_name_in_a_directory_is_of_that_directory),
	};
	pid_t pid;
	int status;

	if (!sandbox_asks())
		return (77);
	(void)strlcpy(top, "/tmp/teslacoil-opener.XXXXXX", sizeof(top));
	if (mkdtemp(top) == NULL)
		return (1);
	/* From within nothing can be removed. */
	if ((pid = fork()) == 0)
		return (cmocka_run_group_tests(tests, enter, NULL));
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return (1);
	(void)nftw(top, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
