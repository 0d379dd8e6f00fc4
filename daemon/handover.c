#include "daemon/handover.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tails.h"

/* A control message with one descriptor, aligned. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

struct giving {
	int channel;
	const void *packet;
	size_t n;
	unsigned given;
};

static int
send_fd(const struct giving *g, int fd)
{
	union {
		const void *in;
		void *out;
	} u = { .in = g->packet };
	struct iovec iov = { u.out, g->n };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	memset(&control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return (sendmsg(g->channel, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0);
}

static off_t
least_acked(const struct tail *t)
{
	const struct stream *s;
	off_t least = t->size;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.acked < least)
			least = s->cursor.acked;
	return (least);
}

static void
say_lost(const struct tail *t)
{
	off_t from = least_acked(t);

	log_warnx("%s: %lld bytes at %lld are lost: a file without a name "
		  "cannot be found again",
	    tail_path(t), (long long)(t->size - from), (long long)from);
}

/* Whether there is something left of it, to be read by its descriptor. */
static bool
is_unfinished(const struct tail *t)
{
	return (t->known && t->fd != -1 && t->streams != NULL &&
	    !tail_is_done(t));
}

/* A directory in which no source means files is not searched at a start. */
static bool
is_hard_to_find(const struct tail *t)
{
	return (t->place == NULL || (t->rotated && !t->place->told));
}

static void
give(struct tail *t, void *arg)
{
	struct giving *g = arg;

	if (!is_unfinished(t) || !is_hard_to_find(t))
		return;
	if (g->given == HANDOVER_MOST) {
		say_lost(t);
	} else if (send_fd(g, t->fd) == -1) {
		log_warn("%s: cannot be handed over", tail_path(t));
		say_lost(t);
	} else {
		g->given++;
	}
}

static void
lose(struct tail *t, void *arg)
{
	(void)arg;
	if (is_unfinished(t) && t->place == NULL)
		say_lost(t);
}

void
handover_give(struct tails *ts, int channel, const void *p, size_t n)
{
	struct giving g = { channel, p, n, 0 };

	tails_walk(ts, give, &g);
}

void
handover_say_lost(struct tails *ts)
{
	tails_walk(ts, lose, NULL);
}

ssize_t
handover_recv(int channel, void *p, size_t n, int *fd)
{
	struct iovec iov = { p, n };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	ssize_t got;

	*fd = -1;
	if ((got = recvmsg(channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) <=
	    0)
		return (got);
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(*fd)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return (got);
}
