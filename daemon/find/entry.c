#include "daemon/find/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/replace.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/stream.h"
#include "daemon/watch/mounts.h"
#include "lib/rotation.h"

/*
 * Of a new file that was rotated before anybody saw it, no event may tell which
 * name it had, and so not what is to be sent before it and what behind.
 */
static void
note_generation(struct dir *d, const struct tail *t)
{
	char base[NAME_MAX + 1];

	if (t->held == NULL && rotation_base(t->name, 0, base, sizeof(base)))
		d->disordered = true;
}

#define MANY_NAMES                                                             \
	"it has several names, and others than its owner may give it one "     \
	"there: symlinks = \"follow\" follows it"

/* What cannot be looked at now is not gone for that. */
static bool
is_absence(int error)
{
	return (error == ENOENT || error == ENOTDIR || error == ELOOP);
}

/* What a name leads to. */
struct found {
	struct stat st;
	enum reach reach;
	bool linked; /* the name is a symbolic link, and */
	struct walk walk; /* leads there */
};

/*
 * What is written to a file that is mounted by itself is told in the directory
 * that it is mounted from.
 */
static void
note_mount(struct tail *t, const struct dir *d)
{
	bool mounted = mounts_has(d->all->mounts, dir_real(d), t->name);

	if (t->mounted == mounted)
		return;
	t->mounted = mounted;
	tails_watch(t);
}

/* Remembers the path without links of t, which is in d. */
static void
note_real(struct tail *t, struct dir *d, const struct found *f)
{
	char path[PATH_MAX];
	int n;

	t->linked = f->linked;
	if (f->linked) {
		tail_set_real(t, f->walk.real);
		link_note(d, t->name, &f->walk);
		return;
	}
	note_mount(t, d);
	if (d->real == NULL) {
		tail_set_real(t, NULL);
		return;
	}
	n = snprintf(path, sizeof(path), "%s/%s", d->real, t->name);
	if (n > 0 && (size_t)n < sizeof(path))
		tail_set_real(t, path);
}

static void
look_at_new_file(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	const char *known = NULL;
	struct tail *t;
	bool meant = dir_means_file(d, name), left_alone = false;
	char origin[PATH_MAX], path[PATH_MAX];

	if (!f->linked)
		known = ledger_path(d->all->ledger, st->st_dev, st->st_ino);
	if (known != NULL &&
	    (dir_path(d, name, path) == -1 || strcmp(known, path) == 0 ||
		strlcpy(origin, known, sizeof(origin)) >= sizeof(origin)))
		known = NULL;
	if (!meant && known == NULL)
		return;
	if ((t = tail_new(d->all->tails, &d->place, name, st)) == NULL) {
		log_warn("%s/%s", d->place.path, name);
		dir_again(d);
		return;
	}
	note_real(t, d, f);
	t->many_links = st->st_nlink > 1;
	t->seen = d->scan;
	if (known != NULL)
		sources_rejoin_routes(t, d->all, origin);
	if (dir_has_live(d, t))
		tail_is_live(t);
	t->fresh = t->streams == NULL && !f->linked && !d->all->starting;
	t->undecided = d->all->starting || (d->unrecovered && d->again);
	if (meant)
		left_alone = dir_join_routes(t, d, name, f->reach);
	/* What the checkpoint knows is no copy, nor what another file was. */
	t->fresh = t->fresh && !t->met;
	t->undecided = t->undecided && !t->met;
	tail_held_look(t);
	if (t->streams == NULL) {
		if (t->error != 0 && is_no_answer(t->error))
			dir_again(d);
		else if (t->error != 0)
			d->dangles = true;
		tail_free(t);
		if (left_alone)
			sweep_pass(d);
		return;
	}
	note_generation(d, t);
	tails_watch(t);
}

/* Whether the name that t has still leads to it: then name is a hard link. */
static bool
keeps_name(const struct tail *t)
{
	struct stat st;

	if (t->place == NULL)
		return (false);
	if (stat(tail_path(t).text, &st) == 0)
		return (st.st_dev == t->dev && st.st_ino == t->ino);
	if (is_absence(errno))
		return (false);
	dir_again(dir_of(t->place));
	return (true);
}

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
static void
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

/* The file of that path that went with its directory, or NULL. */
static struct tail *
homeless(struct dir *d, const char *name)
{
	char path[PATH_MAX];
	struct leaver *l;

	if (dir_path(d, name, path) == -1)
		return (NULL);
	l = place_leaver(tails_homeless(d->all->tails), path);
	return (l != NULL ? l->tail : NULL);
}

/*
 * A file that nobody follows has the name: it may be another with the same in
 * it, which goes on where that was.
 */
