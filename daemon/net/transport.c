#include "daemon/net/transport.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/sizes.h"
#include "daemon/net/datagram.h"
#include "daemon/net/resolver.h"
#include "daemon/net/tcp_info.h"
#include "daemon/net/tls.h"

/* poll(2) promises that so much can be written without blocking. */
#define STDOUT_CHUNK 4096

static int
open_socket(struct link *l, int family, int type, struct reason *why)
{
	if ((l->fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) ==
	    -1)
		return (reason_set(why, "socket: %s", strerror(errno)));
	return (0);
}

/* From the configured address, as far as it is of the family of a. */
static int
bind_local(struct link *l, const struct address *a, struct reason *why)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const char *text = l->conf->bind;
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
	if (bind(l->fd, sa, len) == -1)
		return (
		    reason_set(why, "bind \"%s\": %s", text, strerror(errno)));
	return (0);
}

static int
open_inet(struct link *l, const struct address *a, int type, struct reason *why)
{
	if (open_socket(l, a->sa.ss_family, type, why) == -1)
		return (-1);
	if (l->conf->bind != NULL && bind_local(l, a, why) == -1)
		return (-1);
	if (connect(l->fd, (const struct sockaddr *)&a->sa, a->len) == -1 &&
	    errno != EINPROGRESS)
		return (reason_set(why, "connect: %s", strerror(errno)));
	return (0);
}

/*
 * What a socket can hold is in doubt where the system does not count.  Without
 * a limit it would be more than the window, and nothing would move.
 */
