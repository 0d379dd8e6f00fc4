/*
 * worker.h - the process that does the work, under the monitor.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdint.h>

struct account;
struct conf;

/* What the worker says on its channel: a packet that begins with one of: */
#define WORKER_READY	'R'		/* files and destinations are set up */
#define WORKER_RELOAD	'H'		/* it got SIGHUP, pass it on */
#define WORKER_ALIVE	'A'		/* the loop turns */

struct worker_start {
	const struct conf	*conf;
	const struct account	*account;
	int			 statedir;	/* descriptor, or -1 */
	int			 channel;	/* to the monitor */
	uint64_t		 alive_ms;	/* how often to say so, or 0 */
};

/*
 * Runs until it is told to stop, or the monitor is gone.  Returns the status
 * to exit with: 0 after an orderly stop.
 */
int	worker_run(const struct worker_start *);

#endif
