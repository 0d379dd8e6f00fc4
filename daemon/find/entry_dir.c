#include "daemon/find/entry.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pattern.h"

/* The path of a directory without links, where one leads to it. */
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
look_at_dir(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	char path[PATH_MAX];
	const struct use *u;
	struct dir *child;
	struct use below;
	bool added = false;
	size_t i;
	int rc;

	if (dir_path(d, name, path) == -1 || !dir_means_dir(d, name) ||
	    dir_is_inside(d, st))
		return;
	child = dir_find(d->all, path);
	if (child != NULL && !place_is_same(&child->place, st)) {
		dir_free(child);
		child = NULL;
	}
	if (child == NULL && f->linked && dir_is_everywhere(d->all, st)) {
		dir_tell(d, name, "it is followed by other paths already");
		return;
	}
	if (child == NULL && (child = dir_new(d->all, d, path, st)) == NULL) {
		dir_again(d);
		return;
	}
	/* It may have been there for links into it. */
	child->parent = d;
	set_real(child, d, f);
	if (child->said) {
		/* It could not be listed before. */
		child->unwatched = true;
		if (child->unrecovered && !d->all->starting) {
			dir_again(child);
		} else {
			dir_scan_later(child);
			dir_again_first(child);
		}
	}
	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (!use_follows(u, f->reach) || !use_goes_on(u, name))
			continue;
		below = *u;
		if (use_part(u)->kind == PATTERN_ANY_DEPTH) {
			below.depth++;
		} else {
			below.part++;
			below.depth = 0;
		}
		if ((rc = dir_append_use(child, &below)) == -1)
			dir_again(d);
		added |= rc == 1;
	}
	if (added)
		dir_begin(child);
}
