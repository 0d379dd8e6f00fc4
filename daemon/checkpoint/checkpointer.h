/*
 * checkpointer.h - writes to disk what the receivers have acknowledged.
 *
 * A stream embeds a mark, and marks it when its acknowledged offset moves.  The
 * checkpointer appends the records of the marked streams, and of no others, to
 * the checkpoint within 50 ms: so a daemon that is killed sends no more than
 * that again.  It syncs the file once an interval, for a power loss.  A thread
 * waits for the disk, so that the loop need not.
 *
 * Where only the offset moved, a short record is appended, and with the next
 * sync a whole one: older versions do not know the short records, and repeat no
 * more than what came since that sync.
 */
#ifndef CHECKPOINT_CHECKPOINTER_H
#define CHECKPOINT_CHECKPOINTER_H

#include <sys/types.h>

#include <sys/queue.h>

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/path_text.h"
#include "daemon/checkpoint/disk.h"
#include "daemon/checkpoint/record.h"
#include "lib/reason.h"

struct checkpointer;

/*
 * Stands for one record: of a file, for a destination.  Embedded by its owner,
 * all zero at first.  The checkpointer keeps a list of those whose record has
 * to be written.
 */
struct checkpoint_mark {
	TAILQ_ENTRY(checkpoint_mark) entry;
	bool	is_dirty;	/* its record has to be written */
	bool	is_recorded;	/* a whole record was written, and only offset,
				   time and guards have changed since */
	bool	is_past;	/* the last record is a CHECKPOINT_PAST */
};

/* Where the strings and guards of a record stand while it is written. */
struct checkpoint_room {
	struct path_text	path;
	struct path_text	real;
	struct guard		guards[CHECKPOINT_GUARDS];
};

/* A file; all zero is before the first one. */
struct checkpoint_identity {
	dev_t	dev;
	ino_t	inode;
};

/* What the owner of the marks does for the checkpointer. */
struct checkpointer_ops {
	/*
	 * The mark is about to be recorded.  May call checkpointer_late() and
	 * checkpointer_leave().  Returns whether the mark has a record.
	 */
	bool	(*prepare)(struct checkpoint_mark *);
	/*
	 * Fills rec, of which only the kind is set, with what the mark stands
	 * for; what rec points to stands in the room, or is the owner's.
	 */
	void	(*describe)(struct checkpoint_mark *,
		    struct checkpoint_record *rec, struct checkpoint_room *);
	/* The mark will be described soon: fetches its memory. */
	void	(*prefetch)(struct checkpoint_mark *);
	/* The file of the mark is gone, and so is its record. */
	void	(*on_gone)(struct checkpoint_mark *);
	/*
	 * Visits the marks that have a record of the first file at or behind
	 * *at, until visit returns false.  Moves at behind the file.  Returns
	 * whether there may be more files.
	 */
	bool	(*walk)(void *arg, struct checkpoint_identity *at,
		    bool (*visit)(struct checkpoint_mark *, void *), void *to);
	/* How many marks there are. */
	size_t	(*count)(void *arg);
	/* No descriptor was left: closes some. */
	void	(*close_some)(void *arg);
};

/*
 * Loads the checkpoint from the directory dirfd, which is borrowed; -1: there
 * is no state directory, and nothing is kept.  Returns NULL with why set.
 */
struct checkpointer	*checkpointer_new(struct ev_loop *, int dirfd,
			    uint64_t interval_ms, struct reason *why);

/* Writes nothing: see checkpointer_sync().  NULL is fine. */
void	checkpointer_free(struct checkpointer *);

/*
 * Makes the thread that waits for the disk.  Call it when the process is in its
 * sandbox: that binds only threads which are made in it.  Where there can be no
 * thread, that is logged, and the loop waits for the disk.
 */
void	checkpointer_start(struct checkpointer *);

/*
 * Names the owner of the marks.  ops, and arg for them, are borrowed; nothing
 * may be marked before.
 */
void	checkpointer_serve(struct checkpointer *,
	    const struct checkpointer_ops *, void *arg);

/*
 * What the last daemon wrote: as the functions of store.h that end alike.
 * Where nothing is kept, there is no record.
 */
bool	checkpointer_take(struct checkpointer *, const char *dest, dev_t, ino_t,
	    struct checkpoint_record *);

/*
 * The same for a file whose device may have another number now, and of which
 * now has destination, device, inode and path.  The record stays under the old
 * number until checkpointer_end() ends it.
 */
bool	checkpointer_take_moved(struct checkpointer *,
	    const struct checkpoint_record *now, struct checkpoint_record *);
void	checkpointer_give_back(struct checkpointer *);
const struct checkpoint_record	*checkpointer_find(struct checkpointer *,
				    const char *dest, dev_t, ino_t);
const struct checkpoint_record	*checkpointer_last(struct checkpointer *, dev_t,
				    ino_t);
const char	*checkpointer_path(struct checkpointer *, dev_t, ino_t);
bool	checkpointer_has_seen(struct checkpointer *, const char *dest,
	    const char *source);
