/*
 * The worker's system calls for sockets.
 */
#include "tests/sim/conn.h"
#include "tests/sim/tls_wire.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/net/tcp_info.h"

#define FIRST_PORT 6000

ssize_t channel_take(struct msghdr *msg);

static const int socket_errors[] = { EMFILE, ENFILE, ENOBUFS, 0 };
static const int send_errors[] = { EAGAIN, ENOBUFS, EINTR, 0 };
static const int recv_errors[] = { EAGAIN, EINTR, 0 };

uint16_t
net_port(unsigned receiver)
{
	return ((uint16_t)(FIRST_PORT + receiver));
}

struct conn *
conn_of(int fd)
{
	return (files_sock(fd, FD_SOCKET));
}

WRAP(int, socket, int family, int type, int protocol)
{
	struct conn *c;
	int fd;

	(void)family;
	(void)protocol;
	if (sim_call("socket", socket_errors) != 0)
		return (-1);
	c = conn_new();
	c->type = type & (SOCK_STREAM | SOCK_DGRAM);
	if ((fd = files_new_fd(FD_SOCKET, c)) == -1)
		c->used = false;
	return (fd);
}

static int
refuse(int error)
{
	errno = error;
	return (-1);
}

/* The path ends with the number of the receiver. */
static int
connect_local(struct conn *c, const struct sockaddr *sa)
{
	struct sockaddr_un un;
	bool datagrams;

	memcpy(&un, sa, sizeof(un));
	c->receiver = (unsigned)atoi(strrchr(un.sun_path, '/') + 1);
	datagrams = setting_is_datagram(c->receiver);
	if (!net_is_listening(c->receiver))
		return (refuse(ECONNREFUSED));
	if (datagrams != (c->type == SOCK_DGRAM))
		return (refuse(EPROTOTYPE));
	c->state = CONN_UP;
	return (0);
}

WRAP(int, connect, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in sin;
	struct conn *c;

	(void)sim_call("connect", NULL);
	if ((c = conn_of(fd)) == NULL)
		return (-1);
	if (sa->sa_family == AF_UNIX)
		return (connect_local(c, sa));
	if (sa->sa_family != AF_INET || len < sizeof(sin))
		return (refuse(EAFNOSUPPORT));
	memcpy(&sin, sa, sizeof(sin));
	c->receiver = (unsigned)(ntohs(sin.sin_port) - net_port(0));
	if (c->type == SOCK_DGRAM) {
		c->state = CONN_UP;
		return (0);
	}
	conn_connect(c, c->receiver);
	return (refuse(EINPROGRESS));
}

WRAP(int, bind, int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)fd;
	(void)sa;
	(void)len;
	return (0);
}

static int
take_error(struct conn *c)
{
	int error = c->error;

	c->error = 0;
	return (error);
}

/* A slice of which some was sent is packed anew, and sent again. */
static bool
is_too_long(struct conn *c, size_t n)
{
	if (S.path == 0 || n <= S.path)
		return (false);
	sim_cover(KIND_NARROW);
	S.repacked = true;
	oracle_allow_at(c->receiver, sim_sizes.slice + SIM_LINE);
	return (true);
}

/* What happens within the call crosses it already. */
static void
note_goodbye(struct conn *c, const uint8_t *p, size_t n)
{
	if (c != NULL && conn_is_tls(c) && n == TLS_RECORD(0) &&
	    p[0] == TLS_BYE)
		c->finishing = true;
}

/* One datagram; returns its octets, or -1. */
static ssize_t
send_datagram(struct conn *c, const void *p, size_t n)
{
	int error = datagram_take_error(c);

	if (error != 0)
		return (refuse(error));
	if (is_too_long(c, n))
		return (refuse(EMSGSIZE));
	if (!datagram_put(c, p, n))
		return (refuse(EAGAIN));
	sim_happened(WAY_ONE_BY_ONE);
	return ((ssize_t)n);
}

WRAP(ssize_t, send, int fd, const void *p, size_t n, int flags)
{
	struct conn *c;

	(void)flags;
	note_goodbye(files_sock(fd, FD_SOCKET), p, n);
	if (sim_call("send", send_errors) != 0)
		return (-1);
	if ((c = conn_of(fd)) == NULL)
		return (-1);
	if (c->type == SOCK_DGRAM)
		return (send_datagram(c, p, n));
	if (c->error != 0) {
		errno = take_error(c);
		return (-1);
	}
	if (c->state == CONN_DEAD || c->finished) {
		errno = EPIPE;
		return (-1);
	}
	if (n > conn_room(c))
		n = conn_room(c);
	if (n > 1 && rng_chance(&S.calls, 30))
		n = 1 + rng_below(&S.calls, (unsigned)n - 1);
	if (n == 0) {
		errno = EAGAIN;
		return (-1);
	}
	buffer_put(&c->out, p, n);
	if (S.calls_shown)
		sim_say("  sent: %.*s", (int)n, (const char *)p);
	sim_trace("sent", c->serial, n);
	if (c->due == INT64_MAX)
		conn_soon(c);
	return ((ssize_t)n);
}

WRAP(ssize_t, recv, int fd, void *p, size_t n, int flags)
{
	struct conn *c;

	if (sim_call("recv", recv_errors) != 0)
		return (-1);
	if ((c = conn_of(fd)) == NULL)
		return (-1);
	if (c->back.n > 0) {
		if (n > c->back.n)
			n = c->back.n;
		n = relp_piece(c, n);
		memcpy(p, c->back.p, n);
		if ((flags & MSG_PEEK) == 0)
			buffer_take(&c->back, n);
		return ((ssize_t)n);
	}
	if (c->error != 0)
		return (refuse(c->type == SOCK_DGRAM ? datagram_take_error(c)
						     : take_error(c)));
	if (c->type == SOCK_STREAM && (c->goodbye || c->state == CONN_DEAD))
		return (0);
	errno = EAGAIN;
	return (-1);
}

