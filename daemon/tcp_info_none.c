/*
 * A system that tells nothing of a connection to those who are not root.
 */
#include "daemon/tcp_info.h"

int64_t
socket_unsent(int fd)
{
	(void)fd;
	return (-1);
}

void
tcp_facts(int fd, struct tcp_facts *f)
{
	(void)fd;
	f->unacked = f->window = f->most = f->silence_ms = -1;
}
