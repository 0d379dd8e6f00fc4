#include "daemon/find/inside.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"

int
dir_compare(const struct dir *a, const struct dir *b)
{
	return (strcmp(a->place.path, b->place.path));
}

RB_GENERATE(dirs, dir, by_path, dir_compare)

#define PATHS_MOST 8 /* of one directory */

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
RB_GENERATE_INTERNAL(dir_ids, dir, by_id, compare_ids, LOCAL)

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

struct dir *
dir_of(struct place *place)
{
	return ((
	    struct dir *)(void *)((char *)place - offsetof(struct dir, place)));
}

struct dir *
dir_find(struct sources *ss, const char *path)
{
	struct dir key;
	union {
		const char *in;
		char *out;
	} u = { .in = path };

	key.place.path = u.out;
	return (RB_FIND(dirs, &ss->dirs, &key));
}

struct dir *
dir_new(struct sources *ss, struct dir *parent, const char *path,
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
	place_init(&d->place, copy, st);
	TAILQ_INIT(&d->strays);
	RB_INIT(&d->stray_names);
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
	dir_find_unseen(d);
	/* It was not found at the start, for looks failed. */
	dir_again_first(d);
	return (d);
}

/* The first directory with a path below that of d, or NULL. */
static struct dir *
first_below(struct dir *d)
{
	char path[PATH_MAX + 1];
	size_t len = strlen(d->place.path);
	struct dir key, *found;

	(void)snprintf(path, sizeof(path), "%s/", d->place.path);
	key.place.path = path;
	found = RB_NFIND(dirs, &d->all->dirs, &key);
	if (found == NULL || strncmp(found->place.path, path, len + 1) != 0)
		return (NULL);
	return (found);
}

void
dir_free(struct dir *d)
{
	struct dir *child;
	struct sources *ss = d->all;

	sweep_leave(d);
	/* They may have been in it. */
	sources_forget_orphans(ss);
	RB_REMOVE(dirs, &ss->dirs, d);
	RB_REMOVE(dir_ids, &ss->ids, d);
	ss->ndirs--;
	while ((child = first_below(d)) != NULL)
		dir_free(child);
	links_clear(d);
	again_leave(d);
	scan_leave(d);
	watch_del(d->watch);
	strays_clear(d);
	awaited_clear(d);
	told_clear(d);
	dir_forget_taken(d);
	place_fini(&d->place);
	free(d->uses);
	free(d->real);
	idset_fini(&d->others);
	free(d);
}

bool
dir_is_to_be_polled(struct dir *d)
{
	uint64_t ms = UINT64_MAX;
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (d->uses[i].source->conf->poll)
			return (true);
	return (dir_links_poll(d, &ms));
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

/* The watch serves every use: for files too, or polled, when one asks. */
void
dir_watch(struct dir *d)
{
	struct watch_want want = { .poll = dir_is_to_be_polled(d),
		.poll_ms = UINT64_MAX };
	struct watch_dir *old = d->watch;
	const struct conf_source *conf;
	size_t i;

	for (i = 0; i < d->nuses; i++) {
		conf = d->uses[i].source->conf;
		want.data |= use_is_last(&d->uses[i]);
		if (conf->poll_interval_ms < want.poll_ms)
			want.poll_ms = conf->poll_interval_ms;
	}
	(void)dir_links_poll(d, &want.poll_ms);
	/* The new one first: what happens between is not missed. */
	d->watch = watch_add(d->all->watch, dir_display(d), &want, d);
	if (d->watch == NULL) {
		log_debug("%s: cannot be watched: %s", dir_display(d),
		    strerror(errno));
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			dir_again(d);
	}
	d->place.told = want.data;
	d->place.polled = d->watch == NULL || watch_is_polled(d->watch);
	watch_del(old);
}

bool
dir_is_everywhere(struct sources *ss, const struct stat *st)
{
	struct dir key = { .place = { .dev = st->st_dev, .ino = st->st_ino } };
	struct dir *d = RB_NFIND(dir_ids, &ss->ids, &key);
	unsigned n = 0;

	for (; d != NULL && place_is_same(&d->place, st) && n < PATHS_MOST; n++)
		d = RB_NEXT(dir_ids, &ss->ids, d);
	return (n == PATHS_MOST);
}

bool
dir_is_inside(const struct dir *d, const struct stat *st)
{
	for (; d != NULL; d = d->parent)
		if (place_is_same(&d->place, st))
			return (true);
	return (false);
}

void
dir_gone(struct dir *d)
{
	struct dir *parent = d->parent;
	char *name;

	if (d->place.path[0] == '\0' || dir_is_hidden(d))
		return;
	if (parent == NULL) {
		/* It is there for the links into it. */
		dir_free(d);
		return;
	}
	name = strdup(strrchr(d->place.path, '/') + 1);
	dir_free(d);
	/* Something else may have its name by now. */
	if (name != NULL)
		dir_look(parent, name);
	free(name);
}

bool
dir_is_hidden(const struct dir *d)
{
	if (d->hidden)
		d->all->ops.on_hidden(d->all->ops.arg, dir_display(d));
	return (d->hidden);
}
