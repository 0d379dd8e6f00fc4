#include "daemon/find/entry_inside.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>

#include "daemon/file/file.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/not_followed.h"
#include "daemon/find/scan.h"
#include "daemon/find/tree.h"
#include "daemon/follow/follow.h"

/*
 * Whether the path of d leads to another directory, or to none: then the files
 * went with d, and may come back with it.
 */
static bool
is_gone(const struct dir *d)
{
	struct stat st;

	if (stat(dir_display(d), &st) == -1)
		return (errno == ENOENT || errno == ENOTDIR);
	return (!names_is_same(&d->place, &st));
}

void
entry_lose_name(struct dir *d, const char *name)
{
	struct file *t;

	if (names_at(&d->place, name) != NULL && is_gone(d)) {
		if (d->parent != NULL)
			scan_later(d->parent);
		return;
	}
	if ((t = names_at(&d->place, name)) != NULL)
		follow_check_surely(t);
	/* The check may have given the name to another file. */
	if ((t = names_at(&d->place, name)) != NULL)
		follow_new_name(t, NULL, NULL);
}

void
entry_lose_dir(struct dir *d, const char *name)
{
	char path[PATH_MAX];
	struct dir *child;

	if (dir_path(d, name, path) == 0 &&
	    (child = dir_find(d->all, path)) != NULL)
		tree_remove(child);
}

void
entry_missing(struct dir *d, const char *name)
{
	entry_lose_name(d, name);
	entry_lose_dir(d, name);
	not_followed_forget(d, name);
	link_forget(d, name);
}

void
entry_refuse_if(struct dir *d, const char *name, bool meant, const char *why)
{
	link_forget(d, name);
	entry_lose_name(d, name);
	entry_lose_dir(d, name);
	if (meant)
		not_followed_say(d, name, why);
}

void
entry_refuse(struct dir *d, const char *name, const char *why)
{
	entry_refuse_if(d, name, match_file(d, name), why);
}
