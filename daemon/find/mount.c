#include "daemon/find/mount.h"

#include <limits.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/find/dir.h"
#include "daemon/find/entry.h"
#include "daemon/find/inside.h"
#include "daemon/find/match.h"
#include "daemon/find/scan.h"
#include "daemon/find/sweep.h"
#include "daemon/watch/mounts.h"

/* Splits a path into directory and name.  Returns false for the root. */
static bool
split(const char *path, char dir[PATH_MAX], const char **name)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash[1] == '\0' ||
	    strlcpy(dir, path, PATH_MAX) >= PATH_MAX)
		return (false);
	dir[slash - path] = '\0';
	*name = slash + 1;
	return (true);
}

/* Whether a mount at point may have changed where path leads. */
static bool
is_at_or_below(const char *path, const char *point)
{
	size_t len = strlen(point);

	/* all paths are below "/" */
	return (len == 1 ||
	    (strncmp(path, point, len) == 0 &&
		(path[len] == '/' || path[len] == '\0')));
}

struct search {
	const char *point;
	bool found;
};

static void
search(const struct checkpoint_record *rec, void *arg)
{
	struct search *s = arg;

	s->found = s->found || is_at_or_below(rec->path, s->point) ||
	    (rec->real != NULL && is_at_or_below(rec->real, s->point));
}

/*
 * Whether the checkpoint knows files of the file system that is mounted there
 * now.  While it was not mounted, they may have been rotated or compressed, and
 * its device number may have changed: only a start finds that out, before
 * anything is sent.
 */
static bool
is_for_a_start(struct sources *ss, const char *point)
{
	struct search s = { point, false };
	char dir[PATH_MAX];
	const char *name;

	if (!split(point, dir, &name) || !mounts_has(ss->mounts, dir, name))
		return (false);
	checkpointer_walk_untaken(ss->checkpointer, search, &s);
	if (s.found)
		ss->ops.on_mounted(ss->ops.arg, point);
	return (s.found);
}

/* Most mounts are of no interest: then nothing is examined. */
static void
examine_point(struct sources *ss, const char *point)
{
	char parent[PATH_MAX];
	const char *name;
	struct dir *d;

	if (!split(point, parent, &name) ||
	    (d = dir_find(ss, parent)) == NULL ||
	    (!match_file(d, name) && !match_dir(d, name) &&
		names_at(&d->place, name) == NULL &&
		dir_find(ss, point) == NULL))
		return;
	if (!is_for_a_start(ss, point))
		entry_examine(d, name);
}

/*
 * Whether point is directly in d, by the path of d without links; and its name
 * there.
 */
static bool
is_in(const char *point, const struct dir *d, const char **name)
{
	const char *real = dir_real(d);
	size_t len = strlen(real);

	*name = point + len + 1;
	return (strncmp(point, real, len) == 0 && point[len] == '/' &&
	    **name != '\0' && strchr(*name, '/') == NULL);
}

/* By path, for examining may remove the directory. */
static void
examine_linked(
    struct sources *ss, const char *path, const char *const *points, size_t n)
{
	const char *name;
	struct dir *d;
	size_t i;

	for (i = 0; i < n && (d = dir_find(ss, path)) != NULL; i++) {
		if (is_at_or_below(dir_real(d), points[i])) {
			if (!is_for_a_start(ss, points[i]))
				sweep_dir(d);
		} else if (d->real != NULL && is_in(points[i], d, &name))
			entry_examine(d, name);
	}
	/* A link in d may lead across what is mounted. */
	if ((d = dir_find(ss, path)) != NULL && d->dangles)
		sweep_dir(d);
}

/* Looks at all directories that have links, or that links lead into. */
static void
examine_all_linked(struct sources *ss, const char *const *points, size_t n)
{
	struct dir *d = dir_from(ss, "");
	char path[PATH_MAX + 1];

	while (d != NULL) {
		if (d->real == NULL && d->parent != NULL && !d->dangles) {
			d = dir_next(d);
			continue;
		}
		(void)strlcpy(path, d->place.path, PATH_MAX);
		examine_linked(ss, path, points, n);
		(void)strlcat(path, "\001", sizeof(path));
		d = dir_from(ss, path);
	}
}

static void
on_change(void *arg, const char *const *points, size_t n)
{
	struct sources *ss = arg;
	size_t i;

	ss->by_time = true;
	for (i = 0; i < n; i++)
		examine_point(ss, points[i]);
	examine_all_linked(ss, points, n);
	ss->by_time = false;
	scan_some(ss);
}

void
mount_begin(struct sources *ss)
{
	ss->mounts = mounts_new(ss->loop, on_change, ss);
	if (ss->mounts == NULL)
		log_info("mounts: the system does not tell what is mounted: "
			 "that is found within a minute");
}
