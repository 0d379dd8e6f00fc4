/*
 * entry_inside.h - the parts of entry.c: entry_file.c knows what to do with a
 * regular file, entry_dir.c with a directory; entry_link.c finds where a
 * symbolic link leads, and entry_lost.c ends what had the name before.
 */
#ifndef FIND_ENTRY_INSIDE_H
#define FIND_ENTRY_INSIDE_H

#include <sys/stat.h>
#include <errno.h>
#include <stdbool.h>

#include "daemon/find/entry.h"
#include "daemon/find/inside.h"
#include "daemon/find/walk.h"

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

/* Whether errno says that nothing is there: other errors do not tell that. */
static inline bool
is_absence(int error)
{
	return (error == ENOENT || error == ENOTDIR || error == ELOOP);
}

/*
 * The file that had the name is followed on without it; the directory that had
 * it leaves the tree, with all below; and both, for nothing has the name.
 */
void	entry_lose_name(struct dir *, const char *name);
void	entry_lose_dir(struct dir *, const char *name);
void	entry_missing(struct dir *, const char *name);

/*
 * What has the name is not followed: forgets what had it before and, where a
 * source means it, says once why.  And: the same for what is no directory.
 */
void	entry_refuse_if(struct dir *, const char *name, bool meant,
	    const char *why);
void	entry_refuse(struct dir *, const char *name, const char *why);

/* The name leads to a regular file, or to a directory. */
void	entry_file(struct dir *, const char *name, const struct found *);
void	entry_dir(struct dir *, const char *name, const struct found *);

/*
 * The name is a link: finds what it leads to, and whether to trust it.  Returns
 * false where that is not followed: what had the name before is forgotten.
 */
bool	entry_link(struct dir *, const char *name, struct found *);

#endif
