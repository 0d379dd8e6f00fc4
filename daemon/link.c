#include "daemon/link.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "daemon/link_datagram.h"
#include "daemon/resolve.h"
#include "daemon/tcp_info.h"

/* poll(2) promises that so much can be written without blocking. */
#define STDOUT_CHUNK 4096
#define UNREAD_LEAST (2 * 1024 * 1024)

static int
open_socket(struct link *l, int family, int type, struct reason *why)
{
	if ((l->fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) ==
	    -1)
		return (reason_set(why, "socket: %s", strerror(errno)));
	return (0);
}

static int
open_inet(struct link *l, const struct address *a, int type, struct reason *why)
{
	if (open_socket(l, a->sa.ss_family, type, why) == -1)
		return (-1);
	if (connect(l->fd, (const struct sockaddr *)&a->sa, a->len) == -1 &&
	    errno != EINPROGRESS)
		return (reason_set(why, "connect: %s", strerror(errno)));
	return (0);
}

static int
tcp_open(struct link *l, const struct conf_url *url, const struct address *a,
    struct reason *why)
{
	const int on = 1;

	(void)url;
	l->stream = true;
	if (open_inet(l, a, SOCK_STREAM, why) == -1)
		return (-1);
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return (0);
}

static int
udp_open(struct link *l, const struct conf_url *url, const struct address *a,
    struct reason *why)
{
	(void)url;
	if (open_inet(l, a, SOCK_DGRAM, why) == -1)
		return (-1);
	datagrams_open(l->fd);
	return (0);
}

static int
connect_unix(
    struct link *l, const struct sockaddr_un *un, int type, struct reason *why)
{
	if (open_socket(l, AF_UNIX, type, why) == -1)
		return (-1);
	if (connect(l->fd, (const struct sockaddr *)un, sizeof(*un)) == -1)
		return (reason_set(why, "connect: %s", strerror(errno)));
	return (0);
}

/* The peer decides whether it is a datagram or a stream socket. */
static int
unix_open(struct link *l, const struct conf_url *url, const struct address *a,
    struct reason *why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)a;
	if (strlcpy(un.sun_path, url->path, sizeof(un.sun_path)) >=
	    sizeof(un.sun_path))
		return (reason_set(why, "path too long"));
	if (connect_unix(l, &un, SOCK_DGRAM, why) == 0)
		return (0);
	if (errno != EPROTOTYPE)
		return (-1);
	(void)close(l->fd);
	l->stream = true;
	return (connect_unix(l, &un, SOCK_STREAM, why));
}

static int
stdout_open(struct link *l, const struct conf_url *url, const struct address *a,
    struct reason *why)
{
	(void)url;
	(void)a;
	(void)why;
	l->fd = STDOUT_FILENO;
	l->borrowed = true;
	l->stream = true;
	return (0);
}

