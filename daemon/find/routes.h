/*
 * routes.h - the destinations of a file: the routes of all sources that mean
 * it.
 */
#ifndef FIND_ROUTES_H
#define FIND_ROUTES_H

#include <stdbool.h>

#include "daemon/find/inside.h"

struct file;

/*
 * Sends the file by the routes of every source that means name in dir and
 * follows what is reached like this.  Where memory is short, the directory is
 * scanned again.  Returns whether some source leaves the file alone, being
 * older than its ignore_older.
 */
bool	routes_join(struct file *, const struct dir *, const char *name,
	    enum trust);

/*
 * The checkpoint knows the file by the path origin: it was renamed while the
 * daemon was down.  Sends it by the routes of that path, where it is the same
 * file and not one that got its inode.  Says so in the log.
 */
void	routes_rejoin(struct file *, struct sources *, const char *origin);

/* Whether a source that means name in dir sends it to this destination. */
bool	routes_send_to(const struct dir *, const char *name, const char *dest);

#endif
