/*
 * unmatched.h - records of the checkpoint whose files are not there, or have
 * other content now.
 *
 * All files of a large directory may have been rotated: records are found by
 * name and by content, and never looked through.
 */
#ifndef FIND_UNMATCHED_H
#define FIND_UNMATCHED_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <stdbool.h>
#include <stddef.h>

#include "daemon/checkpoint/record.h"

struct candidate;
struct dir;
struct print_index;
struct print_index_query;
struct sources;
struct unmatched;			/* opaque: all of them */
struct unmatched_record;

/* Where the file of a record was: what it has become is looked for there. */
struct unmatched_spot {
	RB_ENTRY(unmatched_spot)	 by_name;
	struct unmatched_record		*of;
	struct dir			*dir;
	const char			*base;	/* the file's name there */
	size_t				 nth;	/* see the record */
};

/* By its path, by its real path, and where a link leads from its path now. */
#define UNMATCHED_SPOTS	3

struct unmatched_record {
	TAILQ_ENTRY(unmatched_record)	 entry;
	struct checkpoint_record	 rec;	/* all of it is in here */
	char				*path;
	char				*dest;
	char				*real;	/* or NULL */
	struct guard			 guards[CHECKPOINT_GUARDS];
	struct unmatched_spot		 spots[UNMATCHED_SPOTS];
	unsigned			 nspots; /* the path's is the first */
	size_t				 nth;	/* in the checkpoint's order */
	bool				 tried;	/* not looked for any more */
	bool				 found;	/* goes on in another file */
	bool				 ended;	/* the checkpoint dropped it */
};

/*
 * All records whose directory is in the tree and whose destination would get
 * the file by this configuration.  Returns NULL: that was logged.  Free with
 * unmatched_free(); unmatched_forget() frees those that the sources keep, for a
 * directory to which they point leaves the tree.
 */
struct unmatched	*unmatched_new(struct sources *);
void	unmatched_free(struct unmatched *);
void	unmatched_forget(struct sources *);

bool	unmatched_are_none(const struct unmatched *);

/* Whether there is a record of which nothing was sent. */
bool	unmatched_have_unsent(const struct unmatched *);

/*
 * Whether a record has this name in the directory; and whether some record
 * there is not found yet.
 */
bool	unmatched_had(struct unmatched *, struct dir *, const char *name);
bool	unmatched_are_missed(struct unmatched *, struct dir *);

/*
 * Whether a file that was truncated before anybody could read it had the name
 * from which rotation made the candidate's, and the candidate was made since:
 * then its record counts as found.
 */
bool	unmatched_seek_copy(struct unmatched *, const struct candidate *);

/*
 * The records of the directory that were not tried, by every name that their
 * files may have had.  Returns NULL: that was logged.  Free with
 * print_index_free().
 */
struct print_index	*unmatched_of(struct unmatched *, struct dir *);

/*
 * Calls fn as print_index_each() does for the records with such content that
 * were not tried, whatever the names of their files.
 */
void	unmatched_each(struct unmatched *, struct print_index_query *,
	    bool (*fn)(void *record, void *arg), void *arg);

/*
 * The record was tried: nobody looks for its file any more, and of, which is
 * unmatched_of(d), has the record no more.
 */
void	unmatched_try(struct unmatched *, struct unmatched_record *,
	    struct dir *d, struct print_index *of);

/*
 * The records of one file for several destinations: the first of them, and the
 * next or NULL.
 */
struct unmatched_record	*unmatched_first(struct unmatched_record *);
struct unmatched_record	*unmatched_next(struct unmatched_record *);

/*
 * Logs which files were not found, of that directory or with NULL of all, and
 * has the checkpoint drop the records of those that were.  Nothing is logged of
 * a file that is still looked for.
 */
void	unmatched_end(struct unmatched *, const struct dir *);

#endif
