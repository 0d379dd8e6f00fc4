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
	struct profile		*needs;	/* of conf; the worker adds what links
					   lead to */
	const struct account	*account;
	int			 state_dir;	/* descriptor, or -1 */
	int			 control;	/* listening socket, or -1 */
	int			 channel;	/* to the monitor: channel.h */
	uint64_t		 alive_ms;	/* how often the worker sends
						   CHANNEL_ALIVE */
	unsigned		 most_missed;	/* how many of these may stay
						   without an answer */
	uint64_t		 sum_ms;	/* how often it has figures,
						   0: never */
	const struct handover	*given;		/* open files of the worker
						   before */
};

/*
 * Runs the worker until a signal stops it or the monitor is gone.  What start
 * points to is borrowed.  Returns the exit status: 0 after an orderly stop.
 */
int	worker_run(const struct worker_start *);

#endif
