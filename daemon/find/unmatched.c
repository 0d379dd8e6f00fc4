#include "daemon/find/unmatched.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/retry.h"
#include "daemon/find/routes.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "lib/print_index.h"

RB_HEAD(unmatched_names, unmatched_spot);
TAILQ_HEAD(unmatched_list, unmatched_record);

struct unmatched {
	struct sources *all;
	struct unmatched_list
	    list; /* in the order of device, inode and destination */
	struct unmatched_names names;
	struct print_index *contents; /* of records that were not tried */
	size_t n;
	bool unsent; /* there is one of which nothing was sent */
};

static int
compare_spots(const struct unmatched_spot *a, const struct unmatched_spot *b)
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
RB_GENERATE_INTERNAL(
    unmatched_names, unmatched_spot, by_name, compare_spots, LOCAL)

static void
record_free(struct unmatched_record *o)
{
	free(o->path);
	free(o->real);
	free(o->dest);
	free(o);
}

static struct print_index_key
key_of(const struct unmatched_record *o)
{
	return ((struct print_index_key) { .name = "",
	    .print = o->rec.print,
	    .size = o->rec.offset,
	    .nth = o->nth });
}

static void
add_spot(struct unmatched *os, struct unmatched_record *o, struct dir *d,
    const char *base)
{
	struct unmatched_spot *spot = &o->spots[o->nspots];
	unsigned i;

	if (d == NULL)
		return;
	for (i = 0; i < o->nspots; i++)
		if (o->spots[i].dir == d && strcmp(o->spots[i].base, base) == 0)
			return;
	*spot = (struct unmatched_spot) {
		.of = o, .dir = d, .base = base, .nth = o->nth
	};
	o->nspots++;
	RB_INSERT(unmatched_names, &os->names, spot);
}

/* Copies a record of the checkpoint. */
static struct unmatched_record *
record_new(const struct checkpoint_record *rec)
{
	struct unmatched_record *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	o->path = strdup(rec->path);
	o->dest = strdup(rec->dest);
	if (rec->real != NULL)
		o->real = strdup(rec->real);
	if (o->path == NULL || o->dest == NULL ||
	    (rec->real != NULL && o->real == NULL)) {
		record_free(o);
		return (NULL);
	}
	o->rec = *rec;
	o->rec.path = o->path;
	o->rec.dest = o->dest;
	o->rec.real = o->real;
	if (rec->nguards > 0)
		memcpy(o->guards, rec->guards,
		    rec->nguards * sizeof(*rec->guards));
	o->rec.guards = o->guards;
	return (o);
}

static void
add_record(const struct checkpoint_record *rec, void *arg)
{
	struct unmatched *os = arg;
	const char *base = NULL;
	struct print_index_key key;
	struct unmatched_record *o;
	struct dir *d;

	sources_pause(os->all);
	if (rec->kind != CHECKPOINT_FILE ||
	    (d = dir_of_path(os->all, rec->path, &base)) == NULL ||
	    !routes_send_to(d, base, rec->dest))
		return;
	if ((o = record_new(rec)) == NULL) {
		log_warn("%s", rec->path);
		return;
	}
	o->nth = os->n++;
	os->unsent = os->unsent || (rec->offset == 0 && rec->print.len > 0);
	TAILQ_INSERT_TAIL(&os->list, o, entry);
	d = dir_of_path(os->all, o->path, &base);
	add_spot(os, o, d, base);
	if (o->real != NULL) {
		d = dir_of_path(os->all, o->real, &base);
		add_spot(os, o, d, base);
	}
	d = link_target(o->spots[0].dir, o->spots[0].base, &base);
	add_spot(os, o, d, base);
	key = key_of(o);
	if (print_index_add(os->contents, &key, o) == -1)
		log_warn("%s", o->path);
}

struct unmatched *
unmatched_new(struct sources *ss)
{
	struct unmatched *os;

	if ((os = calloc(1, sizeof(*os))) == NULL ||
	    (os->contents = print_index_new()) == NULL) {
		log_warn("checkpoint");
		free(os);
		return (NULL);
	}
	os->all = ss;
	TAILQ_INIT(&os->list);
	RB_INIT(&os->names);
	checkpointer_walk_untaken(ss->checkpointer, add_record, os);
	return (os);
}

void
unmatched_free(struct unmatched *os)
{
	struct unmatched_record *o;

	while ((o = TAILQ_FIRST(&os->list)) != NULL) {
		TAILQ_REMOVE(&os->list, o, entry);
		record_free(o);
	}
	print_index_free(os->contents);
	free(os);
}

bool
unmatched_are_none(const struct unmatched *os)
{
	return (TAILQ_EMPTY(&os->list));
}

bool
unmatched_have_unsent(const struct unmatched *os)
{
	return (os->unsent);
}

/*
 * The first in d that is called base, or comes behind that in order of names.
 */
static struct unmatched_spot *
first_from(struct unmatched *os, struct dir *d, const char *base)
{
	struct unmatched_spot key = { .dir = d, .base = base }, *spot;

	spot = RB_NFIND(unmatched_names, &os->names, &key);
	return (spot != NULL && spot->dir == d ? spot : NULL);
}

static struct unmatched_spot *
next_in_dir(struct unmatched_spot *spot)
{
	struct unmatched_spot *next = RB_NEXT(unmatched_names, NULL, spot);

	return (next != NULL && next->dir == spot->dir ? next : NULL);
}

