/*
 * FreeBSD and NetBSD: FIONWRITE counts what is in the send buffer; TCP_INFO has
 * the rest.  A unix socket keeps its octets in the buffer of the receiver,
 * where the system does not count them.
 */
#include "daemon/net/tcp_info.h"

#include <sys/types.h>

#include <sys/filio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/tcp_fsm.h>
#include <string.h>

/* The longest pause between two probes of a closed window, by default. */
#define PROBED_MS 60000

static int
get_info(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len));
}

/*
 * A connection that ends loses its buffer: the count is good only if the
 * connection stands after it was taken.
 */
int64_t
net_unsent(int fd)
{
	struct tcp_info info;
	int n;

	if (ioctl(fd, FIONWRITE, &n) == -1 || get_info(fd, &info) == -1 ||
	    info.tcpi_state == TCPS_CLOSED)
		return (-1);
	return (n);
}

void
tcp_facts(int fd, struct tcp_facts *f)
{
	struct tcp_info info;

	f->most = f->silence_ms = -1;
	if (get_info(fd, &info) == -1)
		return;
	/* Microseconds.  A closed window is probed more and more rarely. */
	f->silence_ms = info.tcpi_last_data_recv / 1000;
	if (info.tcpi_snd_wnd == 0)
		f->silence_ms -= PROBED_MS;
	if (f->silence_ms < 0)
		f->silence_ms = 0;
	/* RFC 7323 2.2 */
	if ((info.tcpi_options & TCPI_OPT_WSCALE) != 0)
		f->most = (int64_t)65535 << info.tcpi_snd_wscale;
}

void
tcp_keepalive(int fd, uint64_t idle_ms)
{
	const int idle = idle_ms < 1000 ? 1 : (int)(idle_ms / 1000);
	const int every = idle < 4 ? 1 : idle / 4, times = 3;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}
