/*
 * copy.h - finds the copy that copytruncate rotation left of a file.
 *
 * A copy begins as the file did and has what was sent of it at the same offset,
 * or, where more came into the file behind the copy and was sent at once, what
 * was sent up to some offset.  It is no older than the last look at the file,
 * belongs to the file's owner or to root, and has a name that rotation gives
 * the file or that the file's source means, in the file's directory or one near
 * it that the source searches.  Where a link led to the file, that is also its
 * real directory, and its real name.
 */
#ifndef FOLLOW_COPY_H
#define FOLLOW_COPY_H

#include <sys/stat.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "lib/fingerprint.h"

/* Text of fewer octets is no evidence by itself that a file is a copy. */
#define COPY_TELLING	64

struct names;
struct scan_job;
struct file;
struct file_table;

/* What the file was before it was truncated.  All is borrowed. */
struct copy_wanted {
	struct file_table	*all;
	struct file		*file;		/* whose streams know more
						   guards, or NULL */
	struct names		*place;		/* where it had its name */
	const char		*name;
	const char		*real;		/* the path to which links
						   led, or NULL */
	struct fingerprint	 print;
	struct guard		 guard;		/* at 0: none of it was sent */
	off_t			 least;		/* octets that the copy has */
	off_t			 needed;	/* with less, only a whole
						   guard tells: all that it has
						   was sent */
	dev_t			 dev;		/* of the file, which is no */
	ino_t			 ino;		/* copy of itself */
	uint32_t		 begun;		/* as that of a tail */
	uid_t			 uid;		/* of the file's owner */
	int64_t			 since_ns;	/* time of the file; 0: not
						   known */
	bool			 is_short;	/* the copy was made since
						   then, and has a name that
						   rotation gives */
	bool			 is_unread;	/* the same, and least is what
						   was in it: that is all */
};

enum copy_result {
	COPY_FOUND,
	COPY_FOLLOWED,		/* it is followed by itself */
	COPY_NONE,
	COPY_DENIED,		/* a file may not be looked at */
	COPY_UNKNOWN,		/* one could not be: try again */
	COPY_CHANGING,		/* names changed: try again */
	COPY_LATER			/* others have turns: see below */
};

struct copy_found {
	struct names		*place;
	char			*name;		/* the caller's, free(3) */
	int			 fd;		/* the caller's */
	struct stat		 st;
};

/*
 * Looks for the largest such file, of several the newest; one with a name that
 * rotation gives comes first, and then one that was written when the file was
 * last or later.  A file that is held for being a copy, or spent, may be it;
 * one that is followed by itself is not opened for another.
 *
 * Any user may have filled a directory near.  Where there are too many names
 * for a turn, and a tail is given, the search goes on in the next turns: then
 * copy_step() tells for which tail one has ended, and this its result.
 */
enum copy_result	copy_find(const struct copy_wanted *,
			    struct copy_found *);

/* Ends the search for the file's copy, if there is one. */
void	copy_forget(struct file *);

/*
 * Does a part of a search, for the queue of searches of the table, and returns
 * whether that is its end.  Where it is, and others had turns meanwhile, *told
 * is set to the file for which it was: the caller has that ask again, and then
 * says that it was told.
 */
bool	copy_step(struct scan_job *, struct file **told);
void	copy_told(struct file_table *, struct scan_job *);

#endif
