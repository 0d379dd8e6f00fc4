/*
 * worker_inside.h - the worker as its own parts see it.  worker_monitor.c tells
 * the monitor and hears it, worker_state.c has the state written, worker.c
 * starts, turns and stops.
 */
#ifndef RUN_WORKER_INSIDE_H
#define RUN_WORKER_INSIDE_H

#include <ev.h>
#include <stdbool.h>

#include "daemon/base/starting.h"
#include "daemon/control/server.h"
#include "daemon/control/status.h"
#include "daemon/run/channel.h"
#include "daemon/run/worker.h"
#include "daemon/run/worker_build.h"
#include "daemon/run/worker_sandbox.h"
#include "lib/token_bucket.h"

struct handover_file;

struct worker {
	const struct worker_start *start;
	const struct conf *conf;
	struct worker_parts parts;
	struct server_env server_env;
	struct server *server; /* NULL: no control socket */
	struct starting starting;
	ev_signal sigterm;
	ev_signal sigint;
	ev_signal sighup;
	ev_signal sigusr1;
	ev_io monitor;
	ev_prepare turn;
	struct turns turns;
	ev_timer patience; /* while stopping */
	ev_timer alive;
	uint64_t sum_due_ms; /* the monitor is told figures then */
	unsigned missed; /* how often the monitor has not answered */
	unsigned untold; /* words that it had no room for, as bits */
	struct worker_sandbox worker_sandbox;
	struct status_dump *dump; /* NULL: none is written now */
	bool dumped; /* it is at its end */
	bool dump_again;
	bool stopping;
	bool replaced; /* by another worker, when it ends */
};

/* worker_monitor.c */

/*
 * Tells the monitor.  When its channel is full, it is told again as soon as it
 * is heard; only CHANNEL_ALIVE is not.
 */
void	worker_tell(struct worker *, enum channel_word);

/* Takes one message of the monitor.  Returns what channel_hear() does. */
int	worker_hear(struct worker *);

/*
 * Gives the monitor an open file, for the worker that follows; waits for room
 * for 5 s at the most.  A callback of handover_give(): returns 0, or -1 with
 * errno.
 */
int	worker_give_file(void *worker, const struct handover_file *);

/* worker_state.c */

/* Has state.json written; once more, when it is being written. */
void	worker_write_state(struct worker *);

/* At the end of a turn: frees what wrote the state, where that is done. */
void	worker_end_state(struct worker *);

#endif
