/*
 * checkpoint.h - remembers what every receiver has acknowledged.
 *
 * One text file, append-only, a record a line, each with its checksum.  A torn
 * or damaged record costs that record, never the file.  Compaction writes the
 * live records beside it, syncs, and renames.
 *
 * Records are kept in memory only until somebody takes them: the offset of a
 * file that is being followed lives in its cursor, nowhere else.
 */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "fingerprint.h"
#include "reason.h"

struct checkpoint;			/* opaque */

enum checkpoint_kind {
	CHECKPOINT_FILE,		/* dest has file up to offset */
	CHECKPOINT_SEEN,		/* dest has met the source named path */
	CHECKPOINT_GONE,		/* the file is no longer of interest to
					   dest: ends a CHECKPOINT_FILE */
	CHECKPOINT_MORE			/* guards and directory of the
					   CHECKPOINT_FILE behind it; only
					   found in the file itself */
};

/* Guards of a record: of about its offset, and of 64 KB, 1 and 16 MB before. */
#define CHECKPOINT_GUARDS	4

struct checkpoint_record {
	enum checkpoint_kind	 kind;
	const char		*dest;	/* destination's name */
	dev_t			 dev;
	ino_t			 inode;
	struct fingerprint	 print;
	off_t			 offset;
	time_t			 time;
	const char		*path;	/* any bytes */
	const char		*real;	/* the directory that the file is in,
					   where a symbolic link leads to it;
					   NULL: the one of path */
	const struct guard	*guards; /* at or below offset, the newest first */
	unsigned		 nguards; /* 0: written by an older version */
};

struct checkpoint_stats {
	uint64_t	bytes;		/* written since open */
	uint64_t	syncs;
	uint64_t	damaged;	/* records passed over at load */
	uint64_t	failures;
};

/*
 * Opens or creates the file "checkpoint" in dirfd, which is borrowed and must
 * outlive it, and loads every record that is whole; the last one for a (dest,
 * dev, inode) or (dest, source) counts.  A file that ends without newline, is
 * full of NULs, or has any other damage still opens; a file of another version
 * is set aside as "checkpoint.old".  One that cannot be written to is loaded
 * all the same, and checkpoint_sync() says so.
 * Returns NULL with why set when it cannot be read or created.
 */
struct checkpoint	*checkpoint_open(int dirfd, struct reason *why);

/*
 * Frees it; what was noted and not yet synced is lost.
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
 * Hands over the untaken file record of path for (dest, inode) on another
 * device than dev, whose number may have been changed.
 */
bool	checkpoint_take_moved(struct checkpoint *, const char *dest, dev_t dev,
	    ino_t, const char *path, struct checkpoint_record *rec);

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
 * The path in some untaken record for (dev, inode), valid until the next call
 * on the checkpoint, or NULL where no destination has one.  Cheap.
 */
const char	*checkpoint_path(const struct checkpoint *, dev_t, ino_t);

/* Whether dest has met the source; checkpoint_seen() notes that it has. */
bool	checkpoint_has_seen(const struct checkpoint *, const char *dest,
	    const char *source);
int	checkpoint_seen(struct checkpoint *, const char *dest,
	    const char *source, time_t now);

/*
 * Walks the untaken file records.  Returning false from fn drops the record
 * from memory; to end it on disk, too, fn notes a CHECKPOINT_GONE, which is
 * all that it may do with the checkpoint.
 */
void	checkpoint_sweep(struct checkpoint *,
	    bool (*fn)(const struct checkpoint_record *, void *), void *arg);

/*
 * Drops the untaken file records that are older than before, from memory: from
 * disk they go with the next checkpoint_compact().  Returns how many.
 */
size_t	checkpoint_expire(struct checkpoint *, time_t before);

/*
 * Adds a record to what the next checkpoint_sync() writes, in place of an
 * earlier one with its key: memory does not grow while the disk is full.  An
 * untaken record of that key is dropped.  The print and the offset of a
 * CHECKPOINT_GONE do not count.
 * Returns 0, or -1 with ENOMEM, or EINVAL for a negative offset, a print
 * longer than FINGERPRINT_MAX, too many guards, or names longer than a path can be.
 */
int	checkpoint_note(struct checkpoint *, const struct checkpoint_record *);

/*
 * Writes what was noted and syncs it to disk.  When it fails, what was noted
 * is kept, and the next sync writes it from a clean line.  Returns 0, or -1
 * with why set.
 */
int	checkpoint_sync(struct checkpoint *, struct reason *why);

/*
 * Whether so much of the file is superseded that it is worth compacting, with
 * so many records that walk would add; or somebody has removed the file.
 */
bool	checkpoint_is_bloated(const struct checkpoint *, size_t live_records);

/*
 * Writes the file anew: everything untaken, seen or pending, and the records
 * that walk adds with checkpoint_note() on the same checkpoint; walk returns
 * 0, or -1 with errno to give it up.  Written to
 * "checkpoint.new", synced, renamed over, directory synced; on failure the old
 * file goes on and what was pending before stays pending.  Returns 0, or -1
 * with why set.
 */
int	checkpoint_compact(struct checkpoint *,
	    int (*walk)(struct checkpoint *, void *arg), void *arg,
	    struct reason *why);

void	checkpoint_stats(const struct checkpoint *, struct checkpoint_stats *);

#endif
