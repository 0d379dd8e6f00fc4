/*
 * store.h - remembers what every receiver has acknowledged.
 *
 * One text file, append-only, a record a line, each with its checksum.  A torn
 * or damaged record costs that record, never the file.  Compaction writes the
 * live records beside it, syncs, and renames.
 *
 * Records are kept in memory only until somebody takes them: the offset of a
 * file that is being followed lives in its cursor, nowhere else.
 *
 * What is to be written becomes text in a batch; disk.h brings the
 * batch to disk.  Only that waits for the disk, and it needs nothing of what is
 * here: it can be left to a thread of its own.
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
 * Frees it, and closes its file; what was noted and is in no batch is lost.
 */
void	checkpoint_close(struct checkpoint *);

/* Whether there was no checkpoint file, or an empty one: a first start. */
bool	checkpoint_is_new(const struct checkpoint *);

/*
 * Finds an untaken file record for (dest, dev, inode) and hands it over: the
 * caller's cursor is its owner now.  rec's strings stay valid until the next
 * call on the checkpoint.  Returns whether there was one.
 */
bool	checkpoint_take(struct checkpoint *, const char *dest, dev_t, ino_t,
	    struct checkpoint_record *rec);

/*
 * The same for a file of which now has destination, device, inode and path:
 * hands over the record of that path and inode on another device, whose number
 * may have been changed.
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
 * Gives back the record that was taken last: it is untaken again, as long as
 * nothing is noted of its key.  Returns 0, or -1 with ENOMEM.
 */
int	checkpoint_give_back(struct checkpoint *);

/*
 * The path in the last written of the untaken records for (dev, inode), valid
 * until the next call on the checkpoint, or NULL where no destination has one.
 * An older one, of a destination that is sent nothing any more, may be of another
 * file, which had the inode before.
 */
const char	*checkpoint_path(const struct checkpoint *, dev_t, ino_t);

/* That record itself. */
const struct checkpoint_record	*checkpoint_last(
				    const struct checkpoint *, dev_t, ino_t);

/* What the last CHECKPOINT_LOOK says, or -1 where there is none. */
int64_t	checkpoint_ahead_ms(const struct checkpoint *);

/* The latest time of day that was put by any of them, or 0. */
time_t	checkpoint_latest(const struct checkpoint *);

/* Whether dest has met the source; checkpoint_seen() notes that it has. */
bool	checkpoint_has_seen(const struct checkpoint *, const char *dest,
	    const char *source);
int	checkpoint_seen(struct checkpoint *, const char *dest,
	    const char *source, time_t now);

/*
 * Notes since when nobody could look at the directory of that path, or with
 * NULL that it was looked at.  Returns 0, or -1 with ENOMEM or EINVAL.
 * checkpoint_is_late() gives the time; returns whether there is one.
 */
int	checkpoint_late(struct checkpoint *, const char *path,
	    const struct timespec *since);
bool	checkpoint_is_late(const struct checkpoint *, const char *path,
	    struct timespec *since);

/*
 * The first path, in order, that begins so and is late; or NULL.  Valid as long
 * as the checkpoint.
 */
const char	*checkpoint_late_below(const struct checkpoint *,
		    const char *prefix);

/*
 * The same, of those that are late since then; where its nanoseconds are 0, in
 * that second.  fn says whether it is the one.
 */
const char	*checkpoint_late_at(const struct checkpoint *,
		    const char *prefix, const struct timespec *since,
		    bool (*fn)(const char *path, void *), void *arg);

/*
 * Walks the untaken file records.  Returning false from fn drops the record
 * from memory; to end it on disk, too, fn notes a CHECKPOINT_GONE, which is
 * all that it may do with the checkpoint.
 */
void	checkpoint_sweep(struct checkpoint *,
	    bool (*fn)(const struct checkpoint_record *, void *), void *arg);

/*
 * Drops the untaken file records that are older than before, and what was late
 * since then, from memory: from disk they go when the file is written anew.
 * Returns how many files.
 */
size_t	checkpoint_expire(struct checkpoint *, time_t before);

/*
 * Adds a record to what the next checkpoint_drain() takes, in place of an
 * earlier one with its key: memory does not grow while the disk is full.  An
 * untaken record of that key is dropped.  The print and the offset of a
 * CHECKPOINT_GONE do not count.
 * Returns 0, or -1 with ENOMEM, or EINVAL for a negative offset, a print
 * longer than FINGERPRINT_MAX, too many guards, or names longer than a path can be.
 */
int	checkpoint_note(struct checkpoint *, const struct checkpoint_record *);

/*
 * The same for a file, whose record is untaken from now on: nobody follows it
 * any more, and it may come back.
 */
int	checkpoint_leave(struct checkpoint *, const struct checkpoint_record *);

/* Whether anything was noted that no batch has taken. */
bool	checkpoint_has_notes(const struct checkpoint *);

enum checkpoint_drain {
	CHECKPOINT_DRAIN_FILES,		/* all but CHECKPOINT_SEEN; what is
					   late comes first */
	CHECKPOINT_DRAIN_ALL
};

/*
 * Moves what was noted into the batch, until that has most records.  Whoever
 * has records for checkpoint_put() drains files before them and the sources
 * behind them: a source was met when its files are known.
 */
void	checkpoint_drain(struct checkpoint *, enum checkpoint_drain,
	    struct checkpoint_batch *, size_t most);

/*
 * Adds a record of a file to the batch, which has room for it.  An untaken
 * record of its key is dropped.  A CHECKPOINT_PAST needs no print and no path;
 * versions that do not know it pass it over, so whoever puts some puts a
 * CHECKPOINT_FILE behind them sooner or later.  Returns 0, or -1 with EINVAL as
 * checkpoint_note().
 */
int	checkpoint_put(struct checkpoint *, const struct checkpoint_record *,
	    struct checkpoint_batch *);

/* How far checkpoint_copy() is.  All zero is the beginning. */
struct checkpoint_place {
	const char		*dest;
	dev_t			 dev;
	ino_t			 inode;
	struct checkpoint_entry	*seen;
};

/*
 * Adds all that is untaken or seen from at on to the batch, for a file that is
 * written anew, until the batch has most records.  Between two calls anything
 * may happen to the checkpoint.  Returns whether that was all.
 */
bool	checkpoint_copy(const struct checkpoint *, struct checkpoint_place *at,
	    struct checkpoint_batch *, size_t most);

/*
 * Its file.  Nothing else here touches that once the checkpoint is open, so
 * another thread may.
 */
struct checkpoint_file	*checkpoint_file(struct checkpoint *);

/*
 * Whether so much of the file is superseded that it is worth writing anew, with
 * so many live records besides those that checkpoint_copy() has.
 */
bool	checkpoint_is_bloated(const struct checkpoint *,
	    const struct checkpoint_file_stats *, size_t live_records);

/* Records that were passed over when it was opened. */
uint64_t	checkpoint_damaged(const struct checkpoint *);

#endif
