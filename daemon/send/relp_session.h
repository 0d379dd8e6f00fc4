/*
 * relp_session.h - what is said on one connection to a RELP server.
 *
 * The messages of a connection are counted from 1; that number is a message's
 * position in the window of its endpoint.  No I/O: the caller reads and sends.
 */
#ifndef SEND_RELP_SESSION_H
#define SEND_RELP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"
#include "lib/relp.h"

struct relp_session {			/* embedded by its owner */
	struct relp_parser	parser;
	uint32_t		txnr;		/* of the last frame sent */
	uint64_t		count;		/* messages sent */
	bool			open;		/* the server takes messages */
	bool			closing;	/* no frame may follow */
	unsigned		code;		/* of a refusal, and text: */
	const char		*text;		/* good until the next call */
};

enum relp_heard {
	RELP_HEARD_NOTHING,		/* all octets were read */
	RELP_HEARD_OPEN,		/* the server takes messages now */
	RELP_HEARD_ACK,			/* of the message at position */
	RELP_HEARD_ACKS,		/* of all messages up to position */
	RELP_HEARD_REFUSAL,		/* of the message at position */
	RELP_HEARD_CLOSE,		/* the server closes, or answers ours */
	RELP_HEARD_ERROR		/* with why set: close the connection */
};

/* What relp_session_hear() found. */
struct relp_said {
	size_t		used;		/* octets that were read */
	uint64_t	position;	/* of the message that is answered */
	struct reason	*why;		/* set by the caller: where to write
					   the reason of an error */
};

/*
 * Begins a connection.  Writes the first frame to out, which has RELP_ROOM, and
 * returns its octets.
 */
size_t	relp_session_begin(struct relp_session *, uint8_t *out);

/* Writes the last frame to out, which has RELP_ROOM; returns its octets. */
size_t	relp_session_end(struct relp_session *, uint8_t *out);

/* Returns the transaction number of the next message. */
uint32_t	relp_session_next(const struct relp_session *);

/* Counts n messages that were sent. */
void	relp_session_sent(struct relp_session *, uint64_t n);

/*
 * Reads in[0..n), which the server said, up to the first thing that matters,
 * and returns what that is.  in_flight is the number of the last messages that
 * may still be answered.
 */
enum relp_heard	relp_session_hear(struct relp_session *, uint64_t in_flight,
		    const uint8_t *in, size_t n, struct relp_said *);

#endif
