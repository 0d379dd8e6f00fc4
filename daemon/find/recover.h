/*
 * recover.h - the parts of recover.c: recover_listing.c lists the files of a
 * directory that may be what files of the checkpoint have become,
 * recover_adopt.c finds the records that go on in them, recover_new.c the files
 * that had a name of a source only while the daemon was down, and former.c
 * follows such a file by the routes of the name it had.
 */
#ifndef FIND_RECOVER_H
#define FIND_RECOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/find/candidate.h"
#include "daemon/find/inside.h"
#include "daemon/find/unmatched.h"

/* What is looked for in one directory. */
struct recovery {
	struct unmatched	*os;
	struct dir	*dir;
	struct kin	*missing;	/* orphans whose names were there */
	struct kin	*followed;	/* files whose names are or were there */
	size_t		 nfollowed;
	bool		 early;		/* not all files can be read yet */
	bool		 changing;	/* a name was gone at the look */
	struct candidate **list;	/* the oldest first */
	size_t		 n;
};

/* What a candidate was before. */
struct former {
	struct dir	*dir;		/* whose patterns mean it */
	const char	*base;		/* by this name there */
	enum trust	 trust;		/* by that it was followed */
};

/* former.c */

/*
 * What c was, by the name that rotation changed: patterns of its directory mean
 * that, or a link leads there.  Returns whether there is such a thing.
 */
bool	former_find(const struct candidate *, struct former *);

/*
 * Follows the file of a candidate by the routes of what it was before.  Returns
 * NULL where nobody gets it, or there is no memory: that was logged.
 */
struct tail	*former_follow(struct candidate *, const struct former *);

/* recover_listing.c */

/* Returns 0, or -1: it was logged.  To be followed by recover_end() anyway. */
int	recover_begin(struct recovery *);
void	recover_end(struct recovery *);

/* Lists the candidates of the directory, oldest first. */
void	recover_list(struct recovery *);

/* recover_adopt.c */

/* Whether it cannot be read yet: it may turn out to be another file. */
bool	recover_is_unread(const struct tail *);

/*
 * The orphan that goes on in c, or NULL.  Where c is what another name in its
 * directory has become, the orphan had that name, or one that rotation gave
 * then.
 */
struct unmatched_record	*recover_find(const struct recovery *, const struct candidate *,
		    bool unsent, bool made);

/*
 * Every orphan of which something was sent goes on in the newest file with its
 * content; and one of which nothing was, in one that begins like it.
 */
void	recover_adopt_sent(struct recovery *);
void	recover_adopt_unsent(struct recovery *);

/* recover_new.c */

/* Follows what had the name for a time when nobody looked. */
void	recover_follow_new(struct recovery *);

#endif
