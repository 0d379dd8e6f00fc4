/*
 * relp.h - frames of RELP: those of a client without a message, and those of a
 * server.
 *
 * A frame is "TXNR COMMAND DATALEN DATA\n".  The client opens a session with
 * transaction 1, then sends each message in a transaction of its own (WIRE_RELP
 * in wire.h).  The server answers each transaction with a response of the same
 * number, in any order.  Pure: no I/O.
 */
#ifndef RELP_H
#define RELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reason.h"

#define RELP_TXNR_OPEN	1		/* number of the first transaction */
#define RELP_DATA_MAX	(128 * 1024)	/* octets of data in a frame, at most */
#define RELP_DATA_KEPT	1024		/* of those, what the parser keeps */
#define RELP_TEXT_MAX	80		/* octets of text of a response, kept */
#define RELP_ROOM	256		/* octets of a frame encoded here */

/*
 * Writes the frame that opens a session to out, which has RELP_ROOM octets.
 * software names the client: "name" or "name,version", cut to what fits.
 * Returns the octets of the frame.
 */
size_t	relp_encode_open(const char *software, uint8_t *out);

/*
 * Writes the frame that closes a session, in the same way.  It is the last one
 * that the client sends.
 */
size_t	relp_encode_close(uint32_t txnr, uint8_t *out);

enum relp_event {
	RELP_INCOMPLETE,		/* no frame is complete yet */
	RELP_RSP,			/* the server answers a transaction */
	RELP_SERVERCLOSE,		/* the server closes: no response
					   comes any more */
	RELP_ERROR			/* not RELP, or too long: close */
};

enum relp_state {			/* what the next octet belongs to */
	RELP_AT_TXNR,
	RELP_AT_COMMAND,
	RELP_AT_LENGTH,
	RELP_AT_DATA,
	RELP_AT_END,
	RELP_AT_NEXT,			/* a frame is complete */
	RELP_AT_ERROR
};

/* Embedded by its owner, who may read the members before state. */
struct relp_parser {
	uint32_t	 txnr;		/* of the response */
	unsigned	 code;		/* 200: accepted; 0: there is no data,
					   as in some answers to a close */
	const char	*text;		/* for people: printable ASCII */
	const uint8_t	*offers;	/* lines after the text, if kept */
	size_t		 noffers;	/* octets of these */

	enum relp_state	 state;
	unsigned	 digits;
	size_t		 ncommand;
	uint32_t	 len;		/* of the data */
	uint32_t	 left;		/* octets of it that are to come */
	char		 command[16];
	uint8_t		 data[RELP_DATA_KEPT + 1];
};

/* Begins with the first frame of a connection. */
void	relp_parser_init(struct relp_parser *);

/*
 * Reads in[0..n) up to the end of the next frame, and sets *used to the octets
 * read.  The members that describe a response are good until the next call.
 * After RELP_ERROR, for which why is set, nothing more can be read.
 */
enum relp_event	relp_parse(struct relp_parser *, const uint8_t *in, size_t n,
		    size_t *used, struct reason *why);

struct relp_accepted {
	uint64_t	count;		/* of frames */
	size_t		used;		/* their octets */
};

/*
 * Reads many responses at once, for servers mostly accept in order and in the
 * same words.  Returns how many of the next frames are "TXNR rsp 6 200 OK\n",
 * for txnr, the transaction after it and so on; at most most.  The first frame
 * that is not is for relp_parse().
 */
struct relp_accepted	relp_parse_accepted(const struct relp_parser *,
			    uint32_t txnr, uint64_t most,
			    const uint8_t *in, size_t n);

/*
 * Whether a server that answers the open with these offers takes our messages:
 * it speaks version 0 and offers the command syslog.  If not, sets why.
 */
bool	relp_offers_ok(const uint8_t *offers, size_t n, struct reason *why);

#endif
