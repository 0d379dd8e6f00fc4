/*
 * The monitor's end of the worker's channel, and the files that it keeps from
 * one worker to the next.
 */
#include "tests/sim/inode.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "daemon/follow/handover.h"
#include "daemon/run/worker.h"

#define GIVEN 64

static struct {
	char said[16]; /* to the worker */
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
channel_say(char word)
{
	if (C.n < sizeof(C.said))
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
keep(const struct worker_report *report, const struct msghdr *msg)
{
	struct cmsghdr *c;
	int fd;

	if (report->word != WORKER_GIVES || msg->msg_control == NULL)
		return;
	c = CMSG_FIRSTHDR(msg);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (C.nkept == GIVEN)
		return;
	C.quiet[C.nkept] = report->quiet;
	if ((C.kept[C.nkept] = files_hold(fd)) != NULL)
		C.nkept++;
}

static const int send_errors[] = { EAGAIN, EINTR, 0 };

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
	struct worker_report report;

	(void)flags;
	if (sim_call("sendmsg", send_errors) != 0)
		return (-1);
	if (files_sock(fd, FD_CHANNEL) == NULL)
		return (-1);
	memcpy(&report, msg->msg_iov[0].iov_base, sizeof(report));
	if (report.word == WORKER_ALIVE)
		channel_say(MONITOR_HEARS);
	else if (report.word == WORKER_READY)
		channel_reset();
	else
		keep(&report, msg);
	return ((ssize_t)msg->msg_iov[0].iov_len);
}

/* recv(2) on the channel, see net.c. */
ssize_t channel_take(void *p, size_t n);

ssize_t
channel_take(void *p, size_t n)
{
	if (C.n == 0 || n == 0) {
		errno = EAGAIN;
		return (-1);
	}
	memcpy(p, C.said, 1);
	memmove(C.said, C.said + 1, --C.n);
	return (1);
}
