#include "daemon/find/last_look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/stream/stream.h"
#include "lib/ns.h"

#define SLACK_NS (2 * NS_IN_S) /* from a change until its event */

void
last_look_find(struct dir *d)
{
	struct checkpointer *l = d->all->checkpointer;

	if (!d->all->starting) {
		/* The daemon runs: all that is in the directory is new. */
		checkpointer_late(l, d->place.path, 0);
		return;
	}
	names_set_unseen_since(
	    &d->place, checkpointer_late_since(l, d->place.path));
	if (d->parent != NULL)
		last_look_copy(d, d->parent);
}

void
last_look_copy(struct dir *d, const struct dir *as)
{
	names_set_unseen_since(&d->place, as->place.since_ns);
}

void
last_look_failed(struct dir *d)
{
	if (d->all->starting || d->place.since_ns != 0)
		return;
	d->place.since_ns = clock_wall_ns() - SLACK_NS;
	/* The daemon may stop before the next look. */
	checkpointer_late(
	    d->all->checkpointer, d->place.path, d->place.since_ns);
}

/* The checkpoint has deferred files as paths that no directory has. */
static void
prefix_of(const struct dir *d, char prefix[CHECKPOINTER_FILE_MAX])
{
	(void)snprintf(prefix, CHECKPOINTER_FILE_MAX, "%s//", d->place.path);
}

/* Forgets deferred files; those that still cannot be read are noted anew. */
static void
end_deferred(struct dir *d)
{
	struct checkpointer *l = d->all->checkpointer;
	char prefix[CHECKPOINTER_FILE_MAX];
	const char *path;
	struct stream *s;
	struct file *t;

	prefix_of(d, prefix);
	if (checkpointer_late_below(l, prefix) == NULL)
		return;
	while ((path = checkpointer_late_below(l, prefix)) != NULL)
		checkpointer_late(l, path, 0);
	RB_FOREACH (t, names_by_name, &d->place.names)
		for (s = t->streams; t->deferred && s != NULL; s = s->next)
			checkpointer_mark(l, &s->mark);
}

void
last_look_note(struct dir *d)
{
	struct checkpointer *l = d->all->checkpointer;
	int64_t since = d->place.since_ns;

	if (d->retry || d->said) {
		if (d->unrecovered)
			since = names_unseen_since(&d->place, l);
		if (since != 0)
			checkpointer_late(l, d->place.path, since);
		return;
	}
	checkpointer_late(l, d->place.path, 0);
	d->place.since_ns = 0;
	if (!d->unrecovered) {
		last_look_forget_taken(d);
		end_deferred(d);
	}
}

bool
last_look_may_precede(const struct dir *d, const struct timespec *t)
{
	return (names_side(&d->place, d->all->checkpointer, ns_of(t)) !=
	    CHECKPOINTER_BEFORE);
}

/* By the inode, for the file may be renamed meanwhile. */
static void
path_of(const struct dir *d, ino_t ino, char path[CHECKPOINTER_FILE_MAX])
{
	checkpointer_file_path(d->place.path, ino, path);
}

void
last_look_defer(struct dir *d, ino_t ino, int64_t written)
{
	char path[CHECKPOINTER_FILE_MAX];

	path_of(d, ino, path);
	if (written >= NS_IN_S)
		checkpointer_late(d->all->checkpointer, path, written);
}

struct moved {
	const struct dir *dir;
	bool (*is_there)(ino_t, void *);
	void *arg;
};

/* Whether no file in the directory has the inode that this path ends in. */
static bool
is_elsewhere(const char *path, void *arg)
{
	const struct moved *m = arg;
	ino_t ino = (ino_t)strtoumax(strrchr(path, '/') + 1, NULL, 10);

	return (file_table_find(
		    m->dir->all->file_table, m->dir->place.dev, ino) == NULL &&
	    !m->is_there(ino, m->arg));
}

bool
last_look_undefer_moved(
    struct dir *d, int64_t written, bool (*is_there)(ino_t, void *), void *arg)
{
	struct moved m = { .dir = d, .is_there = is_there, .arg = arg };
	struct checkpointer *l = d->all->checkpointer;
	char prefix[CHECKPOINTER_FILE_MAX];
	const char *path;

	prefix_of(d, prefix);
	path = checkpointer_late_at(l, prefix, written, is_elsewhere, &m);
	if (path == NULL)
		return (false);
	checkpointer_late(l, path, 0);
	return (true);
}

bool
last_look_undefer(struct dir *d, ino_t ino, int64_t written)
{
	struct checkpointer *l = d->all->checkpointer;
	char path[CHECKPOINTER_FILE_MAX];
	int64_t was;

	path_of(d, ino, path);
	if ((was = checkpointer_late_since(l, path)) == 0)
		return (false);
	checkpointer_late(l, path, 0);
	return (was == written);
}

bool
last_look_has_deferred(const struct dir *d)
{
	char prefix[CHECKPOINTER_FILE_MAX];

	prefix_of(d, prefix);
	return (checkpointer_late_below(d->all->checkpointer, prefix) != NULL);
}

struct taken {
	RB_ENTRY(taken) entry;
	ino_t ino;
	int64_t written_ns;
};

static int
taken_compare(const struct taken *a, const struct taken *b)
{
	if (a->ino != b->ino)
		return (a->ino < b->ino ? -1 : 1);
	return (
	    a->written_ns < b->written_ns ? -1 : a->written_ns > b->written_ns);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(taken_files, taken, entry, taken_compare, LOCAL)

void
last_look_take(struct dir *d, const struct stat *st)
{
	struct taken *t;

	if ((t = malloc(sizeof(*t))) == NULL)
		return;
	t->ino = st->st_ino;
	t->written_ns = file_written_ns(st);
	if (RB_INSERT(taken_files, &d->taken, t) != NULL)
		free(t);
}

bool
last_look_has_taken(struct dir *d, const struct stat *st)
{
	struct taken key = { .ino = st->st_ino,
		.written_ns = file_written_ns(st) };

	return (RB_FIND(taken_files, &d->taken, &key) != NULL);
}

void
last_look_forget_taken(struct dir *d)
{
	struct taken *t;

	while ((t = RB_ROOT(&d->taken)) != NULL) {
		(void)RB_REMOVE(taken_files, &d->taken, t);
		free(t);
	}
}
