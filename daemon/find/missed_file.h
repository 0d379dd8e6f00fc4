/*
 * missed_file.h - files that were made, written and renamed between two looks
 * at their directory.
 *
 * No pattern means such a file by the name it has now, and no event told that
 * one did.  So it is where a directory is polled, where the system tells that a
 * directory changed and not how, and after events were lost.  The file is known
 * by these: rotation may have given it its name, the scan before did not find
 * it, and it was written since.
 */
#ifndef FIND_MISSED_FILE_H
#define FIND_MISSED_FILE_H

#include <sys/stat.h>
#include <sys/types.h>
#include <limits.h>
#include <stdbool.h>

#include "daemon/find/inside.h"
#include "lib/idset.h"

struct dirent;

/* The inodes that a scan found, for the next one to compare with. */
struct missed {
	struct idset	others;
	bool		failed;		/* not all of them are in it */
};

/* Whether only scans, and no events, tell what is new in the directory. */
bool	missed_needs_scans(const struct dir *);

/*
 * Whether an entry that no pattern means and that is not followed may have had
 * a name since the last scan that one means: base gets that name.  It is so
 * when missed_since() says so of its fstatat(2), too.  fd is of the directory.
 */
bool	missed_is(struct dir *, int fd, const struct dirent *,
	    char base[NAME_MAX + 1]);
bool	missed_since(const struct dir *, const struct stat *);

/* Lists what is in the directory, for the first scan to compare with. */
void	missed_begin(struct dir *);

/* The scan has found this inode. */
void	missed_note(struct missed *, ino_t);

/*
 * The next scan takes this inode for a new one; missed_forget() also has the
 * directory scanned again for it.
 */
void	missed_drop(struct dir *, ino_t);
void	missed_forget(struct dir *, ino_t);

/*
 * The scan has listed all: what it found replaces what the one before did.
 * And: these are added to it.  Both take what is in *m, which is empty then.
 */
void	missed_end(struct dir *, struct missed *m);
void	missed_add(struct dir *, struct missed *m);

#endif
