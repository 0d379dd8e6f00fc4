/*
 * One datagram a call of send(2), which returns the refusal of the one before.
 */
#include "daemon/net/datagram.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The next call meets these errors again; a refusal is returned only once. */
static bool
comes_again(int error)
{
	return (error == EAGAIN || error == ENOBUFS || error == EMSGSIZE);
}

ssize_t
datagram_send(int fd, const uint8_t *p, size_t n)
{
	size_t at = 0;
	uint32_t len;

	while (n - at >= sizeof(len)) {
		memcpy(&len, p + at, sizeof(len));
		if (n - at - sizeof(len) < len)
			break;
		if (send(fd, p + at + sizeof(len), len,
			MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
			return (
			    at > 0 && comes_again(errno) ? (ssize_t)at : -1);
		at += sizeof(len) + len;
	}
	if (at == 0)
		errno = EINVAL;
	return (at == 0 ? -1 : (ssize_t)at);
}

void
datagram_open(int fd)
{
	(void)fd;
}

int
datagram_error(int fd)
{
	(void)fd;
	return (0);
}
