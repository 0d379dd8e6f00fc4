/*
 * Goal: Landlock allows the directories of a profile and no others, whatever
 * took their place since the profile was made.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
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

static char top[PATH_MAX]; /* no links in it */

/* Returns a static buffer. */
static const char *
in(const char *name)
{
	static char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return (path);
}

static struct profile *
profile_of(const char *name)
{
	char path[PATH_MAX + 64], *paths[] = { path };
	struct profile *p;
	struct reason why;
	struct conf *c;

	(void)strlcpy(path, in(name), sizeof(path));
	if ((c = conf_from_args("stdout:", NULL, paths, 1, &why)) == NULL)
		fail_msg("%s", why.text);
	p = profile_new(c);
	assert_non_null(p);
	conf_free(c);
	return (p);
}

/* Returns 0, or the error of open(2), in a process that p confines. */
static int
opens(const struct profile *p, const char *name)
{
	struct reason got = { .text = "" };
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		(void)sandbox_landlock(p, -1, &got);
		_exit(open(in(name), O_RDONLY) == -1 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static void
a_directory_of_the_profile_is_allowed_alone(void **state)
{
	struct profile *p = profile_of("logs/app/*.log");

	(void)state;
	assert_int_equal(opens(p, "logs/app/file"), 0);
	assert_int_equal(opens(p, "secret/file"), EACCES);
	profile_free(p);
}

/* By the user whose directory it is, between the look and the rule. */
static void
a_directory_that_was_swapped_for_a_link_allows_nothing(void **state)
{
	struct profile *p = profile_of("logs/app/*.log");
	struct profile *above = profile_of("logs/app/sub/*.log");
	char old[PATH_MAX + 64];

	(void)state;
	(void)strlcpy(old, in("logs/app"), sizeof(old));
	assert_int_equal(rename(old, in("logs/old")), 0);
	assert_int_equal(symlink("../secret", old), 0);
	assert_int_equal(opens(p, "secret/file"), EACCES);
	assert_int_equal(opens(above, "secret/sub/file"), EACCES);
	assert_int_equal(unlink(old), 0);
	assert_int_equal(rename(in("logs/old"), old), 0);
	profile_free(p);
	profile_free(above);
}

static const char *const dirs[] = { "logs", "logs/app", "logs/app/sub",
	"secret", "secret/sub" };
static const char *const files[] = { "logs/app/file", "secret/file",
	"secret/sub/file" };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int
make(void **state)
{
	char name[] = "/tmp/teslacoil-landlock.XXXXXX";
	size_t i;
	int fd;

	(void)state;
	if (mkdtemp(name) == NULL || realpath(name, top) == NULL)
		return (-1);
	for (i = 0; i < COUNT_OF(dirs); i++)
		if (mkdir(in(dirs[i]), 0755) == -1)
			return (-1);
	for (i = 0; i < COUNT_OF(files); i++)
		if ((fd = open(in(files[i]), O_WRONLY | O_CREAT, 0644)) == -1 ||
		    close(fd) == -1)
			return (-1);
	return (0);
}

static int
clean(void **state)
{
	size_t i;

	(void)state;
	for (i = COUNT_OF(files); i-- > 0;)
		(void)unlink(in(files[i]));
	for (i = COUNT_OF(dirs); i-- > 0;)
		(void)rmdir(in(dirs[i]));
	return (rmdir(top));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_of_the_profile_is_allowed_alone),
		cmocka_unit_test(
		    a_directory_that_was_swapped_for_a_link_allows_nothing),
	};

	if (sandbox_landlock_abi() < 1)
		return (77);
	return (cmocka_run_group_tests(tests, make, clean));
}
