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

/* A process that has not been heard so many times hangs. */
#define MONITOR_MISSED 12

/* Milliseconds that a worker may need beyond shutdown_timeout. */
#define MONITOR_KILL_GRACE_MS 5000

struct conf;
struct profile;

/* What a worker may ask for, but not as often as it likes. */
enum request {
	REQUEST_RELOAD,
	REQUEST_RENEWAL,
	REQUEST_LOOK,
	NREQUESTS
};

struct allowance {
	unsigned	 spent;		/* of what may come at once */
	uint64_t	 since_ms;	/* it is refilled from here */
	uint64_t	 due_ms;	/* what came too often waits; 0 */
};

/* What the next worker runs with; conf NULL: with the same as this one. */
struct next {
	struct conf	*conf;
	struct account	 account;
	struct statedir	 state;
	bool		 same_state;	/* that of this worker: state is none */
};

struct monitor {
	const struct monitor_ops *ops;
	struct conf	*conf;
	struct next	 next;
	struct profile	*needs;		/* as it was when the worker started */
	struct account	 account;
	struct statedir	 state;
	struct control	 control;
	uint64_t restart_ms; /* the last wait, see next_wait() */
	struct allowance asked[NREQUESTS];
	pid_t		 worker;	/* 0: none runs */
	int		 channel;
	uint64_t	 started_ms;
	uint64_t	 heard_ms;	/* when the worker spoke last */
	uint64_t	 due_ms;	/* start, or kill, the worker; 0 */
	uint64_t	 beat_ms;	/* no worker speaks yet: we do; 0 */
	uint64_t	 stopped_ms;	/* when it was told to stop */
	bool		 is_ready;	/* this worker is */
	bool		 was_ready;	/* some worker was */
	bool		 refused;	/* the new configuration was wrong */
	bool		 renewing;	/* another worker is to take over */
	bool		 dump;		/* was asked for, and is not done */
	bool		 killed;	/* by us: it is no fault of its own */
	bool		 stopping;
	bool		 finished;
	bool		 state_gone;	/* and it was said */
	int		 status;
	struct handover	 given;		/* files for the next worker */
	unsigned	 ungiven;	/* others: no descriptor was left */
	int		 checkpoint;	/* open, should it be removed; -1 */
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

/* Another worker takes over from this one, by the same configuration. */
void	monitor_renew(struct monitor *);

/* Tells the worker, if there is one; why is the text of CHANNEL_REFUSES. */
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

/* That is what the next worker is started with. */
void	monitor_take_next(struct monitor *);
void	monitor_drop_next(struct monitor *);

/* A worker is about to start: the control socket, and the state directory. */
void	monitor_open_control(struct monitor *);
void	monitor_renew_state(struct monitor *);

/* Says once when somebody has removed the state directory. */
void	monitor_watch_state(struct monitor *);

/* monitor_hear.c */

/* Takes what the worker has said, so many packets at the most. */
void	monitor_hear(struct monitor *, unsigned most);

/* When something that a worker has asked for is due, 0: nothing; does it. */
uint64_t	monitor_request_due(const struct monitor *);
void	monitor_do_requests(struct monitor *);

/* signals.c */

#define MONITOR_TERM	1u
#define MONITOR_HUP	2u
#define MONITOR_USR1	4u

/* Which have come since it was asked last. */
unsigned	monitor_take_signals(void);

/* They are let in only while ppoll(2) waits, so none is missed. */
void	monitor_catch_signals(void);

/* The worker lets each in when it has a watcher for it. */
void	monitor_forget_signals(void);

#endif
