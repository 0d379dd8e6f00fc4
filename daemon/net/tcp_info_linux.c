/*
 * tcp(7): SIOCOUTQ counts what is not acknowledged, also after a reset;
 * TCP_INFO has the rest.
 */
#include "daemon/net/tcp_info.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>

int64_t
net_unsent(int fd)
{
	int n;

	return (ioctl(fd, SIOCOUTQ, &n) == -1 ? -1 : n);
}

void
tcp_facts(int fd, struct tcp_facts *f)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	f->most = f->silence_ms = -1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return;
	/* While a window is closed, only probes are answered. */
	if (info.tcpi_last_ack_recv <= info.tcpi_last_data_sent &&
	    info.tcpi_probes == 0)
		f->silence_ms = 0;
	else
		f->silence_ms = info.tcpi_last_ack_recv;
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
