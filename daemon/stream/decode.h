/*
 * decode.h - the text of a compressed file that is open.
 *
 * Offsets are octets of the text.  The descriptor is borrowed for each call and
 * read with pread(2): whoever else reads it is not disturbed.
 */
#ifndef STREAM_DECODE_H
#define STREAM_DECODE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "lib/fingerprint.h"
#include "lib/inflate.h"

/* Reads at any offset of one text. */
struct decoder;				/* opaque */

enum decoder_state {
	DECODER_GOES_ON,		/* there may be more text */
	DECODER_CUT,			/* the file ends within its text; there
					   may be more when it has grown */
	DECODER_WHOLE,			/* the text has come to its end */
	DECODER_DAMAGED			/* no more of the text can be had */
};

/*
 * Makes a decoder whose reads are at most longest octets.  It takes twice that,
 * and up to INFLATE_MEMORY.  Returns NULL with ENOMEM.  decoder_free(NULL) is
 * fine.
 */
struct decoder	*decoder_new(enum inflate_kind, size_t longest);
void	decoder_free(struct decoder *);

/*
 * Reads the text of fd as pread(2) does.  Fewer octets than n are all there are
 * up to the end that decoder_state() tells.  A read may go back by as many
 * octets as the one before had; farther back, all is decoded again.  Returns -1
 * with errno of pread(2), with ENOMEM, or with EAGAIN: much text had to be
 * passed over to come to at; let others have their turn and call again.
 */
ssize_t	decoder_read(struct decoder *, int fd, uint8_t *, size_t n, off_t at);

/* Returns how the last read ended; *end is how much text is known. */
enum decoder_state	decoder_state(const struct decoder *, off_t *end);

/* Returns, in words, why the text is damaged. */
const char	*decoder_error(const struct decoder *);

/*
 * Reads the first octets of the text of fd into head.  Returns how many; 0 also
 * when the text is damaged there; -1 with errno when fd cannot be read, or with
 * ENOMEM.
 */
int	decoder_read_head(int fd, enum inflate_kind,
	    uint8_t head[FINGERPRINT_MAX]);

/*
 * Returns 1 where the text of fd has before guard's offset what guard was made
 * of; 0 where it has not, or is damaged before; -1 where that is not known: fd
 * cannot be read, or the offset is too far (64 MB) to decode all before it.
 */
int	decoder_has_guard(int fd, enum inflate_kind, const struct guard *);

/* Returns the same of whether a line of the text ends at offset. */
int	decoder_line_ends_at(int fd, enum inflate_kind, off_t offset);

/*
 * Returns 1 where the file of, which is not compressed, begins with all of the
 * text of fd; 0 where it does not; -1 where that is not known: the text is
 * damaged or too long, or fd cannot be read.
 */
int	decoder_is_part(int fd, enum inflate_kind, int of);

#endif
