/*
 * recover.h - what happened to the files of the checkpoint while the daemon was
 * down.
 *
 * Files that only got another name are known by their inode.  Others go on in a
 * file with the same content: a copy, for they were truncated or moved to
 * another file system.  And between them and the file that has the name now,
 * others may have had it.
 */
#ifndef FIND_RECOVER_H
#define FIND_RECOVER_H

#include "daemon/find/inside.h"

/* At the end of the start: recovers the files of all directories. */
void	sources_recover(struct sources *);

/*
 * The same for a directory in which something could not be looked at then, and
 * that was scanned again just now.
 */
void	recover_late(struct dir *);

#endif
