#include "daemon/source_inside.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tail_packed.h"
#include "daemon/tails.h"
#include "lib/checkpoint.h"
#include "lib/rotation.h"

/*
 * What happened to the files of the checkpoint while nobody looked.  Those that
 * only got another name are known by their inode.  Others go on in a file with
 * the same content: a copy, for they were truncated or moved to another file
 * system.  And between them and the file that has the name now, others may have
 * had it.
 */

/* A record whose file is not there any more, or has other content. */
struct orphan {
	TAILQ_ENTRY(orphan) entry;
	struct checkpoint_record rec;
	char *path; /* owned: the strings of rec */
	char *dest;
	struct dir *dir; /* where the path was */
	const char *base; /* its name there */
	bool found;
};

struct orphans {
	TAILQ_HEAD(, orphan) list;
	struct sources *all;
};

/* A file that may be what an orphan has become, or have followed it. */
struct candidate {
	TAILQ_ENTRY(candidate) entry;
	char *name;
	struct stat st;
	char base[NAME_MAX + 1]; /* the name it had, or empty */
	uint8_t head[FINGERPRINT_MAX];
	int head_len; /* -1: cannot be read */
	enum inflate_kind kind; /* head is of the text that is in it */
	bool used;
	ino_t was; /* of the orphan that it is */
};
TAILQ_HEAD(candidates, candidate); /* the oldest first */

static bool
is_since(const struct timespec *t, const struct timespec *since)
{
	return (t->tv_sec > since->tv_sec ||
	    (t->tv_sec == since->tv_sec && t->tv_nsec >= since->tv_nsec));
}

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

static void
add_orphan(const struct checkpoint_record *rec, void *arg)
{
	struct orphans *os = arg;
	struct orphan *o;
	const char *base;

	if (rec->kind != CHECKPOINT_FILE ||
	    dir_of_path(os->all, rec->path, &base) == NULL ||
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
	o->dir = dir_of_path(os->all, o->path, &o->base);
	TAILQ_INSERT_TAIL(&os->list, o, entry);
}

/* Whether rotation gave c its name, when it had one that is of interest. */
static bool
find_base(const struct orphans *os, struct dir *d, struct candidate *c)
{
	const struct orphan *o;
	const struct tail *l;
	size_t i;

	for (i = 0; rotation_base(c->name, i, c->base, sizeof(c->base)); i++) {
		if (tail_at(&d->place, c->base) != NULL)
			return (true);
		TAILQ_FOREACH (l, &d->place.leavers, left)
			if (strcmp(l->left_name, c->base) == 0)
				return (true);
		TAILQ_FOREACH (o, &os->list, entry)
			if (o->dir == d && strcmp(o->base, c->base) == 0)
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

static void
candidate_free(struct candidate *c)
{
	free(c->name);
	free(c);
}

static void
insert_by_age(struct candidates *cs, struct candidate *c)
{
	struct candidate *older;

	TAILQ_FOREACH_REVERSE (older, cs, candidates, entry)
		if (is_since(&c->st.st_mtim, &older->st.st_mtim)) {
			TAILQ_INSERT_AFTER(cs, older, c, entry);
			return;
		}
	TAILQ_INSERT_HEAD(cs, c, entry);
}

/*
 * Adds a file that the checkpoint does not know: one that rotation named, or
 * where something is missing any one that is new.
 */
static void
consider(const struct orphans *os, struct dir *d, int dirfd, const char *name,
    struct candidates *cs)
{
	const struct tail *t;
	struct candidate *c;
	struct stat st;

	if (dir_path_in(d, name) == NULL ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode))
		return;
	t = tails_find(d->all->tails, st.st_dev, st.st_ino);
	if ((t != NULL && t->met) || (c = calloc(1, sizeof(*c))) == NULL)
		return;
	c->st = st;
	if ((c->name = strdup(name)) == NULL ||
	    (!find_base(os, d, c) &&
		(TAILQ_EMPTY(&os->list) ||
		    !is_since(&st.st_ctim, ledger_written(d->all->ledger))))) {
		candidate_free(c);
		return;
	}
	read_head(dirfd, c);
	insert_by_age(cs, c);
}

static void
list_candidates(const struct orphans *os, struct dir *d, struct candidates *cs)
{
	const struct dirent *e;
	DIR *handle;

	if ((handle = place_list(&d->place)) == NULL)
		return;
	while ((e = readdir(handle)) != NULL)
		consider(os, d, dirfd(handle), e->d_name, cs);
	(void)closedir(handle);
}

/*
 * Whether rotation gave c its name when it had that of o, which may be one
 * that rotation gave before.
 */
static bool
shares_base(const struct orphan *o, const struct candidate *c)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(c->name, i, base, sizeof(base)); i++)
		if (strcmp(base, o->base) == 0 || rotation_is_of(o->base, base))
			return (true);
	return (false);
}

static bool
is_continued_by(
    const struct orphan *o, const struct dir *d, const struct candidate *c)
{
	/* It is what another name in its directory has become. */
	if (c->base[0] != '\0' && (o->dir != d || !shares_base(o, c)))
		return (false);
	if (c->used && c->was != o->rec.inode)
		return (false);
	return (o->rec.print.len > 0 && c->head_len > 0 &&
	    (c->kind != INFLATE_NONE || c->st.st_size >= o->rec.offset) &&
	    fingerprint_matches(&o->rec.print, c->head, (size_t)c->head_len));
}

