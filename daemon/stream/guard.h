/*
 * guard.h - what a stream knows of the bytes that it has sent.
 *
 * A guard, as of lib/fingerprint.h, is remembered for the end of every pull,
 * until that is acknowledged: the checkpoint names one at or below what the
 * receiver has.  Behind it follow older ones, about 64 KB, 1 MB and 16 MB
 * before, for a file that is shorter after the host lost power.  A file of
 * which all is acknowledged needs one, which stands in the stream itself.
 */
#ifndef STREAM_GUARD_H
#define STREAM_GUARD_H

#include "daemon/checkpoint/record.h"

struct stream;

/* A pull ended at guard's offset: the cursor's sent, once it is pushed. */
void	stream_guard_set(struct stream *, const struct guard *);

/* The cursor's acked has moved forward. */
void	stream_guard_acked(struct stream *);

/* What the record says of the stream's file; its cursor is set. */
void	stream_guard_load(struct stream *, const struct checkpoint_record *);

/*
 * Those that a record names, the newest first, at or below the cursor's acked;
 * one above it where there is no other.  Returns how many.
 */
unsigned	stream_guards(const struct stream *,
		    struct guard guards[CHECKPOINT_GUARDS]);

/*
 * The one with the largest offset, above acked included, or one that is none.
 */
struct guard	stream_guard_newest(const struct stream *);

/* The same at or below an offset. */
struct guard	stream_guard_within(struct stream *, off_t most);

/*
 * The newest that stands in fd, which is the file now: the offset up to which
 * it still has what was read, no larger than the cursor's sent.  Returns 0 when
 * none holds, or -1 with errno.
 */
off_t	stream_guard_find(struct stream *, int fd);

/* What is known of bytes behind that offset does not count any more. */
void	stream_guard_cut(struct stream *, off_t offset);

/* The file was written anew, or the stream is freed: nothing is known. */
void	stream_guard_forget(struct stream *);

#endif
