/*
 * linux_inside.h - the parts of the sandbox on Linux, for daemon/sandbox alone.
 */
#ifndef SANDBOX_LINUX_INSIDE_H
#define SANDBOX_LINUX_INSIDE_H

#include "lib/reason.h"

struct profile;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum sandbox_of {
	SANDBOX_MONITOR,
	SANDBOX_WORKER,
	SANDBOX_OPENER
};

/* The version of landlock(7) that the kernel has; 0: it has none. */
long	sandbox_landlock_abi(void);

/*
 * landlock(7): limits the files and ports to those of the profile, for the
 * worker; or all files to reading, for the opener.  Returns 0, or -1 when a
 * part of it is missing; adds to got what is in force, or why not.
 */
int	sandbox_landlock(const struct profile *, int state_dir,
	    struct reason *got);
int	sandbox_landlock_reading(struct reason *got);

/*
 * seccomp(2): limits the system calls to those of a monitor, a worker or an
 * opener; the profile is that of a worker, and NULL for the others.  Returns as
 * sandbox_landlock().
 */
int	sandbox_seccomp(enum sandbox_of, const struct profile *,
	    struct reason *got);

#endif
