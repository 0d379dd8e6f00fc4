/*
 * not_followed.h - says which files are not followed, and why.
 *
 * Of many names in one directory, or in all, the log has only the first, and
 * the number of the others: any user who may write below a source can make as
 * many as he likes.
 */
#ifndef FIND_NOT_FOLLOWED_H
#define FIND_NOT_FOLLOWED_H

#include "daemon/find/inside.h"

void	not_followed_init(struct sources *);
void	not_followed_end(struct sources *);

/* Says why name is not followed, unless that was said before. */
void	not_followed_say(struct dir *, const char *name, const char *why);

/* The name is gone; all names of the directory are, for it leaves the tree. */
void	not_followed_forget(struct dir *, const char *name);
void	not_followed_clear(struct dir *);

/* A scan of the directory counts anew those that are not named in the log. */
void	not_followed_recount(struct dir *);

/* Forgets names that are gone from the directory, which is open as fd. */
void	not_followed_prune(struct dir *, int fd);

#endif
