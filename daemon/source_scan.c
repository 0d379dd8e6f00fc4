#include "daemon/source_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/tail.h"
#include "daemon/tails.h"
#include "lib/pattern.h"

#define SETTLED 2 /* seconds: the coarsest clock of a file system */

/* What a scan found, to be looked at oldest first. */
struct entry {
	char *name;
	char *was; /* the name it was found by, or NULL */
	struct stat st;
	bool is_new; /* a source means the name, and nobody had it */
};

/* What a scan has found so far; the room of the list is a power of two. */
struct listing {
	struct entry *list;
	size_t n;
	struct missed missed;
};

bool
dir_is_as_seen(const struct tail *t, const struct stat *st)
{
	return (st->st_dev == t->dev && st->st_ino == t->ino &&
	    st->st_size == t->size && tails_is_as_seen(t, st) &&
	    (st->st_nlink > 1) == t->many_links && t->error == 0 &&
	    !t->suspect);
}

bool
dir_is_at_rest(const struct tail *t, int fd, const struct stat *st)
{
	struct stat target;

	if (t->linked && S_ISLNK(st->st_mode))
		return (fstatat(fd, t->name, &target, 0) == 0 &&
		    dir_is_as_seen(t, &target));
	return (!t->linked && dir_is_as_seen(t, st));
}

static int
compare_entries(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->st.st_mtim;
	const struct timespec *y = &((const struct entry *)b)->st.st_mtim;

	if (x->tv_sec != y->tv_sec)
		return (x->tv_sec < y->tv_sec ? -1 : 1);
	return (x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec);
}

static bool
is_known(const struct dir *d, const struct dirent *e)
{
	return (tails_find(d->all->tails, d->place.dev, e->d_ino) != NULL ||
	    ledger_path(d->all->ledger, d->place.dev, e->d_ino) != NULL);
}

static bool
is_interesting(const struct dir *d, const struct dirent *e)
{
	return (dir_means_file(d, e->d_name) || dir_means_dir(d, e->d_name) ||
	    is_known(d, e));
}

static void
add_entry(struct dir *d, struct listing *l, const struct entry *e)
{
	struct entry *grown, *added;

	if ((l->n & (l->n - 1)) == 0) {
		grown = reallocarray(
		    l->list, l->n == 0 ? 1 : l->n * 2, sizeof(*grown));
		if (grown == NULL) {
			dir_again(d);
			return;
		}
		l->list = grown;
	}
	added = &l->list[l->n];
	*added = *e;
	added->name = strdup(e->name);
	if (e->was != NULL)
		added->was = strdup(e->was);
	if (added->name == NULL || (e->was != NULL && added->was == NULL)) {
		free(added->name);
		free(added->was);
		dir_again(d);
		return;
	}
	l->n++;
}

/*
 * Whether the name was given to another file since the directory was read.  A
 * directory that something is mounted on has another inode than its entry.
 */
static bool
is_renamed_since(const struct dirent *e, const struct stat *st)
{
	return (S_ISREG(st->st_mode) && st->st_ino != e->d_ino);
}

/*
 * Adds the entry unless it needs no look.  Returns whether the next scan knows
 * what it is by this one; of a new one that is known after the look.
 */
static bool
list_entry(struct dir *d, int fd, struct dirent *e, struct listing *l)
{
	struct tail *t = tail_at(&d->place, e->d_name);
	struct entry found = { .name = e->d_name };
	char base[NAME_MAX + 1];
	unsigned n = 0;
	bool renamed;

	/* One that is known may have had the name until now. */
	if ((t == NULL || !t->linked) && !dir_means_file(d, e->d_name) &&
	    !is_known(d, e) && missed_is(d, fd, e, base))
		found.was = base;
	else if (t == NULL && !is_interesting(d, e))
		return (true);
	while (fstatat(fd, e->d_name, &found.st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (lookup_again(d->all, n++))
			continue;
		/* One that is gone is looked at as one that was not seen. */
		if (errno != ENOENT)
			dir_again(d);
		d->unsure = true;
		return (false);
	}
	renamed = is_renamed_since(e, &found.st);
	d->unsure |= renamed;
	if (renamed && found.was != NULL)
		return (false);
	if (found.was != NULL && !missed_since(d, &found.st)) {
		found.was = NULL;
		if (!is_interesting(d, e))
			return (found.st.st_size > 0);
	}
	found.is_new = found.was == NULL && dir_means_file(d, e->d_name) &&
	    (t == NULL || (!t->linked && t->ino != e->d_ino));
	/* What patterns came for goes where they say, too. */
	if (t != NULL && !d->widened && dir_is_at_rest(t, fd, &found.st))
		t->seen = d->scan;
	else
		add_entry(d, l, &found);
	return (!renamed && !found.is_new);
}

/* Returns 0, or -1 with errno. */
static int
list_once(struct dir *d, DIR *handle, struct listing *l)
{
	struct dirent *e;

	l->missed.n = 0;
	for (errno = 0; (e = readdir(handle)) != NULL; errno = 0)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0) {
			if (list_entry(d, dirfd(handle), e, l) &&
			    dir_is_known_by_scans(d))
				missed_list(&l->missed, e->d_ino);
		}
	return (errno == 0 ? 0 : -1);
}

