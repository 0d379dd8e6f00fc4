#include "daemon/find/entry_inside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/match.h"
#include "daemon/find/not_followed.h"
#include "daemon/find/retry.h"
#include "daemon/find/scan.h"
#include "daemon/find/tree.h"
#include "daemon/find/walk.h"

/* Sets the child's path without links, where its own path has some. */
static void
set_real(struct dir *child, const struct dir *d, const struct found *f)
{
	const char *name = strrchr(child->place.path, '/') + 1;
	char path[PATH_MAX];
	int n;

	free(child->real);
	child->real = NULL;
	if (f->linked) {
		child->real = strdup(f->walk.real);
	} else if (d->real != NULL) {
		n = snprintf(path, sizeof(path), "%s/%s", d->real, name);
		if (n > 0 && (size_t)n < sizeof(path))
			child->real = strdup(path);
	}
}

void
entry_dir(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	char path[PATH_MAX];
	struct dir *child;
	bool added;

	if (dir_path(d, name, path) == -1 || !match_dir(d, name) ||
	    dir_is_inside(d, st))
		return;
	child = dir_find(d->all, path);
	if (child != NULL && !names_is_same(&child->place, st)) {
		tree_remove(child);
		child = NULL;
	}
	if (child == NULL && f->linked && dir_is_everywhere(d->all, st)) {
		not_followed_say(
		    d, name, "it is followed by other paths already");
		return;
	}
	if (child == NULL && (child = tree_add(d->all, d, path, st)) == NULL) {
		retry_dir(d);
		return;
	}
	/* The child may have been in the tree for links into it. */
	child->parent = d;
	set_real(child, d, f);
	if (child->said) {
		/* The child could not be listed before. */
		child->unwatched = true;
		if (child->unrecovered && !d->all->starting) {
			retry_dir(child);
		} else {
			scan_later(child);
			retry_dir_first(child);
		}
	}
	if (match_add_below(child, d, f->trust, &added) == -1)
		retry_dir(d);
	if (added)
		scan_with_more(child);
}
