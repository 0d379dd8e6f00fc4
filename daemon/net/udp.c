#include <sys/socket.h>

#include <errno.h>
#include <stddef.h>

#include "daemon/net/datagram.h"
#include "daemon/net/inside.h"

static int
udp_open(struct transport *t, const struct address *a, struct reason *why)
{
	if (transport_socket_connect(t, a, SOCK_DGRAM, why) == -1)
		return (-1);
	datagram_open(t->fd);
	return (0);
}

/* An empty datagram is not the end; an error of the network comes first. */
static ssize_t
udp_recv(struct transport *t, uint8_t *p, size_t n)
{
	ssize_t got;
	int error = datagram_error(t->fd);

	if (error != 0) {
		errno = error;
		return (-1);
	}
	got = recv(t->fd, p, n, MSG_DONTWAIT);
	return (got == 0 ? 1 : got);
}

const struct transport_ops transport_udp = {
	.facts = { .needs_address = true, .connectionless = true },
	.open = udp_open,
	.send = transport_socket_send,
	.recv = udp_recv,
};
