/*
 * dir.h - the tree of directories: found by path, by device and inode, and in
 * the order of their paths.
 *
 * Here is what one directory is, and nothing that is done with it: tree.h adds,
 * watches and removes directories.
 */
#ifndef FIND_DIR_H
#define FIND_DIR_H

#include <sys/stat.h>
#include <limits.h>
#include <stdbool.h>

#include "daemon/find/inside.h"

struct names;

/*
 * Allocates a directory and puts it into the tree, without a watch and not yet
 * scanned; for tree.c.  parent is NULL for the root, and for a directory that
 * is there only because links lead into it.  Returns NULL: that was logged.
 */
struct dir	*dir_enter(struct sources *, struct dir *parent,
		    const char *path, const struct stat *);

/* Takes the directory out of the tree; then dir_release() frees it. */
void	dir_leave(struct dir *);
void	dir_release(struct dir *);

/* The directory with this path, "" for the root; or NULL. */
struct dir	*dir_find(struct sources *, const char *path);

/*
 * The directory of the file with this path, or NULL where it is not in the
 * tree.  *name is the file's name there, inside path.
 */
struct dir	*dir_of_path(struct sources *, const char *path,
		    const char **name);

/* The directory that the file module knows as this place. */
struct dir	*dir_of(struct names *);

/*
 * In the order of paths: the first directory that is called path or comes
 * behind that ("": the first of all), and the next one.  NULL: none is left.
 */
struct dir	*dir_from(struct sources *, const char *path);
struct dir	*dir_next(struct dir *);

/* The first directory below d in that order, or NULL. */
struct dir	*dir_first_below(struct dir *d);

/* Whether d is below top, by its path. */
bool	dir_is_below(const struct dir *d, const struct dir *top);

/* The path to show, or to open: "/" for the root. */
const char	*dir_display(const struct dir *);

/*
 * Writes the path of name in the directory.  Returns 0, or -1 with
 * ENAMETOOLONG: no system call takes such a path, so what is there cannot be
 * followed.
 */
int	dir_path(const struct dir *, const char *name, char path[PATH_MAX]);

/* The path without symbolic links; "" for the root. */
const char	*dir_real(const struct dir *);

/* Remembers the directory's owner, group and mode: who may write to it. */
void	dir_note_rights(struct dir *, const struct stat *);

/*
 * Whether the directory of st is in the tree under as many paths as one may
 * have: with links that lead to links their number would grow without bound.
 */
bool	dir_is_everywhere(struct sources *, const struct stat *st);

/* Whether d, or a directory above it, is that of st: a loop of links. */
bool	dir_is_inside(const struct dir *d, const struct stat *st);

/*
 * Whether the sandbox hides the directory, see sources_hide().  Then
 * on_hidden() is called, for something in it may have changed.
 */
bool	dir_is_hidden(const struct dir *);

/*
 * Whether the directory was in the tree only for links into it, and no link
 * leads there any more.
 */
bool	dir_is_idle(const struct dir *);

/*
 * Counts a file that a source means and that is not followed, being older than
 * ignore_older; and forgets the count, for a scan counts anew.
 */
void	dir_count_old(struct dir *);
void	dir_recount_old(struct dir *);

#endif
