#include "daemon/find/dir.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/find/inside.h"
#include "daemon/follow/follow.h"
#include "lib/unconst.h"

#define PATHS_MOST 8 /* of one directory */

static int
compare_paths(const struct dir *a, const struct dir *b)
{
	return (strcmp(a->place.path, b->place.path));
}

static int
compare_ids(const struct dir *a, const struct dir *b)
{
	if (a->place.dev != b->place.dev)
		return (a->place.dev < b->place.dev ? -1 : 1);
	if (a->place.ino != b->place.ino)
		return (a->place.ino < b->place.ino ? -1 : 1);
	return (a->serial < b->serial ? -1 : a->serial > b->serial);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(dirs, dir, by_path, compare_paths, LOCAL)
RB_GENERATE_INTERNAL(dir_ids, dir, by_id, compare_ids, LOCAL)

struct dir *
dir_enter(struct sources *ss, struct dir *parent, const char *path,
    const struct stat *st)
{
	struct dir *d;
	char *copy;

	if ((d = calloc(1, sizeof(*d))) == NULL ||
	    (copy = strdup(path)) == NULL) {
		log_warn("%s", path);
		free(d);
		return (NULL);
	}
	names_init(&d->place, copy, st);
	TAILQ_INIT(&d->renames);
	RB_INIT(&d->rename_names);
	RB_INIT(&d->targets);
	RB_INIT(&d->taken);
	dir_note_rights(d, st);
	d->all = ss;
	d->parent = parent;
	d->listed_ns = -1;
	d->serial = ++ss->serial;
	d->started = ss->starting && !ss->late;
	RB_INSERT(dirs, &ss->dirs, d);
	RB_INSERT(dir_ids, &ss->ids, d);
	ss->ndirs++;
	return (d);
}

void
dir_leave(struct dir *d)
{
	dir_recount_old(d);
	RB_REMOVE(dirs, &d->all->dirs, d);
	RB_REMOVE(dir_ids, &d->all->ids, d);
	d->all->ndirs--;
}

void
dir_release(struct dir *d)
{
	follow_directory_gone(&d->place);
	names_fini(&d->place);
	free(d->matches);
	free(d->real);
	idset_fini(&d->others);
	free(d);
}

/* A key that borrows the path. */
static struct dir
key_of(const char *path)
{
	return ((struct dir) { .place = { .path = unconst(path) } });
}

struct dir *
dir_find(struct sources *ss, const char *path)
{
	struct dir key = key_of(path);

	return (RB_FIND(dirs, &ss->dirs, &key));
}

struct dir *
dir_of_path(struct sources *ss, const char *path, const char **name)
{
	char copy[PATH_MAX], *slash;

	if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy) ||
	    (slash = strrchr(copy, '/')) == NULL)
		return (NULL);
	*slash = '\0';
	*name = path + (slash - copy) + 1;
	return (dir_find(ss, copy));
}

struct dir *
dir_from(struct sources *ss, const char *path)
{
	struct dir key = key_of(path);

	return (RB_NFIND(dirs, &ss->dirs, &key));
}

struct dir *
dir_next(struct dir *d)
{
	return (RB_NEXT(dirs, &d->all->dirs, d));
}

struct dir *
dir_first_below(struct dir *d)
{
	char path[PATH_MAX + 1];
	struct dir *found;

	(void)snprintf(path, sizeof(path), "%s/", d->place.path);
	found = dir_from(d->all, path);
	return (found != NULL && dir_is_below(found, d) ? found : NULL);
}

bool
dir_is_below(const struct dir *d, const struct dir *top)
{
	size_t len = strlen(top->place.path);

	return (strncmp(d->place.path, top->place.path, len) == 0 &&
	    d->place.path[len] == '/');
}

struct dir *
dir_of(struct names *place)
{
	return ((
	    struct dir *)(void *)((char *)place - offsetof(struct dir, place)));
}

const char *
dir_display(const struct dir *d)
{
	return (d->place.path[0] == '\0' ? "/" : d->place.path);
}

int
dir_path(const struct dir *d, const char *name, char path[PATH_MAX])
{
	int n;

	n = snprintf(path, PATH_MAX, "%s/%s", d->place.path, name);
	if (n > 0 && n < PATH_MAX)
		return (0);
	errno = ENAMETOOLONG;
	return (-1);
}

const char *
dir_real(const struct dir *d)
{
	return (d->real != NULL ? d->real : d->place.path);
}

void
dir_note_rights(struct dir *d, const struct stat *st)
{
	d->uid = st->st_uid;
	d->gid = st->st_gid;
	d->mode = st->st_mode;
}

bool
dir_is_everywhere(struct sources *ss, const struct stat *st)
{
	struct dir key = { .place = { .dev = st->st_dev, .ino = st->st_ino } };
	struct dir *d = RB_NFIND(dir_ids, &ss->ids, &key);
	unsigned n = 0;

	for (; d != NULL && names_is_same(&d->place, st) && n < PATHS_MOST; n++)
		d = RB_NEXT(dir_ids, &ss->ids, d);
	return (n == PATHS_MOST);
}

bool
dir_is_inside(const struct dir *d, const struct stat *st)
{
	for (; d != NULL; d = d->parent)
		if (names_is_same(&d->place, st))
			return (true);
	return (false);
}

bool
dir_is_hidden(const struct dir *d)
{
	if (d->hidden)
		d->all->ops.on_hidden(d->all->ops.arg, dir_display(d));
	return (d->hidden);
}

bool
dir_is_idle(const struct dir *d)
{
	return (d->nmatches == 0 && d->parent == NULL &&
	    RB_EMPTY(&d->targets) && RB_EMPTY(&d->place.names));
}

void
dir_count_old(struct dir *d)
{
	d->passed++;
	d->all->passed++;
}

void
dir_recount_old(struct dir *d)
{
	d->all->passed -= d->passed;
	d->passed = 0;
}
