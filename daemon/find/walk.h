/*
 * walk.h - where a symbolic link leads, and whether each link on the way there
 * is to be trusted.
 */
#ifndef FIND_WALK_H
#define FIND_WALK_H

#include <sys/stat.h>
#include <sys/types.h>
#include <limits.h>
#include <stdbool.h>

struct dir;

struct walk {
	struct stat	st;		/* of what is at the end */
	struct stat	in;		/* of the directory that has it */
	char		real[PATH_MAX];	/* its path without links */
	bool		has_owner;	/* a link is neither root's */
	uid_t		owner;		/* nor the daemon's, but his */
	bool		safe;		/* nobody could plant the links */
	const char	*why;		/* it is not safe: to be shown */
};

/*
 * Follows the link called name in the directory.  A directory on the way that
 * another takes the place of meanwhile is an error.  Returns 0, or -1 with
 * errno.
 */
int	walk_link(const struct dir *, const char *name, struct walk *);

#endif
