/*
 * inside.h - a tail as its own parts see it: file/file.c looks at the file,
 * resume.c finds where to go on by the checkpoint, position.c where
 * what was sent still stands, truncate.c goes on where none does, and
 * in_copy.c with what the file was, in the copy that was made of it.
 */
#ifndef FOLLOW_INSIDE_H
#define FOLLOW_INSIDE_H

#include <sys/stat.h>

#include <stdbool.h>

#include "daemon/file/file.h"

/* A tail without a place, a file or a stream.  Returns NULL with errno. */
struct tail	*tail_alloc(struct tails *, const char *name);

/*
 * The offset behind the last newline: where start = "end" begins.  That is
 * looked for in the last 64 MB that are no hole; without one there it is the
 * size.
 */
off_t	tail_last_line(struct tail *, int fd);

/* Its stream to the destination, or NULL. */
const struct stream	*tail_stream_to(const struct tail *, const void *dest);

/*
 * Gives it a stream from offset, NULL with errno; that is recorded and woken;
 * and both at once: 0, or -1 with errno.
 */
struct stream	*tail_link_stream(struct tail *, struct route *, off_t offset);
void	tail_begin_stream(struct stream *);
int	tail_add_stream(struct tail *, struct route *, off_t offset);

/* The file is spent: its streams are at its end, and stay there. */
void	tail_spend(struct tail *, int fd, off_t size);

/* Its cursor goes to offset; what is in flight of it is sent again from there. */
void	stream_go_to(struct stream *, off_t offset);

/*
 * The file, open as fd, is not what it was when it was read.  Each stream goes
 * on where what it has sent still stands: at the newest guard that holds, or
 * behind the only place that has the bytes of the last one.  Returns 1, 0 when
 * there is no such place for one of them, or -1 when it could not be read.
 */
int	tail_go_on(struct tail *, int fd, const struct stat *);

/*
 * Whether it would go back to where no more may stand before than what every
 * file of a program begins with; and whether a copy has what was sent: then the
 * file was truncated and begun anew.  That is 1 or 0, or -1: it is looked at
 * again when that is known.
 */
bool	tail_goes_back(struct tail *, int fd, off_t size);
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

/* Says that the octets were lost, and counts them; nothing where from >= to. */
void	tail_lose(struct tail *, const char *how, off_t from, off_t to);

#endif
