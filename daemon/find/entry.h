/*
 * entry.h - what one name in a directory leads to, now.
 *
 * Events are hints: whatever one says of a name, the name is examined, and what
 * is found there is compared with what was known.
 */
#ifndef FIND_ENTRY_H
#define FIND_ENTRY_H

#include <sys/stat.h>
#include <stdbool.h>

#include "daemon/find/link.h"

struct dir;

/*
 * Examines the name: a new file is followed, one that is followed is checked, a
 * directory is scanned later, a link is walked, and what had the name before is
 * read on without it.  May free directories below the directory.
 */
void	entry_examine(struct dir *, const char *name);

/* The same for the name of a link that probably leads where it did before. */
void	entry_examine_linked(struct dir *, const char *name);

/* The same where lstat(2) has just found st. */
void	entry_examine_found(struct dir *, const char *name,
	    const struct stat *st);

/* Examines the links that lead to the file called base in the directory. */
void	entry_examine_links(struct dir *, const char *base);

/*
 * Examines the next link into the directory, which the cursor passes.  Returns
 * false: that was the last.
 */
bool	entry_examine_next_link(struct dir *, struct link_cursor *);

/*
 * The system says that the directory is gone.  Frees it, unless it is hidden.
 */
void	entry_dir_gone(struct dir *);

#endif
