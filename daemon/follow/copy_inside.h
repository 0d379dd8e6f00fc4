/*
 * copy_inside.h - a search for the copy of a file, as its parts see it: copy.c
 * begins it, lets others have turns and tells its result; copy_search.c lists
 * directories; copy_match.c tells by a file's content whether it is the copy.
 */
#ifndef FOLLOW_COPY_INSIDE_H
#define FOLLOW_COPY_INSIDE_H

#include <sys/stat.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/scan_queue.h"
#include "daemon/follow/copy.h"
#include "lib/ns.h"

/*
 * A copy may be finished before the last line comes into the file: its time of
 * change may be so much before the file's.
 */
#define COPY_SLACK_NS	(10 * NS_IN_S)

struct copy_search {
	struct copy_wanted	 own;		/* what is looked for, with
						   strings of its own */
	const struct copy_wanted *of;		/* that, or the caller's */
	struct names		*home;		/* where the file is, and its */
	const char		*base;		/* name there: rotation made
						   that of the copy from it */
	struct copy_found	 best;
	char			*where;		/* the path of the best */
	bool			 found;		/* there is a best */
	bool			 rotated;	/* rotation made its name */
	bool			 followed;	/* one is followed by itself */
	bool			 denied;	/* one may not be looked at */
	bool			 unknown;	/* one could not be, now */
	bool			 changing;	/* names were, where nothing
						   was found */
	/* How it goes on: */
	struct scan_job		 job;
	char			*path;		/* of the file */
	bool			 whole;		/* all in one turn */
	bool			 parked;	/* others had turns, */
	unsigned		 parts;		/* so often */
	bool			 busy;		/* it is used, and is freed
						   later when it is */
	bool			 dead;		/* wanted by nobody */
	bool			 over;
	bool			 full;		/* this turn has no more room */
	bool			 real_done;	/* the directory that links lead
						   to was listed, */
	unsigned		 done;		/* and so many of those near */
	unsigned		 nth;
	DIR			*dir;		/* the one that is listed now */
	int64_t			 before;	/* when names in it had changed
						   then, and */
	int64_t			 began;		/* when that was */
};

/* Looks on, until it has found something or its turn is used up. */
void	copy_search_some(struct copy_search *);

/* Forgets what was found. */
void	copy_drop_best(struct copy_search *);

/* Whether st, of lstat(2), may be that of a copy. */
bool	copy_is_possible(const struct copy_wanted *of, const struct stat *st);

/*
 * Whether the file of st was compared with the other before that was truncated,
 * and was its copy.
 */
bool	copy_is_known(const struct copy_wanted *of, const struct stat *st);

/* Whether the file of st is followed, and not because it may be a copy. */
bool	copy_is_followed(struct file_table *, const struct stat *st);

/*
 * Whether fd, of which st is made, has the content of a copy.  What has less
 * than was sent is told by an older guard, and what it has behind that by
 * nothing but its name: one that rotation made.  Returns 1 or 0, or -1 with
 * errno when it could not be read.
 */
int	copy_has_content(const struct copy_wanted *of, int fd, struct stat *st,
	    bool rotated);

#endif
