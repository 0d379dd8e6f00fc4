/*
 * streams.h - what all streams of one file say together, and are told.
 */
#ifndef STREAM_STREAMS_H
#define STREAM_STREAMS_H

#include <sys/types.h>

#include <stdbool.h>

#include "daemon/file/file.h"
#include "lib/fingerprint.h"

struct tail;
struct tails;

/*
 * A file no larger than that, written anew with the same text, is sent once
 * more.
 */
#define STREAMS_REWRITTEN_MOST	(64 * 1024)

/* There may be something to read for each of them; NULL is fine. */
void	streams_wake(struct tail *);

/* As tails_watch(); what was written before a watch began is read. */
void	streams_watch(struct tail *);

/* The file's stream to the destination, or NULL. */
const struct stream	*tail_stream_to(const struct tail *, const void *dest);

/* None of them has a complete line left. */
bool	tail_is_drained(const struct tail *);

/* Every destination has all of the file. */
bool	tail_is_done(const struct tail *);

/*
 * The offset up to which every destination was sent the file; and up to which
 * the one that is ahead was.
 */
off_t	tail_least_sent(const struct tail *);
off_t	tail_most_sent(const struct tail *);

/* The least partial_timeout that counts for the file, in seconds; 0: none. */
double	tail_partial_seconds(const struct tail *);

/* The guard with the largest offset of all its streams, or one that is none. */
struct guard	tail_newest_guard(const struct tail *);

/*
 * Compares the fingerprint with a file that was written to, and brings it up
 * to date.  Returns 1 when it is still the same file, 0 when it is not, or -1
 * with errno when it could not be read.
 */
int	tail_update_print(struct tail *, int fd);

/* The file begins with head[0..n): that is its fingerprint. */
void	streams_set_print(struct tail *, const uint8_t *head, size_t n);

/*
 * The offset behind the last newline of fd: where start = "end" begins.  That
 * is looked for in the last 64 MB that are no hole; without one there it is the
 * size.
 */
off_t	tail_last_line(struct tail *, int fd);

/* Those that begin at the end do so now, by fd. */
void	streams_begin_at_end(struct tail *, int fd);

/* A read of the file failed, see tail_cannot_be_read(); and: none does now. */
void	tail_read_failed(struct tail *, int error);
void	tail_can_be_read(struct tail *);

/* Whether the file has something, and nothing of it could be read yet. */
bool	tail_is_unread(const struct tail *);

/* Where it is so, that is recorded. */
void	streams_mark_unread(struct tail *);

/* A read of fd found more in it than any look had: it has size octets now. */
void	tail_has_grown(struct tail *, int fd, off_t size);

/* Somebody writes to the file still: its last line may be half of one. */
void	streams_end_flush(struct tail *);

/*
 * Whether nobody knows yet what the file was before the start: it may be what
 * another file of the checkpoint has become, of which something was sent.
 * Nothing of it is sent or recorded until that is known, or has been sought for
 * long.
 */
bool	tail_is_undecided(struct tail *);

/* That is known now; and: it is to be asked anew. */
void	tail_decide(struct tail *);
void	tail_wake_undecided(struct tail *);

#endif
