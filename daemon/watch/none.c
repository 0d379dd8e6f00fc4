/*
 * A system without events: every directory is polled.
 */
#include <errno.h>
#include <stddef.h>

#include "daemon/watch/system.h"

struct watch_system *
watch_system_open(
    struct watch *w, struct ev_loop *loop, const struct watch_system_ops *ops)
{
	(void)w;
	(void)loop;
	(void)ops;
	errno = ENOSYS;
	return (NULL);
}

void
watch_system_close(struct watch_system *s)
{
	(void)s;
}

int
watch_system_add(struct watch_system *s, const char *path, bool data)
{
	(void)s;
	(void)path;
	(void)data;
	errno = ENOSYS;
	return (-1);
}

void
watch_system_del(struct watch_system *s, int handle)
{
	(void)s;
	(void)handle;
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
	(void)s;
	(void)fd;
	(void)path;
	errno = ENOSYS;
	return (-1);
}

void
watch_system_del_file(struct watch_system *s, int handle)
{
	(void)s;
	(void)handle;
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
	(void)s;
	return (false);
}
