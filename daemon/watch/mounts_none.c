/*
 * A system that tells nothing that we know of: the slow sweep finds it.
 */
#include "daemon/watch/mounts.h"

#include <errno.h>

struct mounts_system *
mounts_system_open(struct mounts *m, struct ev_loop *loop)
{
	(void)m;
	(void)loop;
	errno = ENOSYS;
	return (NULL);
}

void
mounts_system_close(struct mounts_system *s)
{
	(void)s;
}

int
mounts_system_list(struct mounts_system *s, struct mounts *m)
{
	(void)s;
	(void)m;
	errno = ENOSYS;
	return (-1);
}
