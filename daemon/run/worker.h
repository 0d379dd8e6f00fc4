/*
 * worker.h - the process that does the work, under the monitor.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct account;
struct conf;
struct handover;
struct profile;

struct worker_start {
	const struct conf	*conf;
	struct profile		*needs;	/* of conf; links are added */
	const struct account	*account;
	int			 statedir;	/* descriptor, or -1 */
	int			 control;	/* listening socket, or -1 */
	int			 channel;	/* to the monitor: channel.h */
	uint64_t		 alive_ms;	/* how often to say so, */
	unsigned		 most_missed;	/* and to hear no answer */
	bool			 tells_sum;	/* with figures */
	const struct handover	*given;		/* files of the one before */
};

/*
 * Runs until it is told to stop, or the monitor is gone.  Returns the status
 * to exit with: 0 after an orderly stop.
 */
int	worker_run(const struct worker_start *);

#endif
