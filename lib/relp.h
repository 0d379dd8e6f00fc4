/*
 * relp.h - what a RELP client says besides messages, and hears.
 *
 * A frame is "TXNR COMMAND DATALEN DATA\n".  The client opens with transaction
 * 1 and sends its messages (WIRE_RELP in wire.h); the server answers each
 * transaction with a response of its number, in any order.  Pure: no I/O.
 */
#ifndef RELP_H
#define RELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reason.h"

#define RELP_TXNR_OPEN	1		/* of the frame that opens */
#define RELP_DATA_MAX	(128 * 1024)	/* octets of data in a frame */
#define RELP_DATA_KEPT	1024		/* of those, a response's first */
#define RELP_TEXT_MAX	80		/* octets of a response's text */
#define RELP_ROOM	256		/* for a frame that is encoded here */

/*
 * The frame that opens a connection, and says that software speaks ("name" or
 * "name,version"; cut to what fits).  out has RELP_ROOM.  Returns its octets.
 */
size_t	relp_encode_open(const char *software, uint8_t *out);

/* The last frame: no other may follow it. */
size_t	relp_encode_close(uint32_t txnr, uint8_t *out);

enum relp_event {
	RELP_INCOMPLETE,		/* all is read, and no frame complete */
	RELP_RSP,			/* the server answers a transaction */
	RELP_SERVERCLOSE,		/* the server will close: no answers
					   will come any more */
	RELP_ERROR			/* not RELP, or too much: close */
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

/* Embedded by its owner, who reads the fields before state. */
struct relp_parser {
	uint32_t	 txnr;		/* of the response */
	unsigned	 code;		/* 200: accepted; 0: it has no data, as
					   some answer a close */
	const char	*text;		/* for people: printable ASCII */
	const uint8_t	*offers;	/* what comes behind the text, as far */
	size_t		 noffers;	/* as it was kept */

	enum relp_state	 state;
	unsigned	 digits;
	size_t		 ncommand;
	uint32_t	 len;		/* of the data */
	uint32_t	 left;		/* of it to come */
	char		 command[16];
	uint8_t		 data[RELP_DATA_KEPT + 1];
};

void	relp_parser_init(struct relp_parser *);

/*
 * Reads in[0..n) up to the end of the next frame; *used is how much that was.
 * What the parser says of a response is good until the next call.  After
 * RELP_ERROR, of which why has the reason, nothing more can be read.
 */
enum relp_event	relp_parse(struct relp_parser *, const uint8_t *in, size_t n,
		    size_t *used, struct reason *why);

struct relp_accepted {
	uint64_t	count;		/* of frames */
	size_t		used;		/* their octets */
};

/*
 * Servers mostly accept in order and in the same words.  Returns how many of
 * the next frames, at most most, are "TXNR rsp 6 200 OK\n" for txnr, for the
 * one after it and so on.  All others are for relp_parse().
 */
struct relp_accepted	relp_parse_accepted(const struct relp_parser *,
			    uint32_t txnr, uint64_t most,
			    const uint8_t *in, size_t n);

/*
 * Whether a server that answers an open with these offers takes messages from
 * us.  Returns false with why set if not.
 */
bool	relp_offers_ok(const uint8_t *offers, size_t n, struct reason *why);

#endif
