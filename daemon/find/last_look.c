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
	struct ledger *l = d->all->ledger;

	if (!d->all->starting) {
		/* The daemon runs: all that is in the directory is new. */
		ledger_late(l, d->place.path, 0);
		return;
	}
	place_is_unseen_since(&d->place, ledger_late_since(l, d->place.path));
	if (d->parent != NULL)
		last_look_copy(d, d->parent);
}

void
last_look_copy(struct dir *d, const struct dir *as)
{
	place_is_unseen_since(&d->place, as->place.since_ns);
}

void
last_look_failed(struct dir *d)
{
	if (d->all->starting || d->place.since_ns != 0)
		return;
	d->place.since_ns = clock_day_ns() - SLACK_NS;
	/* The daemon may stop before the next look. */
	ledger_late(d->all->ledger, d->place.path, d->place.since_ns);
}

/* The checkpoint has deferred files as paths that no directory has. */
static void
prefix_of(const struct dir *d, char prefix[LEDGER_FILE_MAX])
{
	(void)snprintf(prefix, LEDGER_FILE_MAX, "%s//", d->place.path);
}

/* Forgets deferred files; those that still cannot be read are noted anew. */
static void
end_deferred(struct dir *d)
{
	struct ledger *l = d->all->ledger;
	char prefix[LEDGER_FILE_MAX];
	const char *path;
	struct stream *s;
	struct tail *t;

	prefix_of(d, prefix);
	if (ledger_late_below(l, prefix) == NULL)
		return;
	while ((path = ledger_late_below(l, prefix)) != NULL)
		ledger_late(l, path, 0);
	RB_FOREACH (t, tail_names, &d->place.names)
		for (s = t->streams; t->deferred && s != NULL; s = s->next)
			ledger_mark(l, &s->mark);
}

void
last_look_note(struct dir *d)
{
	struct ledger *l = d->all->ledger;
	int64_t since = d->place.since_ns;

	if (d->retry || d->said) {
		if (d->unrecovered)
			since = place_unseen_since(&d->place, l);
		if (since != 0)
			ledger_late(l, d->place.path, since);
		return;
	}
	ledger_late(l, d->place.path, 0);
	d->place.since_ns = 0;
	if (!d->unrecovered) {
		last_look_forget_taken(d);
		end_deferred(d);
	}
}

bool
last_look_may_precede(const struct dir *d, const struct timespec *t)
{
	return (
	    place_side(&d->place, d->all->ledger, ns_of(t)) != LEDGER_BEFORE);
}

/* By the inode, for the file may be renamed meanwhile. */
static void
path_of(const struct dir *d, ino_t ino, char path[LEDGER_FILE_MAX])
{
	ledger_file_path(d->place.path, ino, path);
}

void
last_look_defer(struct dir *d, ino_t ino, int64_t written)
{
	char path[LEDGER_FILE_MAX];

	path_of(d, ino, path);
	if (written >= NS_IN_S)
		ledger_late(d->all->ledger, path, written);
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

	return (
	    tails_find(m->dir->all->tails, m->dir->place.dev, ino) == NULL &&
	    !m->is_there(ino, m->arg));
}

bool
last_look_undefer_moved(
    struct dir *d, int64_t written, bool (*is_there)(ino_t, void *), void *arg)
{
	struct moved m = { .dir = d, .is_there = is_there, .arg = arg };
	struct ledger *l = d->all->ledger;
	char prefix[LEDGER_FILE_MAX];
	const char *path;

	prefix_of(d, prefix);
	path = ledger_late_at(l, prefix, written, is_elsewhere, &m);
	if (path == NULL)
		return (false);
	ledger_late(l, path, 0);
	return (true);
}

bool
last_look_undefer(struct dir *d, ino_t ino, int64_t written)
{
	struct ledger *l = d->all->ledger;
	char path[LEDGER_FILE_MAX];
	int64_t was;

	path_of(d, ino, path);
	if ((was = ledger_late_since(l, path)) == 0)
		return (false);
	ledger_late(l, path, 0);
	return (was == written);
}

bool
last_look_has_deferred(const struct dir *d)
{
	char prefix[LEDGER_FILE_MAX];

	prefix_of(d, prefix);
	return (ledger_late_below(d->all->ledger, prefix) != NULL);
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
	t->written_ns = written_ns(st);
	if (RB_INSERT(taken_files, &d->taken, t) != NULL)
		free(t);
}

bool
last_look_has_taken(struct dir *d, const struct stat *st)
{
	struct taken key = { .ino = st->st_ino, .written_ns = written_ns(st) };

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
