/*
 * pack.h - lines in, frames out: the one hot loop.
 *
 * One pass over the bytes and one copy for a plain line; nothing is allocated,
 * no clock, no system call.  Pure.
 */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syslog_header.h"
#include "text.h"
#include "wire.h"

enum pack_oversize {
	PACK_SPLIT,			/* every byte arrives, in parts */
	PACK_TRUNCATE			/* the first part arrives */
};

struct pack_style {
	const struct syslog_header	*header;
	struct text_rules		 text;
	enum wire			 wire;
	enum pack_oversize		 oversize;
	bool				 bom;	/* RFC 5424 6.4: a mark before
							   text beyond ASCII */
	size_t				 max_message;	/* octets of header and
							   text, at the most;
							   >= pack_least() */
};

/* Where a message ends. */
struct pack_mark {
	uint64_t	 end;		/* offset in the file of what is not in
					   it, its newline being in it */
	size_t		 made;		/* octets of out up to there */
};

struct pack_io {
	const uint8_t	*in;
	size_t		 in_len;
	uint64_t	 in_offset;	/* of in[0] in its file */
	bool		 ends_line;	/* in[in_len] counts as a newline */
	uint8_t		*out;
	size_t		 out_room;
	uint64_t	 most;		/* messages to make, 0 for any number */
	struct pack_mark *marks;	/* most of them to fill in, or NULL */
	uint32_t	 txnr;		/* WIRE_RELP: of the next message; is
					   counted on */

	size_t		 used;		/* result: octets of in consumed */
	size_t		 made;		/* result: octets of out written */
	uint64_t	 messages;	/* result: frames written */
	uint64_t	 repaired;	/* result: octets that were not UTF-8 */
	uint64_t	 oversize;	/* result: places where a line was cut
					   for its length */
};

#define PACK_NULS_LEAST	16		/* where a line should begin */

enum pack_stop {
	PACK_NEED_INPUT,		/* no complete line left in in[] */
	PACK_NEED_ROOM,			/* the next frame does not fit in out */
	PACK_ENOUGH,			/* most messages are made, and there is
					   input left */
	PACK_NULS			/* lines are made, and what comes next
					   is not one: it begins with NULs */
};

/* Least max_message for a header of len octets: room for some text. */
size_t	pack_least(const struct syslog_header *);

/*
 * Packs the lines of io->in into frames, until one of the two runs out or most
 * are made.  A line ends with LF, or CR LF; an empty one is a message too.
 *
 * A line of more than max_message is split between characters, or cut.  Its
 * first parts are made as soon as it is known to go on behind them, so a
 * caller may come back with an offset inside a line.  With PACK_TRUNCATE
 * nothing is made of a line whose end is not in in[].  With PACK_SPLIT
 * max_message + 8 octets of a line are always enough for a first part.
 *
 * Stops behind a line where PACK_NULS_LEAST of NULs come next, for the caller
 * to judge; in the first line, and in any other place, a NUL is an octet.
 *
 * Sets the results in io from 0.  out[] of pack_room(style) octets is always
 * enough for one frame.
 */
enum pack_stop	pack_lines(const struct pack_style *, struct pack_io *);
size_t	pack_room(const struct pack_style *);

#endif
