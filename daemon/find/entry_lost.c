#include "daemon/find/entry.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>

#include "daemon/file/file.h"
#include "daemon/follow/follow.h"

/*
 * Whether another directory, or none, has its path: then its files went with
 * it, and may come back with it.
 */
static bool
is_gone(const struct dir *d)
{
	struct stat st;

	if (stat(dir_display(d), &st) == -1)
		return (errno == ENOENT || errno == ENOTDIR);
	return (!place_is_same(&d->place, &st));
}

/* The file that had the name is read on without it. */
void
lose_name(struct dir *d, const char *name)
{
	struct tail *t;

	if (tail_at(&d->place, name) != NULL && is_gone(d)) {
		if (d->parent != NULL)
			dir_scan_later(d->parent);
		return;
	}
	if ((t = tail_at(&d->place, name)) != NULL)
		tail_check_surely(t);
	/* The look may have put another in its place. */
	if ((t = tail_at(&d->place, name)) != NULL)
		tail_rename(t, NULL, NULL);
}

void
lose_dir(struct dir *d, const char *name)
{
	char path[PATH_MAX];
	struct dir *child;

	if (dir_path(d, name, path) == 0 &&
	    (child = dir_find(d->all, path)) != NULL)
		dir_free(child);
}

void
look_at_missing(struct dir *d, const char *name)
{
	lose_name(d, name);
	lose_dir(d, name);
	dir_untell(d, name);
	link_forget(d, name);
}

/* Says once why what a source means is not followed, and forgets it. */
void
refuse_if(struct dir *d, const char *name, bool meant, const char *why)
{
	link_forget(d, name);
	lose_name(d, name);
	lose_dir(d, name);
	if (meant)
		dir_tell(d, name, why);
}

void
refuse(struct dir *d, const char *name, const char *why)
{
	refuse_if(d, name, dir_means_file(d, name), why);
}
