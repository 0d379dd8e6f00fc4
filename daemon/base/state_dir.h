/*
 * state_dir.h - the directory where state is kept, and its lock.
 */
#ifndef BASE_STATE_DIR_H
#define BASE_STATE_DIR_H

#include <sys/types.h>

#include <stdbool.h>

#include "lib/reason.h"

struct state_dir {
	int	fd;			/* of the directory, -1: none is kept */
	int	lock;			/* held while it is open */
};

/*
 * Opens the directory at path, or makes it with mode 0750 for uid and gid, and
 * locks it; waits up to two seconds for a daemon that is just leaving.  fork(2)
 * inherits the lock: another daemon gets it when the last process of this one
 * has ended.  path NULL: no state is kept.
 * Returns 0, or -1 with why set: which process has the lock; or that the
 * directory belongs to somebody else, that others may write in it, or that uid
 * may not.  Then nothing was made in it.
 */
int	state_dir_open(struct state_dir *, const char *path, uid_t, gid_t,
	    struct reason *why);

/* Closes both; other processes of the daemon may still hold the lock. */
void	state_dir_close(struct state_dir *);

/* Whether the directory is still the one that path leads to. */
bool	state_dir_is_at(const struct state_dir *, const char *path);

/*
 * Whether state_dir_give() would leave a directory that uid may use: returns 0,
 * or -1 with why set.
 */
int	state_dir_may_give(const struct state_dir *, const char *path, uid_t,
	    gid_t, struct reason *why);

/*
 * As root: makes uid and gid the owner of the directory and of the files that
 * the worker writes, unless the directory is root's.  Returns 0, or -1 with why
 * set.
 */
int	state_dir_give(const struct state_dir *, uid_t, gid_t,
	    struct reason *why);

/*
 * Writes the process ids into the lock file, for the message of a second
 * daemon; worker 0: there is none.
 */
void	state_dir_set_pids(const struct state_dir *, pid_t monitor,
	    pid_t worker);

/* Opens the checkpoint to read.  Returns a descriptor, or -1 with errno. */
int	state_dir_open_checkpoint(const struct state_dir *);

/*
 * Copies the open file fd, which is borrowed, to the checkpoint, for uid and
 * gid; does nothing where there is a checkpoint.  Returns 0, or -1 with errno.
 */
int	state_dir_put_checkpoint(const struct state_dir *, int fd, uid_t,
	    gid_t);

#endif
