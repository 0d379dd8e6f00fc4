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
 * Blocks the signals that monitor and worker handle.  Call it first of all: a
 * signal that comes before the handlers are there must not end the daemon.
 */
void	signals_hold(void);

/* Unblocks all signals, for a process that does not run the monitor. */
void	signals_release(void);

/*
 * Takes conf, and runs a worker with it until a signal stops the daemon.  The
 * ops are borrowed.  Returns the exit status.
 */
int	monitor_run(const struct monitor_ops *, struct conf *conf);

#endif
