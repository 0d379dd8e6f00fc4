/*
 * sandbox.h - gives up, for good, what a process has no use for.
 *
 * One file an operating system.  What the system cannot do is told, and the
 * rest is done all the same.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

#include "lib/reason.h"

struct needs;

/*
 * For the worker, when it is who it will be and has found its files: from here
 * on it can open nothing but what n has, start no program and touch no other
 * process.  No code comes into memory either: what loads some, a module of
 * iconv(3) or a compiler of patterns, has done so by then.
 * statedir is the descriptor of n's state_dir, or -1.
 * Returns 0, or -1 when some of it is not to be had; got lists what is in
 * force and what is not, and why.
 */
int	sandbox_worker(const struct needs *n, int statedir, struct reason *got);

/*
 * The same for the monitor.  A child has all limits of its parent and can only
 * add to them, so what a worker needs to start is not forbidden to it.
 */
int	sandbox_monitor(struct reason *got);

/*
 * Whether what sandbox_worker() refuses can be opened by another process and
 * passed to it; and: for that process, which from here on can open files to
 * read them, and do nothing else.
 */
bool	sandbox_asks(void);
int	sandbox_opener(struct reason *got);

/*
 * Whether sandbox_worker() hides what it does not allow: no name leads there,
 * and what is there seems not to be.
 */
bool	sandbox_hides(void);

/*
 * The path of a file of the system that this worker may read no more, for it
 * was replaced by another one; NULL: there is none.
 */
const char	*sandbox_outdated(void);

#endif
