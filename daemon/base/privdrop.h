/*
 * privdrop.h - who the worker becomes.
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
	bool	change;			/* started by root: become it */
};

/*
 * Looks up name; NULL, or when not started by root: who we are already.
 * Returns 0, or -1 with why set.
 */
int	account_find(struct account *, const char *name, struct reason *why);

/* Becomes it for good, with its supplementary groups.  -1 with errno. */
int	account_become(const struct account *);

#endif
