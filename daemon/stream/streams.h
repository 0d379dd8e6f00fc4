/*
 * streams.h - all streams of one file together: what they have sent, and what
 * is told to all of them.
 */
#ifndef STREAM_STREAMS_H
#define STREAM_STREAMS_H

#include <sys/types.h>

#include <stdbool.h>

#include "daemon/file/file.h"
#include "lib/fingerprint.h"

struct file;
struct file_table;

/*
 * Octets: a file that is no larger, and was written anew with the same text, is
 * sent once more.
 */
#define STREAMS_REWRITTEN_MOST	(64 * 1024)

/* The file may have something to read: wakes each stream.  NULL is fine. */
void	streams_wake(struct file *);

/*
 * Gives the file a watch of its own where it needs one, as file_watch(), and
 * wakes its streams where a watch began: what was written before is to be read.
 */
void	streams_watch(struct file *);

/* Returns the file's stream to the destination of a route, or NULL. */
const struct stream	*streams_find(const struct file *, const void *dest);

/* Returns whether no stream has a complete line left to read. */
bool	streams_are_drained(const struct file *);

/* Returns whether every receiver has acknowledged all of the file. */
bool	streams_are_done(const struct file *);

/*
 * Return the least and the largest offset up to which a stream has sent the
 * file; the least is the file's size where there is no stream.
 */
off_t	streams_least_sent(const struct file *);
off_t	streams_most_sent(const struct file *);

/* Returns the least partial_timeout of its sources, in seconds; 0: none. */
double	streams_partial_seconds(const struct file *);

/*
 * Returns the guard with the largest offset of all streams; where there is none
 * its offset is 0.
 */
struct guard	streams_newest_guard(const struct file *);

/*
 * Compares the fingerprint with the head of fd, and makes it longer where the
 * file has grown.  Returns 1 when the file still begins as it did, 0 when it
 * does not, or -1 with errno when fd cannot be read.
 */
int	streams_update_print(struct file *, int fd);

/* The file begins with head[0..n): sets its fingerprint, to be recorded. */
void	streams_set_print(struct file *, const uint8_t *head, size_t n);

/*
 * Returns the offset behind the last newline of fd: where start = "end" begins.
 * Looks at the last 64 MB that are no hole.  Without a newline there, or where
 * fd cannot be read, returns the file's size; for a file of one line that is
 * not ended, 0.
 */
off_t	streams_last_line(struct file *, int fd);

/*
 * The file was opened as fd: the streams that are to begin at its end, and have
 * not begun, do so there.
 */
void	streams_begin_at_end(struct file *, int fd);

/*
 * A read of the file failed: sees to it as file_cannot_be_read(); and: a read
 * did not fail any more, so the streams go on.
 */
void	streams_read_failed(struct file *, int error);
void	streams_can_be_read(struct file *);

/*
 * Returns whether the file has something, and nothing of it could ever be read:
 * it has no fingerprint.
 */
bool	streams_are_unread(const struct file *);

/* Has the file recorded anew where streams_are_unread(). */
void	streams_mark_unread(struct file *);

/*
 * A read of fd found more in the file than the last check of it: the file has
 * size octets now.
 */
void	streams_have_grown(struct file *, int fd, off_t size);

/*
 * A program still writes to the file: the end of the file ends no line, for no
 * stream.
 */
void	streams_end_flush(struct file *);

/*
 * Returns whether the start could not find out yet what the file was before: it
 * may be what another file of the checkpoint has become, of which something was
 * sent.  Nothing of the file is sent or recorded until that is found out, or
 * was sought for long.
 */
bool	streams_are_undecided(struct file *);

/* That is found out: the file is recorded and sent. */
void	streams_decide(struct file *);

/* That may be found out now: has the streams ask again. */
void	streams_wake_undecided(struct file *);

#endif
