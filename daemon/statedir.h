/*
 * statedir.h - the directory where state is kept, and its lock.
 */
#ifndef STATEDIR_H
#define STATEDIR_H

#include <sys/types.h>

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
 * Returns 0, or -1 with why set: who has it, when it is locked.
 */
int	statedir_open(struct statedir *, const char *path, uid_t, gid_t,
	    struct reason *why);
void	statedir_close(struct statedir *);

/*
 * Makes uid and gid the owner of the directory and what the worker writes in
 * it, as far as root can.  Returns 0, or -1 with why set.
 */
int	statedir_give(const struct statedir *, uid_t, gid_t,
	    struct reason *why);

/* Writes the process that a second daemon will be told of. */
void	statedir_set_pid(const struct statedir *, pid_t);

#endif
