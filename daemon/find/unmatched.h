/*
 * unmatched.h - records of the checkpoint whose files are not there, or
 * have other content now, for recover.c.
 *
 * All files of a large directory may have been rotated: they are found by name
 * and by content, and never looked through.
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
struct kin;
struct kin_query;
struct unmatched;				/* opaque */
struct sources;

/* Where the file of a record was: what became of it is looked for there. */
struct unmatched_spot {
	RB_ENTRY(unmatched_spot)	 by_name;
	struct unmatched_record		*of;
	struct dir		*dir;
	const char		*base;		/* its name there */
	size_t			 nth;
};

/* By its path, by its real path, and where a link leads from its path now. */
#define UNMATCHED_SPOTS	3

struct unmatched_record {
	TAILQ_ENTRY(unmatched_record)	 entry;
	struct checkpoint_record rec;
	char			*path;		/* owned: what rec points to */
	char			*dest;
	struct guard		 guards[CHECKPOINT_GUARDS];
	char			*real;		/* or NULL */
	struct unmatched_spot	 spots[UNMATCHED_SPOTS]; /* its path's is the first */
	unsigned		 nspots;
	size_t			 nth;
	bool			 tried;		/* not looked for any more */
	bool			 found;		/* goes on in another file */
	bool			 ended;		/* so does its record */
};

/*
 * All whose directory is known, of destinations that would get the file by this
 * configuration: what others got finds nothing for those.  Returns NULL: it was
 * logged.  Free with unmatched_free().
 */
struct unmatched	*unmatched_new(struct sources *);
void	unmatched_free(struct unmatched *);

/* The sources keep none any more. */
void	unmatched_forget(struct sources *);

bool	unmatched_are_none(const struct unmatched *);

/* Whether there is one of which nothing was sent. */
bool	unmatched_have_unsent(const struct unmatched *);

/* Whether one had that name; and: whether one was there, and is not found. */
bool	unmatched_had(struct unmatched *, struct dir *, const char *name);
bool	unmatched_are_missed(struct unmatched *, struct dir *);

/*
 * Whether a file that was truncated before anybody could read it had the name
 * from which rotation made that of the candidate, which was made since: then
 * the file is found.
 */
bool	unmatched_seek_copy(struct unmatched *, const struct candidate *);

/*
 * Those that were in the directory and were not tried, by every name that they
 * may have had.  Returns NULL: it was logged.  Free with kin_free().
 */
struct kin	*unmatched_of(struct unmatched *, struct dir *);

/*
 * Calls fn as kin_each() does for those with such content that were not tried,
 * whatever their names.
 */
void	unmatched_each(struct unmatched *, struct kin_query *,
	    bool (*fn)(void *record, void *arg), void *arg);

/* It is not looked for any more; of, the unmatched_of(d), has it no more, either. */
void	unmatched_try(struct unmatched *, struct unmatched_record *, struct dir *d,
	    struct kin *of);

/*
 * The records of one file for several destinations: the first of them, and the
 * next or NULL.
 */
struct unmatched_record	*unmatched_first(struct unmatched_record *);
struct unmatched_record	*unmatched_next(struct unmatched_record *);

/*
 * Says what was not found, of that directory or with NULL of all, and ends the
 * records of what was.  Nothing is said of what is still looked for.
 */
void	unmatched_end(struct unmatched *, const struct dir *);

#endif
