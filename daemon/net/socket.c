#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/net/address.h"
#include "daemon/net/datagram.h"
#include "daemon/net/inside.h"
#include "daemon/net/tcp_info.h"

int
transport_socket_open(
    struct transport *t, int family, int type, struct reason *why)
{
	if ((t->fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) ==
	    -1)
		return (reason_set(why, "socket: %s", strerror(errno)));
	return (0);
}

/* Binds to the configured address, if that is of the family of a. */
static int
bind_local(struct transport *t, const struct address *a, struct reason *why)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const char *text = t->conf->bind;
	const void *sa = &sin;
	socklen_t len = sizeof(sin);

	if (a->sa.ss_family == AF_INET6) {
		sa = &sin6;
		len = sizeof(sin6);
	}
	if (inet_pton(a->sa.ss_family, text,
		a->sa.ss_family == AF_INET6 ? (void *)&sin6.sin6_addr
					    : (void *)&sin.sin_addr) != 1)
		return (reason_set(
		    why, "is of another family than bind \"%s\"", text));
	if (bind(t->fd, sa, len) == -1)
		return (
		    reason_set(why, "bind \"%s\": %s", text, strerror(errno)));
	return (0);
}

int
transport_socket_connect(
    struct transport *t, const struct address *a, int type, struct reason *why)
{
	if (transport_socket_open(t, a->sa.ss_family, type, why) == -1)
		return (-1);
	if (t->conf->bind != NULL && bind_local(t, a, why) == -1)
		return (-1);
	if (connect(t->fd, (const struct sockaddr *)&a->sa, a->len) == -1 &&
	    errno != EINPROGRESS)
		return (reason_set(why, "connect: %s", strerror(errno)));
	return (0);
}

void
transport_socket_limit(struct transport *t)
{
	const int size = (int)(t->conf->window / 8);

	if (net_unsent(t->fd) == -1)
		(void)setsockopt(
		    t->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

ssize_t
transport_socket_send(struct transport *t, const uint8_t *p, size_t n)
{
	if (!t->stream)
		return (datagram_send(t->fd, p, n));
	return (send(t->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT));
}

ssize_t
transport_socket_recv(struct transport *t, uint8_t *p, size_t n)
{
	return (recv(t->fd, p, n, MSG_DONTWAIT));
}

void
transport_socket_finish(struct transport *t)
{
	if (t->stream)
		(void)shutdown(t->fd, SHUT_WR);
}

/* What a socket can hold at most; systems do not agree on what they count. */
static uint64_t
capacity(const struct transport *t)
{
	int size;
	socklen_t len = sizeof(size);

	if (getsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == -1)
		return (UINT64_MAX);
	return ((uint64_t)size * 2);
}

/*
 * Where the system does not count, a full socket is assumed: only what was
 * written before that has left it.  The system may forget its count when the
 * connection is gone.
 */
uint64_t
transport_socket_left(struct transport *t, uint64_t written)
{
	int64_t told = net_unsent(t->fd);
	uint64_t unsent;

	if (told == -1 && t->counts)
		return (t->left);
	t->counts = told != -1;
	unsent = t->counts ? (uint64_t)told : capacity(t);
	if (written > unsent && written - unsent > t->left)
		t->left = written - unsent;
	return (t->left);
}
