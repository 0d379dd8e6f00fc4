/*
 * kqueue(2): EVFILT_WRITE tells the room in the send buffer of a socket, and
 * SO_SNDBUF its size.  tcp(4) tells more, but only to root.
 */
#include "daemon/net/tcp_info.h"

#include <sys/types.h>

#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

static int
size_of(int fd)
{
	int size;
	socklen_t len = sizeof(size);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == -1)
		return (-1);
	return (size);
}

/* The room in the send buffer; -1: an error, or the connection is gone. */
static int64_t
room_of(int fd)
{
	static int kq = -1;
	const struct timespec now = { 0, 0 };
	struct kevent want, got;
	int n;

	if (kq == -1 && (kq = kqueue()) == -1)
		return (-1);
	EV_SET(
	    &want, fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT, NOTE_LOWAT, 1, NULL);
	n = kevent(kq, &want, 1, &got, 1, &now);
	if (n == 0) {
		EV_SET(&want, fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
		(void)kevent(kq, &want, 1, NULL, 0, NULL);
		return (0);
	}
	/* A connection that ends loses its buffer. */
	if (n == -1 || (got.flags & (EV_ERROR | EV_EOF)) != 0)
		return (-1);
	return (got.data);
}

/* The size changes with the path: the larger one counts nothing too few. */
int64_t
net_unsent(int fd)
{
	int before = size_of(fd), after;
	int64_t room = room_of(fd);

	after = size_of(fd);
	if (room == -1 || before == -1 || after == -1)
		return (-1);
	if (before > after)
		after = before;
	return (room > after ? 0 : after - room);
}

void
tcp_facts(int fd, struct tcp_facts *f)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	f->most = f->silence_ms = -1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return;
	/* Microseconds.  A closed window is probed ever more rarely. */
	if (info.tcpi_last_data_recv <= info.tcpi_last_data_sent)
		f->silence_ms = 0;
	else
		f->silence_ms = info.tcpi_last_data_recv / 1000;
	/* RFC 7323 2.2 */
	if ((info.tcpi_options & TCPI_OPT_WSCALE) != 0)
		f->most = (int64_t)65535 << info.tcpi_snd_wscale;
}

/* The times are sysctls, net.inet.tcp.keepidle and so on, for the system. */
void
tcp_keepalive(int fd, uint64_t idle_ms)
{
	(void)fd;
	(void)idle_ms;
}
