/*
 * kqueue(2): a note on each directory, and on each file that is open anyway.
 *
 * A directory is told of names alone, and not which; a file tells of itself.
 * Notes do not say what happened: a shrinking file is ATTRIB without WRITE, one
 * that was truncated and filled again is everything at once, and DELETE may
 * leave another name.  So each means no more than: look.
 */
#include "daemon/watch/system.h" /* <ev.h> first: it also has an EV_ERROR */

#include <sys/event.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"

/* That a file shrank is also an ATTRIB, where there is no NOTE_TRUNCATE. */
#define NOTES                                                                  \
	(NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME |    \
	    NOTE_DELETE | NOTE_REVOKE)
#define NOTES_GONE (NOTE_RENAME | NOTE_DELETE | NOTE_REVOKE)

/* Then others have their turn. */
#define BATCH 1024

struct watch_system {
	struct watch *watch;
	const struct watch_system_ops *ops;
	struct ev_loop *loop;
	ev_io readable;
	int fd;
	rlim_t dirs;
	rlim_t max_dirs;
	uint32_t turn; /* of the loop */
	uint32_t *told; /* by handle: the last one in which a directory was */
	size_t ntold;
};

/* A directory's note carries the watch_system, that of a file nothing. */
static int
change(struct watch_system *s, int fd, bool add, void *udata)
{
	struct kevent e;

	EV_SET(&e, (uintptr_t)fd, EVFILT_VNODE,
	    add ? EV_ADD | EV_CLEAR : EV_DELETE, add ? NOTES : 0, 0, udata);
	return (kevent(s->fd, &e, 1, NULL, 0, NULL));
}

/* Whether a directory is told once more in one turn; it is noted. */
static bool
is_told_again(struct watch_system *s, const struct kevent *e)
{
	uint32_t *told;
	bool again;

	if (e->udata == NULL)
		return (false);
	told = &s->told[e->ident];
	again = *told == s->turn;
	*told = s->turn;
	return (again);
}

static void
report(struct watch_system *s, const struct kevent *e)
{
	enum watch_event event = WATCH_SCAN;

	if (e->udata == NULL)
		event = WATCH_DATA;
	else if (e->fflags & NOTES_GONE)
		event = WATCH_GONE;
	s->ops->on_event(s->watch, (int)e->ident, event, NULL, NULL);
}

/*
 * One at a time: what is reported may close descriptors, and with them go the
 * notes that still wait; their numbers may be others' by then.  Every note
 * means a scan of its directory, in which somebody may rename files as fast as
 * it is scanned: when one comes again, others have their turn.
 */
static void
read_events(struct watch_system *s)
{
	static const struct timespec now = { 0, 0 };
	struct kevent e;
	bool again = false;
	int i, n = 0;

	s->turn++;
	for (i = 0; i < BATCH && !again; i++) {
		if ((n = kevent(s->fd, NULL, 0, &e, 1, &now)) < 1)
			break;
		again = is_told_again(s, &e);
		report(s, &e);
	}
	if (n == -1 && errno != EINTR)
		log_error("watch: kqueue");
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
	struct rlimit rl;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->watch = w;
	s->ops = ops;
	s->loop = loop;
	if ((s->fd = kqueue()) == -1) {
		free(s);
		return (NULL);
	}
	(void)fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	/* Files and connections need descriptors, too. */
	s->max_dirs = getrlimit(RLIMIT_NOFILE, &rl) == -1 ? 0 : rl.rlim_cur / 2;
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
	free(s->told);
	free(s);
}

/* Makes room for a directory of this handle. */
static int
grow_told(struct watch_system *s, size_t handle)
{
	size_t n = handle + 1 + handle / 2;
	uint32_t *told;

	if (handle < s->ntold)
		return (0);
	if ((told = reallocarray(s->told, n, sizeof(*told))) == NULL)
		return (-1);
	memset(told + s->ntold, 0, (n - s->ntold) * sizeof(*told));
	s->told = told;
	s->ntold = n;
	return (0);
}

/* The handle is a descriptor: every call returns another. */
int
watch_system_add(struct watch_system *s, const char *path, bool data)
{
	int fd, error;

	(void)data;
	if (s->dirs >= s->max_dirs) {
		errno = EMFILE;
		return (-1);
	}
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (-1);
	if (grow_told(s, (size_t)fd) == -1 || change(s, fd, true, s) == -1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return (-1);
	}
	s->dirs++;
	return (fd);
}

void
watch_system_del(struct watch_system *s, int handle)
{
	(void)change(s, handle, false, NULL);
	(void)close(handle);
	s->dirs--;
}

bool
watch_system_sees_files(const struct watch_system *s)
{
	(void)s;
	return (false);
}

int
watch_system_add_file(struct watch_system *s, int fd, const char *path)
{
	(void)path;
	/* One descriptor a file: what is closed is left to the slow sweep. */
	if (fd == -1) {
		errno = EBADF;
		return (-1);
	}
	return (change(s, fd, true, NULL) == -1 ? -1 : fd);
}

void
watch_system_del_file(struct watch_system *s, int handle)
{
	(void)change(s, handle, false, NULL);
}

bool
watch_system_survives_close(const struct watch_system *s)
{
	(void)s;
	return (false);
}

bool
watch_system_has_more(const struct watch_system *s)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };

	return (poll(&pfd, 1, 0) == 1);
}
