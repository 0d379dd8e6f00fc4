/*
 * sendmmsg(2) does not return an error that it meets after the first datagram.
 * With IP_RECVERR, ip(7), the error waits in a queue of the socket.
 */
#include "daemon/net/datagram.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/unconst.h"

#define BATCH 64

ssize_t
datagram_send(int fd, const uint8_t *p, size_t n)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	size_t ends[BATCH], at = 0;
	unsigned count = 0;
	uint32_t len;
	int sent;

	memset(msgs, 0, sizeof(msgs));
	while (count < BATCH && n - at >= sizeof(len)) {
		memcpy(&len, p + at, sizeof(len));
		if (n - at - sizeof(len) < len)
			break;
		iov[count].iov_base = unconst(p + at + sizeof(len));
		iov[count].iov_len = len;
		msgs[count].msg_hdr.msg_iov = &iov[count];
		msgs[count].msg_hdr.msg_iovlen = 1;
		at += sizeof(len) + len;
		ends[count++] = at;
	}
	if (count == 0) {
		errno = EINVAL;
		return (-1);
	}
	sent = sendmmsg(fd, msgs, count, MSG_NOSIGNAL | MSG_DONTWAIT);
	return (sent < 1 ? -1 : (ssize_t)ends[sent - 1]);
}

void
datagram_open(int fd)
{
	const int on = 1;

	/* One of the two fails: that of the other family. */
	(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

static int
error_of(struct msghdr *msg)
{
	const struct sock_extended_err *e;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (!(c->cmsg_level == IPPROTO_IP &&
			c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
			c->cmsg_type == IPV6_RECVERR))
			continue;
		e = (const struct sock_extended_err *)(void *)CMSG_DATA(c);
		/* The path takes less now: the kernel knows, and fragments. */
		if (e->ee_errno != EMSGSIZE)
			return ((int)e->ee_errno);
	}
	return (0);
}

int
datagram_error(int fd)
{
	_Alignas(struct cmsghdr) char control[512];
	struct msghdr msg;
	int error = 0;

	for (;;) {
		memset(&msg, 0, sizeof(msg));
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
			return (error);
		if (error == 0)
			error = error_of(&msg);
	}
}
