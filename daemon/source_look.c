#include "daemon/source_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/tail.h"
#include "daemon/tail_held.h"
#include "daemon/tail_replace.h"
#include "daemon/tails.h"
#include "lib/rotation.h"

static void
look_at_new_file(
    struct dir *d, const char *name, const struct stat *st, enum reach reach)
{
	const char *known = NULL;
	struct tail *t;
	bool meant = dir_means_file(d, name);
	char origin[PATH_MAX];

	if (reach == REACH_PLAIN)
		known = ledger_path(d->all->ledger, st->st_dev, st->st_ino);
	if (known != NULL &&
	    (strcmp(known, dir_path_in(d, name)) == 0 ||
		strlcpy(origin, known, sizeof(origin)) >= sizeof(origin)))
		known = NULL;
	if (!meant && known == NULL)
		return;
	if ((t = tail_new(d->all->tails, &d->place, name, st)) == NULL) {
		log_warn("%s/%s", d->place.path, name);
		return;
	}
	t->linked = reach != REACH_PLAIN;
	t->many_links = st->st_nlink > 1;
	t->seen = d->scan;
	if (known != NULL)
		sources_rejoin_routes(t, d->all, origin);
	t->fresh =
	    t->streams == NULL && reach == REACH_PLAIN && !d->all->starting;
	if (meant)
		dir_join_routes(t, d, name, reach);
	tail_held_look(t);
	if (t->streams == NULL)
		tail_free(t);
	else
		tails_watch(t);
}

/* The file that had the name is read on without it. */
static void
lose_name(struct dir *d, const char *name)
{
	struct tail *t;

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
	const char *path = dir_path_in(d, name);
	struct leaver *l = NULL;

	if (path != NULL)
		l = place_leaver(tails_homeless(d->all->tails), path);
	return (l != NULL ? l->tail : NULL);
}

/*
 * A file that nobody follows has the name: it may be another with the same in
 * it, which goes on where that was.
 */
static void
look_at_other_file(
    struct dir *d, const char *name, const struct stat *st, enum reach reach)
{
	struct tail *was = tail_at(&d->place, name), *now;
	off_t from = 0;

	if (was == NULL)
		was = homeless(d, name);
	if (was != NULL && dir_means_file(d, name) &&
	    tail_replaced(was, &d->place, name, st, &from) == TAIL_REPLACED) {
		was->seen = d->scan;
		dir_join_routes(was, d, name, reach);
		return;
	}
	lose_name(d, name);
	look_at_new_file(d, name, st, reach);
	if (from > 0 && (now = tail_at(&d->place, name)) != NULL)
		tail_begin_from(now, from);
}

/* Whether the name that t has still leads to it: then name is a hard link. */
static bool
keeps_name(const struct tail *t)
{
	struct stat st;

	return (t->place != NULL && stat(tail_path(t), &st) == 0 &&
	    st.st_dev == t->dev && st.st_ino == t->ino);
}

/*
 * A file that was not open when it lost its name may be gone, and its inode be
 * that of another.  Of an empty one only the time tells; what is in it now is
 * sent as its new name says.
 */
static bool
is_another(const struct tail *t, const struct stat *st, struct dir *d,
    const char *name)
{
	return (t->place == NULL && t->fd == -1 && t->size == 0 &&
	    written_ns(st) != t->written_ns && dir_means_file(d, name));
}

/* Whether rotation may have given t its name, of the one it was found by. */
static bool
is_rotated_name(const struct tail *t)
{
	return (t->place == NULL ||
	    (t->origin != NULL &&
		rotation_is_of(t->name, strrchr(t->origin, '/') + 1)));
}

static void
look_at_file(
    struct dir *d, const char *name, const struct stat *st, enum reach reach)
{
	struct tail *here = tail_at(&d->place, name);
	struct tail *t = tails_find(d->all->tails, st->st_dev, st->st_ino);

	if (here != NULL && here != t && t != NULL) {
		lose_name(d, name);
		/* It may have gone on as another file, even as this one. */
		t = tails_find(d->all->tails, st->st_dev, st->st_ino);
	}
	if (t != NULL && is_another(t, st, d, name)) {
		tail_finish(t);
		t = NULL;
	}
	if (t == NULL) {
		look_at_other_file(d, name, st, reach);
		return;
	}
	if (t != here && !keeps_name(t))
		tail_rename(t, &d->place, name);
	if (t->place == &d->place && strcmp(t->name, name) == 0)
		t->seen = d->scan;
	if (dir_means_file(d, name)) {
		if (t != here && !is_rotated_name(t))
			tail_is_live(t);
		dir_join_routes(t, d, name, reach);
	}
	tail_check(t);
}