/* The file of a candidate, sent by the routes of what it was before. */
static struct tail *
follow_candidate(
    struct dir *d, struct candidate *c, struct dir *was, const char *base)
{
	struct fingerprint print;
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
	if (dir_path_in(was, base) != NULL)
		tail_set_origin(t, dir_path_in(was, base));
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

/* Every orphan goes on in the newest file with its content. */
static void
adopt_orphans(struct orphans *os, struct dir *d, struct candidates *cs)
{
	struct candidate *c;
	struct orphan *o;

	TAILQ_FOREACH (o, &os->list, entry) {
		if (o->found)
			continue;
		TAILQ_FOREACH_REVERSE (c, cs, candidates, entry)
			if (is_continued_by(o, d, c)) {
				c->was = o->rec.inode;
				adopt(d, c, o);
				break;
			}
	}
}

/* Whether it is a mere copy of t, which is followed. */
static bool
is_copy_of(const struct candidate *c, const struct tail *t)
{
	return (t != NULL && t->met && t->print.len > 0 && c->head_len > 0 &&
	    (c->kind != INFLATE_NONE || c->st.st_size <= t->size) &&
	    (t->dev != c->st.st_dev || t->ino != c->st.st_ino) &&
	    fingerprint_matches(&t->print, c->head, (size_t)c->head_len));
}

static bool
is_copy(struct dir *d, const struct candidate *c)
{
	struct tail *t;

	RB_FOREACH (t, tail_names, &d->place.names)
		if (is_copy_of(c, t) &&
		    (strcmp(t->name, c->base) == 0 ||
			rotation_is_of(t->name, c->base)))
			return (true);
	TAILQ_FOREACH (t, &d->place.leavers, left)
		if (strcmp(t->left_name, c->base) == 0 && is_copy_of(c, t))
			return (true);
	return (false);
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

/* What had the name for a time when nobody looked. */
static void
follow_passed_by(struct dir *d, struct candidates *cs)
{
	const struct timespec *since = ledger_written(d->all->ledger);
	struct candidate *c;
	struct stream *s;
	struct tail *t;

	TAILQ_FOREACH (c, cs, entry) {
		if (c->used || c->base[0] == '\0' || c->head_len == -1 ||
		    (rotation_is_packed(c->name) && c->head_len == 0))
			continue;
		t = tails_find(d->all->tails, c->st.st_dev, c->st.st_ino);
		if (is_copy(d, c)) {
			for (s = t == NULL ? NULL : t->streams; s != NULL;
			     s = s->next)
				s->cursor.sent = s->cursor.acked = t->size;
			continue;
		}
		if (t == NULL && is_new(c, since) &&
		    (t = follow_candidate(d, c, d, c->base)) != NULL)
			log_info("%s: was %s while nobody looked", tail_path(t),
			    tail_origin(t));
	}
}

static void
recover_dir(struct orphans *os, struct dir *d)
{
	struct candidates cs = TAILQ_HEAD_INITIALIZER(cs);
	struct candidate *c;

	list_candidates(os, d, &cs);
	adopt_orphans(os, d, &cs);
	follow_passed_by(d, &cs);
	while ((c = TAILQ_FIRST(&cs)) != NULL) {
		TAILQ_REMOVE(&cs, c, entry);
		candidate_free(c);
	}
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

static bool
lacks_file(const struct orphans *os, const struct dir *d)
{
	const struct orphan *o;

	TAILQ_FOREACH (o, &os->list, entry)
		if (o->dir == d && !o->found)
			return (true);
	return (false);
}

static void
say_unfound(const struct orphans *os)
{
	const struct orphan *o;
	const struct tail *t;

	TAILQ_FOREACH (o, &os->list, entry) {
		t = tail_at(&o->dir->place, o->base);
		if (!o->found && o->rec.offset > 0 && t != NULL &&
		    t->dev == o->rec.dev && t->ino == o->rec.inode)
			log_notice("%s: is another file than the one that was "
				   "sent up to %lld, of which no copy is here",
			    o->rec.path, (long long)o->rec.offset);
	}
}

/* A record that was adopted belongs to no file that is there. */
static void
end_adopted(const struct orphans *os)
{
	const struct orphan *o;

	TAILQ_FOREACH (o, &os->list, entry)
		if (o->found &&
		    tails_find(os->all->tails, o->rec.dev, o->rec.inode) ==
			NULL)
			ledger_end(os->all->ledger, &o->rec);
}

void
sources_recover(struct sources *ss)
{
	struct orphans os = { .all = ss };
	struct orphan *o;
	struct dir *d;

	TAILQ_INIT(&os.list);
	if (ledger_written(ss->ledger) != NULL) {
		RB_FOREACH (d, dirs, &ss->dirs)
			if (!is_unchanged(d))
				look_for_moved(d);
		ledger_walk_untaken(ss->ledger, add_orphan, &os);
		RB_FOREACH (d, dirs, &ss->dirs)
			if (lacks_file(&os, d) || !is_unchanged(d))
				recover_dir(&os, d);
		say_unfound(&os);
		end_adopted(&os);
	}
	RB_FOREACH (d, dirs, &ss->dirs)
		place_order(&d->place);
	while ((o = TAILQ_FIRST(&os.list)) != NULL) {
		TAILQ_REMOVE(&os.list, o, entry);
		orphan_free(o);
	}
}
