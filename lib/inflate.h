/*
 * inflate.h - reads what gzip, zstd and xz have compressed.
 *
 * Input comes in any pieces, output goes into the room there is, so memory is
 * bounded whatever a file claims to hold: a decoder takes at most
 * INFLATE_MEMORY.  Files of several members are one text.  Pure: no I/O.
 */
#ifndef INFLATE_H
#define INFLATE_H

#include <stddef.h>
#include <stdint.h>

#define INFLATE_MAGIC	6		/* octets that tell the kind */
#define INFLATE_MEMORY	(128 * 1024 * 1024)

enum inflate_kind {
	INFLATE_NONE,
	INFLATE_GZIP,
	INFLATE_ZSTD,
	INFLATE_XZ
};

enum inflate_status {
	INFLATE_MORE,			/* needs more input, or more room */
	INFLATE_WHOLE,			/* the text may end here; more input may
					   be another member of it */
	INFLATE_DAMAGED			/* nothing can be had any more */
};

struct inflate_io {
	const uint8_t	*in;
	size_t		 in_len;
	uint8_t		*out;
	size_t		 room;
	size_t		 used;		/* result: octets of in consumed */
	size_t		 made;		/* result: octets of out written */
};

struct inflate;				/* opaque */

/* Returns the format of a file that begins with p[0..n). */
enum inflate_kind	inflate_kind_of(const uint8_t *p, size_t n);

/*
 * Returns a decoder for a kind that is not INFLATE_NONE, or NULL with ENOMEM.
 * Free with inflate_free(); NULL is fine.
 */
struct inflate	*inflate_new(enum inflate_kind kind);
void	inflate_free(struct inflate *);

/*
 * Decodes until all of in is used or out is full.  Call it again with the rest
 * of in, also where that is empty, to fetch what did not fit into out.  The
 * octets made before INFLATE_DAMAGED are right as far as one can know.
 */
enum inflate_status	inflate_run(struct inflate *, struct inflate_io *);

/* Returns, in words, why the input is damaged. */
const char	*inflate_error(const struct inflate *);

#endif
