/*
 * relp_session.h - one conversation with a RELP server.
 *
 * Counts the messages of a connection from 1; that number is a message's
 * position in the window of its endpoint.
 */
#ifndef SEND_RELP_SESSION_H
#define SEND_RELP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"
#include "lib/relp.h"

struct relp_session {			/* embedded */
	struct relp_parser	parser;
	uint32_t		txnr;		/* of the last frame */
	uint64_t		count;		/* messages so far */
	bool			open;		/* the server takes messages */
	bool			closing;	/* no frame may follow */
	unsigned		code;		/* of a refusal, and its words: */
	const char		*text;		/* until more is heard */
};

enum relp_heard {
	RELP_HEARD_NOTHING,		/* all is read */
	RELP_HEARD_OPEN,		/* messages may go */
	RELP_HEARD_ACK,			/* of the message at *position */
	RELP_HEARD_ACKS,		/* of all up to *position */
	RELP_HEARD_REFUSAL,		/* of the message at *position */
	RELP_HEARD_CLOSE,		/* the server is done */
	RELP_HEARD_ERROR		/* with why set: close */
};

/* Begins anew; writes the first frame to out, of RELP_ROOM.  Returns octets. */
size_t	relp_session_begin(struct relp_session *, uint8_t *out);

/* The last frame.  Returns its octets. */
size_t	relp_session_end(struct relp_session *, uint8_t *out);

/* The transaction number of the next message. */
uint32_t	relp_session_next(const struct relp_session *);

/* n messages were made. */
void	relp_session_sent(struct relp_session *, uint64_t n);

/*
 * Reads what the server said, up to one thing that matters; *used octets.
 * in_flight is how many of the last messages may still be answered.
 */
enum relp_heard	relp_session_hear(struct relp_session *, uint64_t in_flight,
		    const uint8_t *in, size_t n, size_t *used,
		    uint64_t *position, struct reason *why);

#endif