void	checkpointer_see(struct checkpointer *, const char *dest,
	    const char *source);

/*
 * Records that the directory at path could not be scanned since since_ns, in
 * nanoseconds of the wall clock; 0: it was scanned, which ends the record.  A
 * file that could not be read is recorded alike: checkpointer_file_path().
 */
void	checkpointer_late(struct checkpointer *, const char *path,
	    int64_t since_ns);

/* Returns that time, or 0 where there is no such record. */
int64_t	checkpointer_late_since(const struct checkpointer *, const char *path);

/*
 * The first path, in order, that begins with prefix and has such a record; or
 * NULL.
 */
const char	*checkpointer_late_below(const struct checkpointer *,
		    const char *prefix);

/*
 * The same, of those records that have that time, and for whose path fn returns
 * true.  Where since_ns is a whole second, any time in that second will do.
 */
const char	*checkpointer_late_at(const struct checkpointer *,
		    const char *prefix, int64_t since_ns,
		    bool (*fn)(const char *path, void *), void *arg);

/*
 * Writes the path of the record of a file that could not be read, by the path
 * of its directory and its inode.  No directory has such a path.
 */
#define CHECKPOINTER_FILE_MAX (PATH_MAX + 32)
void	checkpointer_file_path(const char *dir, ino_t,
	    char path[CHECKPOINTER_FILE_MAX]);

/*
 * Calls fn for each file record that was not taken; fn must not call the
 * checkpointer.
 */
void	checkpointer_walk_untaken(struct checkpointer *,
	    void (*fn)(const struct checkpoint_record *, void *), void *);

/* Ends a record: the file goes on under another key, or not at all. */
void	checkpointer_end(struct checkpointer *,
	    const struct checkpoint_record *);

/* Whether there was no checkpoint: this is the first start. */
bool	checkpointer_is_first(const struct checkpointer *);

/*
 * Whether a file's time is before or after the checkpoint was written last,
 * before this start: what has changed since then, no daemon has seen.
 */
enum checkpointer_side {
	CHECKPOINTER_BEFORE,
	CHECKPOINTER_SINCE,
	CHECKPOINTER_UNKNOWN	/* the clock was set, or the time is to come */
};

/* ns: nanoseconds of the wall clock. */
enum checkpointer_side	checkpointer_side(const struct checkpointer *,
			    int64_t ns);

/*
 * When the checkpoint was written last before this start, in nanoseconds of
 * the wall clock as it was then.
 */
int64_t	checkpointer_look_ns(const struct checkpointer *);

/*
 * Whether the monotonic clock tells how long ago that was; false after a
 * version that did not write it.
 */
bool	checkpointer_knows_look(const struct checkpointer *);

/*
 * The least time, in nanoseconds of the wall clock, of a file that was made
 * after a record of time t.  Returns 0 where the clock was set back since, and
 * nobody knows how far.
 */
int64_t	checkpointer_since_record(const struct checkpointer *, time_t t);

/* Writes what is due.  Call it once a turn of the loop, at its end. */
void	checkpointer_turn(struct checkpointer *);

/* What the record of the mark says has changed: it will be written. */
void	checkpointer_mark(struct checkpointer *, struct checkpoint_mark *);

/* The same where only offset and guards have changed, which costs less. */
void	checkpointer_mark_acked(struct checkpointer *,
	    struct checkpoint_mark *);

/*
 * Writes what is marked up to the end of this turn of the loop at once.  For
 * an offset that moved back: until then the checkpoint has more than the
 * receiver.
 */
void	checkpointer_hurry(struct checkpointer *);

/*
 * The owner of the mark is freed, and its file may come back: writes its record
 * as one that nobody has taken.
 */
void	checkpointer_leave(struct checkpointer *, struct checkpoint_mark *);

/*
 * The owner of the mark is freed, or has no record for now: forgets the mark.
 * gone: ends the record of its file, too.
 */
void	checkpointer_drop(struct checkpointer *, struct checkpoint_mark *,
	    bool gone);

/*
 * Writes and syncs what is marked, and waits for the disk.  Returns 0, or -1:
 * the error was logged.
 */
int	checkpointer_sync(struct checkpointer *);

/*
 * The same without waiting: the function of checkpointer_on_written() is called
 * when it is done, once for all who have asked until then.  Returns false where
 * nothing is kept, and no call will come.
 */
bool	checkpointer_ask(struct checkpointer *);

/* fn gets the error, or NULL.  fn NULL: nobody is called any more. */
void	checkpointer_on_written(struct checkpointer *,
	    void (*fn)(void *arg, const char *error), void *arg);

struct checkpointer_stats {
	struct checkpoint_file_stats file;
	uint64_t		 damaged;	/* records that could not be
						   read at the start */
	const char		*error;		/* of the last write that
						   failed, until one succeeds;
						   or NULL */
};
void	checkpointer_stats(const struct checkpointer *,
	    struct checkpointer_stats *);

#endif
