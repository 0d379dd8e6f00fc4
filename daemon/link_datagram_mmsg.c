#include "daemon/link_datagram.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>

#define BATCH 64

ssize_t
datagrams_send(int fd, const uint8_t *p, size_t n)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	size_t ends[BATCH], at = 0;
	unsigned count = 0;
	uint32_t len;
	union {
		const uint8_t *in;
		void *out;
	} u;
	int sent;

	memset(msgs, 0, sizeof(msgs));
	while (count < BATCH && n - at >= sizeof(len)) {
		memcpy(&len, p + at, sizeof(len));
		if (n - at - sizeof(len) < len)
			break;
		u.in = p + at + sizeof(len);
		iov[count].iov_base = u.out;
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
