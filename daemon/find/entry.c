#include "daemon/find/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/file/file.h"
#include "daemon/find/dir.h"
#include "daemon/find/entry_inside.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/retry.h"
#include "daemon/find/tree.h"
#include "daemon/find/trust.h"
#include "daemon/follow/follow.h"

#define AT_ONCE 64 /* links to one file, examined for one event */

/* The daemon's own log and state: each line of it would make another one. */
static bool
is_avoided(const struct sources *ss, const struct stat *st)
{
	size_t i;

	for (i = 0; i < ss->navoided; i++)
		if (ss->avoided[i].dev == st->st_dev &&
		    ss->avoided[i].ino == st->st_ino)
			return (true);
	return (false);
}

/* Whether to follow a regular file that the name itself leads to. */
static bool
follow_name(struct dir *d, const char *name, struct found *f)
{
	if (trust_own_name(d, name, &f->st))
		return (true);
	f->trust = TRUST_UNSAFE_NAME;
	if (match_trusted(d, name, f->trust))
		return (true);
	entry_refuse(d, name, MANY_NAMES);
	return (false);
}

/* lstat(2) of a name in a directory that may not be opened. */
static int
stat_by_path(const struct dir *d, const char *name, struct stat *st)
{
	char path[PATH_MAX];
	struct stat before, after;

	if (dir_path(d, name, path) == -1 ||
	    stat(dir_display(d), &before) == -1 || lstat(path, st) == -1 ||
	    stat(dir_display(d), &after) == -1)
		return (-1);
	if (names_is_same(&d->place, &before) &&
	    names_is_same(&d->place, &after))
		return (0);
	errno = ESTALE;
	return (-1);
}

/*
 * lstat(2) of the name in d.  Where another directory took the place of d, it
 * fails with ESTALE: by a link there anybody could pass off a file of others as
 * one in d.
 */
static int
stat_inside(struct dir *d, const char *name, struct stat *st)
{
	struct stat own;
	int error, fd, result;

	fd = open(
	    dir_display(d), O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return (stat_by_path(d, name, st));
	result = fstat(fd, &own);
	if (result == 0 && !names_is_same(&d->place, &own)) {
		errno = ESTALE;
		result = -1;
	} else if (result == 0) {
		dir_note_rights(d, &own);
		result = fstatat(fd, name, st, AT_SYMLINK_NOFOLLOW);
	}
	error = errno;
	(void)close(fd);
	errno = error;
	return (result);
}

void
entry_examine(struct dir *d, const char *name)
{
	struct stat st;
	unsigned n = 0;
	int rc;

	if (dir_is_hidden(d))
		return;
	while (
	    (rc = stat_inside(d, name, &st)) == -1 && retry_lookup(d->all, n++))
		;
	if (rc == 0)
		entry_examine_found(d, name, &st);
	else if (is_absence(errno))
		entry_missing(d, name);
	else if (errno != ESTALE) /* else the parent is examined next */
		retry_dir(d);
}

void
entry_examine_linked(struct dir *d, const char *name)
{
	struct file *t = names_at(&d->place, name);
	struct stat st;

	/* Whether to trust the link was decided when it was found. */
	if (t != NULL && t->linked && stat(file_path(t).text, &st) == 0 &&
	    st.st_dev == t->dev && st.st_ino == t->ino)
		follow_check(t);
	else
		entry_examine(d, name);
}

/*
 * Any user can make directories so deep that no system call takes the paths of
 * files in there.  Such a file is not followed, and that is logged once.
 */
static bool
can_be_named(struct dir *d, const char *name)
{
	char path[PATH_MAX];

	if (dir_path(d, name, path) == 0)
		return (true);
	entry_refuse_if(d, name, match_file(d, name) || match_dir(d, name),
	    "its path is longer than the system takes");
	return (false);
}

void
entry_examine_found(struct dir *d, const char *name, const struct stat *found)
{
	struct found f = { .st = *found, .trust = TRUST_PLAIN };

	if (!can_be_named(d, name))
		return;
	if (S_ISLNK(f.st.st_mode)) {
		if (!entry_link(d, name, &f))
			return;
	} else {
		link_forget(d, name);
	}
	if (is_avoided(d->all, &f.st)) {
		entry_refuse(d, name, "it is the daemon's own log or state");
	} else if (S_ISDIR(f.st.st_mode)) {
		entry_lose_name(d, name);
		entry_dir(d, name, &f);
	} else if (S_ISREG(f.st.st_mode)) {
		entry_lose_dir(d, name);
		if (f.linked || follow_name(d, name, &f))
			entry_file(d, name, &f);
	} else {
		entry_refuse(d, name, "it is no regular file");
	}
}

void
entry_examine_links(struct dir *d, const char *base)
{
	struct link_cursor c = { .dir = NULL };
	char name[NAME_MAX + 1];
	struct dir *from;
	unsigned n = 0;

	(void)strlcpy(c.base, base, sizeof(c.base));
	/* Examining one may remove any of them, and directories. */
	while (n++ < AT_ONCE && (from = link_next(d, &c, name)) != NULL &&
	    strcmp(c.base, base) == 0)
		entry_examine(from, name);
}

bool
entry_examine_next_link(struct dir *d, struct link_cursor *c)
{
	char name[NAME_MAX + 1];
	struct dir *from;

	if ((from = link_next(d, c, name)) == NULL)
		return (false);
	entry_examine_linked(from, name);
	return (true);
}

void
entry_dir_gone(struct dir *d)
{
	struct dir *parent = d->parent;
	char *name;

	if (d->place.path[0] == '\0' || dir_is_hidden(d))
		return;
	if (parent == NULL) {
		/* The directory is in the tree only for links into it. */
		tree_remove(d);
		return;
	}
	name = strdup(strrchr(d->place.path, '/') + 1);
	tree_remove(d);
	/* Another file or directory may have the name by now. */
	if (name != NULL)
		entry_examine(parent, name);
	free(name);
}
