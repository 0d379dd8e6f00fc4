/*
 * The monitor's end of the worker's channel, and the files that it keeps from
 * one worker to the next.
 */
#include "tests/sim/inode.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "daemon/follow/handover.h"
#include "daemon/run/channel.h"

#define GIVEN 64

static struct {
	enum channel_word said[16]; /* to the worker */
	unsigned n;
	struct ofd *kept[GIVEN];
	double quiet[GIVEN];
	unsigned nkept;
	struct handover_file files[GIVEN];
	struct handover given;
} C;

int
channel_make(void)
{
	C.n = 0;
	return (files_new_fd(FD_CHANNEL, &C));
}

bool
channel_readable(void)
{
	return (C.n > 0);
}

void
monitor_say(enum channel_word word)
{
	if (C.n < sizeof(C.said) / sizeof(C.said[0]))
		C.said[C.n++] = word;
}

struct handover *
channel_given(void)
{
	return (&C.given);
}

/* As if inherited: the descriptors are the new worker's. */
void
channel_take_given(void)
{
	unsigned i;

	C.given.n = 0;
	C.given.files = C.files;
	for (i = 0; i < C.nkept; i++) {
		C.files[C.given.n].fd = files_give(C.kept[i]);
		C.files[C.given.n].quiet = C.quiet[i];
		if (C.files[C.given.n].fd != -1)
			C.given.n++;
	}
}

/* No worker needs what was kept any more. */
void
channel_reset(void)
{
	while (C.nkept > 0)
		files_release(C.kept[--C.nkept]);
}

static void
keep(const struct channel_message *m, const struct msghdr *msg)
{
	struct cmsghdr *c;
	int fd;

	if (m->word != CHANNEL_GIVES || msg->msg_control == NULL)
		return;
	c = CMSG_FIRSTHDR(msg);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (C.nkept == GIVEN)
		return;
	C.quiet[C.nkept] = m->quiet;
	if ((C.kept[C.nkept] = files_hold(fd)) != NULL)
		C.nkept++;
}

static const int send_errors[] = { EAGAIN, EINTR, 0 };

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
	struct channel_message m;

	(void)flags;
	if (sim_call("sendmsg", send_errors) != 0)
		return (-1);
	if (files_sock(fd, FD_CHANNEL) == NULL)
		return (-1);
	memset(&m, 0, sizeof(m));
	memcpy(&m, msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len);
	if (m.word == CHANNEL_ALIVE)
		monitor_say(CHANNEL_HEARS);
	else if (m.word == CHANNEL_READY)
		channel_reset();
	else
		keep(&m, msg);
	return ((ssize_t)msg->msg_iov[0].iov_len);
}

/* recvmsg(2) on the channel, see socket.c. */
ssize_t channel_take(struct msghdr *msg);

ssize_t
channel_take(struct msghdr *msg)
{
	struct channel_message m;

	msg->msg_controllen = 0;
	msg->msg_flags = 0;
	if (C.n == 0) {
		errno = EAGAIN;
		return (-1);
	}
	memset(&m, 0, sizeof(m));
	m.word = C.said[0];
	memmove(C.said, C.said + 1, --C.n * sizeof(C.said[0]));
	memcpy(msg->msg_iov[0].iov_base, &m, msg->msg_iov[0].iov_len);
	return ((ssize_t)msg->msg_iov[0].iov_len);
}