static void
limit_doubt(struct link *l)
{
	const int size = (int)(l->conf->window / 8);

	if (socket_unsent(l->fd) == -1)
		(void)setsockopt(
		    l->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int
link_tcp_open(struct link *l, const struct address *a, struct reason *why)
{
	const int on = 1;

	l->stream = true;
	if (open_inet(l, a, SOCK_STREAM, why) == -1)
		return (-1);
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (l->conf->keepalive_ms > 0) {
		(void)setsockopt(
		    l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		tcp_keepalive(l->fd, l->conf->keepalive_ms);
	}
	limit_doubt(l);
	return (0);
}

static int
udp_open(struct link *l, const struct address *a, struct reason *why)
{
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
unix_open(struct link *l, const struct address *a, struct reason *why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)a;
	if (strlcpy(un.sun_path, l->url->path, sizeof(un.sun_path)) >=
	    sizeof(un.sun_path))
		return (reason_set(why, "path too long"));
	if (connect_unix(l, &un, SOCK_DGRAM, why) == 0)
		return (0);
	if (errno != EPROTOTYPE)
		return (-1);
	(void)close(l->fd);
	l->stream = true;
	if (connect_unix(l, &un, SOCK_STREAM, why) == -1)
		return (-1);
	limit_doubt(l);
	return (0);
}

static int
stdout_open(struct link *l, const struct address *a, struct reason *why)
{
	(void)a;
	(void)why;
	l->fd = STDOUT_FILENO;
	l->borrowed = true;
	l->stream = true;
	return (0);
}

static ssize_t
socket_recv(struct link *l, uint8_t *p, size_t n)
{
	return (recv(l->fd, p, n, MSG_DONTWAIT));
}

/* A datagram is never the end, and an error of the network comes first. */
static ssize_t
udp_recv(struct link *l, uint8_t *p, size_t n)
{
	ssize_t got;
	int error = datagrams_error(l->fd);

	if (error != 0) {
		errno = error;
		return (-1);
	}
	got = recv(l->fd, p, n, MSG_DONTWAIT);
	return (got == 0 ? 1 : got);
}

static void
stream_finish(struct link *l)
{
	if (l->stream)
		(void)shutdown(l->fd, SHUT_WR);
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

/* What a socket can hold at the most; systems count in ways of their own. */
static uint64_t
capacity(const struct link *l)
{
	int size;
	socklen_t len = sizeof(size);

	if (getsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == -1)
		return (UINT64_MAX);
	return ((uint64_t)size * 2);
}

/*
 * Where the system does not count, what was written before all that the socket
 * can hold has left it; a connection that is gone may take the count with it.
 */
static uint64_t
written_less_unsent(struct link *l, uint64_t written)
{
	int64_t told = socket_unsent(l->fd);
	uint64_t unsent;

	if (told == -1 && l->counts)
		return (l->left);
	l->counts = told != -1;
	unsent = l->counts ? (uint64_t)told : capacity(l);
	if (written > unsent && written - unsent > l->left)
		l->left = written - unsent;
	return (l->left);
}

uint64_t
link_tcp_acked(struct link *l, uint64_t written)
{
	struct tcp_facts f;

	/* Both sides tell their scale once, when they connect. */
	if (l->most == 0) {
		tcp_facts(l->fd, &f);
		if (f.most > 0)
			l->most = (uint64_t)f.most;
	}
	return (written_less_unsent(l, written));
}

static uint64_t
tcp_acked(struct link *l)
{
	return (link_tcp_acked(l, l->written));
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
	acked = written_less_unsent(l, l->written);
	if (recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    errno != EAGAIN && errno != EINTR)
		l->error = errno;
	if (l->error == 0)
		l->acked = acked;
	return (l->acked);
}

static const struct link_ops link_table[] = {
	[CONF_UDP] = { .open = udp_open,
	    .send = socket_send,
	    .recv = udp_recv,
	    .acked = taken },
	[CONF_TCP] = { .open = link_tcp_open,
	    .send = socket_send,
	    .recv = socket_recv,
	    .acked = tcp_acked,
	    .finish = stream_finish },
	[CONF_TLS] = { .open = link_tls_open,
	    .handshake = link_tls_handshake,
	    .send = link_tls_send,
	    .recv = link_tls_recv,
	    .acked = link_tls_acked,
	    .finish = link_tls_finish,
	    .close = link_tls_close },
	[CONF_UNIX] = { .open = unix_open,
	    .send = socket_send,
	    .recv = socket_recv,
	    .acked = unix_acked,
	    .finish = stream_finish },
	[CONF_STDOUT] = { .open = stdout_open,
	    .send = stdout_send,
	    .acked = taken },
	[CONF_RELP] = { .open = link_tcp_open,
	    .send = socket_send,
	    .recv = socket_recv,
	    .acked = tcp_acked,
	    .finish = stream_finish },
	[CONF_RELP_TLS] = { .open = link_tls_open,
	    .handshake = link_tls_handshake,
	    .send = link_tls_send,
	    .recv = link_tls_recv,
	    .acked = link_tls_acked,
	    .finish = link_tls_finish,
	    .close = link_tls_close },
};

bool
link_needs_address(enum conf_scheme scheme)
{
	return (scheme != CONF_UNIX && scheme != CONF_STDOUT);
}

enum wire
link_wire(const struct link *l)
{
	return (l->stream ? l->conf->wire : WIRE_DATAGRAM);
}

int
link_open(struct link *l, const struct conf_destination *conf,
    const struct conf_url *url, const struct address *address,
    struct reason *why)
{
	int error;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->conf = conf;
	l->url = url;
	l->ops = &link_table[url->scheme];
	if (l->ops->open(l, address, why) == 0)
		return (0);
	error = errno;
	link_close(l);
	errno = error;
	return (-1);
}

enum link_progress
link_handshake(struct link *l, struct reason *why)
{
	enum link_progress progress;
	int error = 0;
	socklen_t len = sizeof(error);

	if (l->borrowed)
		return (LINK_READY);
	/* Later, what the peer said before the error is still to be read. */
	if (!l->shaking &&
	    getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		reason_set(why, "connect: %s", strerror(error));
		return (LINK_BROKEN);
	}
	if (l->ops->handshake == NULL)
		return (LINK_READY);
	progress = l->ops->handshake(l, why);
	l->shaking = progress != LINK_READY;
	return (progress);
}

/*
 * An error that was met is kept, for asking the socket again would not tell it.
 * What the peer said before it can still be read.
 */
ssize_t
link_recv(struct link *l, uint8_t *p, size_t n)
{
	ssize_t got = -1;

	if (l->ops->recv != NULL)
		got = l->ops->recv(l, p, n);
	else
		errno = EAGAIN;
	if (got > 0)
		return (got);
	if (got == -1 && errno == EINTR)
		errno = EAGAIN;
	if (l->error != 0) {
		errno = l->error;
		return (-1);
	}
	if (got == -1 && errno != EAGAIN)
		l->error = errno;
	return (got);
}

/* Whether no later write can succeed. */
static bool
link_is_broken(const struct link *l, int error)
{
	return (l->stream && error != EAGAIN && error != EINTR &&
	    error != ENOBUFS && error != ENOMEM);
}

ssize_t
link_send(struct link *l, const uint8_t *p, size_t n)
{
	ssize_t sent;

	l->wait = LINK_WAIT_WRITE;
	sent = l->ops->send(l, p, n);
	if (sent > 0)
		l->written += (uint64_t)sent;
	else if (sent == -1 && link_is_broken(l, errno))
		l->error = errno;
	return (sent);
}

uint64_t
link_acked(struct link *l)
{
	return (l->ops->acked(l));
}

bool
link_may_lie(const struct link *l)
{
	return (l->ops->finish != NULL && l->url->scheme != CONF_UNIX);
}

int
link_socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	return (error);
}

/* After the peer's FIN, reading tells of no reset that comes behind it. */
int
link_error(struct link *l)
{
	if (l->error == 0)
		l->error = link_socket_error(l->fd);
	return (l->error);
}

int
link_detach(struct link *l)
{
	int fd = l->fd;

	l->fd = -1;
	link_close(l);
	return (fd);
}

uint64_t
link_unread(const struct link *l)
{
	if (!link_may_lie(l))
		return (0);
	if (l->conf->resend_on_reset != CONF_RESEND_AUTO)
		return (l->conf->resend_on_reset);
	if (l->most == 0)
		return (LINK_UNREAD_BLIND);
	return (l->most < LINK_AUTOTUNED ? 2 * l->most : l->most);
}

uint64_t
link_thrown_away(const struct link *l)
{
	uint64_t unread = link_unread(l);

	if (l->url->scheme != CONF_TLS)
		return (0);
	return (unread < LINK_TLS_RECORD ? unread : LINK_TLS_RECORD);
}

bool
link_counts(const struct link *l)
{
	return (l->ops->finish == NULL || l->counts);
}

int64_t
link_silence_ms(struct link *l)
{
	struct tcp_facts f;

	if (!l->stream || !link_needs_address(l->url->scheme))
		return (-1);
	tcp_facts(l->fd, &f);
	return (f.silence_ms);
}

void
link_finish(struct link *l)
{
	if (l->ops->finish != NULL)
		l->ops->finish(l);
}

void
link_close(struct link *l)
{
	if (l->ops != NULL && l->ops->close != NULL)
		l->ops->close(l);
	l->state = NULL;
	l->why.text[0] = '\0';
	l->shaking = false;
	if (l->fd != -1 && !l->borrowed)
		(void)close(l->fd);
	l->fd = -1;
}

void
link_abort(struct link *l)
{
	const struct linger now = { 1, 0 };

	if (l->fd != -1 && l->stream && !l->borrowed)
		(void)setsockopt(
		    l->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	link_close(l);
}
