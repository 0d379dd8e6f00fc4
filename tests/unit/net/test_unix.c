/*
 * Goal: the receiver decides whether it gets datagrams or a stream; on a stream
 * only what it has read is acknowledged, also when it ends.
 */
#include "daemon/net/transport.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	struct conf_destination conf;
	struct conf_url url;
	struct transport link;
	char dir[64];
	char path[80];
	int receiver;
};

static void
set_up(struct pair *p)
{
	const char *tmp = getenv("TMPDIR");

	memset(p, 0, sizeof(*p));
	(void)snprintf(p->dir, sizeof(p->dir), "%s/unix.XXXXXX",
	    tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/log", p->dir);
	p->conf.window = p->conf.window_most = 4 * 1024 * 1024;
	p->conf.wire = WIRE_NEWLINE;
	p->url.scheme = CONF_UNIX;
	p->url.path = p->path;
}

static void
tear_down(struct pair *p)
{
	transport_close(&p->link);
	assert_int_equal(p->link.fd, -1);
	(void)unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
}

/* Connects to a socket of this type. */
static void
connect_pair(struct pair *p, int type)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct reason why = { "" };
	int fd;

	set_up(p);
	(void)strlcpy(un.sun_path, p->path, sizeof(un.sun_path));
	assert_int_not_equal(fd = socket(AF_UNIX, type, 0), -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(
	    transport_open(&p->link, &p->conf, &p->url, NULL, &why), 0);
	assert_int_equal(transport_handshake(&p->link, &why), TRANSPORT_READY);
	if (type == SOCK_STREAM) {
		p->receiver = accept(fd, NULL, NULL);
		(void)close(fd);
		assert_int_not_equal(p->receiver, -1);
	} else
		p->receiver = fd;
}

static void
a_datagram_socket_gets_datagrams(void **state)
{
	uint8_t frame[16], buf[16];
	struct pair p;
	size_t n;

	(void)state;
	connect_pair(&p, SOCK_DGRAM);
	assert_int_equal(transport_wire(&p.link), WIRE_DATAGRAM);
	n = wire_head(WIRE_DATAGRAM, 2, 0, frame);
	memcpy(frame + n, "hi", 2);
	assert_int_equal(
	    transport_send(&p.link, frame, n + 2), (ssize_t)(n + 2));
	assert_int_equal(recv(p.receiver, buf, sizeof(buf), 0), 2);
	assert_memory_equal(buf, "hi", 2);
	assert_int_equal(transport_acked(&p.link), n + 2);
	(void)close(p.receiver);
	tear_down(&p);
}

static void
on_a_stream_what_is_read_is_acknowledged(void **state)
{
	uint8_t buf[16];
	struct pair p;

	(void)state;
	connect_pair(&p, SOCK_STREAM);
	assert_int_equal(transport_wire(&p.link), WIRE_NEWLINE);
	assert_int_equal(
	    transport_send(&p.link, (const uint8_t *)"abcd\n", 5), 5);
	assert_int_equal(transport_acked(&p.link), 0);
	assert_int_equal(recv(p.receiver, buf, sizeof(buf), 0), 5);
	if (transport_counts(&p.link))
		assert_int_equal(transport_acked(&p.link), 5);
	/* It is known at once that the receiver's system is there. */
	assert_int_equal(transport_silence_ms(&p.link), 0);
	assert_int_equal(transport_unread(&p.link), 0);
	(void)close(p.receiver);
	tear_down(&p);
}

static void
what_is_unread_when_the_receiver_ends_is_never_acknowledged(void **state)
{
	struct pair p;
	uint8_t c;

	(void)state;
	connect_pair(&p, SOCK_STREAM);
	assert_int_equal(
	    transport_send(&p.link, (const uint8_t *)"abcd\n", 5), 5);
	assert_int_equal(recv(p.receiver, &c, 1, 0), 1);
	(void)close(p.receiver);
	assert_true(transport_acked(&p.link) <= 1);
	/* Some systems tell of a reset, others of an end. */
	assert_true(transport_recv(&p.link, &c, 1) < 1);
	assert_true(transport_acked(&p.link) <= 1);
	tear_down(&p);
}

static void
a_receiver_that_is_told_the_end_may_close_in_order(void **state)
{
	struct pair p;
	uint8_t c;

	(void)state;
	connect_pair(&p, SOCK_STREAM);
	transport_finish(&p.link);
	assert_int_equal(recv(p.receiver, &c, 1, 0), 0);
	(void)close(p.receiver);
	assert_int_equal(transport_recv(&p.link, &c, 1), 0);
	tear_down(&p);
}

static void
a_socket_that_is_not_there_says_so(void **state)
{
	struct reason why = { "" };
	char longest[PATH_MAX];
	struct pair p;

	(void)state;
	set_up(&p);
	assert_int_equal(
	    transport_open(&p.link, &p.conf, &p.url, NULL, &why), -1);
	assert_string_equal(why.text, "connect: No such file or directory");
	assert_int_equal(p.link.fd, -1);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	p.url.path = longest;
	assert_int_equal(
	    transport_open(&p.link, &p.conf, &p.url, NULL, &why), -1);
	assert_string_equal(why.text, "path too long");
	tear_down(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_socket_gets_datagrams),
		cmocka_unit_test(on_a_stream_what_is_read_is_acknowledged),
		cmocka_unit_test(
		    what_is_unread_when_the_receiver_ends_is_never_acknowledged),
		cmocka_unit_test(
		    a_receiver_that_is_told_the_end_may_close_in_order),
		cmocka_unit_test(a_socket_that_is_not_there_says_so),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
