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
struct checkpointer;
struct names;
struct route;
struct file;
struct file_table;

/* What the table of files calls: for file_table_new(). */
extern const struct file_ops	follow_ops;

/*
 * From now on the checkpointer asks for the records of the files in the table,
 * which is borrowed.  No file may be followed before.
 */
void	follow_serve_checkpointer(struct checkpointer *, struct file_table *);

/* Frees all files and their streams; their records stay as they are. */
void	follow_free_all(struct file_table *);

/*
 * Follows the regular file at place/name that st describes; nothing is read
 * before a route joins.  Returns NULL with errno.
 */
struct file	*follow_new(struct file_table *, struct names *,
		    const char *name, const struct stat *);

/*
 * The same for a file that has no name any more, but once was called name, and
 * is open as fd.  Takes fd, also on failure.
 */
struct file	*follow_new_nameless(struct file_table *, const char *name,
		    int fd, const struct stat *);

/*
 * The file will not come back, and neither will its records, unless it may go
 * on where nobody could look.  Frees it.
 */
void	follow_finish(struct file *);

/* Frees the file; its records stay. */
void	follow_free(struct file *);

/*
 * Sends the file by route: from the checkpoint, or from from_end's meaning of
 * a start.  Does nothing when the route's destination gets the file already.
 * Returns 0, or -1 with errno.
 */
int	follow_join(struct file *, struct route *, bool from_end);

/*
 * The same for a file that no source means by its name, but was followed
 * before: only when it is the very file that the checkpoint knows.
 */
int	follow_rejoin(struct file *, struct route *);

/*
 * Of another file, which had the name of this one, something was sent: the
 * stream to the record's destination goes on behind that where it stands in
 * this one, of which nothing was sent.  Returns whether it does.
 */
bool	follow_seek_sent(struct file *, const struct checkpoint_record *);

/*
 * Looks at the file itself: grown, truncated, replaced, gone.  Whether it was
 * truncated and is larger than ever may be left to the next read to find out;
 * not where the caller needs to know now: then surely.  Where an event says
 * that the file was written to, one of the same size may have been written anew
 * with the same text.
 */
void	follow_check(struct file *);
void	follow_check_surely(struct file *);
void	follow_check_written(struct file *);

/*
 * The file, which had no name, is called place/name now; takes name.  A file
 * that had the name until now is followed without one.
 */
void	follow_enter(struct file *, struct names *, char *name);

/*
 * The file is now called place/name; NULL: it has no name that is known.  The
 * file that gets its old name is sent after it.
 */
void	follow_new_name(struct file *, struct names *, const char *name);

/*
 * The directory is gone: its files have no name that is known.  What gets one
 * of their paths is sent after them.
 */
void	follow_directory_gone(struct names *);

/*
 * The file has a name that a source means, and that rotation does not give to
 * the one it was found by: it is not taken for a rotated file any more.
 */
void	follow_set_live(struct file *);

/*
 * The file was called place/name until just now: it is sent before the file
 * that has the name, and after those that had it before.
 */
void	order_precede(struct file *, struct names *, const char *name);

/*
 * Puts the files that have a name, or had it and were rotated, one behind the
 * other: the oldest first, and last the one that has the name now.
 */
void	order_names(struct names *);

/*
 * A new file has something in it, or more: whether it may be a copy of another
 * file is found out, and its streams are woken when it is to be sent.
 */
void	suspect_look(struct file *);

/* Holds as a copy for good what is known to be one of the other file. */
void	suspect_hold_copy(struct file *, const struct file *of);

/* Whether the file is held as a copy for good. */
bool	suspect_is_copy(const struct file *);

/*
 * Whether the file has a record: one that may be a copy has none, as it is
 * looked at again; but where that could not be found out yet it may as well be
 * none.
 */
bool	suspect_has_record(const struct file *);

/*
 * rsync(1), an editor, sed -i, or a move to another disk put a file in place of
 * the log that has all of it, or most.  What was sent of the one is not sent
 * again of the other.
 */
enum follow_replacement {
	FOLLOW_REPLACED,		/* the file goes on in the other */
	FOLLOW_REPLACED_IN_PART,	/* the other is new, but behind from->at
					   there is only what was not sent */
	FOLLOW_CANNOT_TELL,		/* it could not be read, or the name is
					   another's by now: look again */
	FOLLOW_NOT_REPLACED		/* it has nothing to do with it */
};

/*
 * was had the name in place, or lost its directory and had the same path; now
 * there is the file that st describes, which nobody follows.  from->at is 0 but
 * where it is replaced in part.
 */
enum follow_replacement	follow_replaced(struct file *was, struct names *,
			    const char *name, const struct stat *st,
			    struct guard *from);

/* The new file begins at from->at, for every destination. */
void	follow_begin_from(struct file *, const struct guard *from);

#endif
