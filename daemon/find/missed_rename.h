/*
 * missed_rename.h - files that lost the name by which a source means them
 * before the daemon looked at that name.
 *
 * Events tell of two names of a file; most such files are followed already, and
 * known by their identity.  One that came and was renamed between two looks is
 * not.
 */
#ifndef FIND_MISSED_RENAME_H
#define FIND_MISSED_RENAME_H

#include <sys/types.h>

#include "daemon/find/inside.h"

/*
 * Events in their order: what is called name now was called from before.  With
 * NULL for from nothing happens: a file came, or went.
 */
void	missed_rename_note(struct dir *, const char *name, const char *from);

/*
 * The same for the file with this inode where no event told it, and the file
 * may as well be a copy.
 */
void	missed_rename_guess(struct dir *, const char *name, const char *from,
	    ino_t);

/*
 * When all events of a turn are known: follows files that nobody has found
 * under their first name.
 */
void	missed_rename_follow(struct sources *);

/* The directory leaves the tree. */
void	missed_rename_clear(struct dir *);

#endif