static ssize_t
socket_send(struct link *l, const uint8_t *p, size_t n)
{
	if (!l->stream)
		return (datagrams_send(l->fd, p, n));
	return (send(l->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/*
 * The descriptor is shared with others, who would be surprised by O_NONBLOCK:
 * write no more than what cannot block.
 */
static ssize_t
stdout_send(struct link *l, const uint8_t *p, size_t n)
{
	struct pollfd pfd = { .fd = l->fd, .events = POLLOUT };
	size_t done = 0;
	ssize_t w;

	while (done < n) {
		if (poll(&pfd, 1, 0) < 1) {
			errno = EAGAIN;
			break;
		}
		if (pfd.revents & POLLERR) {
			errno = EPIPE;
			break;
		}
		w = write(l->fd, p + done,
		    n - done < STDOUT_CHUNK ? n - done : STDOUT_CHUNK);
		if (w == -1)
			break;
		done += (size_t)w;
	}
	return (done > 0 ? (ssize_t)done : -1);
}

static uint64_t
taken(struct link *l)
{
	return (l->written);
}

/* Without an answer of the system only a drained socket says anything. */
static uint64_t
written_less_unsent(struct link *l)
{
	int64_t unsent = socket_unsent(l->fd);

	if (unsent < 0 || (uint64_t)unsent > l->written)
		return (unsent < 0 ? l->written : 0);
	return (l->written - (uint64_t)unsent);
}

static uint64_t
tcp_acked(struct link *l)
{
	struct tcp_facts f;

	tcp_facts(l->fd, &f);
	if (f.window > 0 && (uint64_t)f.window > l->window)
		l->window = (uint64_t)f.window;
	if (f.most > 0)
		l->most = (uint64_t)f.most;
	return (written_less_unsent(l));
}

/*
 * What a peer leaves unread when it dies looks as if it had been read: a count
 * holds only where the connection stands after it was taken.
 */
static uint64_t
unix_acked(struct link *l)
{
	uint64_t acked;
	char byte;

	if (!l->stream)
		return (l->written);
	acked = written_less_unsent(l);
	if (recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    errno != EAGAIN && errno != EINTR)
		l->error = errno;
	if (l->error == 0)
		l->acked = acked;
	return (l->acked);
}

static const struct link_ops link_table[] = {
	[CONF_UDP] = { udp_open, socket_send, taken },
	[CONF_TCP] = { tcp_open, socket_send, tcp_acked },
	[CONF_UNIX] = { unix_open, socket_send, unix_acked },
	[CONF_STDOUT] = { stdout_open, stdout_send, taken },
};

bool
link_needs_address(enum conf_scheme scheme)
{
	return (scheme == CONF_UDP || scheme == CONF_TCP);
}

enum wire
link_wire(const struct conf_destination *conf, const struct link *l)
{
	return (l->stream ? conf->wire : WIRE_DATAGRAM);
}

int
link_open(struct link *l, const struct conf_url *url,
    const struct address *address, struct reason *why)
{
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->ops = &link_table[url->scheme];
	if (l->ops->open(l, url, address, why) == 0)
		return (0);
	if (l->fd != -1)
		(void)close(l->fd);
	l->fd = -1;
	return (-1);
}

int
link_connected(struct link *l)
{
	socklen_t len = sizeof(errno);
	int error = 0;

	if (l->borrowed)
		return (0);
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return (-1);
	errno = error;
	return (error == 0 ? 0 : -1);
}

enum link_state
link_check(struct link *l)
{
	char buf[4096];
	ssize_t n;
	int turns = 16;

	if (l->borrowed)
		return (LINK_OPEN);
	if (l->error == 0 && l->ops == &link_table[CONF_UDP])
		l->error = datagrams_error(l->fd);
	if (l->error != 0) {
		errno = l->error;
		return (LINK_FAILED);
	}
	/* Nothing that the peer says matters here, only that it is there. */
	while (turns-- > 0) {
		n = recv(l->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (LINK_OPEN);
		if (n == -1) {
			l->error = errno;
			return (LINK_FAILED);
		}
		if (n == 0 && l->stream)
			return (LINK_CLOSED);
	}
	return (LINK_OPEN);
}

ssize_t
link_send(struct link *l, const uint8_t *p, size_t n)
{
	ssize_t sent = l->ops->send(l, p, n);

	if (sent > 0)
		l->written += (uint64_t)sent;
	else if (sent == -1 && errno == EPIPE)
		l->error = errno;
	return (sent);
}

uint64_t
link_acked(struct link *l)
{
	return (l->ops->acked(l));
}

uint64_t
link_unread(const struct link *l)
{
	uint64_t unread = l->window * 4;

	if (l->ops != &link_table[CONF_TCP])
		return (0);
	if (unread < UNREAD_LEAST)
		unread = UNREAD_LEAST;
	return (l->most != 0 && unread > l->most ? l->most : unread);
}

int64_t
link_silence_ms(struct link *l)
{
	struct tcp_facts f;

	if (l->ops != &link_table[CONF_TCP])
		return (-1);
	tcp_facts(l->fd, &f);
	return (f.silence_ms);
}

void
link_finish(struct link *l)
{
	if (!l->borrowed && l->stream)
		(void)shutdown(l->fd, SHUT_WR);
}

void
link_close(struct link *l)
{
	if (l->fd != -1 && !l->borrowed)
		(void)close(l->fd);
	l->fd = -1;
}
