/*
 * listing.h - lists a directory, a part at a time, for scan.c.
 */
#ifndef FIND_LISTING_H
#define FIND_LISTING_H

#include <stdbool.h>

#include "daemon/find/scan.h"

/*
 * Opens the directory to be listed, maybe anew: what was listed before is
 * dropped.  Where it cannot be listed, that is said, and the scan has nothing
 * but links into it and names that patterns have in full.
 */
void	listing_begin(struct dir *, struct scan *);

/*
 * Lists what this part of the scan has room for.  Returns whether that is all.
 */
bool	listing_go_on(struct dir *, struct scan *);

/* All is listed: closes the directory, and remembers when it was. */
void	listing_end(struct dir *, struct scan *);

/*
 * Takes the oldest entry, or returns NULL.  Free it with listing_free_entry().
 */
struct listed	*listing_take(struct scan *);
void	listing_free_entry(struct listed *);

/* The scan ends here: entries that nobody has examined are freed. */
void	listing_drop(struct dir *, struct scan *);

#endif
