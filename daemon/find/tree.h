/*
 * tree.h - directories come into the tree, are watched, and leave it.
 */
#ifndef FIND_TREE_H
#define FIND_TREE_H

#include <sys/stat.h>
#include <stdbool.h>

#include "daemon/find/inside.h"

/*
 * Adds a directory that was not known.  parent is NULL for the root, and for a
 * directory that is there only because links lead into it.  Returns NULL: that
 * was logged.
 */
struct dir	*tree_add(struct sources *, struct dir *parent,
		    const char *path, const struct stat *);

/*
 * Removes and frees a directory and all below it.  Files that are followed
 * there go on without a name.
 */
void	tree_remove(struct dir *);

/*
 * Watches the directory for all of its matches.  To be called again when one
 * was added, or when polling may no longer be needed.
 */
void	tree_watch(struct dir *);

/* Whether some source polls the directory instead of asking for events. */
bool	tree_wants_polling(struct dir *);

/*
 * The directory with this path, which has no symbolic links in it.  Where no
 * pattern reaches the directory, it is added and watched, for a link leads into
 * it.  Returns NULL with errno where it is not there; other failures are
 * logged.
 */
struct dir	*tree_find_or_add(struct sources *, const char *path);

#endif
