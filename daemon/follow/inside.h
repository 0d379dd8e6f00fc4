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
void	follow_know(struct tail *, const struct stat *);

/*
 * Gives the file a stream from offset, NULL with errno; has that recorded and
 * wakes it; and both at once: 0, or -1 with errno.
 */
struct stream	*tail_link_stream(struct tail *, struct route *, off_t offset);
void	tail_begin_stream(struct stream *);
int	tail_add_stream(struct tail *, struct route *, off_t offset);

/*
 * Ends a compressed file.  Where it has a name, its record stays, under that:
 * nothing of it is sent any more, though it begins like something else that is
 * looked for.
 */
void	tail_finish_packed(struct tail *);

/*
 * Whether a file that has no name any more may have one again, as far as can be
 * seen: the file system was unmounted, or its directory was moved.
 */
bool	tail_may_come_back(const struct tail *);

/*
 * Nothing more is read of the file for now; its records stay, as those of a
 * file that was not there at a start.  Frees it.
 */
void	tail_leave(struct tail *);

/*
 * after is to be sent when before is at its end; nothing happens where one of
 * them follows, or is followed by, another already.
 */
void	tail_follows(struct tail *after, struct tail *before);

/* The file stands between no others any more; those follow each other. */
void	tail_unlink_order(struct tail *);

/* What waits for the file, or for one before it, may not have to any more. */
void	tail_wake_behind(struct tail *);

/* The file that had the name of this new one before is sent first. */
void	place_follow_leaver(struct tail *);

/* The file is spent: its streams are at its end, and stay there. */
void	tail_spend(struct tail *, int fd, off_t size);

/*
 * The stream's cursor goes to offset; what is in flight of it is sent again
 * from there.
 */
void	stream_go_to(struct stream *, off_t offset);

/*
 * The file, open as fd, is not what it was when it was read.  Each stream goes
 * on where what it has sent still stands: at the newest guard that holds, or
 * behind the only place that has the bytes of the last one.  Returns 1, 0 when
 * there is no such place for one of them, or -1 when it could not be read.
 */
int	tail_go_on(struct tail *, int fd, const struct stat *);

/*
 * What was sent of a file of which every receiver has all; NULL where one has
 * less, or without memory.  The file that was truncated to nothing takes it as
 * its emptied: its first content may begin with the last lines that were sent,
 * as when older ones are removed in place.  tail_go_on() looks for them.
 */
struct emptied	*follow_sent_of(const struct tail *);

/*
 * Whether the file would go back to where no more may stand before than what
 * every file of a program begins with.
 */
bool	tail_goes_back(struct tail *, int fd, off_t size);

/*
 * Whether a copy has what was sent of the file: then it was truncated and begun
 * anew.  1 or 0, or -1: the file is looked at again when that is known.
 */
int	tail_has_copy(struct tail *);

/*
 * The offset behind the only place in fd at which the bytes of a guard of full
 * length stand, at the end of a line; 0 when there is none, or more than one,
 * or -1 with errno.  Looks through 64 MB at the most, around the guard's own
 * offset.
 */
off_t	tail_seek_guard(struct tail *, int fd, off_t size,
	    const struct guard *);

/* The same was written anew; else what was sent of it is nowhere in it. */
enum tail_change {
	TAIL_TRUNCATED,
	TAIL_WRITTEN_ANEW
};
void	tail_truncated(struct tail *, const struct stat *, enum tail_change);

/* Looks once more for the copy that could not be looked for. */
void	tail_seek_copy(struct tail *);

/*
 * What the file was before it was truncated goes on in its copy, which may have
 * more than anybody had seen; without one, what is in flight is all that can
 * still arrive.  now is the file that was begun in its place.  Takes old.
 * Returns whether it may have a copy.
 */
bool	tail_finish_in_copy(struct tail *old, struct place *, struct tail *now);

/*
 * The file now, of which rec says what was sent by the route, was truncated
 * before it was followed: what it was goes on in its copy, if there is one,
 * which is sent first.
 */
void	follow_resume_in_copy(struct tail *now, struct route *,
	    const struct checkpoint_record *rec);

/* Says that the octets were lost, and counts them; nothing where from >= to. */
void	tail_lose(struct tail *, const char *how, off_t from, off_t to);

/* The same of all that was not sent of the file, but for NULs at its end. */
void	tail_say_lost(struct tail *, const char *how);

#endif