static void
look_at_other_file(struct dir *d, const char *name, const struct found *f)
{
	struct tail *was = tail_at(&d->place, name), *now;
	enum tail_replacement as = TAIL_NOT_REPLACED;
	struct guard from = { 0, 0 };

	if (was == NULL)
		was = homeless(d, name);
	if (was != NULL && dir_means_file(d, name))
		as = tail_replaced(was, &d->place, name, &f->st, &from);
	if (as == TAIL_CANNOT_TELL) {
		was->seen = d->scan;
		dir_again(d);
		return;
	}
	if (as == TAIL_REPLACED) {
		was->seen = d->scan;
		note_real(was, d, f);
		dir_join_routes(was, d, name, f->reach);
		return;
	}
	lose_name(d, name);
	look_at_new_file(d, name, f);
	if (from.at > 0 && (now = tail_at(&d->place, name)) != NULL)
		tail_begin_from(now, &from);
}

/*
 * Whether the name is the one that a source means the file by, or one that
 * rotation gave it then, and the file was found by another one, a hard link
 * elsewhere, first.
 */
static bool
is_its_own(const struct tail *t, const struct dir *d, const char *name)
{
	const char *path = tail_old_path(t), *base;

	if (!t->rotated || path == NULL || !place_holds(&d->place, path))
		return (false);
	base = strrchr(path, '/') + 1;
	return (strcmp(name, base) == 0 ||
	    (t->place != &d->place &&
		(rotation_is_of(name, base) || rotation_goes_on(name, base))));
}

/* What it was called elsewhere does not count in the order of generations. */
static void
take_its_own(struct tail *t, struct dir *d)
{
	tail_was(t, &d->place, strrchr(tail_old_path(t), '/') + 1);
}

/* Another may have had its name when it was to be opened. */
static void
wake_closed(struct tail *t)
{
	struct stream *s;

	if (t->fd == -1)
		for (s = t->streams; s != NULL; s = s->next)
			stream_wake(s);
}

/* Its inode is that of another file now. */
static void
let_go(struct tail *t)
{
	if (tail_is_done(t)) {
		tail_finish(t);
		return;
	}
	if (t->place != NULL)
		tail_rename(t, NULL, NULL);
	tails_forget(t);
	tails_time(t);
}

static void
look_at_file(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	struct tail *here = tail_at(&d->place, name);
	struct tail *t = tails_find(d->all->tails, st->st_dev, st->st_ino);
	bool moved, own;

	if (here != NULL && here != t && t != NULL) {
		lose_name(d, name);
		/* It may have gone on as another file, even as this one. */
		t = tails_find(d->all->tails, st->st_dev, st->st_ino);
	}
	moved = t != NULL && t != here && !keeps_name(t);
	if (moved && !f->linked) {
		switch (dir_knows(d, name, t, st)) {
		case KNOWN_LATER:
			dir_again(d);
			return;
		case KNOWN_ANOTHER:
			let_go(t);
			t = NULL;
			break;
		case KNOWN_SAME:
			break;
		}
	}
	if (t == NULL) {
		look_at_other_file(d, name, f);
		return;
	}
	own = is_its_own(t, d, name);
	if (t != here && (moved || own)) {
		/* A watch of its own depends on it. */
		t->linked = f->linked;
		tail_rename(t, &d->place, name);
		if (own && d->all->starting)
			take_its_own(t, d);
		wake_closed(t);
	}
	if (t->place == &d->place && strcmp(t->name, name) == 0) {
		note_real(t, d, f);
		t->seen = d->scan;
		if (t != here && dir_has_live(d, t))
			tail_is_live(t);
	}
	if (dir_means_file(d, name))
		dir_join_routes(t, d, name, f->reach);
	tail_check(t);
}

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

static void
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

static void
lose_dir(struct dir *d, const char *name)
{
	char path[PATH_MAX];
	struct dir *child;

	if (dir_path(d, name, path) == 0 &&
	    (child = dir_find(d->all, path)) != NULL)
		dir_free(child);
}

static void
look_at_missing(struct dir *d, const char *name)
{
	lose_name(d, name);
	lose_dir(d, name);
	dir_untell(d, name);
	link_forget(d, name);
}

/* Says once why what a source means is not followed, and forgets it. */
static void
refuse_if(struct dir *d, const char *name, bool meant, const char *why)
{
	link_forget(d, name);
	lose_name(d, name);
	lose_dir(d, name);
	if (meant)
		dir_tell(d, name, why);
}

static void
refuse(struct dir *d, const char *name, const char *why)
{
	refuse_if(d, name, dir_means_file(d, name), why);
}

/* Our own log and state: each line of it would make another one. */
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

/* It leads nowhere, or where nobody could look. */
static void
look_at_dangling(struct dir *d, const char *name)
{
	if (!is_absence(errno)) {
		dir_again(d);
		return;
	}
	lose_name(d, name);
	lose_dir(d, name);
	dir_untell(d, name);
	dir_await(d, name);
}

/* What was found is a file; name is no symbolic link. */
static bool
follow_name(struct dir *d, const char *name, struct found *f)
{
	if (dir_trusts_own(d, name, &f->st))
		return (true);
	f->reach = REACH_UNSAFE_NAME;
	if (dir_follows(d, name, f->reach))
		return (true);
	refuse(d, name, MANY_NAMES);
	return (false);
}

