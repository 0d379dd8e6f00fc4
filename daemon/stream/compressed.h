/*
 * compressed.h - reads at any offset of the text of a compressed file.
 *
 * A file that was rotated and compressed before all of it was sent is finished
 * from what the compressed one holds.  Reading goes forward; going back by more
 * than the last pieces begins anew.  As a decoder may need much memory, a
 * destination has one such file at a time.
 */
#ifndef STREAM_COMPRESSED_H
#define STREAM_COMPRESSED_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fingerprint.h"
#include "lib/inflate.h"

struct checkpoint_record;
struct stream;
struct tail;

/*
 * Reads the head of the text of fd, which is of that kind.  Returns its octets;
 * 0 also when it is damaged, or -1 with errno where it cannot be read.
 */
int	tail_packed_head(int fd, enum inflate_kind kind,
	    uint8_t head[FINGERPRINT_MAX]);

/*
 * Whether the text of fd has what the guard was made of.  Returns 1 or 0, or -1
 * where nobody knows: it is damaged, or there is more of it before the offset
 * than is worth decoding just for that.
 */
int	tail_packed_guard(int fd, enum inflate_kind kind, const struct guard *);

/* Whether a line of the text ends at that offset; the same. */
int	tail_packed_line_ends_at(int fd, enum inflate_kind kind, off_t offset);

/*
 * Whether of, a file, begins with all of the text of fd.  Returns 1 or 0, or -1
 * where nobody knows, as above.
 */
int	tail_packed_is_part(int fd, enum inflate_kind kind, int of);

/*
 * As pread(2) on the text of the stream's file.  EAGAIN: it is the turn of
 * others, come back; EBUSY: another file is read first, and the stream is woken
 * when that is done.  The size of its tail is known when the end was reached.
 */
ssize_t	tail_packed_read(struct stream *, int fd, uint8_t *buf, size_t n,
	    off_t at);

/* Its decoder is not needed any more; others may have theirs. */
void	tail_packed_close(struct stream *);

/*
 * By time: says what is missing of a file that was cut off.  Returns whether
 * every destination has all there is of it.
 */
bool	tail_packed_look(struct tail *, double quiet);

/* Whether tail_finish_packed() left the record, of a file made at born. */
bool	tail_packed_is_finished(const struct checkpoint_record *, int64_t born);

#endif
