/*
 * store.h - the records of the checkpoint in memory.
 *
 * The checkpoint is one text file, append-only, a record a line, each with its
 * checksum.  A torn or damaged record costs that record, never the file.
 *
 * A record is loaded at the start and stays in memory until a stream takes it:
 * the offset of a file that is followed stands in its cursor and nowhere else.
 * An untaken record is one that no stream took.
 *
 * What is to be written becomes text in a batch; disk.h appends the batch to
 * the file.  Only that waits for the disk, and it touches nothing of the store:
 * a thread of its own can do it.
 */
#ifndef CHECKPOINT_STORE_H
#define CHECKPOINT_STORE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "daemon/checkpoint/record.h"
#include "lib/reason.h"

struct checkpoint;			/* opaque */
struct checkpoint_batch;
struct checkpoint_entry;
struct checkpoint_file;
struct checkpoint_file_stats;

/*
 * Opens or creates the file "checkpoint" in dirfd, which is borrowed and must
 * outlive it, and loads every record that is whole; the last one for a (dest,
 * dev, inode) or (dest, source) counts.  A file that ends without newline, is
 * full of NULs, or has any other damage still opens; a file of another version
 * is set aside as "checkpoint.old".  One that cannot be written to is loaded
 * all the same, and checkpoint_file_append() says so.
 * Returns NULL with why set when it cannot be read or created.
 */
struct checkpoint	*checkpoint_open(int dirfd, struct reason *why);

/*
 * Frees the store and closes the file; what was noted and is in no batch is
 * lost.  NULL is fine.
 */
void	checkpoint_close(struct checkpoint *);

/* Whether there was no checkpoint file, or an empty one: a first start. */
bool	checkpoint_is_new(const struct checkpoint *);

/*
 * Takes the untaken file record for (dest, dev, inode) out of the store: the
 * caller's cursor has the offset from now on.  rec's strings stay valid until
 * the next call on the checkpoint.  Returns whether there was such a record.
 */
bool	checkpoint_take(struct checkpoint *, const char *dest, dev_t, ino_t,
	    struct checkpoint_record *rec);

/*
 * The same for a file whose device may have another number now: takes the
 * record for now's destination, inode and path on another device than now's.
 */
bool	checkpoint_take_moved(struct checkpoint *,
	    const struct checkpoint_record *now,
	    struct checkpoint_record *rec);

/*
 * The untaken file record for (dest, dev, inode), valid until the next call on
 * the checkpoint, or NULL.
 */
const struct checkpoint_record	*checkpoint_find(const struct checkpoint *,
				    const char *dest, dev_t, ino_t);

/*
 * Puts the record that was taken last back: it is untaken again.  Returns 0, or
 * -1 with ENOMEM.
 */
int	checkpoint_give_back(struct checkpoint *);

/*
 * Of the untaken records for (dev, inode), one a destination, the one that was
 * written last; or NULL.  Valid until the next call on the checkpoint.  An
 * older one may be of another file that had the inode before: its destination
 * has not been sent anything since.
 */
const struct checkpoint_record	*checkpoint_last(
				    const struct checkpoint *, dev_t, ino_t);

/* The path in that record, or NULL. */
const char	*checkpoint_path(const struct checkpoint *, dev_t, ino_t);

/* The offset of the last CHECKPOINT_LOOK, or -1 where there is none. */
int64_t	checkpoint_ahead_ms(const struct checkpoint *);

/* The latest time of all CHECKPOINT_LOOK records, or 0. */
time_t	checkpoint_latest(const struct checkpoint *);

/*
 * Whether dest has ever been sent from the source.  checkpoint_seen() notes
 * that it has; returns 0, or -1 with ENOMEM or EINVAL.
 */
bool	checkpoint_has_seen(const struct checkpoint *, const char *dest,
	    const char *source);
int	checkpoint_seen(struct checkpoint *, const char *dest,
	    const char *source, time_t now);

/*
 * Notes that the directory at path could not be scanned since that time; with
 * NULL that it was scanned.  Returns 0, or -1 with ENOMEM or EINVAL.
 * checkpoint_is_late() sets *since to that time; returns whether there is one.
 */
int	checkpoint_late(struct checkpoint *, const char *path,
	    const struct timespec *since);
