#include "daemon/source_inside.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/source_orphan.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tail_packed.h"
#include "daemon/tails.h"
#include "lib/kin.h"
#include "lib/rotation.h"

/*
 * What happened to the files of the checkpoint while nobody looked.  Those that
 * only got another name are known by their inode.  Others go on in a file with
 * the same content: a copy, for they were truncated or moved to another file
 * system.  And between them and the file that has the name now, others may have
 * had it.
 */

#define ANY_SIZE ((off_t)INT64_MAX)

/* A file that may be what an orphan has become, or have followed it. */
struct candidate {
	char *name;
	struct stat st;
	char base[NAME_MAX + 1]; /* the name it had, or empty */
	uint8_t head[FINGERPRINT_MAX];
	int head_len; /* -1: cannot be read */
	enum inflate_kind kind; /* head is of the text that is in it */
	bool used;
};

/* What is looked for in one directory. */
struct hunt {
	struct orphans *os;
	struct dir *dir;
	struct kin *missing; /* orphans whose names were there */
	struct kin *followed; /* files whose names are, or were, there */
	size_t nfollowed;
	struct candidate **list; /* the oldest first */
	size_t n;
};

static bool
is_since(const struct timespec *t, const struct timespec *since)
{
	return (t->tv_sec > since->tv_sec ||
	    (t->tv_sec == since->tv_sec && t->tv_nsec >= since->tv_nsec));
}

static void
candidate_free(struct candidate *c)
{
	free(c->name);
	free(c);
}

static void
hunt_end(struct hunt *h)
{
	while (h->n > 0)
		candidate_free(h->list[--h->n]);
	free(h->list);
	kin_free(h->missing);
	kin_free(h->followed);
}

static int
hunt_begin(struct hunt *h)
{
	if ((h->missing = orphans_of(h->os, h->dir)) == NULL)
		return (-1);
	if ((h->followed = kin_new()) == NULL) {
		log_warn("%s", dir_display(h->dir));
		return (-1);
	}
	return (0);
}

/* Whether rotation gave c its name, when it had one that is of interest. */
static bool
find_base(struct hunt *h, struct candidate *c)
{
	struct place *place = &h->dir->place;
	size_t i;

	for (i = 0; rotation_base(c->name, i, c->base, sizeof(c->base)); i++) {
		if (tail_at(place, c->base) != NULL ||
		    place_leaver(place, c->base) != NULL ||
		    orphans_had(h->os, h->dir, c->base))
			return (true);
	}
	c->base[0] = '\0';
	return (false);
}

static void
read_head(int dirfd, struct candidate *c)
{
	int fd;

	c->head_len = -1;
	fd = openat(dirfd, c->name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1)
		return;
	c->head_len = fingerprint_head(fd, c->head);
	if (c->head_len > 0 && rotation_is_packed(c->name))
		c->kind = inflate_kind_of(c->head, (size_t)c->head_len);
	if (c->kind != INFLATE_NONE)
		c->head_len = tail_packed_head(fd, c->kind, c->head);
	(void)close(fd);
}

static int
compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a;
	const struct candidate *y = *(struct candidate *const *)b;

	if (!is_since(&x->st.st_mtim, &y->st.st_mtim))
		return (-1);
	if (!is_since(&y->st.st_mtim, &x->st.st_mtim))
		return (1);
	return (strcmp(x->name, y->name));
}

/* The room of the list is the next power of two.  Returns 0, or -1. */
static int
add_candidate(struct hunt *h, struct candidate *c)
{
	struct candidate **grown;
	size_t n = h->n;

	if ((n & (n - 1)) == 0) {
		grown = reallocarray(
		    h->list, n == 0 ? 1 : n * 2, sizeof(struct candidate *));
		if (grown == NULL)
			return (-1);
		h->list = grown;
	}
	h->list[h->n++] = c;
	return (0);
}

/*
 * Adds a file that the checkpoint does not know: one that rotation named, or
 * where something is missing any one that is new.
 */
static void
consider(struct hunt *h, int dirfd, const char *name)
{
	struct sources *ss = h->dir->all;
	const struct tail *t;
	struct candidate *c;
	char path[PATH_MAX];
	struct stat st;

	if (dir_path(h->dir, name, path) == -1 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode))
		return;
	t = tails_find(ss->tails, st.st_dev, st.st_ino);
	if ((t != NULL && t->met) || (c = calloc(1, sizeof(*c))) == NULL)
		return;
	c->st = st;
	if ((c->name = strdup(name)) == NULL ||
	    (!find_base(h, c) &&
		(orphans_are_none(h->os) ||
		    !is_since(&st.st_ctim, ledger_written(ss->ledger)))) ||
	    add_candidate(h, c) == -1) {
		candidate_free(c);
		return;
	}
	read_head(dirfd, c);
}

