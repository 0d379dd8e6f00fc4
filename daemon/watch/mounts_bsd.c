/*
 * getmntinfo(3), by getfsstat(2), which pledge(2) allows with rpath and
 * unveil(2) leaves alone.  No event tells of a mount, so it is asked every few
 * seconds.
 */
#include "daemon/watch/mounts_system.h"

#include <sys/param.h> /* first: <sys/mount.h> needs it on some */

#include <sys/mount.h>

#include <stdlib.h>
#include <string.h>

#include "lib/fingerprint.h"

#define EVERY 5. /* seconds */

struct mounts_system {
	void (*on_change)(void *);
	void *arg;
	struct ev_loop *loop;
	ev_timer timer;
};

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct mounts_system *s = timer->data;

	(void)loop;
	(void)revents;
	s->on_change(s->arg);
}

struct mounts_system *
mounts_system_open(struct ev_loop *loop, void (*on_change)(void *), void *arg)
{
	struct mounts_system *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->on_change = on_change;
	s->arg = arg;
	s->loop = loop;
	ev_timer_init(&s->timer, on_timer, EVERY, EVERY);
	s->timer.data = s;
	ev_timer_start(loop, &s->timer);
	return (s);
}

void
mounts_system_close(struct mounts_system *s)
{
	if (s == NULL)
		return;
	ev_timer_stop(s->loop, &s->timer);
	free(s);
}

/* Which file system it is, and from where. */
static uint64_t
id_of(const struct statfs *f)
{
	struct fingerprint fs, from;

	fingerprint_of(&fs, (const uint8_t *)&f->f_fsid, sizeof(f->f_fsid));
	fingerprint_of(&from, (const uint8_t *)f->f_mntfromname,
	    strnlen(f->f_mntfromname, sizeof(f->f_mntfromname)));
	return (fs.hash ^ from.hash * 31);
}

int
mounts_system_list(struct mounts_system *s,
    int (*add)(void *, const char *, uint64_t), void *to)
{
	struct statfs *list; /* of the library */
	int i, n, result = 0;

	(void)s;
	if ((n = getmntinfo(&list, MNT_NOWAIT)) == 0)
		return (-1);
	for (i = 0; result == 0 && i < n; i++)
		result = add(to, list[i].f_mntonname, id_of(&list[i]));
	return (result);
}