bool	checkpoint_is_late(const struct checkpoint *, const char *path,
	    struct timespec *since);

/*
 * The first path, in order, that begins with prefix and is late; or NULL.
 * Valid as long as the checkpoint.
 */
const char	*checkpoint_late_below(const struct checkpoint *,
		    const char *prefix);

/*
 * The same, of those that are late since that time, or, where its nanoseconds
 * are 0, since any time in that second; and for which fn returns true.
 */
const char	*checkpoint_late_at(const struct checkpoint *,
		    const char *prefix, const struct timespec *since,
		    bool (*fn)(const char *path, void *), void *arg);

/*
 * Calls fn for each untaken file record.  Where fn returns false, the record is
 * dropped from memory; to end it on disk, too, fn notes a CHECKPOINT_GONE,
 * which is all that fn may do with the checkpoint.
 */
void	checkpoint_sweep(struct checkpoint *,
	    bool (*fn)(const struct checkpoint_record *, void *), void *arg);

/*
 * Drops the untaken file records, and the directories that are late, with times
 * earlier than before: from memory now, from disk when the file is written
 * anew.  Returns how many file records were dropped.
 */
size_t	checkpoint_expire(struct checkpoint *, time_t before);

/*
 * Notes a record, to be taken by the next checkpoint_drain().  It replaces a
 * noted record with the same key: so memory does not grow while the disk is
 * full.  Drops an untaken record of that key.  The print and the offset of a
 * CHECKPOINT_GONE do not count.
 * Returns 0, or -1 with ENOMEM, or EINVAL for a negative offset, a print longer
 * than FINGERPRINT_MAX, too many guards, or names longer than a path can be.
 */
int	checkpoint_note(struct checkpoint *, const struct checkpoint_record *);

/*
 * The same for a file that is not followed any more and may come back: its
 * record is untaken from now on.
 */
int	checkpoint_leave(struct checkpoint *, const struct checkpoint_record *);

/* Whether anything was noted that checkpoint_drain() has not taken. */
bool	checkpoint_has_notes(const struct checkpoint *);

enum checkpoint_drain {
	CHECKPOINT_DRAIN_FILES,		/* all but CHECKPOINT_SEEN;
					   CHECKPOINT_LATE first */
	CHECKPOINT_DRAIN_ALL
};

/*
 * Moves what was noted into the batch, until the batch has most records.  Drain
 * files before you call checkpoint_put(), and the sources behind that: a
 * source counts as seen only when its files have records.
 */
void	checkpoint_drain(struct checkpoint *, enum checkpoint_drain,
	    struct checkpoint_batch *, size_t most);

/*
 * Adds the record of a file to the batch, which has room for it.  Drops an
 * untaken record of that key.  A CHECKPOINT_PAST needs no print and no path;
 * versions that do not know it pass it over, so put a CHECKPOINT_FILE behind it
 * sooner or later.  Returns 0, or -1 with EINVAL as checkpoint_note().
 */
int	checkpoint_put(struct checkpoint *, const struct checkpoint_record *,
	    struct checkpoint_batch *);

/* How far checkpoint_copy() has come.  All zero is the beginning. */
struct checkpoint_place {
	const char		*dest;
	dev_t			 dev;
	ino_t			 inode;
	struct checkpoint_entry	*seen;
};

/*
 * For a file that is written anew: adds the records in memory, untaken and
 * seen, to the batch from at on, until the batch has most records, and moves
 * at.  The checkpoint may change between two calls.  Returns whether at has
 * come to the end.
 */
bool	checkpoint_copy(const struct checkpoint *, struct checkpoint_place *at,
	    struct checkpoint_batch *, size_t most);

/*
 * The file on disk, owned by the checkpoint.  The functions here do not touch
 * it once the checkpoint is open, so another thread may.
 */
struct checkpoint_file	*checkpoint_file(struct checkpoint *);

/*
 * Whether so many records in the file are superseded that it should be written
 * anew.  live_records: how many count besides those of checkpoint_copy().
 */
bool	checkpoint_is_bloated(const struct checkpoint *,
	    const struct checkpoint_file_stats *, size_t live_records);

/* How many damaged records were passed over when the file was loaded. */
uint64_t	checkpoint_damaged(const struct checkpoint *);

#endif