WRAP(int, getsockopt, int fd, int level, int what, void *p, socklen_t *len)
{
	struct conn *c = conn_of(fd);

	(void)len;
	(void)sim_call("getsockopt", NULL);
	if (c == NULL)
		return (-1);
	if (level != SOL_SOCKET || (what != SO_ERROR && what != SO_SNDBUF)) {
		errno = ENOPROTOOPT;
		return (-1);
	}
	*(int *)p = what == SO_ERROR && c->type == SOCK_DGRAM
	    ? datagram_take_error(c)
	    : what == SO_ERROR ? take_error(c)
			       : BUF;
	return (0);
}

WRAP(int, setsockopt, int fd, int level, int what, const void *p, socklen_t len)
{
	struct conn *c = conn_of(fd);

	(void)p;
	(void)len;
	if (c != NULL && level == SOL_SOCKET && what == SO_LINGER)
		c->aborting = true;
	return (0);
}

WRAP(int, shutdown, int fd, int how)
{
	struct conn *c = conn_of(fd);

	(void)how;
	if (c != NULL)
		c->finishing = true;
	(void)sim_call("shutdown", NULL);
	if (c == NULL)
		return (-1);
	c->finished = true;
	conn_soon(c);
	return (0);
}

WRAP(int, poll, struct pollfd *p, nfds_t n, int ms)
{
	/* Whether there are events: not by waiting for them. */
	if (n == 1 && files_sock(p->fd, FD_WATCH) != NULL)
		return (watching_readable());
	sim_advance((int64_t)(ms < 0 ? 1000 : ms) * NS_MS);
	return (0);
}

/* The monitor's words, or the queue of errors: ip(7), IP_RECVERR. */
WRAP(ssize_t, recvmsg, int fd, struct msghdr *msg, int flags)
{
	struct sock_extended_err e = { .ee_origin = SO_EE_ORIGIN_ICMP };
	struct cmsghdr *h;
	struct conn *c;
	int error;

	if (files_sock(fd, FD_CHANNEL) != NULL)
		return (channel_take(msg));
	(void)sim_call("recvmsg", NULL);
	if ((c = conn_of(fd)) == NULL || c->type != SOCK_DGRAM ||
	    (flags & MSG_ERRQUEUE) == 0 || setting_is_local(c->receiver) ||
	    (error = datagram_take_error(c)) == 0)
		return (refuse(EAGAIN));
	e.ee_errno = (uint32_t)error;
	h = CMSG_FIRSTHDR(msg);
	h->cmsg_level = IPPROTO_IP;
	h->cmsg_type = IP_RECVERR;
	h->cmsg_len = CMSG_LEN(sizeof(e));
	memcpy(CMSG_DATA(h), &e, sizeof(e));
	msg->msg_controllen = CMSG_SPACE(sizeof(e));
	return (0);
}

static const int datagram_errors[] = { EAGAIN, ENOBUFS, EINTR, 0 };

/* An error is told in place of the first datagram only. */
WRAP(int, sendmmsg, int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	const struct iovec *iov;
	struct conn *c;
	unsigned i;
	int error;

	(void)flags;
	if (sim_call("sendmmsg", datagram_errors) != 0)
		return (-1);
	if ((c = conn_of(fd)) == NULL)
		return (-1);
	if ((error = datagram_take_error(c)) != 0)
		return (refuse(error));
	for (i = 0; i < n; i++) {
		iov = msgs[i].msg_hdr.msg_iov;
		if (is_too_long(c, iov->iov_len))
			break;
		if (!datagram_put(c, iov->iov_base, iov->iov_len))
			return (i == 0 ? refuse(EAGAIN) : (int)i);
	}
	return (i == 0 ? refuse(EMSGSIZE) : (int)i);
}

bool
net_readable(void *sock)
{
	const struct conn *c = sock;

	if (c->type == SOCK_DGRAM)
		return (c->error != 0);
	return (c->state == CONN_DEAD || c->back.n > 0 || c->goodbye);
}

bool
net_writable(void *sock)
{
	const struct conn *c = sock;

	if (c->state == CONN_DEAD)
		return (true);
	if (c->type == SOCK_DGRAM)
		return (c->out.n < BUF / 4 &&
		    (!setting_is_local(c->receiver) || c->in.n == 0));
	return (c->state == CONN_UP && conn_is_roomy(c));
}

/* In place of daemon/net/tcp_info_linux.c. */

int64_t
net_unsent(int fd)
{
	const struct conn *c = conn_of(fd);

	if (c == NULL)
		return (-1);
	if (S.blind) {
		sim_cover(KIND_BLIND);
		return (-1);
	}
	/* A unix socket counts what the peer has not read. */
	if (setting_is_local(c->receiver))
		return ((int64_t)(c->out.n + c->in.n));
	return ((int64_t)c->out.n);
}

void
tcp_facts(int fd, struct tcp_facts *f)
{
	const struct conn *c = conn_of(fd);

	f->most = f->silence_ms = -1;
	if (c == NULL || S.blind)
		return;
	f->most = (int64_t)net_capacity();
	/* A real one is far larger than a record that a program may hold. */
	if (conn_is_tls(c))
		f->most += TLS_RECORD(TLS_MOST);
	f->silence_ms = 0;
	/* A closed window is probed, and answered. */
	if (c->out.n > 0 && net_is_cut(c->receiver))
		f->silence_ms = (S.now - c->heard) / NS_MS;
}

void
tcp_keepalive(int fd, uint64_t idle_ms)
{
	(void)fd;
	(void)idle_ms;
}
