#include "daemon/source_inside.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/tail.h"
#include "daemon/tails.h"
#include "lib/pattern.h"

/* What a scan found, to be looked at oldest first. */
struct entry {
	char *name;
	struct timespec changed;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->changed;
	const struct timespec *y = &((const struct entry *)b)->changed;

	if (x->tv_sec != y->tv_sec)
		return (x->tv_sec < y->tv_sec ? -1 : 1);
	return (x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec);
}

static bool
is_interesting(const struct dir *d, const struct dirent *e)
{
	return (dir_means_file(d, e->d_name) || dir_means_dir(d, e->d_name) ||
	    tails_find(d->all->tails, d->dev, e->d_ino) != NULL ||
	    ledger_path(d->all->ledger, d->dev, e->d_ino) != NULL);
}

/* Returns how many entries of *list are filled; the caller frees all. */
static size_t
list_entries(struct dir *d, DIR *handle, struct entry **list)
{
	struct entry *grown;
	const struct dirent *e;
	const char *path;
	struct stat st;
	size_t n = 0, room = 0;

	while ((e = readdir(handle)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 || !is_interesting(d, e))
			continue;
		if ((path = dir_path_in(d, e->d_name)) == NULL ||
		    lstat(path, &st) == -1)
			continue;
		if (n == room) {
			room = room == 0 ? 16 : room * 2;
			grown = reallocarray(*list, room, sizeof(*grown));
			if (grown == NULL)
				break;
			*list = grown;
		}
		if (((*list)[n].name = strdup(e->d_name)) == NULL)
			break;
		(*list)[n++].changed = st.st_mtim;
	}
	return (n);
}

/* Files whose names a scan did not meet have lost them. */
static void
look_at_unseen(struct dir *d)
{
	struct tail *t, *next;
	char name[NAME_MAX + 1];

	RB_FOREACH_SAFE (t, tail_names, &d->place.names, next) {
		if (t->seen == d->scan)
			continue;
		(void)strlcpy(name, t->name, sizeof(name));
		dir_look(d, name);
	}
}

static void
scan_listed(struct dir *d)
{
	struct entry *list = NULL;
	DIR *handle;
	size_t i, n;

	if ((handle = opendir(dir_display(d))) == NULL) {
		if (!d->said)
			log_warn("%s: cannot be listed", dir_display(d));
		d->said = true;
		return;
	}
	d->said = false;
	d->scan++;
	n = list_entries(d, handle, &list);
	(void)closedir(handle);
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_entries);
	for (i = 0; i < n; i++) {
		dir_look(d, list[i].name);
		free(list[i].name);
	}
	free(list);
	look_at_unseen(d);
}

void
dir_scan(struct dir *d)
{
	const struct pattern_part *part;
	bool list = false;
	size_t i, n = d->nuses;

	for (i = 0; i < n; i++)
		list |= use_is_last(&d->uses[i]) ||
		    use_part(&d->uses[i])->kind != PATTERN_LITERAL;
	if (list)
		scan_listed(d);
	/* A literal name needs no right to list the directory. */
	for (i = 0; i < n; i++) {
		part = use_part(&d->uses[i]);
		if (part->kind == PATTERN_LITERAL && (!list || d->said))
			dir_look(d, part->text);
	}
}
