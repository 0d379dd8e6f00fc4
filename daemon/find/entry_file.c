#include "daemon/find/entry_inside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"
#include "daemon/find/last_look.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/missed_file.h"
#include "daemon/find/retry.h"
#include "daemon/find/routes.h"
#include "daemon/find/tree.h"
#include "daemon/find/walk.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
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
	streams_watch(t);
}

/* The directory that a link leads into is watched for what has its name. */
static void
link_note(struct dir *d, const char *name, const struct walk *w)
{
	char path[PATH_MAX];
	struct dir *into;

	if (link_is_noted(d, name, w))
		return;
	link_forget(d, name);
	(void)strlcpy(path, w->real, sizeof(path));
	*strrchr(path, '/') = '\0';
	if ((into = tree_find_or_add(d->all, path)) == NULL) {
		retry_dir(d);
		return;
	}
	last_look_copy(into, d);
	if (link_add(d, name, into, w) == -1)
		return;
	if (tree_wants_polling(into) && !into->place.polled)
		tree_watch(into);
	/* Where the next look is compared with the last, there is to be one. */
	if (!into->has_others && missed_needs_scans(into))
		missed_begin(into);
	/*
	 * What was in it at the start is known for what it was by this alone.
	 */
	retry_dir_first(into);
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
	bool meant = match_file(d, name), left_alone = false;
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
		retry_dir(d);
		return;
	}
	note_real(t, d, f);
	t->many_links = st->st_nlink > 1;
	t->seen = d->scan;
	if (known != NULL)
		routes_rejoin(t, d->all, origin);
	if (match_live(d, t))
		tail_is_live(t);
	t->fresh = t->streams == NULL && !f->linked && !d->all->starting;
	t->undecided = d->all->starting || (d->unrecovered && d->retry);
	if (meant)
		left_alone = routes_join(t, d, name, f->trust);
	/* What the checkpoint knows is no copy, nor what another file was. */
	t->fresh = t->fresh && !t->met;
	t->undecided = t->undecided && !t->met;
	tail_held_look(t);
	if (t->streams == NULL) {
		if (t->error != 0 && retry_may_help(t->error))
			retry_dir(d);
		else if (t->error != 0)
			d->dangles = true;
		tail_free(t);
		if (left_alone)
			dir_count_old(d);
		return;
	}
	note_generation(d, t);
	streams_watch(t);
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
	retry_dir(dir_of(t->place));
	return (true);
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
	if (was != NULL && match_file(d, name))
		as = tail_replaced(was, &d->place, name, &f->st, &from);
	if (as == TAIL_CANNOT_TELL) {
		was->seen = d->scan;
		retry_dir(d);
		return;
	}
	if (as == TAIL_REPLACED) {
		was->seen = d->scan;
		note_real(was, d, f);
		routes_join(was, d, name, f->trust);
		return;
	}
	entry_lose_name(d, name);
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

void
entry_file(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	struct tail *here = tail_at(&d->place, name);
	struct tail *t = tails_find(d->all->tails, st->st_dev, st->st_ino);
	bool moved, own;

	if (here != NULL && here != t && t != NULL) {
		entry_lose_name(d, name);
		/* It may have gone on as another file, even as this one. */
		t = tails_find(d->all->tails, st->st_dev, st->st_ino);
	}
	moved = t != NULL && t != here && !keeps_name(t);
	if (moved && !f->linked) {
		switch (known_as(d, name, t, st)) {
		case KNOWN_LATER:
			retry_dir(d);
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
		if (t != here && match_live(d, t))
			tail_is_live(t);
	}
	if (match_file(d, name))
		routes_join(t, d, name, f->trust);
	tail_check(t);
}
