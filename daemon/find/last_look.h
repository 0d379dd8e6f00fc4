/*
 * last_look.h - since when nobody could look at a directory.
 *
 * A start may fail to look at a directory, and so may the next one.  What
 * happened there since the last look is told by the time of that look, and not
 * by that of the checkpoint, which is written meanwhile for other files.  The
 * checkpoint remembers that time, and which files were new but could not be
 * read.  Times are nanoseconds of the wall clock.
 */
#ifndef FIND_LAST_LOOK_H
#define FIND_LAST_LOOK_H

#include <sys/stat.h>
#include <sys/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct dir;

/* A directory came into the tree: asks the checkpoint what is known of it. */
void	last_look_find(struct dir *);

/* What leads to d is in of, which could not be looked at, either. */
void	last_look_copy(struct dir *d, const struct dir *of);

/* The daemon runs, and a look at the directory has just failed. */
void	last_look_failed(struct dir *);

/*
 * The directory was scanned now, or will be later, maybe by another start:
 * tells the checkpoint which.
 */
void	last_look_note(struct dir *);

/* Whether the time t may come after the last look at the directory. */
bool	last_look_may_precede(const struct dir *, const struct timespec *t);

/*
 * A file that was last written at written_ns is new and cannot be read.
 * Whoever finds it later, by whatever name, knows it as new by this; and:
 * whether the file is known so, and is not any more from now on.
 */
void	last_look_defer(struct dir *, ino_t, int64_t written_ns);
bool	last_look_undefer(struct dir *, ino_t, int64_t written_ns);

/*
 * The same for a file that was moved or compressed: another inode, the same
 * time.  is_there(ino, arg) says whether a file in the directory has the inode.
 */
bool	last_look_undefer_moved(struct dir *, int64_t written_ns,
	    bool (*is_there)(ino_t, void *), void *arg);

/* Whether some file of the directory is known so. */
bool	last_look_has_deferred(const struct dir *);

/*
 * A file was found to be what one of the checkpoint has become, or to be new:
 * while the directory is scanned again and again, the file is not found once
 * more after all of it was sent.  And: whether it was found; and: the directory
 * is scanned no more.
 */
void	last_look_take(struct dir *, const struct stat *);
bool	last_look_has_taken(struct dir *, const struct stat *);
void	last_look_forget_taken(struct dir *);

#endif
