/*
 * guard.h - how a stream knows again the octets of its file that were sent.
 *
 * A guard (lib/fingerprint.h) is an offset and a hash of the octets before it.
 * A stream keeps the guard of the end of every pull until that is acknowledged,
 * so that the checkpoint can name one at or below what the receiver has.  It
 * keeps older ones, too, about 64 KB, 1 MB and 16 MB before, for a file that is
 * shorter after the host lost power.  A file of which all is acknowledged needs
 * one guard, which stands in the stream itself.
 */
#ifndef STREAM_GUARD_H
#define STREAM_GUARD_H

#include "daemon/checkpoint/record.h"

struct stream;

/*
 * A pull ended at the guard's offset, which is where cursor.sent goes.  Without
 * memory for it the stream knows fewer guards.
 */
void	stream_guard_set(struct stream *, const struct guard *);

/* To be called when cursor.acked has moved forward. */
void	stream_guard_acked(struct stream *);

/* Takes over the record's guards; the cursor is set already. */
void	stream_guard_load(struct stream *, const struct checkpoint_record *);

/*
 * Fills in the guards for a record: those at or below cursor.acked, the newest
 * first; where there is none, the newest above it.  Returns how many.
 */
unsigned	stream_guards(const struct stream *,
		    struct guard guards[CHECKPOINT_GUARDS]);

/*
 * Returns the guard with the largest offset, which may be above cursor.acked.
 * Where there is none its offset is 0.
 */
struct guard	stream_guard_newest(const struct stream *);

/*
 * Returns the guard with the largest offset that is at or below most; where
 * there is none its offset is 0.
 */
struct guard	stream_guard_within(struct stream *, off_t most);

/*
 * Compares the guards with fd, which is what the file is now.  Returns the
 * offset up to which fd has what was read, as far as the guards tell and
 * cursor.sent at the most; 0 where none of them holds; -1 with errno when fd
 * cannot be read.
 */
off_t	stream_guard_find(struct stream *, int fd);

/* The file is cut off at offset: forgets the guards behind it. */
void	stream_guard_cut(struct stream *, off_t offset);

/* Forgets all guards, and frees what they took. */
void	stream_guard_forget(struct stream *);

#endif
