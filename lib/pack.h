/*
 * pack.h - makes frames of lines: the one hot loop.
 *
 * A plain line is passed over once and copied once.  Nothing is allocated.
 * Pure: no clock, no system call.
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
	uint64_t	 end;		/* offset in the file behind its
					   newline */
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
	uint32_t	 txnr;		/* WIRE_RELP: number of the next
					   message; counted on */

	size_t		 used;		/* result: octets of in consumed */
	size_t		 made;		/* result: octets of out written */
	uint64_t	 messages;	/* result: frames written */
	uint64_t	 repaired;	/* result: octets that were not UTF-8 */
	uint64_t	 oversize;	/* result: places where a line was cut
					   for its length */
};

/* So many NULs where a line should begin are no line. */
#define PACK_NULS_LEAST	16

enum pack_stop {
	PACK_NEED_INPUT,		/* no complete line left in in[] */
	PACK_NEED_ROOM,			/* the next frame does not fit in out */
	PACK_ENOUGH,			/* most messages are made, and there is
					   input left */
	PACK_NULS			/* behind the lines that were made come
					   PACK_NULS_LEAST of NULs */
};

/* Returns the least max_message that leaves room for text behind the header. */
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
 * Sets the results in io from 0.
 */
enum pack_stop	pack_lines(const struct pack_style *, struct pack_io *);

/* Returns the octets of out[] that are always enough for one frame. */
size_t	pack_room(const struct pack_style *);

#endif
