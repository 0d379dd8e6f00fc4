/*
 * Goal: standard output, whose flags are not ours to set, never blocks the
 * worker, and stays open.
 */
#include "daemon/net/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What cmocka prints goes to the real one: a pipe takes its place meanwhile. */
struct output {
	struct conf_destination conf;
	struct conf_url url;
	struct transport link;
	int real;
	int pipe; /* to read from */
};

static void
divert(struct output *o)
{
	struct reason why = { "" };
	int fds[2];

	memset(o, 0, sizeof(*o));
	o->conf.wire = WIRE_NEWLINE;
	o->url.scheme = CONF_STDOUT;
	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(o->real = dup(STDOUT_FILENO), -1);
	assert_int_equal(
	    transport_open(&o->link, &o->conf, &o->url, NULL, &why), 0);
	assert_int_equal(transport_handshake(&o->link, &why), TRANSPORT_READY);
	assert_int_equal(transport_wire(&o->link), WIRE_NEWLINE);
	o->pipe = fds[0];
	assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
	(void)close(fds[1]);
}

static void
restore(struct output *o)
{
	(void)dup2(o->real, STDOUT_FILENO);
	(void)close(o->real);
}

static void
a_full_pipe_takes_no_more_and_blocks_nobody(void **state)
{
	static uint8_t much[1024 * 1024];
	struct output o;
	ssize_t first, second, got, all = 0;
	int error, flags;

	(void)state;
	memset(much, 'x', sizeof(much));
	divert(&o);
	first = transport_send(&o.link, much, sizeof(much));
	second = transport_send(&o.link, much, sizeof(much));
	error = errno;
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	restore(&o);
	assert_true(first > 0 && first < (ssize_t)sizeof(much));
	assert_int_equal(second, -1);
	assert_int_equal(error, EAGAIN);
	assert_int_equal(o.link.wait, TRANSPORT_WAIT_WRITE);
	assert_int_equal(flags & O_NONBLOCK, 0);
	assert_int_equal(transport_acked(&o.link), first);
	assert_true(transport_counts(&o.link));
	while ((got = read(o.pipe, much, sizeof(much))) > 0)
		all += got;
	assert_int_equal(all, first);
	(void)close(o.pipe);
}

static void
a_pipe_that_nobody_reads_is_an_error(void **state)
{
	struct output o;
	ssize_t sent;
	int error;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	divert(&o);
	(void)close(o.pipe);
	sent = transport_send(&o.link, (const uint8_t *)"x", 1);
	error = errno;
	restore(&o);
	assert_int_equal(sent, -1);
	assert_int_equal(error, EPIPE);
	assert_int_equal(transport_error(&o.link), EPIPE);
}

static void
it_is_not_closed(void **state)
{
	struct output o;
	int flags;

	(void)state;
	divert(&o);
	transport_finish(&o.link);
	transport_abort(&o.link);
	flags = fcntl(STDOUT_FILENO, F_GETFD);
	restore(&o);
	assert_int_not_equal(flags, -1);
	assert_int_equal(o.link.fd, -1);
	(void)close(o.pipe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_pipe_takes_no_more_and_blocks_nobody),
		cmocka_unit_test(a_pipe_that_nobody_reads_is_an_error),
		cmocka_unit_test(it_is_not_closed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