static void
list_candidates(struct hunt *h)
{
	const struct dirent *e;
	DIR *handle;

	if ((handle = place_list(&h->dir->place)) == NULL)
		return;
	while ((e = readdir(handle)) != NULL)
		consider(h, dirfd(handle), e->d_name);
	(void)closedir(handle);
	if (h->n > 1)
		qsort(h->list, h->n, sizeof(struct candidate *),
		    compare_candidates);
}

/* As kin_find() decides among those of one name. */
static bool
is_likelier(const struct orphan *o, const struct orphan *than, bool largest)
{
	if (o->rec.print.len != than->rec.print.len)
		return (o->rec.print.len > than->rec.print.len);
	if (largest)
		return (o->rec.offset > than->rec.offset);
	return (o->rec.offset < than->rec.offset);
}

/*
 * The orphan that goes on in c, or NULL.  Where c is what another name in its
 * directory has become, the orphan had that name, or one that rotation gave
 * then.  Should several begin like it, the one of which the most was sent is
 * the likeliest; but how much text there is in a compressed file is not known,
 * and there rather too much is sent.
 */
static struct orphan *
find_orphan(const struct hunt *h, const struct candidate *c)
{
	struct kin_query q = { .name = "",
		.head = c->head,
		.most = c->kind == INFLATE_NONE ? c->st.st_size : ANY_SIZE,
		.largest = c->kind == INFLATE_NONE };
	char base[NAME_MAX + 1];
	struct orphan *o, *best = NULL;
	size_t i;

	if (c->head_len <= 0)
		return (NULL);
	q.len = (size_t)c->head_len;
	if (c->base[0] == '\0')
		return (orphans_find(h->os, &q));
	q.name = base;
	for (i = 0; rotation_base(c->name, i, base, sizeof(base)); i++)
		if ((o = kin_find(h->missing, &q)) != NULL &&
		    (best == NULL || is_likelier(o, best, q.largest)))
			best = o;
	return (best);
}

/* Whether it has all that was sent of o. */
static bool
has_content_of(const struct candidate *c, const struct orphan *o)
{
	return (o->rec.print.len > 0 &&
	    (c->kind != INFLATE_NONE || c->st.st_size >= o->rec.offset) &&
	    fingerprint_matches(&o->rec.print, c->head, (size_t)c->head_len));
}

/* The file of a candidate, sent by the routes of what it was before. */
static struct tail *
follow_candidate(
    struct dir *d, struct candidate *c, struct dir *was, const char *base)
{
	struct fingerprint print;
	char origin[PATH_MAX];
	struct tail *t;

	t = tails_find(d->all->tails, c->st.st_dev, c->st.st_ino);
	if (t == NULL &&
	    (t = tail_new(d->all->tails, &d->place, c->name, &c->st)) == NULL) {
		log_warn("%s/%s", d->place.path, c->name);
		return (NULL);
	}
	c->used = true;
	t->met = true;
	t->rotated = true;
	if (c->kind != INFLATE_NONE) {
		fingerprint_of(&print, c->head, (size_t)c->head_len);
		tail_set_packed(t, c->kind, &print);
		t->size = 1;
	}
	if (dir_path(was, base, origin) == 0)
		tail_set_origin(t, origin);
	dir_join_routes(t, was, base, REACH_PLAIN);
	if (t->streams == NULL) {
		tail_free(t);
		return (NULL);
	}
	tail_was(t, &was->place, base);
	return (t);
}

static void
adopt(struct dir *d, struct candidate *c, struct orphan *o)
{
	struct stream *s;
	struct tail *t;

	if ((t = follow_candidate(d, c, o->dir, o->base)) == NULL)
		return;
	o->found = true;
	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, o->rec.dest) == 0)
			s->cursor.sent = s->cursor.acked = o->rec.offset;
	if (c->kind != INFLATE_NONE && t->size <= o->rec.offset)
		t->size = o->rec.offset + 1;
	log_info("%s: has what was %s: goes on at %lld", tail_path(t),
	    o->rec.path, (long long)o->rec.offset);
}

/* The file goes on in c, for every destination that has a record of it. */
static void
adopt_file(struct hunt *h, struct candidate *c, struct orphan *o)
{
	for (o = orphan_first(o); o != NULL; o = orphan_next(o)) {
		if (o->tried || !has_content_of(c, o))
			continue;
		orphan_try(h->os, o, o->dir == h->dir ? h->missing : NULL);
		adopt(h->dir, c, o);
	}
}

/* Every orphan goes on in the newest file with its content. */
static void
adopt_orphans(struct hunt *h)
{
	struct orphan *o;
	size_t i;

	for (i = h->n; i-- > 0;)
		if ((o = find_orphan(h, h->list[i])) != NULL)
			adopt_file(h, h->list[i], o);
}