bool
unmatched_had(struct unmatched *os, struct dir *d, const char *name)
{
	const struct unmatched_spot *spot = first_from(os, d, name);

	return (spot != NULL && strcmp(spot->base, name) == 0);
}

bool
unmatched_are_missed(struct unmatched *os, struct dir *d)
{
	struct unmatched_spot *spot;

	for (spot = first_from(os, d, ""); spot != NULL;
	     spot = next_in_dir(spot))
		if (!spot->of->found)
			return (true);
	return (false);
}

/*
 * Whether the record is of a truncated file that nobody could read: see
 * be_sought().
 */
static bool
is_unread_rest(const struct unmatched_record *o, const struct dir *d)
{
	return (o->rec.dev == ~d->place.dev && o->rec.offset == 0 &&
	    o->rec.print.len == 0 && o->rec.nguards == 0);
}

bool
unmatched_seek_copy(struct unmatched *os, const struct candidate *c)
{
	struct unmatched_spot *spot;
	bool found = false;

	for (spot = first_from(os, c->dir, c->base);
	     spot != NULL && strcmp(spot->base, c->base) == 0;
	     spot = next_in_dir(spot))
		if (is_unread_rest(spot->of, c->dir) &&
		    candidate_is_made_since(c, spot->of))
			spot->of->found = found = true;
	return (found);
}

struct print_index *
unmatched_of(struct unmatched *os, struct dir *d)
{
	struct unmatched_spot *spot;
	struct print_index_key key;
	struct unmatched_record *o;
	struct print_index *k;

	if ((k = print_index_new()) == NULL) {
		log_warn("%s", dir_display(d));
		return (NULL);
	}
	for (spot = first_from(os, d, ""); spot != NULL;
	     spot = next_in_dir(spot)) {
		o = spot->of;
		key = key_of(o);
		key.name = spot->base;
		if (!o->tried && print_index_add_rotated(k, &key, o) == -1)
			log_warn("%s", o->path);
	}
	return (k);
}

void
unmatched_each(struct unmatched *os, struct print_index_query *q,
    bool (*fn)(void *record, void *arg), void *arg)
{
	q->name = "";
	print_index_each(os->contents, q, fn, arg);
}

void
unmatched_try(struct unmatched *os, struct unmatched_record *o, struct dir *d,
    struct print_index *of)
{
	struct print_index_key key = key_of(o);
	unsigned i;

	o->tried = true;
	print_index_del(os->contents, &key);
	for (i = 0; i < o->nspots; i++) {
		key.name = o->spots[i].base;
		if (o->spots[i].dir == d)
			print_index_del_rotated(of, &key);
	}
}

static bool
is_same_file(const struct unmatched_record *a, const struct unmatched_record *b)
{
	return (a != NULL && a->rec.dev == b->rec.dev &&
	    a->rec.inode == b->rec.inode);
}

struct unmatched_record *
unmatched_first(struct unmatched_record *o)
{
	struct unmatched_record *before;

	while (is_same_file(before = TAILQ_PREV(o, unmatched_list, entry), o))
		o = before;
	return (o);
}

struct unmatched_record *
unmatched_next(struct unmatched_record *o)
{
	struct unmatched_record *next = TAILQ_NEXT(o, entry);

	return (is_same_file(next, o) ? next : NULL);
}

/* Whether the destination gets the file by this configuration. */
static bool
is_sent(const struct file *t, const char *dest)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, dest) == 0)
			return (true);
	return (false);
}

/*
 * Whether the file that has the record's name now has what was sent, elsewhere
 * in it.
 */
static bool
is_in_its_place(const struct unmatched_record *o)
{
	struct file *t = names_at(&o->spots[0].dir->place, o->spots[0].base);

	return (t != NULL && !t->met && follow_seek_sent(t, &o->rec));
}

static void
say_unfound(const struct unmatched_record *o)
{
	const struct file *t =
	    names_at(&o->spots[0].dir->place, o->spots[0].base);

	if (o->rec.offset > 0 && t != NULL && t->dev == o->rec.dev &&
	    t->ino == o->rec.inode && is_sent(t, o->rec.dest))
		say_notice(o->rec.path,
		    "is another file than the one of which %lld "
		    "bytes were sent to %s, and no copy of that is "
		    "here: it is sent from its beginning",
		    (long long)o->rec.offset, o->rec.dest);
}

/* Has the checkpoint drop the record, unless its file is there. */
static void
end_record(struct unmatched *os, struct unmatched_record *o)
{
	if (!o->ended &&
	    file_table_find(os->all->file_table, o->rec.dev, o->rec.inode) ==
		NULL)
		checkpointer_end(os->all->checkpointer, &o->rec);
	o->ended = true;
}

void
unmatched_end(struct unmatched *os, const struct dir *in)
{
	const struct dir *d;
	struct unmatched_record *o;

	TAILQ_FOREACH (o, &os->list, entry) {
		sources_pause(os->all);
		d = o->spots[0].dir;
		if (!o->found && (in == NULL || d == in) && !d->unrecovered)
			o->found = is_in_its_place(o);
		if (o->found)
			end_record(os, o);
		else if ((in == NULL || d == in) && !d->unrecovered)
			say_unfound(o);
	}
}

void
unmatched_forget(struct sources *ss)
{
	if (ss->unmatched != NULL)
		unmatched_free(ss->unmatched);
	ss->unmatched = NULL;
}
