/*
 * privdrop.h - the user that the worker runs as.
 */
#ifndef BASE_PRIVDROP_H
#define BASE_PRIVDROP_H

#include <sys/types.h>

#include <stdbool.h>

#include "lib/reason.h"

struct account {
	char	name[64];
	uid_t	uid;
	gid_t	gid;
	bool	change;			/* started by root: change to it */
};

/*
 * Looks up the user called name; NULL, or not started by root: takes the one
 * that runs this process.  Returns 0, or -1 with why set.
 */
int	privdrop_find(struct account *, const char *name, struct reason *why);

/*
 * Changes this process to the account for good, with its supplementary groups,
 * if account.change is set.  Returns 0, or -1 with errno.
 */
int	privdrop_become(const struct account *);

#endif
