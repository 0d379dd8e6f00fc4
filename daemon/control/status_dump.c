#include "daemon/control/status.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TMP_NAME "state.json.new"
#define NAME "state.json"
#define EVERY 0.001 /* seconds, between two pieces: lines go first */

/*
 * It is written beside the file that is there and renamed over it.  It is not
 * synced, which could take seconds: it tells of this moment only.
 */
struct state_dump {
	struct ev_loop *loop;
	struct state_writer *writer;
	ev_timer next;
	int dirfd;
	int fd; /* -1: closed, and nothing to remove */
	void (*on_end)(void *, const char *);
	void *arg;
};

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t w;

	while (n > 0) {
		if ((w = write(fd, p, n)) == -1) {
			if (errno == EINTR)
				continue;
			return (-1);
		}
		p += w;
		n -= (size_t)w;
	}
	return (0);
}

/* Returns 1 when there is more, 0 at the end, -1 with errno. */
static int
write_piece(struct state_dump *d)
{
	const char *piece;
	size_t n;
	int fd = d->fd;

	if ((piece = state_writer_next(d->writer, &n)) != NULL)
		return (write_all(fd, piece, n) == -1 ? -1 : 1);
	if (errno != 0)
		return (-1);
	/* Whatever close(2) says, it is closed. */
	d->fd = -1;
	if (close(fd) == 0 && renameat(d->dirfd, TMP_NAME, d->dirfd, NAME) == 0)
		return (0);
	(void)unlinkat(d->dirfd, TMP_NAME, 0);
	return (-1);
}

static void
on_next(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct state_dump *d = timer->data;
	char why[128];
	int result;

	(void)revents;
	if ((result = write_piece(d)) == 1)
		return;
	ev_timer_stop(loop, timer);
	if (result == -1)
		(void)snprintf(why, sizeof(why), NAME ": %s", strerror(errno));
	d->on_end(d->arg, result == -1 ? why : NULL);
}

struct state_dump *
state_dump_new(struct ev_loop *loop, const struct state_view *v, int dirfd,
    void (*on_end)(void *, const char *), void *arg)
{
	struct state_dump *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	*d = (struct state_dump) {
		.loop = loop, .dirfd = dirfd, .on_end = on_end, .arg = arg
	};
	d->fd = openat(dirfd, TMP_NAME,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	ev_timer_init(&d->next, on_next, 0., EVERY);
	d->next.data = d;
	/* Its group may read it, whatever the umask. */
	if (d->fd == -1 || fchmod(d->fd, 0640) == -1 ||
	    (d->writer = state_writer_new(v, STATE_ALL)) == NULL) {
		state_dump_free(d);
		return (NULL);
	}
	ev_timer_start(loop, &d->next);
	return (d);
}

void
state_dump_free(struct state_dump *d)
{
	int error = errno;

	if (d == NULL)
		return;
	ev_timer_stop(d->loop, &d->next);
	if (d->fd != -1) {
		(void)close(d->fd);
		(void)unlinkat(d->dirfd, TMP_NAME, 0);
	}
	state_writer_free(d->writer);
	free(d);
	errno = error;
}
