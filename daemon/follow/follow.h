/*
 * follow.h - what became of a file: grown, rotated, truncated, replaced, gone.
 *
 * find/ tells which file has which name, and asks for a check of it; the rest
 * comes by events and by time.  A file that is checked, or that loses its name,
 * may have another file begun, and may be freed.
 */
#ifndef FOLLOW_FOLLOW_H
#define FOLLOW_FOLLOW_H

#include <sys/stat.h>

#include <stdbool.h>

#include "daemon/file/file.h"
#include "lib/fingerprint.h"

struct checkpoint_record;
struct file_ops;
struct ledger;
struct place;
struct route;
struct tail;
struct tails;

/* What the table of files calls: for tails_new(). */
extern const struct file_ops	follow_ops;

/*
 * From now on the checkpointer asks for the records of the files in the table,
 * which is borrowed.  No file may be followed before.
 */
void	follow_serve_checkpointer(struct ledger *, struct tails *);

/* Frees all files and their streams; their records stay as they are. */
void	follow_free_all(struct tails *);

/*
 * Follows the regular file at place/name that st describes; nothing is read
 * before a route joins.  Returns NULL with errno.
 */
struct tail	*tail_new(struct tails *, struct place *, const char *name,
		    const struct stat *);

/*
 * The same for a file that has no name any more, but once was called name, and
 * is open as fd.  Takes fd, also on failure.
 */
struct tail	*tail_new_nameless(struct tails *, const char *name, int fd,
		    const struct stat *);

/*
 * The file will not come back, and neither will its records, unless it may go
 * on where nobody could look.  Frees it.
 */
void	tail_finish(struct tail *);

/* Frees the file; its records stay. */
void	tail_free(struct tail *);

/*
 * Sends the file by route: from the checkpoint, or from from_end's meaning of
 * a start.  Does nothing when the route's destination gets the file already.
 * Returns 0, or -1 with errno.
 */
int	tail_join(struct tail *, struct route *, bool from_end);

/*
 * The same for a file that no source means by its name, but was followed
 * before: only when it is the very file that the checkpoint knows.
 */
int	tail_rejoin(struct tail *, struct route *);

/*
 * Of another file, which had the name of this one, something was sent: the
 * stream to the record's destination goes on behind that where it stands in
 * this one, of which nothing was sent.  Returns whether it does.
 */
bool	tail_seek_sent(struct tail *, const struct checkpoint_record *);

/*
 * Looks at the file itself: grown, truncated, replaced, gone.  Whether it was
 * truncated and is larger than ever may be left to the next read to find out;
 * not where the caller needs to know now: then surely.  Where an event says
 * that the file was written to, one of the same size may have been written anew
 * with the same text.
 */
void	tail_check(struct tail *);
void	tail_check_surely(struct tail *);
void	tail_check_written(struct tail *);

/*
 * The file, which had no name, is called place/name now; takes name.  A file
 * that had the name until now is followed without one.
 */
void	follow_enter(struct tail *, struct place *, char *name);

/*
 * The file is now called place/name; NULL: it has no name that is known.  The
 * file that gets its old name is sent after it.
 */
void	tail_rename(struct tail *, struct place *, const char *name);

/*
 * The directory is gone: its files have no name that is known.  What gets one
 * of their paths is sent after them.
 */
void	follow_directory_gone(struct place *);

/*
 * The file has a name that a source means, and that rotation does not give to
 * the one it was found by: it is not taken for a rotated file any more.
 */
void	tail_is_live(struct tail *);

/*
 * The file was called place/name until just now: it is sent before the file
 * that has the name, and after those that had it before.
 */
void	tail_precedes(struct tail *, struct place *, const char *name);

/*
 * Puts the files that have a name, or had it and were rotated, one behind the
 * other: the oldest first, and last the one that has the name now.
 */
void	place_order(struct place *);

/*
 * A new file has something in it, or more: whether it may be a copy of another
 * file is found out, and its streams are woken when it is to be sent.
 */
void	tail_held_look(struct tail *);

/* Holds as a copy for good what is known to be one of the other file. */
void	tail_hold_copy(struct tail *, const struct tail *of);

/* Whether the file is held as a copy for good. */
bool	tail_is_copy(const struct tail *);

/*
 * Whether the file has a record: one that may be a copy has none, as it is
 * looked at again; but where that could not be found out yet it may as well be
 * none.
 */
bool	tail_held_has_record(const struct tail *);

/*
 * rsync(1), an editor, sed -i, or a move to another disk put a file in place of
 * the log that has all of it, or most.  What was sent of the one is not sent
 * again of the other.
 */
enum tail_replacement {
	TAIL_REPLACED,			/* the file goes on in the other */
	TAIL_REPLACED_IN_PART,		/* the other is new, but behind from->at
					   there is only what was not sent */
	TAIL_CANNOT_TELL,		/* it could not be read, or the name is
					   another's by now: look again */
	TAIL_NOT_REPLACED		/* it has nothing to do with it */
};

/*
 * was had the name in place, or lost its directory and had the same path; now
 * there is the file that st describes, which nobody follows.  from->at is 0 but
 * where it is replaced in part.
 */
enum tail_replacement	tail_replaced(struct tail *was, struct place *,
			    const char *name, const struct stat *st,
			    struct guard *from);

/* The new file begins at from->at, for every destination. */
void	tail_begin_from(struct tail *, const struct guard *from);

#endif
