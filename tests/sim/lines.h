/*
 * lines.h - the lines that were written, as the oracle's own parts see them.
 */
#ifndef LINES_H
#define LINES_H

#include "tests/sim/sim.h"

#define LINE_LOGS	4
#define LINES		2048	/* of a log */
#define LINE_ROOM	SIM_LINE
/* Then the rest of a rotated file is sent without a newline. */
#define LINE_PATIENCE	(55 * NS_S)

struct line {
	uint16_t	generation;
	/* Destinations, as bits, that */
	uint8_t		owed;	/* are to get it */
	uint8_t		got;	/* have it */
	uint8_t		lost;	/* could not have it */
	uint8_t		refused;	/* did not get it; who ends by then
					   forgets it */
	uint8_t		reset;	/* had not read it; who is killed by then
				   does */
	int64_t		refused_until;
	uint8_t		denied[SIM_DESTS];	/* so often, in RELP */
	int64_t		since;	/* it is half written; or 0 */
	bool		cut;	/* it does not stand in one piece */
	unsigned	copied;	/* the life in which it stood in a copy that
				   cannot be known, or 0: destinations may */
	uint8_t		again;	/* get it once more by a later one */
};

extern struct line lines[LINE_LOGS][LINES];
extern unsigned line_counts[LINE_LOGS];

/* The text of a line, without its newline; returns its octets. */
size_t	line_text(unsigned log, unsigned seq, char *p);
/* Reads "L1.234 "; returns whether it is one of ours. */
bool	line_parse(const uint8_t *p, size_t n, unsigned *log, unsigned *seq);
/* Takes away NULs, as they are escaped. */
const uint8_t	*line_behind_nuls(const uint8_t *p, size_t *n);
/*
 * The line of which it is a piece, as it was cut to pieces; NULL: of none.
 * likely, or NULL, comes first.
 */
struct line	*line_of_piece(struct line *likely, const uint8_t *p, size_t n,
		    bool *is_end);
/* What is so short may be a piece of any: all that end with it. */
void	lines_lose_ends(unsigned dests, const uint8_t *p, size_t n);

#endif
