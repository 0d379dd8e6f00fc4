/*
 * former.h - what a candidate was before rotation renamed it, and how it is
 * followed for that.
 */
#ifndef FIND_FORMER_H
#define FIND_FORMER_H

#include <stdbool.h>

#include "daemon/find/inside.h"

struct candidate;
struct file;

struct former {
	struct dir	*dir;		/* whose patterns mean it */
	const char	*base;		/* by this name there */
	enum trust	 trust;		/* and it was reached so */
};

/*
 * What the candidate was, by its base: patterns of its directory mean that
 * name, or a link leads there.  Returns false where neither is so.
 */
bool	former_find(const struct candidate *, struct former *);

/*
 * Follows the candidate's file by the routes of what it was.  Returns NULL
 * where no destination gets it; or memory is short, which was logged.
 */
struct file	*former_follow(struct candidate *, const struct former *);

#endif
