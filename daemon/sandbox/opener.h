/*
 * opener.h - opens for the worker what its sandbox does not know.
 *
 * A sandbox that was made allows nothing more.  What comes later, a directory
 * that is made anew or one that a symbolic link leads to, is opened by another
 * process with the worker's account: the opener, which looks whether the
 * configuration means it, and can do nothing else.  Where sandbox_asks() is
 * false there is none, and opener_open() is open(2).
 */
#ifndef SANDBOX_OPENER_H
#define SANDBOX_OPENER_H

#include <stdbool.h>

struct conf;

/*
 * Starts the opener of this process, which is to enter its sandbox later; it
 * ends with this process.  Returns 0, or -1 with errno.
 */
int	opener_start(const struct conf *);

/* Whether there is one, so that what the sandbox refuses can be opened. */
bool	opener_is_there(void);

/*
 * A descriptor to watch, -1 where there is none; when it can be read, the
 * opener may have ended: then opener_is_gone() closes it and says so.
 */
int	opener_fd(void);
bool	opener_is_gone(void);

/*
 * As open(2) without O_CREAT; where the sandbox refuses, the opener is asked,
 * for a regular file or a directory.
 */
int	opener_open(const char *path, int flags);

/* As openat(2) of a name in a directory that is open, and that is dir's. */
int	opener_open_in(int dirfd, const char *dir, const char *name, int flags);

#endif
