#include "daemon/source_orphan.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/source_inside.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tails.h"
#include "lib/kin.h"

RB_HEAD(orphan_names, orphan);
TAILQ_HEAD(orphan_list, orphan);

struct orphans {
	struct sources *all;
	struct orphan_list list; /* by device, inode and destination */
	struct orphan_names names;
	struct kin *contents; /* of those that were not tried */
	size_t n;
};

static int
compare_orphans(const struct orphan *a, const struct orphan *b)
{
	int order;

	if (a->dir != b->dir)
		return ((uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1);
	if ((order = strcmp(a->base, b->base)) != 0)
		return (order);
	return (a->nth < b->nth ? -1 : a->nth > b->nth);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(orphan_names, orphan, by_name, compare_orphans, LOCAL)

/* Splits a path into the directory, when it is known, and the name there. */
static struct dir *
dir_of_path(struct sources *ss, const char *path, const char **name)
{
	char copy[PATH_MAX], *slash;

	if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy) ||
	    (slash = strrchr(copy, '/')) == NULL)
		return (NULL);
	*slash = '\0';
	*name = path + (slash - copy) + 1;
	return (dir_find(ss, copy));
}

static void
orphan_free(struct orphan *o)
{
	free(o->path);
	free(o->dest);
	free(o);
}

static struct kin_key
key_of(const struct orphan *o)
{
	return ((struct kin_key) { .name = "",
	    .print = o->rec.print,
	    .size = o->rec.offset,
	    .nth = o->nth });
}

static void
add_orphan(const struct checkpoint_record *rec, void *arg)
{
	struct orphans *os = arg;
	struct kin_key key;
	struct orphan *o;
	const char *base;
	struct dir *d;

	if (rec->kind != CHECKPOINT_FILE ||
	    (d = dir_of_path(os->all, rec->path, &base)) == NULL ||
	    (o = calloc(1, sizeof(*o))) == NULL)
		return;
	o->path = strdup(rec->path);
	o->dest = strdup(rec->dest);
	if (o->path == NULL || o->dest == NULL) {
		orphan_free(o);
		return;
	}
	o->rec = *rec;
	o->rec.path = o->path;
	o->rec.dest = o->dest;
	if (rec->nguards > 0)
		memcpy(o->guards, rec->guards,
		    rec->nguards * sizeof(*rec->guards));
	o->rec.guards = o->guards;
	o->dir = d;
	o->base = o->path + (base - rec->path);
	o->nth = os->n++;
	TAILQ_INSERT_TAIL(&os->list, o, entry);
	RB_INSERT(orphan_names, &os->names, o);
	key = key_of(o);
	if (kin_add(os->contents, &key, o) == -1)
		log_warn("%s", o->path);
}

struct orphans *
orphans_new(struct sources *ss)
{
	struct orphans *os;

	if ((os = calloc(1, sizeof(*os))) == NULL ||
	    (os->contents = kin_new()) == NULL) {
		log_warn("checkpoint");
		free(os);
		return (NULL);
	}
	os->all = ss;
	TAILQ_INIT(&os->list);
	RB_INIT(&os->names);
	ledger_walk_untaken(ss->ledger, add_orphan, os);
	return (os);
}

void
orphans_free(struct orphans *os)
{
	struct orphan *o;

	while ((o = TAILQ_FIRST(&os->list)) != NULL) {
		TAILQ_REMOVE(&os->list, o, entry);
		orphan_free(o);
	}
	kin_free(os->contents);
	free(os);
}

bool
orphans_are_none(const struct orphans *os)
{
	return (TAILQ_EMPTY(&os->list));
}

/* The first in d whose name is base, or comes behind it. */
static struct orphan *
first_from(struct orphans *os, struct dir *d, const char *base)
{
	struct orphan key = { .dir = d, .base = base }, *o;

	o = RB_NFIND(orphan_names, &os->names, &key);
	return (o != NULL && o->dir == d ? o : NULL);
}

static struct orphan *
next_in_dir(struct orphan *o)
{
	struct orphan *next = RB_NEXT(orphan_names, NULL, o);

	return (next != NULL && next->dir == o->dir ? next : NULL);
}

bool
orphans_had(struct orphans *os, struct dir *d, const char *name)
{
	const struct orphan *o = first_from(os, d, name);

	return (o != NULL && strcmp(o->base, name) == 0);
}

bool
orphans_are_missed(struct orphans *os, struct dir *d)
{
	struct orphan *o;

	for (o = first_from(os, d, ""); o != NULL; o = next_in_dir(o))
		if (!o->found)
			return (true);
	return (false);
}

struct kin *
orphans_of(struct orphans *os, struct dir *d)
{
	struct kin_key key;
	struct orphan *o;
	struct kin *k;

	if ((k = kin_new()) == NULL) {
		log_warn("%s", dir_display(d));
		return (NULL);
	}
	for (o = first_from(os, d, ""); o != NULL; o = next_in_dir(o)) {
		key = key_of(o);
		key.name = o->base;
		if (!o->tried && kin_add_rotated(k, &key, o) == -1)
			log_warn("%s", o->path);
	}
	return (k);
}

void
orphans_each(struct orphans *os, struct kin_query *q,
    bool (*fn)(void *orphan, void *arg), void *arg)
{
	q->name = "";
	kin_each(os->contents, q, fn, arg);
}

void
orphan_try(struct orphans *os, struct orphan *o, struct kin *of)
{
	struct kin_key key = key_of(o);

	o->tried = true;
	kin_del(os->contents, &key);
	key.name = o->base;
	if (of != NULL)
		kin_del_rotated(of, &key);
}

static bool
is_same_file(const struct orphan *a, const struct orphan *b)
{
	return (a != NULL && a->rec.dev == b->rec.dev &&
	    a->rec.inode == b->rec.inode);
}

struct orphan *
orphan_first(struct orphan *o)
{
	struct orphan *before;

	while (is_same_file(before = TAILQ_PREV(o, orphan_list, entry), o))
		o = before;
	return (o);
}

struct orphan *
orphan_next(struct orphan *o)
{
	struct orphan *next = TAILQ_NEXT(o, entry);

	return (is_same_file(next, o) ? next : NULL);
}

/*
 * Of a destination that does not get the file by this configuration nothing is
 * to be said.
 */
static bool
is_sent(const struct tail *t, const char *dest)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, dest) == 0)
			return (true);
	return (false);
}

static void
say_unfound(const struct orphan *o)
{
	const struct tail *t = tail_at(&o->dir->place, o->base);

	if (o->rec.offset > 0 && t != NULL && t->dev == o->rec.dev &&
	    t->ino == o->rec.inode && is_sent(t, o->rec.dest))
		log_notice("%s: is another file than the one of which %lld "
			   "bytes were sent to %s, and no copy of that is "
			   "here: it is sent from its beginning",
		    o->rec.path, (long long)o->rec.offset, o->rec.dest);
}

void
orphans_end(struct orphans *os)
{
	struct orphan *o;

	TAILQ_FOREACH (o, &os->list, entry)
		if (!o->found)
			say_unfound(o);
		else if (tails_find(os->all->tails, o->rec.dev, o->rec.inode) ==
		    NULL)
			/* It belongs to no file that is there. */
			ledger_end(os->all->ledger, &o->rec);
}
