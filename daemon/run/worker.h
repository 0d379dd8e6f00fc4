/*
 * worker.h - the process that does the work, under the monitor.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/control/status.h"

struct account;
struct conf;
struct handover;
struct profile;

/* What the worker says on its channel. */
enum worker_word {
	WORKER_READY,			/* files and destinations are set up */
	WORKER_RELOAD,			/* it got SIGHUP, pass it on */
	WORKER_ALIVE,			/* the loop turns; with figures */
	WORKER_GIVES,			/* a file, see follow/handover.h */
	WORKER_RENEW,			/* it needs another sandbox */
	WORKER_LOOK,			/* whether it does, it cannot see */
	WORKER_DUMPED			/* what SIGUSR1 asked for is done */
};

/* A packet.  Numbers, as the monitor should have nothing to parse. */
struct worker_report {
	enum worker_word	word;
	struct state_sum	sum;	/* of WORKER_ALIVE */
	double			quiet;	/* of WORKER_GIVES */
};

/*
 * What the monitor says: of a reload '+', or '-' and what is wrong, without an
 * end; that for another reason another worker takes over; and to each
 * WORKER_ALIVE, that it was heard.
 */
#define MONITOR_RELOADS		'+'
#define MONITOR_REFUSES		'-'
#define MONITOR_RENEWS		'='
#define MONITOR_HEARS		'.'

struct worker_start {
	const struct conf	*conf;
	struct profile		*needs;	/* of conf; links are added */
	const struct account	*account;
	int			 statedir;	/* descriptor, or -1 */
	int			 control;	/* listening socket, or -1 */
	int			 channel;	/* to the monitor */
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
