#include "daemon/find/inside.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/unmatched.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "lib/kin.h"
#include "lib/rotation.h"

#define AGAIN_MOST 8 /* attempts at a directory that changes meanwhile */

/*
 * What happened to the files of the checkpoint while nobody looked.  Those that
 * only got another name are known by their inode.  Others go on in a file with
 * the same content: a copy, for they were truncated or moved to another file
 * system.  And between them and the file that has the name now, others may have
 * had it.
 */

/* What is looked for in one directory. */
struct hunt {
	struct orphans *os;
	struct dir *dir;
	struct kin *missing; /* orphans whose names were there */
	struct kin *followed; /* files whose names are, or were, there */
	size_t nfollowed;
	bool early; /* not all files can be read yet */
	bool changing; /* a name was gone when it was looked at */
	struct candidate **list; /* the oldest first */
	size_t n;
};

/* What is known of one that was of no use is said for the next attempt. */
static void
forget_candidates(struct hunt *h)
{
	struct candidate *c;

	while (h->n > 0) {
		c = h->list[--h->n];
		if (c->is_deferred && !c->used)
			candidate_defer(c);
		candidate_free(c);
	}
	free(h->list);
	h->list = NULL;
}

static void
hunt_end(struct hunt *h)
{
	size_t i;

	for (i = 0; i < h->n && h->dir->unrecovered; i++)
		if (h->list[i]->used)
			dir_take(h->dir, &h->list[i]->st);
	forget_candidates(h);
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

/* What a candidate was before. */
struct former {
	struct dir *dir; /* whose patterns mean it */
	const char *base; /* by this name there */
	enum reach reach; /* by that it was followed */
};

/*
 * What c was, by the name that rotation changed: patterns of its directory mean
 * that, or a link leads there.  Returns whether there is such a thing.
 */
static bool
find_former(const struct candidate *c, struct former *was)
{
	*was = (struct former) {
		.dir = c->dir, .base = c->base, .reach = REACH_PLAIN
	};
	if (dir_means_file(c->dir, c->base))
		return (true);
	was->reach = REACH_SAFE_LINK;
	was->dir = dir_link_to(c->dir, c->base, &c->st, &was->base);
	return (was->dir != NULL);
}

/* Whether something is known to have, or to have had, the name that c had. */
static bool
is_of_interest(const struct hunt *h, const struct candidate *c)
{
	struct place *place = &h->dir->place;

	return (tail_at(place, c->base) != NULL ||
	    place_leaver(place, c->base) != NULL ||
	    dir_has_link_to(h->dir, c->base) ||
	    orphans_had(h->os, h->dir, c->base));
}

/*
 * Whether rotation gave c its name, when it had one that is of interest: rather
 * the one by which it was sent than one that rotation gave before.
 */
static bool
find_base(const struct hunt *h, struct candidate *c)
{
	char first[NAME_MAX + 1] = "";
	struct former was;
	size_t i;

	for (i = 0; rotation_base(c->name, i, c->base, sizeof(c->base)); i++) {
		if (!is_of_interest(h, c))
			continue;
		if (find_former(c, &was))
			return (true);
		if (first[0] == '\0')
			memcpy(first, c->base, sizeof(first));
	}
	memcpy(c->base, first, sizeof(c->base));
	return (c->base[0] != '\0');
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

/* What may not be looked at is left to the sweep. */
static void
look_later(struct dir *d)
{
	if (is_no_answer(errno))
		dir_again(d);
	else
		d->dangles = true;
	d->unrecovered = true;
}

static int
stat_entry(struct dir *d, int dirfd, const char *name, struct stat *st)
{
	unsigned n = 0;
	int rc;

	while ((rc = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW)) == -1 &&
	    lookup_again(d->all, n++))
		;
	return (rc);
}

/* Whether t still has the name in the directory that it was found by. */
static bool
keeps_name(const struct tail *t, int dirfd)
{
	struct stat st;

	if (fstatat(dirfd, t->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (errno != ENOENT);
	return (st.st_dev == t->dev && st.st_ino == t->ino);
}

/*
 * t may have got the name of st since the directory was scanned: then it is to
 * be known by that before others are judged by the names that they had.
 */
static void
catch_up(struct hunt *h, struct tail *t, int dirfd, const char *name,
    const struct stat *st)
{
	struct place *place = &h->dir->place;

	if (t->linked || (t->place != NULL && t->place != place) ||
	    (t->place == place &&
		(strcmp(t->name, name) == 0 || keeps_name(t, dirfd))))
		return;
	switch (dir_knows(h->dir, name, t, st)) {
	case KNOWN_SAME:
		tail_rename(t, place, name);
		break;
	case KNOWN_LATER:
		look_later(h->dir);
		break;
	case KNOWN_ANOTHER:
		break;
	}
}

/*
 * Adds a file of which the checkpoint knows nothing: one that rotation named,
 * or where something is missing any one that is new.  Returns 0, or -1 with
 * errno where it could not be looked at.
 */
static int
consider(struct hunt *h, int dirfd, const char *name)
{
	struct sources *ss = h->dir->all;
	struct candidate *c;
	char path[PATH_MAX];
	struct stat st;
	struct tail *t;

	sources_pause(ss);
	if (dir_path(h->dir, name, path) == -1)
		return (0);
	if (stat_entry(h->dir, dirfd, name, &st) == -1) {
		h->changing |= errno == ENOENT;
		return (is_no_answer(errno) ? -1 : 0);
	}
	if (!S_ISREG(st.st_mode))
		return (0);
	t = tails_find(ss->tails, st.st_dev, st.st_ino);
	if (t != NULL)
		catch_up(h, t, dirfd, name, &st);
	if (t != NULL &&
	    ((ss->late && tail_most_sent(t) > 0) ||
		(t->met && (!t->was_empty || st.st_size == 0))))
		return (0);
	if (t == NULL && dir_has_taken(h->dir, &st))
		return (0);
	if ((c = candidate_new(h->dir, name, &st)) == NULL)
		return (-1);
	if (!find_base(h, c) && !orphans_had(h->os, h->dir, name) &&
	    (orphans_are_none(h->os) || !dir_means_files(h->dir) ||
		!dir_may_be_since(h->dir, &st.st_ctim))) {
		candidate_free(c);
		return (0);
	}
	if (add_candidate(h, c) == -1) {
		candidate_free(c);
		return (-1);
	}
	if (candidate_read_head(c) == 0) {
		if (candidate_is_finished(c)) {
			candidate_free(h->list[--h->n]);
			return (0);
		}
		candidate_undefer(c);
	} else if (c->base[0] != '\0' || is_no_answer(errno)) {
		look_later(h->dir);
		candidate_defer(c);
	}
	return (0);
}

/* Whether a directory that may not be listed is one that never is. */
static bool
is_never_listed(const struct dir *d, int error)
{
	return ((error == EACCES || error == EPERM) && d->scan == 0);
}

/* Returns 0, or -1 with errno: not all of them are known. */
static int
list_once(struct hunt *h)
{
	const struct dirent *e;
	DIR *handle;
	int error;

	forget_candidates(h);
	if ((handle = dir_list(h->dir)) == NULL)
		return (h->dir->said || errno == ENOENT || errno == ENOTDIR ||
			    errno == ESTALE || is_never_listed(h->dir, errno)
			? 0
			: -1);
	for (errno = 0; (e = readdir(handle)) != NULL; errno = 0)
		if (consider(h, dirfd(handle), e->d_name) == -1)
			break;
	error = errno;
	(void)closedir(handle);
	errno = error;
	return (error == 0 ? 0 : -1);
}

static bool
has_inode(ino_t ino, void *arg)
{
	const struct hunt *h = arg;
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->list[i]->st.st_ino == ino)
			return (true);
	return (false);
}

static void
list_candidates(struct hunt *h)
{
	unsigned n = 0;
	size_t i;

	while (list_once(h) == -1)
		if (!lookup_again(h->dir->all, n++)) {
			say_warn(dir_display(h->dir),
			    "cannot be listed: what became of its files while "
			    "the daemon was down is looked for again");
			/* It was listed just before, whatever that says. */
			dir_again(h->dir);
			h->dir->unrecovered = true;
			break;
		}
	if (dir_has_deferred(h->dir))
		for (i = 0; i < h->n; i++)
			candidate_undefer_moved(h->list[i], has_inode, h);
	if (h->n > 1)
		qsort(h->list, h->n, sizeof(struct candidate *),
		    candidate_compare);
}

/* The likeliest of those that are tried. */
struct choice {
	const struct candidate *c;
	bool unsent; /* of those of which nothing was sent, else of the rest */
	bool made; /* of those that were recorded before c was made */
	bool early; /* of those of whose files it is known what they are */
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

/*
 * Whether o may be what c is, by the directory that c is in.  One that is there
 * only for the links into it has what others put there, too: c has to have the
 * name there that one leads or led to.
 */
static bool
may_be_there_as(const struct orphan *o, const struct candidate *c)
{
	unsigned i;

	if (c->dir->nuses > 0 || c->base[0] != '\0')
		return (true);
	for (i = 0; i < o->nspots; i++)
		if (o->spots[i].dir == c->dir &&
		    strcmp(o->spots[i].base, c->name) == 0)
			return (true);
	return (false);
}

/* Whether c has the name that o had, or one that rotation gives. */
static bool
is_called_alike(const struct candidate *c, const struct orphan *o)
{
	unsigned i;

	for (i = 0; i < o->nspots; i++)
		if (o->spots[i].dir == c->dir &&
		    strcmp(o->spots[i].base, c->name) == 0)
			return (true);
	return (c->base[0] != '\0');
}

/* Whether it cannot be read yet: it may turn out to be another file. */
static bool
is_unread(const struct tail *t)
{
	return (t->suspect || (t->error != 0 && is_no_answer(t->error)));
}

/* The file of its record may be just that, as soon as it can be read. */
static bool
may_be_there(const struct orphan *o, struct tails *tails)
{
	const struct tail *t = tails_find(tails, o->rec.dev, o->rec.inode);

	return (t != NULL && is_unread(t));
}

static bool
choose(void *who, void *arg)
{
	struct orphan *o = who;
	struct choice *x = arg;

	sources_pause(x->c->dir->all);
	if (x->early && may_be_there(o, x->c->dir->all->tails))
		return (true);
	if ((o->rec.offset == 0) == x->unsent && is_likelier(x, o) &&
	    may_be_there_as(o, x->c) &&
	    (!x->unsent || is_called_alike(x->c, o)) &&
	    (!x->made || candidate_is_made_since(x->c, o)) &&
	    candidate_continues(x->c, o, false))
		x->best = o;
	return (true);
}

/*
 * The orphan that goes on in c, or NULL.  Where c is what another name in its
 * directory has become, the orphan had that name, or one that rotation gave
 * then.
 */
static struct orphan *
find_orphan(
    const struct hunt *h, const struct candidate *c, bool unsent, bool made)
{
	struct choice x = {
		.c = c, .unsent = unsent, .made = made, .early = h->early
	};
	struct kin_query q = { .name = "",
		.head = c->head,
		.most = c->kind == INFLATE_NONE ? c->st.st_size
						: CANDIDATE_ANY_SIZE };
	char base[NAME_MAX + 1];
	size_t i;

	sources_pause(h->dir->all);
	if (c->head_len < 0)
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

/* Of a file that others may have given its name, more is asked. */
static enum reach
reach_of(const struct candidate *c, const struct former *was)
{
	return (dir_trusts_own(c->dir, c->name, &c->st) ? was->reach
							: REACH_UNSAFE_NAME);
}

/* The file of a candidate, sent by the routes of what it was before. */
static struct tail *
follow_candidate(struct candidate *c, const struct former *was)
{
	struct tails *ts = c->dir->all->tails;
	enum reach reach = reach_of(c, was);
	struct fingerprint print;
	char origin[PATH_MAX];
	struct tail *t;

	t = tails_find(ts, c->st.st_dev, c->st.st_ino);
	if (t == NULL &&
	    (t = tail_new(ts, &c->dir->place, c->name, &c->st)) == NULL) {
		log_warn("%s/%s", c->dir->place.path, c->name);
		return (NULL);
	}
	c->used = true;
	t->met = true;
	tail_decide(t);
	t->was_empty = false;
	/* A file that has the very path was replaced, not rotated. */
	t->rotated =
	    t->place != &was->dir->place || strcmp(t->name, was->base) != 0;
	if (c->kind != INFLATE_NONE) {
		fingerprint_of(&print, c->head, (size_t)c->head_len);
		tail_set_packed(t, c->kind, &print);
		t->size = 1;
	}
	if (t->rotated && dir_path(was->dir, was->base, origin) == 0)
		tail_set_origin(t, origin);
	dir_join_routes(t, was->dir, was->base, reach);
	if (t->streams == NULL) {
		tail_free(t);
		return (NULL);
	}
	if (t->rotated)
		tail_was(t, &was->dir->place, was->base);
	/* A link elsewhere may lead to it, by a name that a source means. */
	if (t->place != NULL && dir_has_live(dir_of(t->place), t))
		tail_is_live(t);
	/* It was read before, and maybe not just now. */
	if (t->print.hash == 0 && c->head_len >= 0)
		fingerprint_of(&t->print, c->head, (size_t)c->head_len);
	tails_watch(t);
	return (t);
}

static void
adopt(struct candidate *c, struct orphan *o)
{
	const struct former was = { .dir = o->spots[0].dir,
		.base = o->spots[0].base,
		.reach = REACH_PLAIN };
	struct stream *s;
	struct tail *t;
	off_t offset;

	if ((t = follow_candidate(c, &was)) == NULL)
		return;
	offset = candidate_offset(c, o);
	o->found = true;
	c->is_told = true;
	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, o->rec.dest) == 0) {
			s->cursor.sent = s->cursor.acked = offset;
			stream_guard_load(s, &o->rec);
		}
	if (c->kind != INFLATE_NONE && t->size <= offset)
		t->size = offset + 1;
	if (o->rec.nguards > 0 || o->rec.offset == 0)
		say_info(tail_path(t).text, "has what was %s: goes on at %lld",
		    o->rec.path, (long long)offset);
	else
		say_notice(tail_path(t).text,
		    "begins like what was %s: goes on at %lld, as "
		    "nothing more is known of that",
		    o->rec.path, (long long)offset);
}

/* The file goes on in c, for every destination that has a record of it. */
static void
adopt_file(struct hunt *h, struct candidate *c, struct orphan *o)
{
	for (o = orphan_first(o); o != NULL; o = orphan_next(o)) {
		if (o->tried || !candidate_continues(c, o, true))
			continue;
		orphan_try(h->os, o, h->dir, h->missing);
		adopt(c, o);
	}
}

/*
 * Every orphan of which something was sent goes on in the newest file with its
 * content.
 */
static void
adopt_sent(struct hunt *h)
{
	struct orphan *o;
	size_t i;

	for (i = h->n; i-- > 0;)
		if ((o = find_orphan(h, h->list[i], false, false)) != NULL)
			adopt_file(h, h->list[i], o);
}

/*
 * Where nothing was sent only the beginning tells, which may be that of any
 * other file: what was made since comes first, then what is followed anyway,
 * and then what may have been sent long ago.
 */
enum turn {
	TURN_MADE,
	TURN_FOLLOWED,
	TURN_REST,
	TURNS
};

/* What is followed is sent from its beginning. */
static void
adopt_unsent_file(struct hunt *h, struct candidate *c, enum turn turn)
{
	bool followed = c->used ||
	    tails_find(c->dir->all->tails, c->st.st_dev, c->st.st_ino) != NULL;
	struct orphan *o;

	if (c->is_told || followed != (turn == TURN_FOLLOWED) ||
	    (o = find_orphan(h, c, true, turn == TURN_MADE)) == NULL)
		return;
	if (turn != TURN_FOLLOWED) {
		adopt_file(h, c, o);
		return;
	}
	for (o = orphan_first(o); o != NULL; o = orphan_next(o))
		if (!o->tried && o->rec.offset == 0) {
			orphan_try(h->os, o, h->dir, h->missing);
			o->found = true;
		}
}

static void
adopt_unsent(struct hunt *h)
{
	enum turn turn;
	size_t i;

	if (!orphans_have_unsent(h->os))
		return;
	for (turn = 0; turn < TURNS; turn++)
		for (i = h->n; i-- > 0;)
			adopt_unsent_file(h, h->list[i], turn);
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

/* A link leads to t, which is called base in the directory. */
static void
add_linked(struct tail *t, const char *base, void *hunt)
{
	add_followed(hunt, t, base);
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
	dir_each_linked(h->dir, add_linked, h);
}

/* Whether what else had the name of a source may be in it. */
static bool
may_have_passed_by(const struct candidate *c)
{
	return (!c->used && c->base[0] != '\0' && c->head_len != -1 &&
	    (c->head_len > 0 || !rotation_is_packed(c->name)));
}

/*
 * Whether the file that has the name from which rotation made that of c was
 * truncated since the scan: c may be its copy, and is followed then.
 */
static bool
base_was_truncated(const struct candidate *c)
{
	struct former was;
	struct tail *t;
	uint32_t begun;

	if (!find_former(c, &was) ||
	    (t = tail_at(&was.dir->place, was.base)) == NULL)
		return (false);
	begun = t->begun;
	tail_check_surely(t);
	t = tail_at(&was.dir->place, was.base);
	return (t == NULL || t->begun != begun);
}

/* The same as list_followed(), anew: files may have gone since. */
static int
list_followed_anew(struct hunt *h)
{
	kin_free(h->followed);
	if ((h->followed = kin_new()) == NULL) {
		log_warn("%s", dir_display(h->dir));
		return (-1);
	}
	list_followed(h);
	return (0);
}

static void
follow_if_new(struct hunt *h, struct candidate *c)
{
	struct path_text path;
	struct former was;
	struct tail *t;

	if (!c->is_new || !find_former(c, &was) ||
	    (t = follow_candidate(c, &was)) == NULL)
		return;
	t->passed_by = true;
	add_followed(h, t, NULL);
	say_info(tail_path(t).text, "was %s while nobody looked",
	    tail_origin(t, &path));
}

/* Before any of them is followed, and so known. */
static void
find_new(struct hunt *h)
{
	const struct tail *youngest = NULL;
	const char *base = "";
	struct candidate *c;
	size_t i;

	for (i = 0; i < h->n; i++) {
		c = h->list[i];
		if (!may_have_passed_by(c))
			continue;
		if (strcmp(c->base, base) != 0)
			youngest = candidate_youngest(c);
		base = c->base;
		c->is_new = candidate_is_new(c, youngest) ||
		    orphans_seek_copy(h->os, c);
	}
}

/* Nothing of a copy is sent, nor of what it is written over with. */
static void
pass_over(const struct candidate *c, struct tail *t, const struct tail *of)
{
	char origin[PATH_MAX];
	struct former was;

	t->undecided = false;
	tail_hold_copy(t, of);
	t->rotated = true;
	if (find_former(c, &was) && dir_path(was.dir, was.base, origin) == 0)
		tail_set_origin(t, origin);
}

/* What had the name for a time when nobody looked. */
static void
follow_passed_by(struct hunt *h)
{
	struct tail *of, *t;
	bool listed = false;
	struct candidate *c;
	size_t i;

	find_new(h);
	for (i = 0; i < h->n; i++) {
		sources_pause(h->dir->all);
		c = h->list[i];
		if (!may_have_passed_by(c))
			continue;
		if (!listed)
			list_followed(h);
		listed = true;
		t = tails_find(h->dir->all->tails, c->st.st_dev, c->st.st_ino);
		of = candidate_original(c, h->followed);
		if (of == NULL && t == NULL && c->is_new &&
		    base_was_truncated(c)) {
			if (list_followed_anew(h) == -1)
				return;
			t = tails_find(
			    h->dir->all->tails, c->st.st_dev, c->st.st_ino);
		}
		if (of == NULL) {
			if (t == NULL)
				follow_if_new(h, c);
			continue;
		}
		c->used = c->is_told = true;
		if (t != NULL && !t->linked)
			pass_over(c, t, of);
	}
}

/* When names in d changed last, in nanoseconds; -1 with errno: not known. */
static int64_t
names_changed(const struct dir *d)
{
	struct stat st;
	unsigned n = 0;

	while (stat(dir_display(d), &st) == -1)
		if (!lookup_again(d->all, n++))
			return (-1);
	return (written_ns(&st));
}

/* Returns whether it is to be done again: names may have changed meanwhile. */
static bool
recover_dir_once(struct orphans *os, struct dir *d)
{
	struct hunt h = { .os = os, .dir = d };
	int64_t before = names_changed(d), after, began = clock_day_ns();

	if (hunt_begin(&h) == 0) {
		list_candidates(&h);
		adopt_sent(&h);
		follow_passed_by(&h);
		adopt_unsent(&h);
	}
	hunt_end(&h);
	if ((after = names_changed(d)) == -1)
		return (is_no_answer(errno));
	return (h.changing || place_was_changing(before, after, began));
}

static void
recover_dir(struct orphans *os, struct dir *d)
{
	unsigned n = 0;

	while (recover_dir_once(os, d) && n < AGAIN_MOST) {
		errno = EAGAIN;
		if (!lookup_again(d->all, n++))
			break;
	}
}

/*
 * Whether the checkpoint knows all its files, and something of what they have.
 */
static bool
is_known(struct dir *d)
{
	struct tail *t;

	RB_FOREACH (t, tail_names, &d->place.names)
		if (!t->met || (t->was_empty && t->size > 0))
			return (false);
	return (true);
}

/*
 * Nothing came or went in it since the checkpoint was written.  Its time tells
 * nothing where the clock was set back.
 */
static bool
is_unchanged(struct dir *d)
{
	struct stat st;

	sources_pause(d->all);
	return (stat(dir_display(d), &st) == 0 &&
	    !dir_may_be_since(d, &st.st_mtim) && is_known(d));
}

/* A directory that is there for the links into it was not listed before. */
static bool
is_unlisted(const struct dir *d)
{
	return (d->scan == 0 && (d->nuses == 0 || !RB_EMPTY(&d->targets)));
}

static void
recover(struct sources *ss)
{
	struct orphans *os;
	struct dir *d;

	orphans_enter_dirs(ss);
	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d))
		if (is_unlisted(d) || !is_unchanged(d))
			look_for_moved(d);
	scan_all(ss);
	if ((os = orphans_new(ss)) == NULL)
		return;
	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d))
		if (orphans_are_missed(os, d) || !is_unchanged(d) ||
		    dir_has_deferred(d))
			recover_dir(os, d);
	orphans_end(os, NULL);
	if (ss->nagain > 0)
		ss->orphans = os;
	else
		orphans_free(os);
}

