/*
 * monitor.h - the process that stays: starts the worker, passes signals on,
 * starts it again after a crash, and replaces it on reload.
 *
 * It reads no log and speaks to no network.
 */
#ifndef RUN_MONITOR_H
#define RUN_MONITOR_H

#include "lib/reason.h"

struct conf;

struct monitor_ops {
	/* Reads the configuration anew; NULL with why set. */
	struct conf	*(*load)(void *arg, struct reason *why);
	/* The first worker is ready. */
	void		(*on_ready)(void *arg);
	void		*arg;
};

/*
 * Holds back the signals that monitor and worker handle until they do.  To be
 * called first of all: a signal that comes early must not kill the daemon.
 */
void	monitor_hold_signals(void);

/* For a process that does not run the monitor after all. */
void	monitor_release_signals(void);

/*
 * Runs a worker with conf, which it takes, until it is told to stop.  Returns
 * the status to exit with.
 */
int	monitor_run(const struct monitor_ops *, struct conf *conf);

#endif
