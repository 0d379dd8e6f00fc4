/*
 * compressed.h - what a stream reads of a compressed file.
 *
 * A file that was rotated and compressed before all of it was sent is finished
 * from what the compressed one holds.  A decoder may need much memory: of the
 * files on their way to one destination, one is decoded at a time.
 */
#ifndef STREAM_COMPRESSED_H
#define STREAM_COMPRESSED_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checkpoint_record;
struct stream;
struct file;

/*
 * Reads the text of the stream's open file as pread(2) does.  Returns -1 with
 * errno as decoder_read() does, or with EBUSY: another file is decoded first,
 * and the stream is woken after it.  Sets the file's size to that of the text
 * when its end was reached, and to more than is known before; says it, once,
 * when the text is damaged.
 */
ssize_t	compressed_read(struct stream *, uint8_t *buf, size_t n, off_t at);

/*
 * The stream reads no more for now: frees its decoder, and wakes the next one
 * that waits for its turn.
 */
void	compressed_close(struct stream *);

/*
 * To be called by time, quiet seconds after the file last changed.  Says it,
 * once, when the file is cut off within its text.  Returns whether every
 * destination has acknowledged all there is.
 */
bool	compressed_look(struct file *, double quiet);

/*
 * Returns whether the record is one that follow_finish_compressed() left, of a
 * file that was made at born, in nanoseconds.  rec may be NULL.
 */
bool	compressed_is_finished(const struct checkpoint_record *rec,
	    int64_t born);

#endif
