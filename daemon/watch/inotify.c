/*
 * inotify(7): one descriptor, one watch a directory, and one for a file that
 * is reached by none of them.
 *
 * IN_EXCL_UNLINK is not set: what is written to a deleted file is reported
 * under its last name, and that is wanted.
 */
#include <sys/inotify.h>
#include <sys/ioctl.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/watch/system.h"

#define MASK_NAMES                                                             \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |     \
	    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define MASK_DATA IN_MODIFY
#define MASK_FILE (IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

#define BUFFER (64 * 1024)
#define MAX_EVENT (sizeof(struct inotify_event) + NAME_MAX + 1)

struct watch_system {
	struct watch *watch;
	const struct watch_system_ops *ops;
	struct ev_loop *loop;
	ev_io readable;
	int fd;
	uint32_t moved; /* cookie of the last IN_MOVED_FROM */
	int moved_from; /* its watch */
	char moved_name[NAME_MAX + 1];
};

/* The two halves of a rename come one after the other, inotify(7). */
static const char *
name_before(struct watch_system *s, const struct inotify_event *e)
{
	if (e->mask & IN_MOVED_FROM) {
		s->moved = e->cookie;
		s->moved_from = e->wd;
		(void)strlcpy(s->moved_name, e->name, sizeof(s->moved_name));
	}
	if ((e->mask & IN_MOVED_TO) && e->cookie == s->moved &&
	    e->wd == s->moved_from)
		return (s->moved_name);
	return (NULL);
}

static void
report(struct watch_system *s, const struct inotify_event *e)
{
	const char *name = e->len > 0 ? e->name : NULL;
	const char *from = NULL;
	enum watch_event event = WATCH_DATA;
	int handle = e->wd;

	if (e->mask & IN_Q_OVERFLOW) {
		handle = -1;
		event = WATCH_SCAN;
	} else if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
		name = NULL;
		event = WATCH_GONE;
	} else if (name != NULL && !(e->mask & IN_MODIFY)) {
		from = name_before(s, e);
		event = WATCH_NAME;
	} else if (name == NULL && (e->mask & IN_IGNORED))
		return;
	s->ops->on_event(s->watch, handle, event, name, from);
}

bool
watch_system_has_more(const struct watch_system *s)
{
	int left;

	return (ioctl(s->fd, FIONREAD, &left) == 0 && left > 0);
}

/* Whether there are events beside those that were just read, n octets. */
static bool
has_more(const struct watch_system *s, size_t n)
{
	return (n + MAX_EVENT > BUFFER && watch_system_has_more(s));
}

/* The next turns read the rest of a long queue: others have work, too. */
static void
read_events(struct watch_system *s)
{
	_Alignas(struct inotify_event) char buf[BUFFER];
	const struct inotify_event *e;
	ssize_t n, at;

	if ((n = read(s->fd, buf, sizeof(buf))) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			log_error("watch: inotify");
		return;
	}
	for (at = 0; at < n; at += (ssize_t)sizeof(*e) + e->len) {
		e = (const struct inotify_event *)(void *)(buf + at);
		report(s, e);
	}
	s->ops->on_read(s->watch, !has_more(s, (size_t)n));
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	read_events(io->data);
}

struct watch_system *
watch_system_open(
    struct watch *w, struct ev_loop *loop, const struct watch_system_ops *ops)
{
	struct watch_system *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->watch = w;
	s->ops = ops;
	s->loop = loop;
	if ((s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1) {
		free(s);
		return (NULL);
	}
	ev_io_init(&s->readable, on_readable, s->fd, EV_READ);
	s->readable.data = s;
	ev_io_start(loop, &s->readable);
	return (s);
}

void
watch_system_close(struct watch_system *s)
{
	if (s == NULL)
		return;
	ev_io_stop(s->loop, &s->readable);
	(void)close(s->fd);
	free(s);
}

int
watch_system_add(struct watch_system *s, const char *path, bool data)
{
	uint32_t mask = MASK_NAMES | IN_MASK_ADD;

	/* IN_MASK_ADD: another owner may watch the same directory for more. */
	return (inotify_add_watch(s->fd, path, data ? mask | MASK_DATA : mask));
}

void
watch_system_del(struct watch_system *s, int handle)
{
	/* Fails where the directory is gone, and its watch with it. */
	(void)inotify_rm_watch(s->fd, handle);
}

bool
watch_system_sees_files(const struct watch_system *s)
{
	(void)s;
	return (true);
}

int
watch_system_add_file(struct watch_system *s, int fd, const char *path)
{
	char self[64];

	/* The very file, whatever has its name by now. */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return (inotify_add_watch(s->fd, fd == -1 ? path : self, MASK_FILE));
}

void
watch_system_del_file(struct watch_system *s, int handle)
{
	watch_system_del(s, handle);
}

bool
watch_system_survives_close(const struct watch_system *s)
{
	(void)s;
	return (true);
}
