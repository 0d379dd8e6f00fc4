/*
 * entry.h - the parts of entry.c: entry_file.c knows what to do with a regular
 * file that a name leads to, entry_dir.c with a directory, entry_link.c finds
 * where a symbolic link leads, and entry_lost.c ends what a name led to before.
 */
#ifndef FIND_ENTRY_H
#define FIND_ENTRY_H

#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>

#include "daemon/find/inside.h"

#define MANY_NAMES                                                             \
	"it has several names, and others than its owner may give it one "     \
	"there: symlinks = \"follow\" follows it"

/* What a name leads to. */
struct found {
	struct stat	st;
	enum trust	trust;
	bool		linked;		/* the name is a symbolic link, and */
	struct walk	walk;		/* leads there */
};

/* What cannot be looked at now is not gone for that. */
static inline bool
is_absence(int error)
{
	return (error == ENOENT || error == ENOTDIR || error == ELOOP);
}

/* The file that had the name is read on without it. */
void	entry_lose_name(struct dir *, const char *name);

/* The directory that had the name goes, with all below. */
void	entry_lose_dir(struct dir *, const char *name);

/* Nothing has the name. */
void	entry_missing(struct dir *, const char *name);

/*
 * What has the name is not followed: forgets what had it before and, where
 * meant, a source means the name, says once why.  And: the same of a file.
 */
void	entry_refuse_if(struct dir *, const char *name, bool meant, const char *why);
void	entry_refuse(struct dir *, const char *name, const char *why);

/* A regular file has the name. */
void	entry_file(struct dir *, const char *name, const struct found *);

/* A directory has it. */
void	entry_dir(struct dir *, const char *name, const struct found *);

/*
 * A link has the name: finds what it leads to.  Returns whether that is to be
 * followed; where not, what had the name before is forgotten.
 */
bool	entry_link(struct dir *, const char *name, struct found *);

#endif
