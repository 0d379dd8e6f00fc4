/*
 * state_dir.h - the directory where state is kept, and its lock.
 */
#ifndef BASE_STATE_DIR_H
#define BASE_STATE_DIR_H

#include <sys/types.h>

#include <stdbool.h>

#include "lib/reason.h"

struct statedir {
	int	fd;			/* of the directory, -1: none is kept */
	int	lock;			/* held while it is open */
};

/*
 * Opens path, made with mode 0750 for uid and gid when it is not there, and
 * takes the lock, which is inherited by fork(2): as long as any process of
 * ours lives, no other daemon gets it.  Waits a moment for one that is just
 * leaving.  path NULL: no state is kept.
 * Returns 0, or -1 with why set: who has it, when it is locked; or that it is
 * somebody else's, that others may write in it, or that uid may not: then
 * nothing was made in it.
 */
int	statedir_open(struct statedir *, const char *path, uid_t, gid_t,
	    struct reason *why);
void	statedir_close(struct statedir *);

/* Whether it is what path leads to now, and has not been removed. */
bool	statedir_is_at(const struct statedir *, const char *path);

/* Whether statedir_give() will do: returns 0, or -1 with why set. */
int	statedir_may_give(const struct statedir *, const char *path, uid_t,
	    gid_t, struct reason *why);

/*
 * Makes uid and gid the owner of the directory and what the worker writes in
 * it, as far as root can.  Returns 0, or -1 with why set.
 */
int	statedir_give(const struct statedir *, uid_t, gid_t,
	    struct reason *why);

/*
 * Writes the processes of which a second daemon will be told the first one that
 * is alive; worker 0: there is none.
 */
void	statedir_set_pids(const struct statedir *, pid_t monitor, pid_t worker);

/*
 * Opens the checkpoint to read it.  Returns a descriptor, or -1 with errno.
 */
int	statedir_open_checkpoint(const struct statedir *);

/*
 * Writes what the file fd, which is borrowed, has as the checkpoint, for uid
 * and gid, unless there is one.  Returns 0, or -1 with errno.
 */
int	statedir_put_checkpoint(const struct statedir *, int fd, uid_t, gid_t);

#endif
