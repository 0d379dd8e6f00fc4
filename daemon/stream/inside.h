/*
 * inside.h - what the files of stream/ need of each other.
 */
#ifndef STREAM_INSIDE_H
#define STREAM_INSIDE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "daemon/stream/stream.h"
#include "lib/pack.h"

/*
 * Reads the stream's open file as pread(2) does, or its text where the file is
 * compressed.  Returns fewer octets than n only at the end of what there is,
 * or before an error; 0 at the end; -1 with errno.  After an error the file is
 * unread (streams_read_failed()), also where something was read before it.
 * For a compressed file errno may be EAGAIN: call again after others had their
 * turn; or EBUSY: another file is decoded first, and the stream is woken after
 * it.
 */
ssize_t	stream_read(struct stream *, uint8_t *buf, size_t n, off_t at);

/* Returns the length of p[0..n) without the NULs at its end. */
size_t	stream_text_length(const uint8_t *p, size_t n);

/*
 * Returns the offset of the first octet at or behind from that is no NUL, or -1
 * where the file has nothing but NULs from there on: some programs fill a file
 * with NULs before they write lines over them.  Stops after STREAM_NULS_TURN
 * octets, at a NUL.  buf[0..size) is for reading.
 */
off_t	stream_behind_nuls(struct stream *, uint8_t *buf, size_t size,
	    off_t from);

/*
 * Looks for a newline from s->scanned on, and moves that along.  Returns the
 * offset behind the newline; 0 when a turn's octets had none; -1 when the file
 * ends without one.  buf[0..size) is for reading.
 */
off_t	stream_find_newline(struct stream *, uint8_t *buf, size_t size);

/*
 * Packs the lines of io into frames as the stream's route wants them, and
 * counts what was packed.
 */
enum pack_stop	stream_frame(struct stream *, const struct pull *,
		    struct pack_io *);

#endif
