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

struct ledger;

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
	 * The mark is about to be recorded.  May call ledger_late() and
	 * ledger_leave().  Returns whether the mark has a record.
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
struct ledger	*ledger_new(struct ev_loop *, int dirfd,
			    uint64_t interval_ms, struct reason *why);

/* Writes nothing: see ledger_sync().  NULL is fine. */
void	ledger_free(struct ledger *);

/*
 * Makes the thread that waits for the disk.  Call it when the process is in its
 * sandbox: that binds only threads which are made in it.  Where there can be no
 * thread, that is logged, and the loop waits for the disk.
 */
void	ledger_start(struct ledger *);

/*
 * Names the owner of the marks.  ops, and arg for them, are borrowed; nothing
 * may be marked before.
 */
void	checkpointer_serve(struct ledger *,
	    const struct checkpointer_ops *, void *arg);

/*
 * What the last daemon wrote: as the functions of store.h that end alike.
 * Where nothing is kept, there is no record.
 */
bool	ledger_take(struct ledger *, const char *dest, dev_t, ino_t,
	    struct checkpoint_record *);

/*
 * The same for a file whose device may have another number now, and of which
 * now has destination, device, inode and path.  The record stays under the old
 * number until ledger_end() ends it.
 */
bool	ledger_take_moved(struct ledger *,
	    const struct checkpoint_record *now, struct checkpoint_record *);
void	ledger_give_back(struct ledger *);
const struct checkpoint_record	*ledger_find(struct ledger *,
				    const char *dest, dev_t, ino_t);
const struct checkpoint_record	*ledger_last(struct ledger *, dev_t,
				    ino_t);
const char	*ledger_path(struct ledger *, dev_t, ino_t);
bool	ledger_has_seen(struct ledger *, const char *dest,
	    const char *source);
void	ledger_see(struct ledger *, const char *dest,
	    const char *source);

/*
 * Records that the directory at path could not be scanned since since_ns, in
 * nanoseconds of the wall clock; 0: it was scanned, which ends the record.  A
 * file that could not be read is recorded alike: ledger_file_path().
 */
void	ledger_late(struct ledger *, const char *path,
	    int64_t since_ns);

/* Returns that time, or 0 where there is no such record. */
int64_t	ledger_late_since(const struct ledger *, const char *path);

/*
 * The first path, in order, that begins with prefix and has such a record; or
 * NULL.
 */
const char	*ledger_late_below(const struct ledger *,
		    const char *prefix);

/*
 * The same, of those records that have that time, and for whose path fn returns
 * true.  Where since_ns is a whole second, any time in that second will do.
 */
const char	*ledger_late_at(const struct ledger *,
		    const char *prefix, int64_t since_ns,
		    bool (*fn)(const char *path, void *), void *arg);

/*
 * Writes the path of the record of a file that could not be read, by the path
 * of its directory and its inode.  No directory has such a path.
 */
#define LEDGER_FILE_MAX (PATH_MAX + 32)
void	ledger_file_path(const char *dir, ino_t,
	    char path[LEDGER_FILE_MAX]);

/*
 * Calls fn for each file record that was not taken; fn must not call the
 * checkpointer.
 */
void	ledger_walk_untaken(struct ledger *,
	    void (*fn)(const struct checkpoint_record *, void *), void *);

/* Ends a record: the file goes on under another key, or not at all. */
void	ledger_end(struct ledger *,
	    const struct checkpoint_record *);

/* Whether there was no checkpoint: this is the first start. */
bool	ledger_is_first(const struct ledger *);

/*
 * Whether a file's time is before or after the checkpoint was written last,
 * before this start: what has changed since then, no daemon has seen.
 */
enum ledger_side {
	LEDGER_BEFORE,
	LEDGER_SINCE,
	LEDGER_UNKNOWN	/* the clock was set, or the time is to come */
};

/* ns: nanoseconds of the wall clock. */
enum ledger_side	ledger_side(const struct ledger *,
			    int64_t ns);

/*
 * When the checkpoint was written last before this start, in nanoseconds of
 * the wall clock as it was then.
 */
int64_t	ledger_look_ns(const struct ledger *);

/*
 * Whether the monotonic clock tells how long ago that was; false after a
 * version that did not write it.
 */
bool	ledger_knows_look(const struct ledger *);

/*
 * The least time, in nanoseconds of the wall clock, of a file that was made
 * after a record of time t.  Returns 0 where the clock was set back since, and
 * nobody knows how far.
 */
int64_t	ledger_since_record(const struct ledger *, time_t t);

/* Writes what is due.  Call it once a turn of the loop, at its end. */
void	ledger_turn(struct ledger *);

/* What the record of the mark says has changed: it will be written. */
void	ledger_mark(struct ledger *, struct checkpoint_mark *);

/* The same where only offset and guards have changed, which costs less. */
void	ledger_mark_acked(struct ledger *,
	    struct checkpoint_mark *);

/*
 * Writes what is marked up to the end of this turn of the loop at once.  For
 * an offset that moved back: until then the checkpoint has more than the
 * receiver.
 */
void	ledger_hurry(struct ledger *);

/*
 * The owner of the mark is freed, and its file may come back: writes its record
 * as one that nobody has taken.
 */
void	ledger_leave(struct ledger *, struct checkpoint_mark *);

/*
 * The owner of the mark is freed, or has no record for now: forgets the mark.
 * gone: ends the record of its file, too.
 */
void	ledger_drop(struct ledger *, struct checkpoint_mark *,
	    bool gone);

/*
 * Writes and syncs what is marked, and waits for the disk.  Returns 0, or -1:
 * the error was logged.
 */
int	ledger_sync(struct ledger *);

/*
 * The same without waiting: the function of ledger_on_written() is called
 * when it is done, once for all who have asked until then.  Returns false where
 * nothing is kept, and no call will come.
 */
bool	ledger_ask(struct ledger *);

/* fn gets the error, or NULL.  fn NULL: nobody is called any more. */
void	ledger_on_written(struct ledger *,
	    void (*fn)(void *arg, const char *error), void *arg);

struct ledger_stats {
	struct checkpoint_file_stats file;
	uint64_t		 damaged;	/* records that could not be
						   read at the start */
	const char		*error;		/* of the last write that
						   failed, until one succeeds;
						   or NULL */
};
void	ledger_stats(const struct ledger *,
	    struct ledger_stats *);

#endif
