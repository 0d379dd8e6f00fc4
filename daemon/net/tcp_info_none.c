/*
 * A system that tells nothing about a connection, except perhaps to root.
 */
#include "daemon/net/tcp_info.h"

int64_t
net_unsent(int fd)
{
	(void)fd;
	return (-1);
}

void
tcp_facts(int fd, struct tcp_facts *f)
{
	(void)fd;
	f->most = f->silence_ms = -1;
}

void
tcp_keepalive(int fd, uint64_t idle_ms)
{
	(void)fd;
	(void)idle_ms;
}
