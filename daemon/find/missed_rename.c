#include "daemon/find/missed_rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/missed_file.h"
#include "daemon/find/retry.h"
#include "daemon/find/routes.h"
#include "daemon/find/trust.h"
#include "daemon/follow/follow.h"
#include "lib/rotation.h"
#include "lib/unconst.h"

/* No system keeps more than a few times so many events. */
#define MAX_WAITING 65536

/* A file that lost the name by which a source means it, as events tell. */
struct missed_rename {
	TAILQ_ENTRY(missed_rename) entry; /* in the order of events */
	RB_ENTRY(missed_rename) by_name;
	char *origin; /* the name by which a source means it */
	char *name; /* the name it has now */
	bool was_sought; /* the file was looked for by that name */
	uint64_t events; /* that were read by then, of all */
	ino_t guessed; /* this inode had the origin, and no event told; or 0 */
};

static int
compare_renames(const struct missed_rename *a, const struct missed_rename *b)
{
	return (strcmp(a->name, b->name));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(
    rename_names, missed_rename, by_name, compare_renames, LOCAL)

static void
rename_free(struct dir *d, struct missed_rename *s)
{
	TAILQ_REMOVE(&d->renames, s, entry);
	RB_REMOVE(rename_names, &d->rename_names, s);
	if (TAILQ_EMPTY(&d->renames))
		TAILQ_REMOVE(&d->all->renamed, d, renamed);
	free(s->origin);
	free(s->name);
	free(s);
}

static struct missed_rename *
find_rename(struct dir *d, const char *name)
{
	struct missed_rename key;

	key.name = unconst(name);
	return (RB_FIND(rename_names, &d->rename_names, &key));
}

static void
note_rename(struct dir *d, const char *name, const char *from, ino_t guessed)
{
	struct missed_rename *s, *over;
	char *copy;

	if (from == NULL)
		return;
	/* The file that had the new name is gone. */
	if ((over = find_rename(d, name)) != NULL)
		rename_free(d, over);
	s = guessed != 0 ? NULL : find_rename(d, from);
	if (s == NULL && !match_file(d, from) && !link_leads_to(d, from))
		return;
	if ((copy = strdup(name)) == NULL)
		return;
	if (s != NULL) {
		RB_REMOVE(rename_names, &d->rename_names, s);
		free(s->name);
		s->name = copy;
		s->was_sought = false;
		RB_INSERT(rename_names, &d->rename_names, s);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->origin = strdup(from)) == NULL) {
		free(s);
		free(copy);
		return;
	}
	s->name = copy;
	s->guessed = guessed;
	if (TAILQ_EMPTY(&d->renames))
		TAILQ_INSERT_TAIL(&d->all->renamed, d, renamed);
	TAILQ_INSERT_TAIL(&d->renames, s, entry);
	RB_INSERT(rename_names, &d->rename_names, s);
}

/*
 * Whether t was found by a name that rotation gave, a source means that name
 * too, and only this event tells where t stands among the other generations.
 */
static bool
is_out_of_order(
    const struct file *t, struct dir *d, const struct missed_rename *s)
{
	return (rotation_is_of(s->name, s->origin) &&
	    t == names_at(&d->place, s->name) && !t->rotated &&
	    t->held == NULL && t->left == NULL && t->before == NULL &&
	    t->behind == NULL);
}

void
missed_rename_note(struct dir *d, const char *name, const char *from)
{
	note_rename(d, name, from, 0);
}

void
missed_rename_guess(
    struct dir *d, const char *name, const char *from, ino_t ino)
{
	struct missed_rename *s = find_rename(d, name);

	if (s != NULL && s->guessed == ino)
		return;
	/* The file that was guessed before is looked for by another name. */
	if (s != NULL && s->guessed != 0)
		missed_forget(d, s->guessed);
	note_rename(d, name, from, ino);
}

static uint64_t
events_told(const struct sources *ss)
{
	struct watch_stats stats;

	watch_stats(ss->watch, &stats);
	return (stats.events);
}

/*
 * Whether the file may have been renamed once more before the look: then an
 * event that waits says so.  The next turn has that event, unless more events
 * wait than a turn takes.
 */
static bool
may_be_renamed_yet(const struct sources *ss, const struct missed_rename *s)
{
	return (watch_is_behind(ss->watch) &&
	    events_told(ss) - s->events < MAX_WAITING);
}

static int
stat_renamed(struct dir *d, struct missed_rename *s, struct stat *st)
{
	char path[PATH_MAX];

	st->st_ino = 0;
	s->was_sought = true;
	s->events = events_told(d->all);
	if (dir_path(d, s->name, path) == -1)
		return (-1);
	if (lstat(path, st) == -1 && errno != ENOENT && errno != ENOTDIR) {
		/*
		 * The error says nothing of the file: the next turn looks
		 * again.
		 */
		s->was_sought = false;
		retry_dir(d);
		return (-1);
	}
	if (st->st_ino == 0 || (s->guessed != 0 && st->st_ino != s->guessed)) {
		/* The file was renamed again: another scan finds it. */
		if (s->guessed != 0)
			missed_forget(d, s->guessed);
		return (-1);
	}
	if (!S_ISREG(st->st_mode) || !trust_own_name(d, s->name, st))
		return (-1);
	return (0);
}

/* Follows the file, unless it is followed already. */
static void
follow_rename(struct dir *d, struct missed_rename *s)
{
	enum trust trust = TRUST_PLAIN;
	const char *name = s->origin;
	char origin[PATH_MAX];
	struct dir *was = d;
	struct stat st;
	struct file *t;

	if (stat_renamed(d, s, &st) == -1)
		return;
	if (!match_file(d, s->origin)) {
		trust = TRUST_SAFE_LINK;
		was = link_leading_to(d, s->origin, &st, &name);
	}
	if (was == NULL || dir_path(was, name, origin) == -1)
		return;
	t = file_table_find(d->all->file_table, st.st_dev, st.st_ino);
	if (t != NULL && !is_out_of_order(t, d, s))
		return;
	if (t == NULL)
		t = follow_new(d->all->file_table, &d->place, s->name, &st);
	if (t == NULL) {
		log_warn("%s/%s", d->place.path, s->name);
		return;
	}
	t->rotated = true;
	file_set_origin(t, origin);
	if (s->guessed != 0)
		t->fresh = true;
	else
		order_precede(t, &was->place, name);
	routes_join(t, was, name, trust);
	/*
	 * The file may be the copy of a truncated one, and then it is not
	 * followed.
	 */
	suspect_look(t);
	if (!t->known)
		return;
	if (t->streams == NULL || suspect_is_copy(t)) {
		follow_free(t);
		return;
	}
	if (s->guessed != 0)
		order_precede(t, &was->place, name);
	say_info(file_path(t).text, "was %s for a moment", origin);
}

void
missed_rename_follow(struct sources *ss)
{
	struct missed_rename *s, *next;
	struct dir *d, *behind;
	bool again;

	TAILQ_FOREACH_SAFE (d, &ss->renamed, renamed, behind)
		TAILQ_FOREACH_SAFE (s, &d->renames, entry, next) {
			again = !s->was_sought;
			if (!again && may_be_renamed_yet(ss, s))
				continue;
			follow_rename(d, s);
			if (!again && s->was_sought)
				rename_free(d, s);
		}
}

void
missed_rename_clear(struct dir *d)
{
	struct missed_rename *s;

	while ((s = TAILQ_FIRST(&d->renames)) != NULL)
		rename_free(d, s);
}
