/*
 * sandbox.h - gives up for good what a process has no use for.
 *
 * One file an operating system.  Where the system lacks a part of it, the rest
 * is done all the same, and got says so.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "lib/reason.h"

struct profile;

/*
 * Confines the worker, after it has changed its user and found its files: from
 * here on it opens nothing but what the profile lists, starts no program and
 * touches no other process.  Nor can it load code into memory: modules of
 * iconv(3) and compiled patterns have to be there before.  state_dir is the
 * open state_dir of the profile, or -1.  Returns 0, or -1 when a part is
 * missing; got lists what is in force, and what is not and why.
 */
int	sandbox_worker(const struct profile *, int state_dir,
	    struct reason *got);

/*
 * Confines the monitor.  A child has all limits of its parent and can only add
 * to them, so what a worker needs to start stays allowed.  Returns as
 * sandbox_worker().
 */
int	sandbox_monitor(struct reason *got);

/*
 * Whether another process can open what sandbox_worker() refuses, and pass it
 * to the worker: see opener.h.
 */
bool	sandbox_asks(void);

/*
 * Confines that process: from here on it opens files to read them, and does
 * nothing else.  Returns as sandbox_worker().
 */
int	sandbox_opener(struct reason *got);

/*
 * Whether sandbox_worker() hides what it does not allow: then a file that is
 * not allowed seems not to exist.
 */
bool	sandbox_hides(void);

/*
 * The path of a file of the system that was allowed, but replaced since, so
 * that the worker cannot read the new one; NULL: there is none.
 */
const char	*sandbox_outdated(void);

#endif
