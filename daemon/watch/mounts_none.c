/*
 * A system that tells nothing that we know of: the slow sweep finds it.
 */
#include "daemon/watch/mounts_system.h"

#include <errno.h>

struct mounts_system *
mounts_system_open(struct ev_loop *loop, void (*on_change)(void *), void *arg)
{
	(void)loop;
	(void)on_change;
	(void)arg;
	errno = ENOSYS;
	return (NULL);
}

void
mounts_system_close(struct mounts_system *s)
{
	(void)s;
}

int
mounts_system_list(struct mounts_system *s,
    int (*add)(void *, const char *, uint64_t), void *to)
{
	(void)s;
	(void)add;
	(void)to;
	errno = ENOSYS;
	return (-1);
}