/* The name of a file at the end of links. */
static bool
target_is_safe(const struct dir *d, const struct walk *w)
{
	char path[PATH_MAX], *slash;
	struct named n = { .path = path, .in = &w->in, .st = &w->st };

	(void)strlcpy(path, w->real, sizeof(path));
	slash = strrchr(path, '/');
	*slash = '\0';
	n.name = slash + 1;
	return (dir_trusts_name(d, &n));
}

/* What the link leads to.  Returns whether to look at it. */
static bool
follow_link(struct dir *d, const char *name, struct found *f)
{
	struct walk *w = &f->walk;
	char path[PATH_MAX];
	unsigned n = 0;

	f->linked = true;
	if (dir_path(d, name, path) == -1)
		return (false);
	if (!dir_follows(d, name, REACH_SAFE_LINK)) {
		look_at_missing(d, name);
		return (false);
	}
	/* Most that lead nowhere are known so by one call. */
	while (stat(path, &w->st) == -1 || dir_walk(d, name, w) == -1)
		if (!lookup_again(d->all, n++)) {
			look_at_dangling(d, name);
			return (false);
		}
	f->st = w->st;
	if (w->safe && S_ISREG(w->st.st_mode) && !target_is_safe(d, w)) {
		w->safe = false;
		w->why = MANY_NAMES;
	}
	f->reach = w->safe ? REACH_SAFE_LINK : REACH_UNSAFE_LINK;
	if (!dir_follows(d, name, f->reach)) {
		refuse_if(d, name,
		    S_ISDIR(w->st.st_mode) ? dir_means_dir(d, name)
					   : dir_means_file(d, name),
		    w->why);
		return (false);
	}
	/* One that is known is looked at every second. */
	if (tails_find(d->all->tails, w->st.st_dev, w->st.st_ino) == NULL)
		d->all->ops.on_link(
		    d->all->ops.arg, w->real[0] == '\0' ? "/" : w->real);
	return (true);
}

/* One that may not be listed, or not be opened by this sandbox. */
static int
stat_by_path(const struct dir *d, const char *name, struct stat *st)
{
	char path[PATH_MAX];
	struct stat before, after;

	if (dir_path(d, name, path) == -1 ||
	    stat(dir_display(d), &before) == -1 || lstat(path, st) == -1 ||
	    stat(dir_display(d), &after) == -1)
		return (-1);
	if (place_is_same(&d->place, &before) &&
	    place_is_same(&d->place, &after))
		return (0);
	errno = ESTALE;
	return (-1);
}

/*
 * What has the name in d, and not in what took the place of d meanwhile: by a
 * link in its place anybody could pass off a file of others as one in there.
 * Returns -1 with ESTALE when something did.
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
	if (result == 0 && !place_is_same(&d->place, &own)) {
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
dir_look(struct dir *d, const char *name)
{
	struct stat st;
	unsigned n = 0;
	int rc;

	if (dir_is_hidden(d))
		return;
	while (
	    (rc = stat_inside(d, name, &st)) == -1 && lookup_again(d->all, n++))
		;
	if (rc == 0)
		dir_look_at(d, name, &st);
	else if (is_absence(errno))
		look_at_missing(d, name);
	else if (errno != ESTALE) /* else its parent is looked at next */
		dir_again(d);
}

void
dir_look_linked(struct dir *d, const char *name)
{
	struct tail *t = tail_at(&d->place, name);
	struct stat st;

	/* It was judged when it was found. */
	if (t != NULL && t->linked && stat(tail_path(t).text, &st) == 0 &&
	    st.st_dev == t->dev && st.st_ino == t->ino)
		tail_check(t);
	else
		dir_look(d, name);
}

/*
 * Any user can make directories so deep that what is in them has a path longer
 * than a system call takes.  It is passed over, and that is said once.
 */
static bool
can_be_named(struct dir *d, const char *name)
{
	char path[PATH_MAX];

	if (dir_path(d, name, path) == 0)
		return (true);
	refuse_if(d, name, dir_means_file(d, name) || dir_means_dir(d, name),
	    "its path is longer than the system takes");
	return (false);
}

void
dir_look_at(struct dir *d, const char *name, const struct stat *found)
{
	struct found f = { .st = *found, .reach = REACH_PLAIN };

	if (!can_be_named(d, name))
		return;
	if (S_ISLNK(f.st.st_mode)) {
		if (!follow_link(d, name, &f))
			return;
	} else {
		link_forget(d, name);
	}
	if (is_avoided(d->all, &f.st)) {
		refuse(d, name, "it is the daemon's own log or state");
	} else if (S_ISDIR(f.st.st_mode)) {
		lose_name(d, name);
		look_at_dir(d, name, &f);
	} else if (S_ISREG(f.st.st_mode)) {
		lose_dir(d, name);
		if (f.linked || follow_name(d, name, &f))
			look_at_file(d, name, &f);
	} else {
		refuse(d, name, "it is no regular file");
	}
}
