/*
 * Goal: what the monitor and the worker say to each other arrives whole, with
 * the file that goes with it, and a packet that is no message does no harm.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/fdpass.h"
#include "daemon/run/channel.h"

struct pair {
	int ends[2];
};

static int
open_pair(void **state)
{
	static struct pair pair;

	*state = &pair;
	return (
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.ends));
}

static int
close_pair(void **state)
{
	struct pair *pair = *state;

	(void)close(pair->ends[0]);
	if (pair->ends[1] != -1)
		(void)close(pair->ends[1]);
	return (0);
}

static void
figures_arrive(void **state)
{
	const struct pair *pair = *state;
	struct channel_message m, got;
	int fd;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_ALIVE;
	m.sum.files = 3;
	m.sum.behind = UINT64_MAX;
	assert_int_equal(channel_say(pair->ends[0], &m, -1, 0), 0);
	assert_int_equal(channel_hear(pair->ends[1], &got, &fd), 1);
	assert_int_equal(got.word, CHANNEL_ALIVE);
	assert_int_equal(got.sum.files, 3);
	assert_true(got.sum.behind == UINT64_MAX);
	assert_string_equal(got.why.text, "");
	assert_true(fd < 0);
}

static void
a_refusal_says_why_up_to_its_longest_text(void **state)
{
	const struct pair *pair = *state;
	struct channel_message m, got;
	int fd;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_REFUSES;
	memset(m.why.text, 'x', sizeof(m.why.text) - 1);
	assert_int_equal(channel_say(pair->ends[0], &m, -1, 0), 0);
	assert_int_equal(channel_hear(pair->ends[1], &got, &fd), 1);
	assert_int_equal(got.word, CHANNEL_REFUSES);
	assert_string_equal(got.why.text, m.why.text);
}

static void
only_a_refusal_carries_text(void **state)
{
	const struct pair *pair = *state;
	struct channel_message m, got;
	int fd;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_READY;
	(void)strcpy(m.why.text, "nobody asked");
	assert_int_equal(channel_say(pair->ends[0], &m, -1, 0), 0);
	assert_int_equal(channel_hear(pair->ends[1], &got, &fd), 1);
	assert_string_equal(got.why.text, "");
}

static void
a_file_goes_with_its_message(void **state)
{
	const struct pair *pair = *state;
	struct channel_message m, got;
	struct stat sent, came;
	int fd, null;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_GIVES;
	m.quiet = 1.5;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(null, -1);
	assert_int_equal(channel_say(pair->ends[0], &m, null, 0), 0);
	assert_int_equal(channel_hear(pair->ends[1], &got, &fd), 1);
	assert_true(got.quiet > 1.4 && got.quiet < 1.6);
	assert_true(fd >= 0 && fd != null);
	assert_int_equal(fstat(null, &sent), 0);
	assert_int_equal(fstat(fd, &came), 0);
	assert_int_equal(sent.st_ino, came.st_ino);
	(void)close(null);
	(void)close(fd);
}

/* A worker that was taken over may send anything, and files with it. */
static void
a_packet_that_is_no_message_is_passed_over_and_its_file_closed(void **state)
{
	const struct pair *pair = *state;
	struct channel_message m, got;
	int fd, null, lowest;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_RENEW;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(null, -1);
	assert_int_equal(fdpass_send(pair->ends[0], "+", 1, null, 0), 0);
	assert_int_equal(channel_say(pair->ends[0], &m, -1, 0), 0);
	(void)close(null);
	assert_int_equal(channel_hear(pair->ends[1], &got, &fd), 1);
	assert_int_equal(got.word, CHANNEL_RENEW);
	assert_true(fd < 0);
	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(lowest, null);
	(void)close(lowest);
}

static void
text_that_is_too_long_is_cut(void **state)
{
	const struct pair *pair = *state;
	char packet[sizeof(struct channel_message) + 100];
	struct channel_message got;
	const enum channel_word word = CHANNEL_REFUSES;
	int fd;

	memset(packet, 'x', sizeof(packet));
	memcpy(packet, &word, sizeof(word));
	assert_int_equal(
	    fdpass_send(pair->ends[0], packet, sizeof(packet), -1, 0), 0);
	assert_int_equal(channel_hear(pair->ends[1], &got, &fd), 1);
	assert_int_equal(strlen(got.why.text),
	    sizeof(got) - 1 - offsetof(struct channel_message, why));
}

static void
the_end_is_told_from_nothing_to_hear(void **state)
{
	struct pair *pair = *state;
	struct channel_message got;
	int fd;

	assert_int_equal(channel_hear(pair->ends[0], &got, &fd), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(pair->ends[1]);
	pair->ends[1] = -1;
	assert_int_equal(channel_hear(pair->ends[0], &got, &fd), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures_arrive),
		TEST(a_refusal_says_why_up_to_its_longest_text),
		TEST(only_a_refusal_carries_text),
		TEST(a_file_goes_with_its_message),
		TEST(
		    a_packet_that_is_no_message_is_passed_over_and_its_file_closed),
		TEST(text_that_is_too_long_is_cut),
		TEST(the_end_is_told_from_nothing_to_hear),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
