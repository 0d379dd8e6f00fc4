/*
 * Goal: packets and the open files that go with them arrive whole, in order, or
 * the sender and the receiver are told; and nobody waits longer than he says.
 */
#include "daemon/base/fdpass.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/clock.h"

static int one, other;

static int
set_up(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		return (-1);
	one = pair[0];
	other = pair[1];
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(one);
	(void)close(other);
	return (0);
}

static void
packets_arrive_whole_and_in_order(void **state)
{
	char buf[64];
	int fd;

	(void)state;
	assert_int_equal(fdpass_send(one, "first", 5, -1, 0), 0);
	assert_int_equal(fdpass_send(one, "second", 6, -1, 0), 0);
	assert_int_equal(fdpass_recv(other, buf, sizeof(buf), &fd), 5);
	assert_memory_equal(buf, "first", 5);
	assert_int_equal(fd, FDPASS_NO_FD);
	assert_int_equal(fdpass_recv(other, buf, sizeof(buf), &fd), 6);
	assert_memory_equal(buf, "second", 6);
	assert_int_equal(fdpass_recv(other, buf, sizeof(buf), &fd), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
an_open_file_arrives_as_a_descriptor_of_its_own(void **state)
{
	struct stat sent, got;
	char buf[8];
	int fd, null;

	(void)state;
	null = open("/dev/null", O_RDONLY);
	assert_int_equal(fstat(null, &sent), 0);
	assert_int_equal(fdpass_send(one, "f", 1, null, 0), 0);
	assert_int_equal(close(null), 0);
	assert_int_equal(fdpass_recv(other, buf, sizeof(buf), &fd), 1);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_true(sent.st_dev == got.st_dev && sent.st_ino == got.st_ino);
	/* A program that is executed does not inherit the file. */
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
}

/* valgrind(1) keeps limits by itself: the kernel hears nothing of them. */
static bool
limits_are_the_kernels(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return (preload == NULL || strstr(preload, "vgpreload") == NULL);
}

static void
a_file_for_which_no_descriptor_is_left_is_said_to_be_lost(void **state)
{
	struct rlimit rl, none;
	ssize_t n;
	char buf[8];
	int fd;

	(void)state;
	if (!limits_are_the_kernels())
		skip();
	assert_int_equal(fdpass_send(one, "f", 1, one, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	none = rl;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	n = fdpass_recv(other, buf, sizeof(buf), &fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_equal(n, 1);
	assert_int_equal(fd, FDPASS_LOST_FD);
}

static void
whoever_sends_waits_as_long_as_he_says(void **state)
{
	double began;
	char buf[8];
	int fd, sent = 0;

	(void)state;
	while (fdpass_send(one, "x", 1, -1, 0) == 0)
		sent++;
	assert_int_equal(errno, EAGAIN);
	assert_true(sent > 0);
	began = clock_steady();
	assert_int_equal(fdpass_send(one, "x", 1, -1, 100), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(clock_steady() - began >= .09);
	/* With room there is no wait. */
	while (fdpass_recv(other, buf, sizeof(buf), &fd) == 1)
		continue;
	assert_int_equal(fdpass_send(one, "x", 1, -1, 60000), 0);
}

static void
the_end_of_the_other_process_is_told(void **state)
{
	char buf[8];
	int fd;

	(void)state;
	assert_int_equal(fdpass_send(one, "last", 4, -1, 0), 0);
	(void)close(one);
	one = -1;
	assert_int_equal(fdpass_recv(other, buf, sizeof(buf), &fd), 4);
	assert_int_equal(fdpass_recv(other, buf, sizeof(buf), &fd), 0);
	assert_int_equal(fdpass_send(other, "x", 1, -1, 0), -1);
	assert_int_equal(errno, EPIPE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(packets_arrive_whole_and_in_order),
		CASE(an_open_file_arrives_as_a_descriptor_of_its_own),
		CASE(a_file_for_which_no_descriptor_is_left_is_said_to_be_lost),
		CASE(whoever_sends_waits_as_long_as_he_says),
		CASE(the_end_of_the_other_process_is_told),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