/* What a copy may be one of. */
static void
add_followed(struct hunt *h, struct tail *t, const char *left)
{
	struct kin_key key = {
		.print = t->print, .size = t->size, .nth = h->nfollowed++
	};

	if (!t->met)
		return;
	key.name = left != NULL ? left : t->name;
	if ((left != NULL ? kin_add(h->followed, &key, t)
			  : kin_add_rotated(h->followed, &key, t)) == -1)
		log_warn("%s", key.name);
}

static void
list_followed(struct hunt *h)
{
	struct leaver *l;
	struct tail *t;

	RB_FOREACH (t, tail_names, &h->dir->place.names)
		add_followed(h, t, NULL);
	RB_FOREACH (l, leavers, &h->dir->place.leavers)
		add_followed(h, l->tail, l->name);
}

/* Whether it is a mere copy of a file that is followed. */
static bool
is_copy(const struct hunt *h, const struct candidate *c)
{
	struct kin_query q = { .name = c->base,
		.head = c->head,
		.len = (size_t)c->head_len,
		.least = c->kind == INFLATE_NONE ? c->st.st_size : 0,
		.most = ANY_SIZE };
	const struct tail *t = kin_find(h->followed, &q);

	return (
	    t != NULL && (t->dev != c->st.st_dev || t->ino != c->st.st_ino));
}

/*
 * Whether it was written after the checkpoint.  Of what was sent and compressed
 * before, the time is that of its last line, which came before.
 */
static bool
is_new(const struct candidate *c, const struct timespec *since)
{
	return (is_since(&c->st.st_mtim, since) &&
	    (c->kind == INFLATE_NONE || !is_since(since, &c->st.st_mtim)));
}

/* Whether what else had the name of a source may be in it. */
static bool
may_have_passed_by(const struct candidate *c)
{
	return (!c->used && c->base[0] != '\0' && c->head_len != -1 &&
	    (c->head_len > 0 || !rotation_is_packed(c->name)));
}

static void
follow_if_new(struct hunt *h, struct candidate *c)
{
	struct tail *t;

	if (!is_new(c, ledger_written(h->dir->all->ledger)) ||
	    (t = follow_candidate(h->dir, c, h->dir, c->base)) == NULL)
		return;
	add_followed(h, t, NULL);
	log_info(
	    "%s: was %s while nobody looked", tail_path(t), tail_origin(t));
}

/* What had the name for a time when nobody looked. */
static void
follow_passed_by(struct hunt *h)
{
	bool listed = false;
	struct candidate *c;
	struct stream *s;
	struct tail *t;
	size_t i;

	for (i = 0; i < h->n; i++) {
		c = h->list[i];
		if (!may_have_passed_by(c))
			continue;
		if (!listed)
			list_followed(h);
		listed = true;
		t = tails_find(h->dir->all->tails, c->st.st_dev, c->st.st_ino);
		if (!is_copy(h, c)) {
			if (t == NULL)
				follow_if_new(h, c);
			continue;
		}
		for (s = t == NULL ? NULL : t->streams; s != NULL; s = s->next)
			s->cursor.sent = s->cursor.acked = t->size;
	}
}

static void
recover_dir(struct orphans *os, struct dir *d)
{
	struct hunt h = { .os = os, .dir = d };

	if (hunt_begin(&h) == 0) {
		list_candidates(&h);
		adopt_orphans(&h);
		follow_passed_by(&h);
	}
	hunt_end(&h);
}

/* Files that were moved to a directory that was listed before their own. */
static void
look_for_moved(struct dir *d)
{
	const struct dirent *e;
	DIR *handle;

	if ((handle = place_list(&d->place)) == NULL)
		return;
	while ((e = readdir(handle)) != NULL)
		if (ledger_path(d->all->ledger, d->place.dev, e->d_ino) !=
			NULL &&
		    tails_find(d->all->tails, d->place.dev, e->d_ino) == NULL)
			dir_look(d, e->d_name);
	(void)closedir(handle);
}

/* Nothing came or went in it since the checkpoint was written. */
static bool
is_unchanged(const struct dir *d)
{
	const struct timespec *since = ledger_written(d->all->ledger);
	struct stat st;

	return (
	    stat(dir_display(d), &st) == 0 && !is_since(&st.st_mtim, since));
}

static void
recover(struct sources *ss)
{
	struct orphans *os;
	struct dir *d;

	RB_FOREACH (d, dirs, &ss->dirs)
		if (!is_unchanged(d))
			look_for_moved(d);
	if ((os = orphans_new(ss)) == NULL)
		return;
	RB_FOREACH (d, dirs, &ss->dirs)
		if (orphans_are_missed(os, d) || !is_unchanged(d))
			recover_dir(os, d);
	orphans_end(os);
	orphans_free(os);
}

void
sources_recover(struct sources *ss)
{
	struct dir *d;

	if (ledger_written(ss->ledger) != NULL)
		recover(ss);
	RB_FOREACH (d, dirs, &ss->dirs)
		place_order(&d->place);
}
