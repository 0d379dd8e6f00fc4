/*
 * checkpointer.h - writes down what was acknowledged, when it is time.
 *
 * Streams whose acked offset moved are marked.  The records of those and no
 * others are appended to the checkpoint within 50 ms, so that a daemon that is
 * killed repeats no more; and synced once an interval, for a power loss.  A
 * thread of its own waits for the disk, no line does.
 *
 * Where only the offset moved, a short record says so.  With the sync a whole
 * one follows, so that an older version, which does not know the short ones,
 * repeats no more than came since the last sync.
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

/* A file: where a walk through all of them stands.  All zero is the begin. */
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
 * Loads the checkpoint from dirfd (borrowed), or keeps nothing when dirfd is
 * -1.  Returns NULL with why set.
 */
struct ledger	*ledger_new(struct ev_loop *, int dirfd, uint64_t interval_ms,
		    struct reason *why);
void	ledger_free(struct ledger *);

/*
 * From now on a thread waits for the disk: the process is in its sandbox, which
 * binds what is made in it.  Where there can be no thread, that is logged and
 * the loop waits.
 */
void	ledger_start(struct ledger *);

/*
 * Who owns the marks.  ops, and arg for them, are borrowed; there is no mark
 * before.
 */
void	checkpointer_serve(struct ledger *, const struct checkpointer_ops *,
	    void *arg);

/* As the functions of store.h; nothing is known without a state. */
bool	ledger_take(struct ledger *, const char *dest, dev_t, ino_t,
	    struct checkpoint_record *);
/*
 * The same for a file whose device may have another number now, and of which
 * now has destination, device, inode and path: the record is still under the
 * old number, which ledger_end() ends.
 */
bool	ledger_take_moved(struct ledger *, const struct checkpoint_record *now,
	    struct checkpoint_record *);
void	ledger_give_back(struct ledger *);
const struct checkpoint_record	*ledger_find(struct ledger *,
				    const char *dest, dev_t, ino_t);
const struct checkpoint_record	*ledger_last(struct ledger *, dev_t, ino_t);
const char	*ledger_path(struct ledger *, dev_t, ino_t);
bool	ledger_has_seen(struct ledger *, const char *dest, const char *source);
void	ledger_see(struct ledger *, const char *dest, const char *source);

/*
 * Since when nobody could look at the directory of that path, in nanoseconds of
 * the time of day, or 0 that it was looked at; what was said of it last; and the
 * first path with that prefix of which a time was said, or NULL.
 */
void	ledger_late(struct ledger *, const char *path, int64_t since_ns);
int64_t	ledger_late_since(const struct ledger *, const char *path);
const char	*ledger_late_below(const struct ledger *, const char *prefix);

/* The first for which fn says so of those since when that is; see there. */
const char	*ledger_late_at(const struct ledger *, const char *prefix,
		    int64_t since_ns, bool (*fn)(const char *path, void *),
		    void *arg);

/*
 * The path under which a time is said of a file that could not be read: that of
 * no directory.
 */
#define LEDGER_FILE_MAX (PATH_MAX + 32)
void	ledger_file_path(const char *dir, ino_t, char path[LEDGER_FILE_MAX]);

/* Walks the records that nobody has taken; fn must not touch the ledger. */
void	ledger_walk_untaken(struct ledger *,
	    void (*fn)(const struct checkpoint_record *, void *), void *);

/* The record has come to its end: what it meant goes on under another key. */
void	ledger_end(struct ledger *, const struct checkpoint_record *);

/* Whether there was no checkpoint: nobody has looked at anything before. */
bool	ledger_is_first(const struct ledger *);

/*
 * On which side of the last look a file's time is, in nanoseconds.  That was
 * when the checkpoint was written last before it was opened: what has changed
 * since, nobody has seen.
 */
enum ledger_side {
	LEDGER_BEFORE,
	LEDGER_SINCE,
	LEDGER_UNKNOWN		/* the clock was set, or it is still to come */
};
enum ledger_side	ledger_side(const struct ledger *, int64_t ns);

/* When that was, by the time of day of then; the same. */
int64_t	ledger_look_ns(const struct ledger *);

/*
 * Whether it is known how long ago that was: no older version wrote the
 * checkpoint.
 */
bool	ledger_knows_look(const struct ledger *);

/*
 * The least time that a file has which was made behind a record of t: 0 where
 * the clock was set back since, nobody knows how far.
 */
int64_t	ledger_since_record(const struct ledger *, time_t t);

/* Once a turn of the loop, at its end: writes what it is time for. */
void	ledger_turn(struct ledger *);

/* What the record of the mark says has changed: to be written. */
void	ledger_mark(struct ledger *, struct checkpoint_mark *);

/* The same where only offset and guards have changed, which costs less. */
void	ledger_mark_acked(struct ledger *, struct checkpoint_mark *);

/*
 * What is marked in this turn of the loop is written at once: the checkpoint may
 * have more than the receiver.
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
void	ledger_drop(struct ledger *, struct checkpoint_mark *, bool gone);

/*
 * Writes and syncs what is marked now, and waits for the disk.  Returns 0, or
 * -1: it was logged.
 */
int	ledger_sync(struct ledger *);

/*
 * The same, and nobody waits: fn is called later, once for all who have asked,
 * with the error or NULL.  Returns false where no state is kept, and there is
 * nothing to wait for.
 */
bool	ledger_ask(struct ledger *);
void	ledger_on_written(struct ledger *,
	    void (*fn)(void *arg, const char *error), void *arg);

struct ledger_stats {
	struct checkpoint_file_stats file;
	uint64_t		 damaged;	/* records, when it was opened */
	const char		*error;		/* not put right yet, or NULL */
};
void	ledger_stats(const struct ledger *, struct ledger_stats *);

#endif
