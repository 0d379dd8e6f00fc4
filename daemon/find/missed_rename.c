#include "daemon/find/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "lib/rotation.h"

/* No system keeps more events than a few times so many. */
#define MAX_WAITING 65536

/*
 * A file that had a name which a source means and lost it to another one, by
 * what the events say.  Most are known already by their identity; one that came
 * and went between two looks is not.
 */
struct stray {
	TAILQ_ENTRY(stray) entry; /* as they came */
	RB_ENTRY(stray) by_name;
	char *origin; /* the name that a source means */
	char *name; /* the one it has now */
	bool looked_at; /* by that name, */
	uint64_t events; /* when the watcher had told so many */
	ino_t guessed; /* no event told of it, but this inode had it; or 0 */
};

static int
compare_strays(const struct stray *a, const struct stray *b)
{
	return (strcmp(a->name, b->name));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(stray_names, stray, by_name, compare_strays, LOCAL)

static void
stray_free(struct dir *d, struct stray *s)
{
	TAILQ_REMOVE(&d->strays, s, entry);
	RB_REMOVE(stray_names, &d->stray_names, s);
	if (TAILQ_EMPTY(&d->strays))
		TAILQ_REMOVE(&d->all->strayed, d, strayed);
	free(s->origin);
	free(s->name);
	free(s);
}

static struct stray *
find_stray(struct dir *d, const char *name)
{
	struct stray key;
	union {
		const char *in;
		char *out;
	} u = { .in = name };

	key.name = u.out;
	return (RB_FIND(stray_names, &d->stray_names, &key));
}

static void
note_rename(struct dir *d, const char *name, const char *from, ino_t guessed)
{
	struct stray *s, *over;
	char *copy;

	if (from == NULL)
		return;
	/* What had the name is gone. */
	if ((over = find_stray(d, name)) != NULL)
		stray_free(d, over);
	s = guessed != 0 ? NULL : find_stray(d, from);
	if (s == NULL && !dir_means_file(d, from) && !dir_has_link_to(d, from))
		return;
	if ((copy = strdup(name)) == NULL)
		return;
	if (s != NULL) {
		RB_REMOVE(stray_names, &d->stray_names, s);
		free(s->name);
		s->name = copy;
		s->looked_at = false;
		RB_INSERT(stray_names, &d->stray_names, s);
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
	if (TAILQ_EMPTY(&d->strays))
		TAILQ_INSERT_TAIL(&d->all->strayed, d, strayed);
	TAILQ_INSERT_TAIL(&d->strays, s, entry);
	RB_INSERT(stray_names, &d->stray_names, s);
}

/*
 * Whether t was found by the name that rotation has given to s, and that a
 * source means too, and nothing but s tells where it stands among the others.
 */
static bool
is_out_of_order(const struct tail *t, struct dir *d, const struct stray *s)
{
	return (rotation_is_of(s->name, s->origin) &&
	    t == tail_at(&d->place, s->name) && !t->rotated &&
	    t->held == NULL && t->left == NULL && t->before == NULL &&
	    t->behind == NULL);
}

void
dir_note_rename(struct dir *d, const char *name, const char *from)
{
	note_rename(d, name, from, 0);
}

void
dir_guess_rename(struct dir *d, const char *name, const char *from, ino_t ino)
{
	struct stray *s = find_stray(d, name);

	if (s != NULL && s->guessed == ino)
		return;
	/* What had the name until now is looked for under another. */
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
 * It may have been renamed once more before the look: then an event that waits
 * says so.  The next turn has it, unless more events wait than a turn takes.
 */
static bool
may_be_renamed_yet(const struct sources *ss, const struct stray *s)
{
	return (watch_is_behind(ss->watch) &&
	    events_told(ss) - s->events < MAX_WAITING);
}

static int
stat_stray(struct dir *d, struct stray *s, struct stat *st)
{
	char path[PATH_MAX];

	st->st_ino = 0;
	s->looked_at = true;
	s->events = events_told(d->all);
	if (dir_path(d, s->name, path) == -1)
		return (-1);
	if (lstat(path, st) == -1 && errno != ENOENT && errno != ENOTDIR) {
		/* It is no news of the file: the next turn looks again. */
		s->looked_at = false;
		dir_again(d);
		return (-1);
	}
	if (st->st_ino == 0 || (s->guessed != 0 && st->st_ino != s->guessed)) {
		/* Renamed again, by now: another scan finds it. */
		if (s->guessed != 0)
			missed_forget(d, s->guessed);
		return (-1);
	}
	if (!S_ISREG(st->st_mode) || !dir_trusts_own(d, s->name, st))
		return (-1);
	return (0);
}

/* A file that nobody looked at while it had the name of its source. */
static void
follow_stray(struct dir *d, struct stray *s)
{
	enum reach reach = REACH_PLAIN;
	const char *name = s->origin;
	char origin[PATH_MAX];
	struct dir *was = d;
	struct stat st;
	struct tail *t;

	if (stat_stray(d, s, &st) == -1)
		return;
	if (!dir_means_file(d, s->origin)) {
		reach = REACH_SAFE_LINK;
		was = dir_link_to(d, s->origin, &st, &name);
	}
	if (was == NULL || dir_path(was, name, origin) == -1)
		return;
	t = tails_find(d->all->tails, st.st_dev, st.st_ino);
	if (t != NULL && !is_out_of_order(t, d, s))
		return;
	if (t == NULL)
		t = tail_new(d->all->tails, &d->place, s->name, &st);
	if (t == NULL) {
		log_warn("%s/%s", d->place.path, s->name);
		return;
	}
	t->rotated = true;
	tail_set_origin(t, origin);
	if (s->guessed != 0)
		t->fresh = true;
	else
		tail_precedes(t, &was->place, name);
	dir_join_routes(t, was, name, reach);
	/* A truncated file may go on in it, and nobody knows it then. */
	tail_held_look(t);
	if (!t->known)
		return;
	if (t->streams == NULL || tail_is_copy(t)) {
		tail_free(t);
		return;
	}
	if (s->guessed != 0)
		tail_precedes(t, &was->place, name);
	say_info(tail_path(t).text, "was %s for a moment", origin);
}

void
sources_follow_strays(struct sources *ss)
{
	struct stray *s, *next;
	struct dir *d, *behind;
	bool again;

	TAILQ_FOREACH_SAFE (d, &ss->strayed, strayed, behind)
		TAILQ_FOREACH_SAFE (s, &d->strays, entry, next) {
			again = !s->looked_at;
			if (!again && may_be_renamed_yet(ss, s))
				continue;
			follow_stray(d, s);
			if (!again && s->looked_at)
				stray_free(d, s);
		}
}

void
strays_clear(struct dir *d)
{
	struct stray *s;

	while ((s = TAILQ_FIRST(&d->strays)) != NULL)
		stray_free(d, s);
}
