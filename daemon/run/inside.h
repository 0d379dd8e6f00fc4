/*
 * inside.h - the monitor as its own parts see it.  monitor_worker.c starts and
 * stops the worker's process, monitor_prepare.c does what only root may do
 * before a worker runs, monitor_hear.c takes what a worker says and asks for,
 * monitor.c decides, signals.c catches signals.
 */
#ifndef RUN_INSIDE_H
#define RUN_INSIDE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/privdrop.h"
#include "daemon/base/control_socket.h"
#include "daemon/follow/handover.h"
#include "daemon/run/channel.h"
#include "daemon/run/monitor.h"
#include "daemon/base/state_dir.h"

#define REFUSED "STATUS=the new configuration is wrong, the old one goes on"

/*
 * A process that was silent so many times, when the other one expected to hear
 * of it, hangs.
 */
#define MONITOR_MISSED 12

/* Milliseconds that a worker may need beyond shutdown_timeout. */
#define MONITOR_KILL_GRACE_MS 5000

struct conf;
struct profile;

/* What a worker may ask for; the monitor limits how often it obeys. */
enum request {
	REQUEST_RELOAD,
	REQUEST_RENEWAL,
	REQUEST_LOOK,
	NREQUESTS
};

struct allowance {
	unsigned	 spent;		/* requests of those allowed at once */
	uint64_t	 since_ms;	/* the allowance grows from here */
	uint64_t	 due_ms;	/* a request that came too often is
					   done then; 0: none waits */
};

/*
 * What the next worker runs with.  conf NULL: the next worker has the
 * configuration of the present one.
 */
struct next {
	struct conf	*conf;
	struct account	 account;
	struct state_dir	 state;
	bool		 same_state;	/* the state directory stays the same,
					   and state is not open */
};

struct monitor {
	const struct monitor_ops *ops;
	struct conf	*conf;
	struct next	 next;
	struct profile	*needs;		/* of conf, when the worker started */
	struct account	 account;
	struct state_dir	 state;
	struct control	 control;
	uint64_t restart_ms; /* the last wait, see next_wait() */
	struct allowance asked[NREQUESTS];
	pid_t		 worker;	/* 0: none runs */
	int		 channel;
	uint64_t	 started_ms;
	uint64_t	 heard_ms;	/* when the worker spoke last */
	uint64_t	 due_ms;	/* when to start, or to kill, the
					   worker; 0: neither */
	uint64_t	 beat_ms;	/* when to tell systemd's watchdog,
					   while no worker does; 0: never */
	uint64_t	 stopped_ms;	/* when the worker was asked to stop */
	bool		 is_ready;	/* the present worker is ready */
	bool		 was_ready;	/* a worker has been ready once */
	bool		 refused;	/* the new configuration was wrong */
	bool		 renewing;	/* another worker is to take over */
	bool		 dump;		/* state.json was asked for, and is not
					   written yet */
	bool		 killed;	/* the monitor killed the worker, which
					   is no fault of the worker */
	bool		 stopping;
	bool		 finished;
	bool		 state_gone;	/* the state directory was removed,
					   which was logged */
	int		 status;
	struct handover	 given;		/* files for the next worker */
	unsigned	 ungiven;	/* how many more could not be kept:
					   no descriptor was left */
	int		 checkpoint;	/* descriptor of the checkpoint, in case
					   somebody removes it; -1 */
};

/* monitor_worker.c */

/*
 * Starts the process of a worker with m->conf.  Returns 0, or -1 after it has
 * logged why.
 */
int	monitor_start_worker(struct monitor *);

/*
 * Asks the worker to stop: it is killed when it still runs shutdown_timeout and
 * MONITOR_KILL_GRACE_MS later.  Does nothing without a worker.
 */
void	monitor_stop_worker(struct monitor *);

/* Kills the worker, whose end is then not logged as a fault. */
void	monitor_kill_worker(struct monitor *);

/*
 * Asks the worker to stop, and starts another one with the same configuration
 * when it has.  Does nothing while another worker is to take over anyway.
 */
void	monitor_renew(struct monitor *);

/*
 * Sends the worker a message; does nothing without a worker.  why is the text
 * of CHANNEL_REFUSES, else "".
 */
void	monitor_tell(const struct monitor *, enum channel_word,
	    const char *why);

/* How often a worker is to say that it is alive, in milliseconds. */
uint64_t	monitor_alive_ms(void);

/* How long a worker may be silent, in milliseconds. */
uint64_t	monitor_patience_ms(void);

/* Sets beat_ms, when systemd's watchdog is to be told next. */
void	monitor_beat_later(struct monitor *);

/* monitor_prepare.c */

/*
 * Reads the configuration anew and has another worker take over with it; says
 * why not where it is wrong.
 */
void	monitor_reload(struct monitor *);

/*
 * Makes ready what a worker with conf needs, while another one may be running;
 * takes conf.  Returns 0, or -1 with why set: then nothing has changed, and
 * conf is the caller's.
 */
int	monitor_prepare(struct monitor *, struct conf *, struct reason *why);

/*
 * monitor_take_next() starts to use what monitor_prepare() has made ready;
 * monitor_drop_next() frees it.
 */
void	monitor_take_next(struct monitor *);
void	monitor_drop_next(struct monitor *);

/*
 * Before a worker starts: opens the control socket, if it is not open, and
 * makes the state directory again, if somebody has removed it.  Both log what
 * fails; the worker starts without it.
 */
void	monitor_open_control(struct monitor *);
void	monitor_renew_state(struct monitor *);

/* Logs once when somebody has removed the state directory. */
void	monitor_watch_state(struct monitor *);

/* monitor_hear.c */

/* Handles the messages of the worker, at most so many. */
void	monitor_hear(struct monitor *, unsigned most);

/*
 * Returns when the next request that had to wait is due, in milliseconds of the
 * steady clock, 0: none waits.  monitor_do_requests() does what is due.
 */
uint64_t	monitor_request_due(const struct monitor *);
void	monitor_do_requests(struct monitor *);

/* signals.c */

#define SIGNALS_TERM	1u
#define SIGNALS_HUP	2u
#define SIGNALS_USR1	4u

/* Returns the bits of the signals that have come since the last call. */
unsigned	signals_take(void);

/*
 * Installs the handler of the signals.  They stay blocked but while ppoll(2)
 * waits, so that none comes between a look and the wait.
 */
void	signals_catch(void);

/*
 * In the process of a worker: removes the handler.  The signals stay blocked;
 * the worker unblocks each one when libev watches it.
 */
void	signals_forget(void);

#endif
