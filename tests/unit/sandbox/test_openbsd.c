/*
 * Goal: on OpenBSD the veil is drawn before the promises are made, and both
 * hold what the configuration needs and no more.
 */
#include "daemon/sandbox/sandbox.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/conf.h"
#include "daemon/sandbox/profile.h"
#include "tests/fake/openbsd.h"

/* The calls of a worker that reads below /usr and sends to url. */
static const char *
calls_for(const char *url, const char *state_dir)
{
	const struct conf_pair option = { "state_dir", state_dir };
	const struct conf_pairs options = { &option, 1 };
	char path[] = "/usr/*.log", *paths[] = { path };
	struct reason why;
	struct conf *c;
	struct profile *n;

	c = conf_from_args(
	    url, state_dir == NULL ? NULL : &options, paths, 1, &why);
	if (c == NULL)
		fail_msg("%s", why.text);
	n = profile_new(c);
	assert_non_null(n);
	fake_openbsd_reset();
	assert_int_equal(sandbox_worker(n, -1, &why), 0);
	profile_free(n);
	conf_free(c);
	return (fake_openbsd_calls());
}

static void
expect_call(const char *calls, const char *call, bool wanted)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "\n%s\n", call);
	if ((strncmp(calls, line + 1, strlen(line + 1)) == 0 ||
		strstr(calls, line) != NULL) != wanted)
		fail_msg(
		    "%s: %s\n%s", call, wanted ? "missing" : "too much", calls);
}

static void
logs_are_read_and_the_state_is_written(void **state)
{
	const char *calls = calls_for("stdout:", "/tmp");

	(void)state;
	expect_call(calls, "unveil /usr r", true);
	expect_call(calls, "unveil /tmp rwc", true);
	expect_call(
	    calls, "pledge stdio rpath wpath cpath fattr sendfd NULL", true);
	expect_call(calls, "unveil /etc/resolv.conf r", false);
	expect_call(calls, "unveil /etc/ssl r", false);
}

static void
without_a_state_nothing_is_written(void **state)
{
	const char *calls = calls_for("stdout:", NULL);

	(void)state;
	expect_call(calls, "pledge stdio rpath NULL", true);
	assert_null(strstr(calls, "rwc"));
}

static void
a_receiver_needs_the_network_and_names(void **state)
{
	const char *calls = calls_for("tcp://h", NULL);

	(void)state;
	expect_call(calls, "pledge stdio rpath inet dns NULL", true);
	expect_call(calls, "unveil /etc/resolv.conf r", true);
	expect_call(calls, "unveil /etc/ssl r", false);
	expect_call(calls_for("tls://h", NULL), "unveil /etc/ssl r", true);
	expect_call(calls_for("unix:///dev/log", NULL),
	    "pledge stdio rpath unix NULL", true);
}

/* Returns 0 or why a socket at path is not reached. */
static int
reach(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, error = 0;

	(void)strlcpy(un.sun_path, path, sizeof(un.sun_path));
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_not_equal(fd, -1);
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == -1)
		error = errno;
	(void)close(fd);
	return (error);
}

static int
make_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_not_equal(fd, -1);
	(void)strlcpy(un.sun_path, path, sizeof(un.sun_path));
	(void)unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	return (fd);
}

/* Of the two sockets that lie beside the logs only the one that is meant. */
static void
a_socket_is_reached_by_its_name_and_also_when_it_is_made_anew(void **state)
{
	char dir[] = "/tmp/teslacoil-XXXXXX";
	char meant[64], other[64], url[80];
	struct profile_dir log = { .path = dir };
	struct profile_socket socket = { .path = meant };
	struct profile n = { .dirs = &log,
		.ndirs = 1,
		.unix_sockets = true,
		.sockets = &socket,
		.nsockets = 1 };
	struct reason why;
	int fds[3];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(meant, sizeof(meant), "%s/meant", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	(void)snprintf(url, sizeof(url), "unveil %s rw", meant);
	fds[0] = make_socket(other);
	fake_openbsd_reset();
	assert_int_equal(sandbox_worker(&n, -1, &why), 0);
	expect_call(fake_openbsd_calls(), url, true);
	assert_int_equal(reach(meant), ENOENT); /* it is not there */
	fds[1] = make_socket(meant);
	assert_int_equal(reach(meant), 0);
	fds[2] = make_socket(meant);
	assert_int_equal(reach(meant), 0);
	assert_int_equal(reach(other), EACCES);
	assert_int_equal(reach("/dev/log"), ENOENT);
	fake_openbsd_reset();
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(fds[2]);
	(void)unlink(meant);
	(void)unlink(other);
	(void)rmdir(dir);
}

static void
too_many_sockets_are_told(void **state)
{
	struct profile_socket sockets[101];
	char paths[101][64];
	struct profile n = { .sockets = sockets, .nsockets = 100 };
	struct reason why;
	size_t i;

	(void)state;
	for (i = 0; i < 101; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "/tmp/none%zu", i);
		sockets[i].path = paths[i];
	}
	fake_openbsd_reset();
	assert_int_equal(sandbox_worker(&n, -1, &why), 0);
	n.nsockets = 101;
	fake_openbsd_reset();
	assert_int_equal(sandbox_worker(&n, -1, &why), -1);
	assert_non_null(strstr(why.text, "too many unix sockets"));
	assert_null(strstr(fake_openbsd_calls(), "unveil"));
}

static void
the_veil_is_closed_before_the_promises(void **state)
{
	static const char end[] = "unveil NULL NULL\npledge stdio rpath NULL\n";
	const char *calls = calls_for("stdout:", NULL);

	(void)state;
	assert_true(strlen(calls) > strlen(end));
	assert_string_equal(calls + strlen(calls) - strlen(end), end);
}

static void
a_worker_keeps_what_the_monitor_promised(void **state)
{
	struct reason why;
	struct profile n = { .names = true,
		.system_ca = true,
		.state_dir = "/tmp",
		.unix_sockets = true };

	(void)state;
	fake_openbsd_reset();
	assert_int_equal(sandbox_monitor(&why), 0);
	assert_int_equal(sandbox_worker(&n, -1, &why), 0);
	assert_string_equal(why.text,
	    "unveil, pledge \"stdio rpath wpath cpath fattr sendfd inet dns "
	    "unix\"");
}

static void
too_many_directories_are_told_and_all_is_read(void **state)
{
	struct profile_dir dirs[130];
	char paths[130][64];
	struct profile n = { .dirs = dirs, .ndirs = 130 };
	struct reason why;
	size_t i;

	(void)state;
	for (i = 0; i < n.ndirs; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "/tmp/none%zu", i);
		dirs[i].path = paths[i];
	}
	fake_openbsd_reset();
	assert_int_equal(sandbox_worker(&n, -1, &why), -1);
	assert_non_null(strstr(why.text, "too many directories"));
	expect_call(fake_openbsd_calls(), "unveil / r", true);
	expect_call(fake_openbsd_calls(), "unveil NULL NULL", true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_are_read_and_the_state_is_written),
		cmocka_unit_test(without_a_state_nothing_is_written),
		cmocka_unit_test(a_receiver_needs_the_network_and_names),
		cmocka_unit_test(
		    a_socket_is_reached_by_its_name_and_also_when_it_is_made_anew),
		cmocka_unit_test(too_many_sockets_are_told),
		cmocka_unit_test(the_veil_is_closed_before_the_promises),
		cmocka_unit_test(a_worker_keeps_what_the_monitor_promised),
		cmocka_unit_test(too_many_directories_are_told_and_all_is_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
