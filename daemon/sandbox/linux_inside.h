/*
 * linux_inside.h - the parts of the sandbox on Linux.
 */
#ifndef SANDBOX_LINUX_INSIDE_H
#define SANDBOX_LINUX_INSIDE_H

#include "lib/reason.h"

struct needs;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum sandbox_of {
	SANDBOX_MONITOR,
	SANDBOX_WORKER,
	SANDBOX_OPENER
};

/* What the kernel has of landlock(7); 0: nothing. */
long	sandbox_landlock_abi(void);

/*
 * Files and ports, landlock(7), for the worker, and for one that only reads;
 * system calls, seccomp(2): n is for the worker alone.  All return 0, or -1
 * when something of it is not to be had.
 */
int	sandbox_landlock(const struct needs *n, int statedir,
	    struct reason *got);
int	sandbox_landlock_reading(struct reason *got);
int	sandbox_seccomp(enum sandbox_of, const struct needs *n,
	    struct reason *got);

#endif
