/*
 * inside.h - what the parts of follow/ have of each other.  From below:
 *
 *	order		which file is sent before which
 *	position	where what was sent still stands in a file
 *	suspect		a new file that may be a copy waits
 *	copy		finds the copy of a file
 *	lifecycle	a file begins, and ends
 *	rename		it gets a name, or loses it
 *	in_copy		what a truncated file was goes on in its copy
 *	truncate	a truncated file is a new one
 *	check		grown, truncated, replaced, gone
 *	due		what time tells
 */
#ifndef FOLLOW_INSIDE_H
#define FOLLOW_INSIDE_H

#include <sys/stat.h>

#include <stdbool.h>

#include "daemon/file/file.h"

struct checkpoint_record;

/* The file has the identity of st; no record has that yet. */
void	follow_know(struct file *, const struct stat *);

/*
 * Gives the file a stream from offset, NULL with errno; has that recorded and
 * wakes it; and both at once: 0, or -1 with errno.
 */
struct stream	*follow_link_stream(struct file *, struct route *,
		    off_t offset);
void	follow_begin_stream(struct stream *);
int	follow_add_stream(struct file *, struct route *, off_t offset);

/*
 * Ends a compressed file.  Where it has a name, its record stays, under that:
 * nothing of it is sent any more, though it begins like something else that is
 * looked for.
 */
void	follow_finish_compressed(struct file *);

/*
 * Whether a file that has no name any more may have one again, as far as can be
 * seen: the file system was unmounted, or its directory was moved.
 */
bool	follow_may_come_back(const struct file *);

/*
 * Nothing more is read of the file for now; its records stay, as those of a
 * file that was not there at a start.  Frees it.
 */
void	follow_leave(struct file *);

/*
 * after is to be sent when before is at its end; nothing happens where one of
 * them follows, or is followed by, another already.
 */
void	order_follow(struct file *after, struct file *before);

/* The file stands between no others any more; those follow each other. */
void	order_unlink(struct file *);

/* What waits for the file, or for one before it, may not have to any more. */
void	order_wake_behind(struct file *);

/* The file that had the name of this new one before is sent first. */
void	order_after_former(struct file *);

/* The file is spent: its streams are at its end, and stay there. */
void	follow_spend(struct file *, int fd, off_t size);

/*
 * The stream's cursor goes to offset; what is in flight of it is sent again
 * from there.
 */
void	follow_go_to(struct stream *, off_t offset);

/*
 * The file, open as fd, is not what it was when it was read.  Each stream goes
 * on where what it has sent still stands: at the newest guard that holds, or
 * behind the only place that has the bytes of the last one.  Returns 1, 0 when
 * there is no such place for one of them, or -1 when it could not be read.
 */
int	follow_go_on(struct file *, int fd, const struct stat *);

/*
 * What was sent of a file of which every receiver has all; NULL where one has
 * less, or without memory.  The file that was truncated to nothing takes it as
 * its emptied: its first content may begin with the last lines that were sent,
 * as when older ones are removed in place.  follow_go_on() looks for them.
 */
struct emptied	*follow_sent_of(const struct file *);

/*
 * Whether the file would go back to where no more may stand before than what
 * every file of a program begins with.
 */
bool	follow_goes_back(struct file *, int fd, off_t size);

/*
 * Whether a copy has what was sent of the file: then it was truncated and begun
 * anew.  1 or 0, or -1: the file is looked at again when that is known.
 */
int	follow_has_copy(struct file *);

/*
 * The offset behind the only place in fd at which the bytes of a guard of full
 * length stand, at the end of a line; 0 when there is none, or more than one,
 * or -1 with errno.  Looks through 64 MB at the most, around the guard's own
 * offset.
 */
off_t	follow_seek_guard(struct file *, int fd, off_t size,
	    const struct guard *);

/* The same was written anew; else what was sent of it is nowhere in it. */
enum follow_change {
	FOLLOW_TRUNCATED,
	FOLLOW_WRITTEN_ANEW
};
void	follow_truncated(struct file *, const struct stat *,
	    enum follow_change);

/* Looks once more for the copy that could not be looked for. */
void	follow_seek_copy(struct file *);

/*
 * What the file was before it was truncated goes on in its copy, which may have
 * more than anybody had seen; without one, what is in flight is all that can
 * still arrive.  now is the file that was begun in its place.  Takes old.
 * Returns whether it may have a copy.
 */
bool	follow_finish_in_copy(struct file *old, struct names *,
	    struct file *now);

/*
 * The file now, of which rec says what was sent by the route, was truncated
 * before it was followed: what it was goes on in its copy, if there is one,
 * which is sent first.
 */
void	follow_resume_in_copy(struct file *now, struct route *,
	    const struct checkpoint_record *rec);

/* Says that the octets were lost, and counts them; nothing where from >= to. */
void	follow_lose(struct file *, const char *how, off_t from, off_t to);

/* The same of all that was not sent of the file, but for NULs at its end. */
void	follow_say_lost(struct file *, const char *how);

#endif
