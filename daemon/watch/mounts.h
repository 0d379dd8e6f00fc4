/*
 * mounts.h - where file systems are mounted, and when that changes.
 *
 * The watch of a directory or a file does not report that something is mounted
 * over it: it goes on watching what is covered now.  And where a single file is
 * mounted, its writes are events of the directory that it is mounted from, not
 * of the one that it is mounted in.
 */
#ifndef WATCH_MOUNTS_H
#define WATCH_MOUNTS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mounts;

/*
 * At each of the n paths, which have no symbolic links in them, something was
 * mounted or unmounted.  The paths are valid during the call.
 */
typedef void mounts_cb(void *arg, const char *const *paths, size_t n);

/*
 * Opens what the system is asked by, and reads the mounts.  on_change is called
 * from the loop, once a second at most.  Returns NULL with errno, ENOSYS where
 * the system has no way to ask.
 */
struct mounts	*mounts_new(struct ev_loop *, mounts_cb *on_change, void *arg);

/* NULL is fine. */
void	mounts_free(struct mounts *);

/* Whether something is mounted on name in dir; false where mounts is NULL. */
bool	mounts_has(const struct mounts *, const char *dir, const char *name);

#endif
