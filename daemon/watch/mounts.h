/*
 * mounts.h - where file systems are mounted, and when that changes.
 *
 * What is mounted over a directory, or over a file, is no event of either: who
 * watches them goes on with what is covered now.  And what is written to a file
 * that is mounted by itself is told in the directory that it is mounted from,
 * not in the one that it is mounted in.
 */
#ifndef WATCH_MOUNTS_H
#define WATCH_MOUNTS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mounts;

/*
 * At each of the n paths, which have no links in them, something was mounted,
 * or is mounted no more.
 */
typedef void mounts_cb(void *arg, const char *const *paths, size_t n);

/*
 * Returns NULL with errno, which is ENOSYS where the system tells nothing of
 * it.  on_change is called from the loop, once a second at the most.  Free with
 * mounts_free(); what the system is asked by is open from here on.
 */
struct mounts	*mounts_new(struct ev_loop *, mounts_cb *on_change, void *arg);
void	mounts_free(struct mounts *);

/* Whether something is mounted on name in dir; false without mounts (NULL). */
bool	mounts_has(const struct mounts *, const char *dir, const char *name);

/*
 * The door to one operating system: mounts_linux.c, mounts_bsd.c.
 */
struct mounts_system;

struct mounts_system	*mounts_system_open(struct mounts *, struct ev_loop *);
void	mounts_system_close(struct mounts_system *);

/*
 * Calls mounts_add() for each that there is.  Returns 0, or -1 with errno: then
 * it is asked again.
 */
int	mounts_system_list(struct mounts_system *, struct mounts *);

/* id: whatever tells it from another one at the same path. */
int	mounts_add(struct mounts *, const char *path, uint64_t id);

/* There may be others now. */
void	mounts_changed(struct mounts *);

#endif
