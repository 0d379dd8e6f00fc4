/*
 * opener.h - opens for the worker what its sandbox refuses.
 *
 * A sandbox cannot be widened.  A directory that is made anew later, or that a
 * symbolic link leads to later, is opened by another process of the same user:
 * the opener, which checks that the configuration names the file, and can do
 * nothing else.  Where sandbox_asks() is false there is no opener, and
 * opener_open() is open(2).
 */
#ifndef SANDBOX_OPENER_H
#define SANDBOX_OPENER_H

#include <stdbool.h>

struct conf;

/*
 * Forks the opener of this process, before that enters its own sandbox; the
 * opener ends when this process does.  It has its own copy of conf.  Returns 0,
 * or -1 with errno.
 */
int	opener_start(const struct conf *);

/* Whether an opener runs, so that files can be opened the sandbox refuses. */
bool	opener_is_there(void);

/*
 * A descriptor to watch, or -1 where no opener runs.  When it is readable, the
 * opener may have ended: opener_is_gone() returns whether that is so, logs it
 * and closes the descriptor.
 */
int	opener_fd(void);
bool	opener_is_gone(void);

/*
 * As open(2), without O_CREAT; what the sandbox refuses is asked of the opener,
 * which opens regular files and directories, to read.  Waits for its answer for
 * some seconds at most; ETIMEDOUT then.
 */
int	opener_open(const char *path, int flags);

/* As openat(2) of a name in dirfd, which is open, and whose path is dir. */
int	opener_open_in(int dirfd, const char *dir, const char *name, int flags);

#endif
