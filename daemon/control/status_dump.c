#include "daemon/control/status.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/atomic_file.h"

#define NAME "state.json"
#define EVERY 0.001 /* seconds, between two pieces: lines go first */

/*
 * It is written beside the file that is there and renamed over it.  It is not
 * synced, which could take seconds: it tells of this moment only.
 */
struct status_dump {
	struct ev_loop *loop;
	struct status_writer *writer;
	ev_timer next;
	struct atomic_file file;
	void (*on_end)(void *, const char *);
	void *arg;
};

/* Returns 1 when there is more, 0 at the end, -1 with errno. */
static int
write_piece(struct status_dump *d)
{
	const char *piece;
	size_t n;

	if ((piece = status_writer_next(d->writer, &n)) != NULL)
		return (atomic_file_write(d->file.fd, piece, n) == -1 ? -1 : 1);
	return (errno != 0 ? -1 : atomic_file_replace(&d->file, NULL));
}

static void
go_on(struct status_dump *d)
{
	char why[128];
	int result;

	if ((result = write_piece(d)) == 1)
		return;
	ev_timer_stop(d->loop, &d->next);
	if (result == -1)
		(void)snprintf(why, sizeof(why), NAME ": %s", strerror(errno));
	d->on_end(d->arg, result == -1 ? why : NULL);
}

static void
on_next(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	go_on(timer->data);
}

struct status_dump *
status_dump_new(struct ev_loop *loop, const struct status_view *v, int dirfd,
    void (*on_end)(void *, const char *), void *arg)
{
	struct status_dump *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	*d =
	    (struct status_dump) { .loop = loop, .on_end = on_end, .arg = arg };
	ev_timer_init(&d->next, on_next, 0., EVERY);
	d->next.data = d;
	/* Its group may read it, whatever the umask. */
	if (atomic_file_open(&d->file, dirfd, NAME, 0) == -1 ||
	    fchmod(d->file.fd, 0640) == -1 ||
	    (d->writer = status_writer_new(v, STATUS_ALL)) == NULL) {
		status_dump_free(d);
		return (NULL);
	}
	ev_timer_start(loop, &d->next);
	return (d);
}

void
status_dump_free(struct status_dump *d)
{
	int error = errno;

	if (d == NULL)
		return;
	ev_timer_stop(d->loop, &d->next);
	atomic_file_abandon(&d->file);
	status_writer_free(d->writer);
	free(d);
	errno = error;
}
