#include "daemon/source_inside.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/opener.h"
#include "daemon/source_orphan.h"
#include "daemon/stream.h"
#include "daemon/stream_guard.h"
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
#define COMPARED 4096 /* octets, at the end of a copy */
#define SLACK 10 /* seconds: a copy may be made before the last line comes */

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

static int
open_entry(const struct dir *d, const char *name)
{
	char path[PATH_MAX];

	if (dir_path(d, name, path) == -1)
		return (-1);
	return (opener_open(path,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));
}

static void
read_head(const struct dir *d, struct candidate *c)
{
	int fd;

	c->head_len = -1;
	if ((fd = open_entry(d, c->name)) == -1)
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

/* Whether it may have been made or renamed since the checkpoint. */
static bool
is_changed(const struct sources *ss, const struct stat *st)
{
	return (!ledger_knows_time(ss->ledger) ||
	    is_since(&st->st_ctim, ledger_written(ss->ledger)));
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
	if ((t != NULL && (t->met || t->linked)) || (c = calloc(1, sizeof(*c))) == NULL)
		return;
	c->st = st;
	if ((c->name = strdup(name)) == NULL ||
	    (!find_base(h, c) &&
		(orphans_are_none(h->os) || !is_changed(ss, &st))) ||
	    add_candidate(h, c) == -1) {
		candidate_free(c);
		return;
	}
	read_head(h->dir, c);
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

/*
 * Whether c has what the guard was made of.  Returns 1 or 0, or -1 where nobody
 * knows.
 */
static int
holds(const struct hunt *h, const struct candidate *c, const struct guard *g)
{
	int fd, result;

	if (g->at <= c->head_len)
		return (guard_matches(g, c->head, (size_t)g->at));
	if (c->kind == INFLATE_NONE && c->st.st_size < g->at)
		return (0);
	if ((fd = open_entry(h->dir, c->name)) == -1)
		return (-1);
	result = c->kind == INFLATE_NONE ? guard_holds(g, fd)
					 : tail_packed_guard(fd, c->kind, g);
	(void)close(fd);
	return (result);
}

/*
 * Whether c can be a copy that was made of o since it was looked at last.  A
 * time that is still to come says nothing.
 */
static bool
is_young_enough(const struct candidate *c, const struct orphan *o)
{
	struct timespec seen = { .tv_sec = o->rec.time - SLACK };

	return (o->rec.time > time(NULL) || is_since(&c->st.st_ctim, &seen));
}

static bool
is_owned_alike(const struct candidate *c, const struct orphan *o)
{
	struct stat st;

	return (c->st.st_uid == 0 || stat(o->rec.path, &st) == -1 ||
	    st.st_uid == c->st.st_uid);
}

/* A short text may be anybody's: the name has to say that it is this one. */
static bool
is_telling(const struct candidate *c, const struct orphan *o)
{
	size_t known = o->rec.print.len;

	if (o->rec.nguards > 0 && known < guard_length(o->guards[0].at))
		known = guard_length(o->guards[0].at);
	return (known >= GUARD_MAX || strcmp(c->name, o->base) == 0 ||
	    rotation_is_of(c->name, o->base));
}

/* Whether it has all that was sent of o, as far as can be known. */
static bool
has_content_of(
    const struct hunt *h, const struct candidate *c, const struct orphan *o)
{
	if (o->rec.print.len == 0 ||
	    (c->kind == INFLATE_NONE && c->st.st_size < o->rec.offset) ||
	    !fingerprint_matches(&o->rec.print, c->head, (size_t)c->head_len) ||
	    !is_telling(c, o) || !is_young_enough(c, o) ||
	    !is_owned_alike(c, o))
		return (false);
	return (o->rec.nguards == 0 || holds(h, c, &o->guards[0]) != 0);
}

/* The likeliest of those that are tried. */
struct choice {
	const struct hunt *h;
	const struct candidate *c;
	struct orphan *best;
};

/*
 * Should several begin like it, the one of which the most was sent is the
 * likeliest; but how much text there is in a compressed file is not known, and
 * there rather too much is sent.
 */
static bool
is_likelier(const struct choice *x, const struct orphan *o)
{
	const struct orphan *than = x->best;

	if (than == NULL)
		return (true);
	if ((o->rec.nguards > 0) != (than->rec.nguards > 0))
		return (o->rec.nguards > 0);
	if (o->rec.print.len != than->rec.print.len)
		return (o->rec.print.len > than->rec.print.len);
	if (x->c->kind == INFLATE_NONE || o->rec.nguards > 0)
		return (o->rec.offset > than->rec.offset);
	return (o->rec.offset < than->rec.offset);
}

static bool
choose(void *who, void *arg)
{
	struct orphan *o = who;
	struct choice *x = arg;

	if (is_likelier(x, o) && has_content_of(x->h, x->c, o))
		x->best = o;
	return (true);
}

/*
 * The orphan that goes on in c, or NULL.  Where c is what another name in its
 * directory has become, the orphan had that name, or one that rotation gave
 * then.
 */
static struct orphan *
find_orphan(const struct hunt *h, const struct candidate *c)
{
	struct choice x = { .h = h, .c = c };
	struct kin_query q = { .name = "",
		.head = c->head,
		.most = c->kind == INFLATE_NONE ? c->st.st_size : ANY_SIZE };
	char base[NAME_MAX + 1];
	size_t i;

	if (c->head_len <= 0)
		return (NULL);
	q.len = (size_t)c->head_len;
	if (c->base[0] == '\0') {
		orphans_each(h->os, &q, choose, &x);
		return (x.best);
	}
	q.name = base;
	for (i = 0; rotation_base(c->name, i, base, sizeof(base)); i++)
		kin_each(h->missing, &q, choose, &x);
	return (x.best);
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
	/* A file that has the very path was replaced, not rotated. */
	t->rotated = was != d || strcmp(c->name, base) != 0;
	if (c->kind != INFLATE_NONE) {
		fingerprint_of(&print, c->head, (size_t)c->head_len);
		tail_set_packed(t, c->kind, &print);
		t->size = 1;
	}
	if (t->rotated && dir_path(was, base, origin) == 0)
		tail_set_origin(t, origin);
	dir_join_routes(t, was, base, REACH_PLAIN);
	if (t->streams == NULL) {
		tail_free(t);
		return (NULL);
	}
	if (t->rotated)
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
		if (strcmp(s->route->to->name, o->rec.dest) == 0) {
			s->cursor.sent = s->cursor.acked = o->rec.offset;
			stream_guard_load(s, &o->rec);
		}
	if (c->kind != INFLATE_NONE && t->size <= o->rec.offset)
		t->size = o->rec.offset + 1;
	if (o->rec.nguards > 0 || o->rec.offset == 0)
		log_info("%s: has what was %s: goes on at %lld", tail_path(t),
		    o->rec.path, (long long)o->rec.offset);
	else
		log_notice("%s: begins like what was %s: goes on at %lld, as "
			   "nothing more is known of that",
		    tail_path(t), o->rec.path, (long long)o->rec.offset);
}

/* The file goes on in c, for every destination that has a record of it. */
static void
adopt_file(struct hunt *h, struct candidate *c, struct orphan *o)
{
	for (o = orphan_first(o); o != NULL; o = orphan_next(o)) {
		if (o->tried || !has_content_of(h, c, o))
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

/* Whether c and the file of t are the same, up to the end of c. */
static bool
is_first_part(
    const struct hunt *h, const struct candidate *c, struct tail *t)
{
	uint8_t x[COMPARED], y[COMPARED];
	size_t n = c->st.st_size < COMPARED ? (size_t)c->st.st_size : COMPARED;
	off_t at = c->st.st_size - (off_t)n;
	int fd, of = tail_fd(t);
	bool same;

	if (of == -1 || (fd = open_entry(h->dir, c->name)) == -1)
		return (false);
	same = read_whole(fd, x, n, at) == (ssize_t)n &&
	    read_whole(of, y, n, at) == (ssize_t)n && memcmp(x, y, n) == 0;
	(void)close(fd);
	return (same);
}

/* The copy of which file c is, as far as it was looked for. */
struct likeness {
	const struct hunt *h;
	const struct candidate *c;
	struct tail *of;
};

/*
 * A copy has nothing of its own.  That is not enough, for a second log may say
 * the same: it also has the time of the file, or all that was sent of that and
 * a name that hardly anything but rotation gives.
 */
static bool
is_copy_of(void *who, void *arg)
{
	struct tail *t = who;
	struct likeness *l = arg;
	const struct candidate *c = l->c;
	struct guard g;

	if (t->dev == c->st.st_dev && t->ino == c->st.st_ino)
		return (true);
	g = tail_newest_guard(t);
	if (c->kind != INFLATE_NONE) {
		if (g.at > 0 && holds(l->h, c, &g) == 1)
			l->of = t;
	} else if (is_first_part(l->h, c, t) &&
	    ((written_ns(&c->st) == t->written_ns && is_time_set(&c->st)) ||
		(c->st.st_size >= GUARD_MAX && g.at > 0 &&
		    rotation_is_copy_of(c->name, c->base) &&
		    holds(l->h, c, &g) == 1))) {
		l->of = t;
	}
	return (l->of == NULL);
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
	struct likeness l = { .h = h, .c = c };

	kin_each(h->followed, &q, is_copy_of, &l);
	if (l.of != NULL)
		log_info("%s/%s: is a copy of %s: not sent",
		    h->dir->place.path, c->name, l.of->name);
	return (l.of != NULL);
}

/*
 * Whether it was written after all files that are known to have had its name,
 * whatever the clock said.  Of one whose time is still to come the name has to
 * tell which is older.
 */
static bool
is_behind_known(const struct hunt *h, const struct candidate *c)
{
	const int64_t now = (int64_t)time(NULL) * 1000000000;
	struct tail *t;

	RB_FOREACH (t, tail_names, &h->dir->place.names) {
		if (!t->met || !t->rotated || !rotation_is_of(t->name, c->base))
			continue;
		if (t->written_ns > now + 1000000000
			? rotation_compare(c->base, c->name, t->name) < 0
			: t->written_ns > written_ns(&c->st))
			return (false);
	}
	return (true);
}

/* A file's time that is still to come is none: when it changed counts then. */
static struct timespec
last_write(const struct candidate *c)
{
	return (c->st.st_mtim.tv_sec <= time(NULL) ? c->st.st_mtim
						   : c->st.st_ctim);
}

/*
 * Whether it was written after the checkpoint.  Of what was sent and compressed
 * before, the time is that of its last line, which came before.
 */
static bool
is_new(const struct hunt *h, const struct candidate *c)
{
	const struct ledger *l = h->dir->all->ledger;
	const struct timespec *since = ledger_written(l);
	struct timespec last = last_write(c);

	if (!ledger_knows_time(l))
		return (is_behind_known(h, c));
	return (is_since(&last, since) &&
	    (c->kind == INFLATE_NONE || !is_since(since, &last)));
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

	if (!is_new(h, c) ||
	    (t = follow_candidate(h->dir, c, h->dir, c->base)) == NULL)
		return;
	add_followed(h, t, NULL);
	log_info(
	    "%s: was %s while nobody looked", tail_path(t), tail_origin(t));
}

/* Nothing of a copy is sent, nor of what it is written over with. */
static void
pass_over(const struct hunt *h, const struct candidate *c, struct tail *t)
{
	char origin[PATH_MAX];
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		s->cursor.sent = s->cursor.acked = t->size;
	t->rotated = true;
	if (dir_path(h->dir, c->base, origin) == 0)
		tail_set_origin(t, origin);
}

/* What had the name for a time when nobody looked. */
static void
follow_passed_by(struct hunt *h)
{
	bool listed = false;
	struct candidate *c;
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
		if (t != NULL)
			pass_over(h, c, t);
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
	const struct ledger *l = d->all->ledger;
	struct stat st;

	return (ledger_knows_time(l) && stat(dir_display(d), &st) == 0 &&
	    !is_since(&st.st_mtim, ledger_written(l)));
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
