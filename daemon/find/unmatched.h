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
struct orphans;				/* opaque */
struct sources;

/* Where the file of a record was: what became of it is looked for there. */
struct orphan_spot {
	RB_ENTRY(orphan_spot)	 by_name;
	struct orphan		*of;
	struct dir		*dir;
	const char		*base;		/* its name there */
	size_t			 nth;
};

/* By its path, by its real path, and where a link leads from its path now. */
#define ORPHAN_SPOTS	3

struct orphan {
	TAILQ_ENTRY(orphan)	 entry;
	struct checkpoint_record rec;
	char			*path;		/* owned: what rec points to */
	char			*dest;
	struct guard		 guards[CHECKPOINT_GUARDS];
	char			*real;		/* or NULL */
	struct orphan_spot	 spots[ORPHAN_SPOTS]; /* its path's is the first */
	unsigned		 nspots;
	size_t			 nth;
	bool			 tried;		/* not looked for any more */
	bool			 found;		/* goes on in another file */
	bool			 ended;		/* so does its record */
};

/*
 * All whose directory is known, of destinations that would get the file by this
 * configuration: what others got finds nothing for those.  Returns NULL: it was
 * logged.  Free with orphans_free().
 */
struct orphans	*orphans_new(struct sources *);
void	orphans_free(struct orphans *);

/* The sources keep none any more. */
void	orphans_forget(struct sources *);

bool	orphans_are_none(const struct orphans *);

/* Whether there is one of which nothing was sent. */
bool	orphans_have_unsent(const struct orphans *);

/* Whether one had that name; and: whether one was there, and is not found. */
bool	orphans_had(struct orphans *, struct dir *, const char *name);
bool	orphans_are_missed(struct orphans *, struct dir *);

/*
 * Whether a file that was truncated before anybody could read it had the name
 * from which rotation made that of the candidate, which was made since: then
 * the file is found.
 */
bool	orphans_seek_copy(struct orphans *, const struct candidate *);

/*
 * Those that were in the directory and were not tried, by every name that they
 * may have had.  Returns NULL: it was logged.  Free with kin_free().
 */
struct kin	*orphans_of(struct orphans *, struct dir *);

/*
 * Calls fn as kin_each() does for those with such content that were not tried,
 * whatever their names.
 */
void	orphans_each(struct orphans *, struct kin_query *,
	    bool (*fn)(void *orphan, void *arg), void *arg);

/* It is not looked for any more; of, the orphans_of(d), has it no more, either. */
void	orphan_try(struct orphans *, struct orphan *, struct dir *d,
	    struct kin *of);

/*
 * The records of one file for several destinations: the first of them, and the
 * next or NULL.
 */
struct orphan	*orphan_first(struct orphan *);
struct orphan	*orphan_next(struct orphan *);

/*
 * Says what was not found, of that directory or with NULL of all, and ends the
 * records of what was.  Nothing is said of what is still looked for.
 */
void	orphans_end(struct orphans *, const struct dir *);

#endif
