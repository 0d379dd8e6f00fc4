/*
 * link.h - symbolic links to files that are followed.
 *
 * Such a file is rotated in the directory that it really is in.  That directory
 * is in the tree for the link, also where no pattern reaches it: by its events
 * the link is examined again, and the file is known there by its identity,
 * whatever its name is by then.
 */
#ifndef FIND_LINK_H
#define FIND_LINK_H

#include <sys/stat.h>
#include <sys/types.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/find/inside.h"

struct file;
struct walk;

/*
 * The link called name in d leads to the file at the end of the walk, which is
 * in the directory into.  Returns 0, or -1 with ENOMEM, which was logged.
 */
int	link_add(struct dir *d, const char *name, struct dir *into,
	    const struct walk *);

/* Whether that is known already. */
bool	link_is_noted(struct dir *d, const char *name, const struct walk *);

/* name is no link any more; and: the directory leaves the tree. */
void	link_forget(struct dir *, const char *name);
void	link_clear(struct dir *);

/*
 * The link by which the file of st, called base in d, is followed: returns its
 * directory, and its name there.  Returns NULL: there is none, or its owner
 * could have planted it.
 */
struct dir	*link_leading_to(struct dir *d, const char *base,
		    const struct stat *st, const char **name);

/* Whether a link leads to base in d, whosever it is. */
bool	link_leads_to(struct dir *d, const char *base);

/*
 * Where the link called name in d leads: returns the directory, and the file's
 * name there.  Returns NULL: name is no link that is known.
 */
struct dir	*link_target(struct dir *d, const char *name,
		    const char **base);

/* Calls fn for every followed file in d to which a link leads, and its name. */
void	link_each(struct dir *d,
	    void (*fn)(struct file *, const char *base, void *), void *arg);

/* A place among the links into a directory; zero: in front of all. */
struct link_cursor {
	struct dir	*dir;
	char		 name[NAME_MAX + 2];
	char		 base[NAME_MAX + 1];
};

/*
 * The next link into d, which the cursor passes: returns the link's directory,
 * and copies its name.  Links may be added and forgotten between two calls.
 * Returns NULL: that was the last.
 */
struct dir	*link_next(struct dir *d, struct link_cursor *,
		    char name[NAME_MAX + 1]);

/*
 * Orders the files to which links into d lead, in the directories of the links:
 * which of them is sent before which.
 */
void	link_order(struct dir *d);

/*
 * Whether a source of a link into d polls; lowers *poll_ms to the least
 * interval of such a source.
 */
bool	link_wants_polling(struct dir *d, uint64_t *poll_ms);

#endif