/* *st is of the directory before it is listed. */
static void
list_entries(
    struct dir *d, DIR *handle, const struct stat *st, struct listing *l)
{
	struct stat now;
	unsigned n = 0;

	d->was_unsure = d->unsure;
	d->unsure = false;
	/* What was listed before is looked at twice. */
	while (list_once(d, handle, l) == -1) {
		if (!lookup_again(d->all, n++)) {
			l->missed.failed = true;
			dir_again(d);
			return;
		}
		rewinddir(handle);
	}
	d->unsure |= fstat(dirfd(handle), &now) == -1 ||
	    written_ns(&now) != written_ns(st);
}

/* Files whose names a scan did not meet have lost them. */
static void
look_at_unseen(struct dir *d)
{
	struct tail *t = RB_MIN(tail_names, &d->place.names);
	char name[NAME_MAX + 1];

	while (t != NULL) {
		if (t->seen == d->scan) {
			t = RB_NEXT(tail_names, &d->place.names, t);
			continue;
		}
		(void)strlcpy(name, t->name, sizeof(name));
		dir_look(d, name);
		t = tail_behind(&d->place, name);
	}
}

/*
 * Remembers what the sweep compares.  What changes in the same moment cannot
 * be told by the time: a directory that has just changed is listed once more.
 */
static void
note_listing(struct dir *d, const struct stat *st)
{
	d->listed_ns = -1;
	d->changed_ns = written_ns(st);
	dir_note_rights(d, st);
	if (st->st_mtim.tv_sec + SETTLED < time(NULL))
		d->listed_ns = written_ns(st);
}

/* Opens it to be listed; *st is of what is listed. */
static DIR *
open_listing(struct dir *d, struct stat *st)
{
	DIR *handle = dir_list(d);
	unsigned n = 0;
	int error;

	if (handle == NULL)
		return (NULL);
	while (fstat(dirfd(handle), st) == -1)
		if (!lookup_again(d->all, n++)) {
			error = errno;
			(void)closedir(handle);
			errno = error;
			return (NULL);
		}
	return (handle);
}

/*
 * Oldest first.  A new one may have been renamed before it was looked at: only
 * one that is followed then is no news to the next scan.
 */
static void
look_at_listed(struct dir *d, struct listing *l)
{
	struct missed followed = { 0 };
	struct entry *e;
	size_t i;

	if (l->n > 1)
		qsort(l->list, l->n, sizeof(*l->list), compare_entries);
	for (i = 0; i < l->n; i++) {
		e = &l->list[i];
		if (e->was != NULL)
			dir_guess_rename(d, e->name, e->was, e->st.st_ino);
		else
			dir_look_at(d, e->name, &e->st);
		if (e->is_new && dir_is_known_by_scans(d) &&
		    tails_find(d->all->tails, e->st.st_dev, e->st.st_ino) !=
			NULL)
			missed_list(&followed, e->st.st_ino);
		free(e->name);
		free(e->was);
	}
	free(l->list);
	missed_add(d, &followed);
}

static void
scan_listed(struct dir *d)
{
	struct listing l = { 0 };
	struct stat st;
	DIR *handle;

	if ((handle = open_listing(d, &st)) == NULL) {
		if (errno == ESTALE || errno == ENOENT || errno == ENOTDIR) {
			/* Its parent is looked at next. */
			d->listed_ns = -1;
			return;
		}
		if (errno != EACCES && errno != EPERM)
			dir_again(d);
		d->unrecovered |= d->all->starting;
		if (!d->said) {
			log_warn("%s: cannot be listed", dir_display(d));
			d->all->ops.on_refused(d->all->ops.arg, dir_display(d));
		}
		d->said = true;
		return;
	}
	d->said = d->disordered = false;
	sweep_count_anew(d);
	told_recount(d);
	told_look(d, dirfd(handle));
	d->scan++;
	list_entries(d, handle, &st, &l);
	(void)closedir(handle);
	note_listing(d, &st);
	missed_end(d, &l.missed);
	look_at_listed(d, &l);
	look_at_unseen(d);
	/* At a start all directories are scanned before. */
	if (d->disordered && !d->all->starting)
		place_order(&d->place);
}

/* Whether a use before the nth is for the same name. */
static bool
is_named_before(const struct dir *d, size_t n, const char *name)
{
	const struct pattern_part *part;
	size_t i;

	for (i = 0; i < n; i++) {
		part = use_part(&d->uses[i]);
		if (part->kind == PATTERN_LITERAL &&
		    strcmp(part->text, name) == 0)
			return (true);
	}
	return (false);
}

void
dir_scan(struct dir *d)
{
	const struct pattern_part *part;
	bool list = !RB_EMPTY(&d->targets) || !RB_EMPTY(&d->place.names);
	size_t i, n = d->nuses;

	if (dir_is_hidden(d))
		return;
	for (i = 0; i < n; i++)
		list |= use_is_last(&d->uses[i]) ||
		    use_part(&d->uses[i])->kind != PATTERN_LITERAL;
	d->dangles = false;
	if (list)
		scan_listed(d);
	d->widened = d->missed = false;
	dir_look_all_links(d);
	/* A literal name needs no right to list the directory. */
	for (i = 0; i < n; i++) {
		part = use_part(&d->uses[i]);
		if (part->kind == PATTERN_LITERAL && (!list || d->said) &&
		    !is_named_before(d, i, part->text))
			dir_look(d, part->text);
	}
}