static bool
has_unread(struct dir *d)
{
	struct tail *t;

	RB_FOREACH (t, tail_names, &d->place.names)
		if (is_unread(t))
			return (true);
	return (false);
}

/* What goes on in none of them has not to wait for those that are unread. */
static void
decide_others(struct hunt *h)
{
	const struct candidate *c;
	struct tail *t;
	size_t i;

	h->early = false;
	for (i = 0; i < h->n; i++) {
		c = h->list[i];
		t = tails_find(h->dir->all->tails, c->st.st_dev, c->st.st_ino);
		if (t != NULL && c->head_len > 0 &&
		    find_orphan(h, c, false, false) == NULL)
			tail_decide(t);
	}
}

/*
 * Some of its files cannot be read yet.  What others go on in is followed
 * before it is sent from its beginning by its own name.
 */
static void
recover_early(struct orphans *os, struct dir *d)
{
	struct hunt h = { .os = os, .dir = d, .early = true };

	if (hunt_begin(&h) == 0) {
		list_candidates(&h);
		adopt_sent(&h);
		decide_others(&h);
	}
	hunt_end(&h);
}

void
dir_recover(struct dir *d)
{
	struct sources *ss = d->all;
	struct orphans *os = d->started ? ss->orphans : NULL, *own = NULL;

	if (!d->unrecovered || d->again || d->said)
		return;
	d->unrecovered = has_unread(d);
	if (d->unrecovered)
		dir_again(d);
	if (ledger_is_first(ss->ledger))
		return;
	if (os == NULL && (os = own = orphans_new(ss)) == NULL)
		return;
	if (d->unrecovered)
		recover_early(os, d);
	else
		recover_dir(os, d);
	orphans_end(os, d);
	if (own != NULL)
		orphans_free(own);
}

void
sources_recover(struct sources *ss)
{
	struct dir *d;

	if (!ledger_is_first(ss->ledger))
		recover(ss);
	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d)) {
		sources_pause(ss);
		dir_note_unseen(d);
		place_order(&d->place);
	}
}
