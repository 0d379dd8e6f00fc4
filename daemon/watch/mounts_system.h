/*
 * mounts_system.h - the door to the mounts of one operating system:
 * mounts_linux.c, mounts_bsd.c or mounts_none.c, of which the build takes one.
 */
#ifndef WATCH_MOUNTS_SYSTEM_H
#define WATCH_MOUNTS_SYSTEM_H

#include <ev.h>
#include <stdint.h>

struct mounts_system;

/*
 * on_change is called from the loop when there may be other mounts now.
 * Returns NULL with errno.
 */
struct mounts_system	*mounts_system_open(struct ev_loop *,
			    void (*on_change)(void *arg), void *arg);

/* NULL is fine. */
void	mounts_system_close(struct mounts_system *);

/*
 * Calls add for each mount, until it returns -1; id tells it from another mount
 * at the same path.  Returns 0, or -1 with errno: then list again later.
 */
int	mounts_system_list(struct mounts_system *,
	    int (*add)(void *to, const char *path, uint64_t id), void *to);

#endif
