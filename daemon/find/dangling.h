/*
 * dangling.h - symbolic links that lead nowhere.
 *
 * No event tells when the file appears to which such a link leads.  Most often
 * it is about to, for it is being rotated: the link is examined every second
 * for a minute, then only by the sweep.
 */
#ifndef FIND_DANGLING_H
#define FIND_DANGLING_H

#include "daemon/find/inside.h"

/*
 * on_due(d, name) is to examine the link called name in d again.  It may remove
 * directories below d, and not d itself.
 */
void	dangling_init(struct sources *,
	    void (*on_due)(struct dir *d, const char *name));
void	dangling_end(struct sources *);

/*
 * The link called name leads nowhere.  Of more links than are examined by time,
 * the directory is left to the sweep.
 */
void	dangling_add(struct dir *, const char *name);

/* The directory leaves the tree. */
void	dangling_clear(struct dir *);

#endif
