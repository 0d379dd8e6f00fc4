/*
 * sandbox_inside.h - the parts of the sandbox on Linux.
 */
#ifndef SANDBOX_INSIDE_H
#define SANDBOX_INSIDE_H

#include "lib/reason.h"

struct needs;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Adds to the list of what is in force and what is not.  Returns result. */
int	sandbox_tell(struct reason *got, int result, const char *fmt, ...)
	    __attribute__((__format__(printf, 3, 4)));

/*
 * Files and ports, landlock(7); system calls, seccomp(2): n is NULL for the
 * monitor.  Both return 0, or -1 when something of it is not to be had.
 */
int	sandbox_landlock(const struct needs *n, int statedir,
	    struct reason *got);
int	sandbox_seccomp(const struct needs *n, struct reason *got);

#endif
