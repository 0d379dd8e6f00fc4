/*
 * channel.h - what the monitor and the worker say to each other.
 *
 * Both ways it is one structure, one packet each of a socketpair(2) of AF_UNIX
 * and SOCK_SEQPACKET.  The monitor takes numbers and open files from a worker,
 * and no text: it has nothing to parse.
 */
#ifndef RUN_CHANNEL_H
#define RUN_CHANNEL_H

#include <stdbool.h>

#include "daemon/control/status.h"
#include "lib/reason.h"

enum channel_word {
	/* The worker says: */
	CHANNEL_READY,		/* files and destinations are set up */
	CHANNEL_RELOAD,		/* it got SIGHUP: the monitor is to reload */
	CHANNEL_ALIVE,		/* its loop turns; sum may have figures */
	CHANNEL_GIVES,		/* a file goes with it; quiet is set */
	CHANNEL_RENEW,		/* another worker is to take over, whose
				   sandbox is made then */
	CHANNEL_LOOK,		/* the monitor is to look whether the
				   worker needs another sandbox */
	CHANNEL_DUMPED,		/* state.json is written, as SIGUSR1 asked */

	/* The monitor says: */
	CHANNEL_HEARS,		/* it has heard CHANNEL_ALIVE */
	CHANNEL_RELOADS,	/* a worker with a new configuration follows */
	CHANNEL_REFUSES,	/* the new configuration is wrong: why */
	CHANNEL_RENEWS		/* a worker with the same one follows */
};

struct channel_message {
	enum channel_word	word;
	bool			has_sum;	/* CHANNEL_ALIVE: it has */
	struct status_sum	sum;	/* these figures */
	double			quiet;	/* of CHANNEL_GIVES, seconds: since the
					   file was written */
	struct reason		why;	/* of CHANNEL_REFUSES */
};

/*
 * Sends m, and with it the open file fd, which is borrowed; -1: no file.  Waits
 * up to wait_ms milliseconds for room.  Returns 0, or -1 with errno,
 * EAGAIN where there is no room.
 */
int	channel_say(int channel, const struct channel_message *m, int fd,
	    int wait_ms);

/*
 * Takes a message that is there, without waiting.  A packet that is none is
 * passed over.  *fd is the caller's descriptor of the file that came with it,
 * or what fdpass.h has for none.  Returns 1, 0 when the other side is gone, or
 * -1 with errno, EAGAIN when nothing is there.
 */
int	channel_hear(int channel, struct channel_message *m, int *fd);

#endif
