/*
 * Goal: every frame becomes one datagram, and a refusal of the network is told,
 * also where a later datagram was sent, and never taken for an end.
 */
#include "daemon/net/transport.h"

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/net/address.h"

struct pair {
	struct conf_destination conf;
	struct conf_url url;
	struct transport link;
	struct address address; /* of the receiver */
	int receiver;
};

static void
connect_pair(struct pair *p)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&p->address.sa;
	struct sockaddr *sa = (struct sockaddr *)&p->address.sa;
	struct reason why = { "" };

	memset(p, 0, sizeof(*p));
	p->conf.wire = WIRE_OCTET;
	p->url.scheme = CONF_UDP;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->address.len = sizeof(*sin);
	assert_int_not_equal(p->receiver = socket(AF_INET, SOCK_DGRAM, 0), -1);
	assert_int_equal(bind(p->receiver, sa, p->address.len), 0);
	assert_int_equal(getsockname(p->receiver, sa, &p->address.len), 0);
	assert_int_equal(
	    transport_open(&p->link, &p->conf, &p->url, &p->address, &why), 0);
	assert_int_equal(transport_handshake(&p->link, &why), TRANSPORT_READY);
}

/* Appends a frame of WIRE_DATAGRAM.  Returns the octets of all. */
static size_t
put(uint8_t *frames, size_t at, const char *message)
{
	size_t n = wire_head(WIRE_DATAGRAM, strlen(message), 0, frames + at);

	memcpy(frames + at + n, message, strlen(message));
	return (at + n + strlen(message));
}

static void
assert_receives(const struct pair *p, const char *message)
{
	char buf[64];

	assert_int_equal(
	    recv(p->receiver, buf, sizeof(buf), 0), (ssize_t)strlen(message));
	assert_memory_equal(buf, message, strlen(message));
}

static void
every_frame_is_a_datagram(void **state)
{
	uint8_t frames[64];
	struct pair p;
	size_t n;

	(void)state;
	connect_pair(&p);
	assert_int_equal(transport_wire(&p.link), WIRE_DATAGRAM);
	n = put(frames, put(frames, 0, "one"), "two");
	assert_int_equal(transport_send(&p.link, frames, n), (ssize_t)n);
	assert_receives(&p, "one");
	assert_receives(&p, "two");
	/* Nothing more will be known of them. */
	assert_int_equal(transport_acked(&p.link), n);
	assert_true(transport_counts(&p.link));
	assert_int_equal(transport_silence_ms(&p.link), -1);
	assert_int_equal(transport_unread(&p.link), 0);
	transport_close(&p.link);
	(void)close(p.receiver);
}

static void
half_a_frame_is_not_sent(void **state)
{
	uint8_t frames[64];
	struct pair p;
	size_t one, n;

	(void)state;
	connect_pair(&p);
	n = put(frames, one = put(frames, 0, "one"), "two");
	assert_int_equal(transport_send(&p.link, frames, n - 1), (ssize_t)one);
	assert_receives(&p, "one");
	assert_int_equal(
	    recv(p.receiver, frames, sizeof(frames), MSG_DONTWAIT), -1);
	transport_close(&p.link);
	(void)close(p.receiver);
}

static void
an_empty_datagram_is_not_the_end(void **state)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	uint8_t buf[8];
	struct pair p;

	(void)state;
	connect_pair(&p);
	assert_int_equal(transport_recv(&p.link, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(
	    getsockname(p.link.fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(
	    sendto(p.receiver, "", 0, 0, (struct sockaddr *)&sa, len), 0);
	assert_true(transport_recv(&p.link, buf, sizeof(buf)) > 0);
	assert_int_equal(transport_recv(&p.link, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	transport_close(&p.link);
	(void)close(p.receiver);
}

static void
a_refusal_is_told(void **state)
{
	uint8_t frames[64], buf[8];
	struct pollfd pfd;
	struct pair p;
	size_t n;

	(void)state;
	connect_pair(&p);
	(void)close(p.receiver);
	n = put(frames, put(frames, 0, "one"), "two");
	assert_true(transport_send(&p.link, frames, n) > 0);
	pfd = (struct pollfd) { .fd = p.link.fd, .events = POLLIN };
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(transport_recv(&p.link, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	transport_close(&p.link);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_is_a_datagram),
		cmocka_unit_test(half_a_frame_is_not_sent),
		cmocka_unit_test(an_empty_datagram_is_not_the_end),
		cmocka_unit_test(a_refusal_is_told),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
