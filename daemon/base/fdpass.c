#include "daemon/base/fdpass.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "lib/unconst.h"

#define RETRY_MS 10 /* the system counts the files that are on their way */

/* A control message with one descriptor, aligned. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int
send_once(int channel, const void *p, size_t n, int fd)
{
	struct iovec iov = { unconst(p), n };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd != -1) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return (
	    sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 ? -1 : 0);
}

/* Waits until there may be room, for a while or to the end. */
static void
wait_for_room(int channel, int error, int64_t left)
{
	struct pollfd pfd = { .fd = channel, .events = POLLOUT };
	const struct timespec pause = { 0, RETRY_MS * 1000000L };

	if (error == EAGAIN)
		(void)poll(&pfd, 1, (int)left);
	else
		(void)nanosleep(&pause, NULL);
}

int
fdpass_send(int channel, const void *p, size_t n, int fd, int wait_ms)
{
	int64_t end = 0, now;
	int error;

	while (send_once(channel, p, n, fd) == -1) {
		error = errno;
		if (error == EINTR)
			continue;
		if ((error != EAGAIN && error != ENOBUFS &&
			error != ETOOMANYREFS) ||
		    wait_ms == 0)
			return (-1);
		now = (int64_t)clock_steady_ms();
		if (end == 0)
			end = now + wait_ms;
		if (now >= end) {
			errno = error;
			return (-1);
		}
		wait_for_room(channel, error, end - now);
	}
	return (0);
}

ssize_t
fdpass_recv(int channel, void *p, size_t n, int *fd)
{
	struct iovec iov = { p, n };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	ssize_t got;

	*fd = FDPASS_NO_FD;
	got = recvmsg(channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got <= 0)
		return (got);
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(*fd)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	else if (msg.msg_flags & MSG_CTRUNC)
		*fd = FDPASS_LOST_FD;
	return (got);
}
