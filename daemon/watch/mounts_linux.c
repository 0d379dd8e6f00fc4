/*
 * /proc/self/mountinfo, proc_pid_mountinfo(5).  poll(2) tells POLLPRI once
 * whenever a mount came or went in this namespace; POLLIN, which loops wait
 * for, it tells always.  So the file is in an epoll(7) set of its own, and the
 * loop waits for that.
 */
#include "daemon/watch/mounts_system.h"

#include <sys/epoll.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "lib/mountinfo.h"

#define ROOM (16 * 1024) /* at first */
#define MOST (64 * 1024 * 1024)

struct mounts_system {
	void (*on_change)(void *);
	void *arg;
	struct ev_loop *loop;
	ev_io changed;
	int fd;
	int set;
};

/* The event has to be taken: the set stays readable until then. */
static void
report(struct mounts_system *s)
{
	struct epoll_event e;

	(void)epoll_wait(s->set, &e, 1, 0);
	s->on_change(s->arg);
}

static void
on_changed(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	report(io->data);
}

struct mounts_system *
mounts_system_open(struct ev_loop *loop, void (*on_change)(void *), void *arg)
{
	struct epoll_event e = { .events = EPOLLPRI };
	struct mounts_system *s;
	int error;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->on_change = on_change;
	s->arg = arg;
	s->loop = loop;
	s->set = -1;
	ev_io_init(&s->changed, on_changed, -1, EV_READ);
	if ((s->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) ==
		-1 ||
	    (s->set = epoll_create1(EPOLL_CLOEXEC)) == -1 ||
	    epoll_ctl(s->set, EPOLL_CTL_ADD, s->fd, &e) == -1) {
		error = errno;
		mounts_system_close(s);
		errno = error;
		return (NULL);
	}
	ev_io_set(&s->changed, s->set, EV_READ);
	s->changed.data = s;
	ev_io_start(loop, &s->changed);
	return (s);
}

void
mounts_system_close(struct mounts_system *s)
{
	if (s == NULL)
		return;
	ev_io_stop(s->loop, &s->changed);
	if (s->set != -1)
		(void)close(s->set);
	if (s->fd != -1)
		(void)close(s->fd);
	free(s);
}

/* All of it, *n octets.  Returns NULL with errno; to be freed. */
static char *
read_all(int fd, size_t *n)
{
	char *text = NULL, *grown;
	size_t room = 0;
	ssize_t got;

	*n = 0;
	for (;;) {
		if (*n == room) {
			room = room == 0 ? ROOM : 2 * room;
			grown = room > MOST ? NULL : realloc(text, room);
			if (grown == NULL)
				break;
			text = grown;
		}
		got = pread(fd, text + *n, room - *n, (off_t)*n);
		if (got == 0)
			return (text);
		if (got > 0)
			*n += (size_t)got;
		else if (errno != EINTR)
			break;
	}
	free(text);
	return (NULL);
}

int
mounts_system_list(struct mounts_system *s,
    int (*add)(void *, const char *, uint64_t), void *to)
{
	struct mountinfo info;
	const char *at;
	char *text;
	int result = 0;
	size_t n;

	if ((text = read_all(s->fd, &n)) == NULL)
		return (-1);
	for (at = text; result == 0 && mountinfo_next(&at, text + n, &info);)
		result = add(to, info.path, info.id);
	free(text);
	return (result);
}
