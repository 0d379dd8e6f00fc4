/*
 * Goal: what the peer said before its connection broke can still be read; what
 * it may hold without having read it is never taken for too little; and every
 * scheme has the transport that it says.
 */
#include "daemon/net/transport.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/net/address.h"

struct pair {
	struct conf_destination conf;
	struct conf_url url;
	struct transport link;
	int peer;
};

static void
connect_pair(struct pair *p)
{
	struct address a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *sin = (struct sockaddr_in *)&a.sa;
	struct reason why = { "" };
	int listener;

	memset(p, 0, sizeof(*p));
	p->conf.window = p->conf.window_most = 4 * 1024 * 1024;
	p->conf.resend_on_reset = CONF_RESEND_AUTO;
	p->url.scheme = CONF_TCP;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(listener = socket(AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(bind(listener, (struct sockaddr *)&a.sa, a.len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&a.sa, &a.len), 0);
	assert_int_equal(
	    transport_open(&p->link, &p->conf, &p->url, &a, &why), 0);
	assert_int_not_equal(p->peer = accept(listener, NULL, NULL), -1);
	(void)close(listener);
	assert_int_equal(transport_handshake(&p->link, &why), TRANSPORT_READY);
}

/* Waits until the peer's octets, or its end, are there. */
static void
wait_readable(const struct pair *p)
{
	struct pollfd pfd = { .fd = p->link.fd, .events = POLLIN };

	assert_int_equal(poll(&pfd, 1, 10000), 1);
}

static void
say(const struct pair *p, const char *text)
{
	assert_int_equal(
	    send(p->peer, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void
assert_hears(struct pair *p, const char *text)
{
	uint8_t buf[64];

	assert_int_equal(
	    transport_recv(&p->link, buf, sizeof(buf)), (ssize_t)strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* Writes until the link says that it is broken. */
static int
break_by_writing(struct pair *p)
{
	const uint8_t octet = 'x';
	int turns;

	for (turns = 0; turns < 1000; turns++) {
		if (transport_send(&p->link, &octet, 1) == -1)
			return (errno);
		(void)poll(NULL, 0, 1);
	}
	return (0);
}

static void
answers_before_an_end_are_read_behind_a_write_that_failed(void **state)
{
	struct pair p;
	uint8_t c;
	int error;

	(void)state;
	connect_pair(&p);
	say(&p, "an answer");
	(void)close(p.peer);
	wait_readable(&p);
	error = break_by_writing(&p);
	assert_true(error == EPIPE || error == ECONNRESET);
	assert_hears(&p, "an answer");
	assert_int_equal(transport_recv(&p.link, &c, 1), -1);
	assert_int_equal(errno, error);
	transport_close(&p.link);
}

static void
answers_before_a_reset_are_read_behind_a_write_that_failed(void **state)
{
	const struct linger now = { 1, 0 };
	struct pair p;
	uint8_t c;

	(void)state;
	connect_pair(&p);
	say(&p, "an answer");
	wait_readable(&p);
	assert_int_equal(
	    setsockopt(p.peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	(void)close(p.peer);
	assert_int_not_equal(break_by_writing(&p), 0);
	assert_hears(&p, "an answer");
	assert_int_equal(transport_recv(&p.link, &c, 1), -1);
	assert_int_not_equal(errno, EAGAIN);
	transport_close(&p.link);
}

static void
a_socket_that_is_detached_tells_of_a_reset(void **state)
{
	struct pair p;
	uint8_t c;
	int fd, turns;

	(void)state;
	connect_pair(&p);
	assert_int_equal(
	    transport_send(&p.link, (const uint8_t *)"unread", 6), 6);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_readable(&p);
	assert_int_equal(transport_recv(&p.link, &c, 1), 0);
	fd = transport_detach(&p.link);
	assert_int_equal(p.link.fd, -1);
	assert_int_equal(transport_socket_error(fd), 0);
	(void)close(p.peer);
	for (turns = 0; turns < 10000 && transport_socket_error(fd) == 0;
	     turns++)
		(void)poll(NULL, 0, 1);
	assert_int_not_equal(turns, 10000);
	(void)close(fd);
}

/* The largest buffer that this system gives a receiver, or 0. */
static uint64_t
largest_buffer(void)
{
	unsigned long least, first, most = 0;
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_rmem", "r");

	if (f == NULL)
		return (0);
	if (fscanf(f, "%lu %lu %lu", &least, &first, &most) != 3)
		most = 0;
	(void)fclose(f);
	return (most);
}

static void
as_much_may_be_unread_as_the_largest_buffer_holds(void **state)
{
	struct pair p;

	(void)state;
	connect_pair(&p);
	assert_int_equal(transport_send(&p.link, (const uint8_t *)"x", 1), 1);
	(void)transport_acked(&p.link);
	assert_true(transport_unread(&p.link) >= largest_buffer());
	assert_true(transport_unread(&p.link) >= 65535);
	p.conf.resend_on_reset = 1000;
	assert_int_equal(transport_unread(&p.link), 1000);
	(void)close(p.peer);
	transport_close(&p.link);
}

/*
 * By scheme: does it need an address, is it a path, has it no connection, is it
 * not ours to close, is what is acknowledged maybe unread.
 */
static void
every_scheme_states_its_facts(void **state)
{
	static const struct {
		enum conf_scheme scheme;
		bool address, path, connectionless, borrowed, unread;
		size_t lost;
	} all[] = {
		{ CONF_UDP, true, false, true, false, false, 0 },
		{ CONF_TCP, true, false, false, false, true, 0 },
		{ CONF_TLS, true, false, false, false, true, 16384 },
		{ CONF_UNIX, false, true, false, false, false, 0 },
		{ CONF_STDOUT, false, false, false, true, false, 0 },
		{ CONF_RELP, true, false, false, false, true, 0 },
		{ CONF_RELP_TLS, true, false, false, false, true, 16384 },
	};
	const struct transport_facts *f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		f = transport_facts(
		    &(struct conf_url) { .scheme = all[i].scheme });
		assert_int_equal(f->needs_address, all[i].address);
		assert_int_equal(f->by_path, all[i].path);
		assert_int_equal(f->connectionless, all[i].connectionless);
		assert_int_equal(f->borrowed, all[i].borrowed);
		assert_int_equal(f->acks_unread, all[i].unread);
		assert_int_equal(f->lost_at_close, all[i].lost);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    answers_before_an_end_are_read_behind_a_write_that_failed),
		cmocka_unit_test(
		    answers_before_a_reset_are_read_behind_a_write_that_failed),
		cmocka_unit_test(a_socket_that_is_detached_tells_of_a_reset),
		cmocka_unit_test(
		    as_much_may_be_unread_as_the_largest_buffer_holds),
		cmocka_unit_test(every_scheme_states_its_facts),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