static void
look_at_dir(
    struct dir *d, const char *name, const struct stat *st, enum reach reach)
{
	const char *path = dir_path_in(d, name);
	const struct use *u;
	struct dir *child;
	struct use below;
	size_t i;

	if (path == NULL || !dir_means_dir(d, name) || dir_is_inside(d, st))
		return;
	child = dir_find(d->all, path);
	if (child != NULL && !place_is_same(&child->place, st)) {
		dir_free(child);
		child = NULL;
	}
	if (child == NULL && (child = dir_new(d->all, d, path, st)) == NULL)
		return;
	if (child->said) {
		/* It could not be listed before. */
		dir_watch(child);
		dir_scan(child);
	}
	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (!use_follows(u, reach) || !use_goes_on(u, name))
			continue;
		below = *u;
		if (use_part(u)->kind == PATTERN_ANY_DEPTH) {
			below.depth++;
		} else {
			below.part++;
			below.depth = 0;
		}
		dir_add_use(child, &below);
	}
}

/* A link that anybody could have planted must not have files sent. */
static bool
link_is_safe(const struct stat *link, const struct stat *target)
{
	return (link->st_uid == 0 || link->st_uid == geteuid() ||
	    link->st_uid == target->st_uid);
}

static void
lose_dir(struct dir *d, const char *name)
{
	const char *path = dir_path_in(d, name);
	struct dir *child;

	if (path != NULL && (child = dir_find(d->all, path)) != NULL)
		dir_free(child);
}

static void
look_at_missing(struct dir *d, const char *name)
{
	lose_name(d, name);
	lose_dir(d, name);
	dir_unsay(d, name);
}

/* What cannot be looked at now is not gone for that. */
static bool
is_absence(int error)
{
	return (error == ENOENT || error == ENOTDIR || error == ELOOP);
}

/* Says once why what a source means is not followed, and forgets it. */
static void
refuse(struct dir *d, const char *name, const char *why)
{
	lose_name(d, name);
	lose_dir(d, name);
	if (dir_means_file(d, name) && dir_say_once(d, name))
		log_warnx("%s/%s: not followed: %s", d->place.path, name, why);
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

/*
 * Where the link leads, in *st.  Returns whether to look at it; *reach says
 * how it is reached.
 */
static bool
follow_link(struct dir *d, const char *name, struct stat *st, enum reach *reach)
{
	struct stat target;

	if (!dir_follows(d, name, REACH_SAFE_LINK)) {
		look_at_missing(d, name);
		return (false);
	}
	if (stat(dir_path_in(d, name), &target) == -1) {
		if (!is_absence(errno))
			return (false);
		look_at_missing(d, name);
		dir_await(d, name);
		return (false);
	}
	*reach =
	    link_is_safe(st, &target) ? REACH_SAFE_LINK : REACH_UNSAFE_LINK;
	*st = target;
	if (dir_follows(d, name, *reach)) {
		/* One that is known is looked at every second. */
		if (tails_find(d->all->tails, st->st_dev, st->st_ino) == NULL)
			d->all->ops.on_link(
			    d->all->ops.arg, dir_path_in(d, name));
		return (true);
	}
	refuse(d, name,
	    "the link belongs neither to root nor to the owner of its target: "
	    "symlinks = \"follow\" follows it");
	return (false);
}

/* One that may not be listed, or not be opened by this sandbox. */
static int
stat_by_path(const struct dir *d, const char *name, struct stat *st)
{
	const char *path = dir_path_in(d, name);
	struct stat before, after;

	if (stat(dir_display(d), &before) == -1 || lstat(path, st) == -1 ||
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
stat_inside(const struct dir *d, const char *name, struct stat *st)
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

	if (dir_path_in(d, name) == NULL || dir_is_hidden(d))
		return;
	if (stat_inside(d, name, &st) == 0)
		dir_look_at(d, name, &st);
	else if (is_absence(errno))
		look_at_missing(d, name);
	else if (errno != ESTALE) /* else its parent is looked at next */
		d->said = true; /* scanned when it changes */
}

void
dir_look_at(struct dir *d, const char *name, const struct stat *found)
{
	enum reach reach = REACH_PLAIN;
	struct stat st = *found;

	if (S_ISLNK(st.st_mode) && !follow_link(d, name, &st, &reach))
		return;
	if (is_avoided(d->all, &st)) {
		refuse(d, name, "it is the daemon's own log or state");
	} else if (S_ISDIR(st.st_mode)) {
		lose_name(d, name);
		look_at_dir(d, name, &st, reach);
	} else if (S_ISREG(st.st_mode)) {
		lose_dir(d, name);
		look_at_file(d, name, &st, reach);
	} else {
		refuse(d, name, "it is no regular file");
	}
}
