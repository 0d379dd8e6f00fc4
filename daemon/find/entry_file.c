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
 * A new file has a name that rotation gives.  Perhaps no event tells which name
 * it had before, and so which files are sent before it and which after.
 */
static void
note_generation(struct dir *d, const struct file *t)
{
	char base[NAME_MAX + 1];

	if (t->held == NULL && rotation_base(t->name, 0, base, sizeof(base)))
		d->disordered = true;
}

/*
 * Events of a file that is mounted by itself come from the directory that it is
 * mounted from: it needs a watch of its own.
 */
static void
note_mount(struct file *t, const struct dir *d)
{
	bool mounted = mounts_has(d->all->mounts, dir_real(d), t->name);

	if (t->mounted == mounted)
		return;
	t->mounted = mounted;
	streams_watch(t);
}

/* Remembers where the link leads, and watches the directory it leads into. */
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
	/* The first scan by poll needs the inodes that were there before. */
	if (!into->has_others && missed_needs_scans(into))
		missed_begin(into);
	/*
	 * At a start, files of that directory are only known for what they were
	 * when it is scanned as at a start, too.
	 */
	retry_dir_first(into);
}

/* Sets the path without links of t, which is in d. */
static void
note_real(struct file *t, struct dir *d, const struct found *f)
{
	char path[PATH_MAX];
	int n;

	t->linked = f->linked;
	if (f->linked) {
		file_set_real(t, f->walk.real);
		link_note(d, t->name, &f->walk);
		return;
	}
	note_mount(t, d);
	if (d->real == NULL) {
		file_set_real(t, NULL);
		return;
	}
	n = snprintf(path, sizeof(path), "%s/%s", d->real, t->name);
	if (n > 0 && (size_t)n < sizeof(path))
		file_set_real(t, path);
}

static void
follow_new_file(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	const char *known = NULL;
	struct file *t;
	bool meant = match_file(d, name), left_alone = false;
	char origin[PATH_MAX], path[PATH_MAX];

	if (!f->linked)
		known = checkpointer_path(
		    d->all->checkpointer, st->st_dev, st->st_ino);
	if (known != NULL &&
	    (dir_path(d, name, path) == -1 || strcmp(known, path) == 0 ||
		strlcpy(origin, known, sizeof(origin)) >= sizeof(origin)))
		known = NULL;
	if (!meant && known == NULL)
		return;
	if ((t = follow_new(d->all->file_table, &d->place, name, st)) == NULL) {
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
		follow_set_live(t);
	t->fresh = t->streams == NULL && !f->linked && !d->all->starting;
	t->undecided = d->all->starting || (d->unrecovered && d->retry);
	if (meant)
		left_alone = routes_join(t, d, name, f->trust);
	/*
	 * A file of the checkpoint is no copy, and not what another file has
	 * become.
	 */
	t->fresh = t->fresh && !t->met;
	t->undecided = t->undecided && !t->met;
	suspect_look(t);
	if (t->streams == NULL) {
		if (t->error != 0 && retry_may_help(t->error))
			retry_dir(d);
		else if (t->error != 0)
			d->dangles = true;
		follow_free(t);
		if (left_alone)
			dir_count_old(d);
		return;
	}
	note_generation(d, t);
	streams_watch(t);
}

/*
 * Whether the name that t has still leads to it: then the new name is a hard
 * link, and t was not renamed.
 */
static bool
keeps_name(const struct file *t)
{
	struct stat st;

	if (t->place == NULL)
		return (false);
	if (stat(file_path(t).text, &st) == 0)
		return (st.st_dev == t->dev && st.st_ino == t->ino);
	if (is_absence(errno))
		return (false);
	retry_dir(dir_of(t->place));
	return (true);
}

/* The file that had this path and whose directory is gone, or NULL. */
static struct file *
homeless(struct dir *d, const char *name)
{
	char path[PATH_MAX];
	struct former_holder *l;

	if (dir_path(d, name, path) == -1)
		return (NULL);
	l = names_former(file_table_homeless(d->all->file_table), path);
	return (l != NULL ? l->file : NULL);
}

/*
 * A file that is not followed has the name.  It may have the content of the
 * file that had the name before, and then goes on where that was sent to.
 */
static void
replace_or_follow(struct dir *d, const char *name, const struct found *f)
{
	struct file *was = names_at(&d->place, name), *now;
	enum follow_replacement as = FOLLOW_NOT_REPLACED;
	struct guard from = { 0, 0 };

	if (was == NULL)
		was = homeless(d, name);
	if (was != NULL && match_file(d, name))
		as = follow_replaced(was, &d->place, name, &f->st, &from);
	if (as == FOLLOW_CANNOT_TELL) {
		was->seen = d->scan;
		retry_dir(d);
		return;
	}
	if (as == FOLLOW_REPLACED) {
		was->seen = d->scan;
		note_real(was, d, f);
		routes_join(was, d, name, f->trust);
		return;
	}
	entry_lose_name(d, name);
	follow_new_file(d, name, f);
	if (from.at > 0 && (now = names_at(&d->place, name)) != NULL)
		follow_begin_from(now, &from);
}

/*
 * Whether the name is the one by which a source means t, or one that rotation
 * made of that, and t was first found by another name: a hard link elsewhere.
 */
static bool
is_its_own(const struct file *t, const struct dir *d, const char *name)
{
	const char *path = file_old_path(t), *base;

	if (!t->rotated || path == NULL || !names_holds(&d->place, path))
		return (false);
	base = strrchr(path, '/') + 1;
	return (strcmp(name, base) == 0 ||
	    (t->place != &d->place &&
		(rotation_is_of(name, base) || rotation_goes_on(name, base))));
}

/* The order of the generations goes by its own name, not by that elsewhere. */
static void
take_its_own(struct file *t, struct dir *d)
{
	names_remember(t, &d->place, strrchr(file_old_path(t), '/') + 1);
}

/* Another file may have had its name when the worker tried to open it. */
static void
wake_closed(struct file *t)
{
	struct stream *s;

	if (t->fd == -1)
		for (s = t->streams; s != NULL; s = s->next)
			stream_wake(s);
}

/* Another file has the inode of t now. */
static void
let_go(struct file *t)
{
	if (streams_are_done(t)) {
		follow_finish(t);
		return;
	}
	if (t->place != NULL)
		follow_new_name(t, NULL, NULL);
	file_table_forget(t);
	file_timer_add(t);
}

void
entry_file(struct dir *d, const char *name, const struct found *f)
{
	const struct stat *st = &f->st;
	struct file *here = names_at(&d->place, name);
	struct file *t =
	    file_table_find(d->all->file_table, st->st_dev, st->st_ino);
	bool moved, own;

	if (here != NULL && here != t && t != NULL) {
		entry_lose_name(d, name);
		/*
		 * Losing the name, it may have gone on in another file, even in
		 * this one.
		 */
		t = file_table_find(d->all->file_table, st->st_dev, st->st_ino);
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
		replace_or_follow(d, name, f);
		return;
	}
	own = is_its_own(t, d, name);
	if (t != here && (moved || own)) {
		/* follow_new_name() watches the file itself by this. */
		t->linked = f->linked;
		follow_new_name(t, &d->place, name);
		if (own && d->all->starting)
			take_its_own(t, d);
		wake_closed(t);
	}
	if (t->place == &d->place && strcmp(t->name, name) == 0) {
		note_real(t, d, f);
		t->seen = d->scan;
		if (t != here && match_live(d, t))
			follow_set_live(t);
	}
	if (match_file(d, name))
		routes_join(t, d, name, f->trust);
	follow_check(t);
}
