#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/net/inside.h"

static int
connect_path(struct transport *t, const struct sockaddr_un *un, int type,
    struct reason *why)
{
	if (transport_socket_open(t, AF_UNIX, type, why) == -1)
		return (-1);
	if (connect(t->fd, (const struct sockaddr *)un, sizeof(*un)) == -1)
		return (reason_set(why, "connect: %s", strerror(errno)));
	return (0);
}

/* The receiver decides whether its socket is for datagrams or a stream. */
static int
unix_open(struct transport *t, const struct address *a, struct reason *why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)a;
	if (strlcpy(un.sun_path, t->url->path, sizeof(un.sun_path)) >=
	    sizeof(un.sun_path))
		return (reason_set(why, "path too long"));
	if (connect_path(t, &un, SOCK_DGRAM, why) == 0)
		return (0);
	if (errno != EPROTOTYPE)
		return (-1);
	(void)close(t->fd);
	t->stream = true;
	if (connect_path(t, &un, SOCK_STREAM, why) == -1)
		return (-1);
	transport_socket_limit(t);
	return (0);
}

/*
 * When the receiver ends, what it has not read looks as if it had been read: a
 * count holds only if the connection stands after it was taken.
 */
static uint64_t
unix_acked(struct transport *t)
{
	uint64_t acked;
	char byte;

	if (!t->stream)
		return (t->written);
	acked = transport_socket_left(t, t->written);
	if (recv(t->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    errno != EAGAIN && errno != EINTR)
		t->error = errno;
	if (t->error == 0)
		t->acked = acked;
	return (t->acked);
}

/* The receiver's system is this one: it is there. */
static int64_t
unix_silence_ms(struct transport *t)
{
	(void)t;
	return (0);
}

const struct transport_ops transport_unix = {
	.facts = { .by_path = true },
	.open = unix_open,
	.send = transport_socket_send,
	.recv = transport_socket_recv,
	.acked = unix_acked,
	.silence_ms = unix_silence_ms,
	.finish = transport_socket_finish,
};
