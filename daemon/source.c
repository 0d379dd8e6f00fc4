#include "daemon/source.h"

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tails.h"

struct source {
	TAILQ_ENTRY(source) entry;
	const struct conf_source *conf;
	struct route **routes;
	size_t nroutes;
};

/* A pattern reaches a directory: its part names entries there. */
struct use {
	struct source *source;
	const struct pattern *pattern;
	size_t part;
	int depth; /* directories that ** took */
};

/*
 * A file that had a name which a source means and lost it to another one, by
 * what the events say.  Most are known already by their identity; one that came
 * and went between two looks is not.
 */
struct stray {
	TAILQ_ENTRY(stray) entry;
	char *origin; /* the name that a source means */
	char *name; /* the one it has now */
};
TAILQ_HEAD(strays, stray);

/* A name of which was said that it is not followed. */
struct told {
	TAILQ_ENTRY(told) entry;
	char *name;
};

struct dir {
	RB_ENTRY(dir) by_path;
	struct place place;
	struct sources *all;
	struct dir *parent;
	struct watch_dir *watch;
	struct use *uses;
	size_t nuses;
	dev_t dev;
	ino_t ino;
	bool data; /* some part names files here */
	bool said; /* that it cannot be read */
	uint32_t scan;
	struct strays strays;
	TAILQ_HEAD(, told) told;
};
RB_HEAD(dirs, dir);

struct sources {
	TAILQ_HEAD(, source) sources;
	struct dirs dirs;
	struct ev_loop *loop;
	struct watch *watch;
	struct tails *tails;
	struct ledger *ledger;
	ev_prepare turn;
	bool starting;
	bool strayed; /* some directory has strays */
};

/* What a scan found, to be looked at oldest first. */
struct entry {
	char *name;
	struct timespec changed;
};

static int
compare_dirs(const struct dir *a, const struct dir *b)
{
	return (strcmp(a->place.path, b->place.path));
}

RB_PROTOTYPE(dirs, dir, by_path, compare_dirs)
RB_GENERATE(dirs, dir, by_path, compare_dirs)

static void dir_add_use(struct dir *, const struct use *);
static void dir_scan(struct dir *);

static bool
use_is_last(const struct use *u)
{
	return (u->part + 1 == pattern_length(u->pattern));
}

static const struct pattern_part *
use_part(const struct use *u)
{
	return (pattern_part(u->pattern, u->part));
}

static const char *
dir_display(const struct dir *d)
{
	return (d->place.path[0] == '\0' ? "/" : d->place.path);
}

/* Returns a static buffer, or NULL when the path is too long. */
static const char *
path_in(const struct dir *d, const char *name)
{
	static char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", d->place.path, name);
	return (n > 0 && (size_t)n < sizeof(path) ? path : NULL);
}

static struct dir *
dir_of(struct place *place)
{
	return ((struct dir *)(void *)((char *)place -
	    offsetof(struct dir, place)));
}

static struct dir *
dir_find(struct sources *ss, const char *path)
{
	struct dir key;
	union {
		const char *in;
		char *out;
	} u = { .in = path };

	key.place.path = u.out;
	return (RB_FIND(dirs, &ss->dirs, &key));
}

static void
stray_free(struct dir *d, struct stray *s)
{
	TAILQ_REMOVE(&d->strays, s, entry);
	free(s->origin);
	free(s->name);
	free(s);
}

static void
dir_free(struct dir *d)
{
	struct dir *child, *next;
	struct sources *ss = d->all;
	struct stray *s;
	struct told *t;

	RB_REMOVE(dirs, &ss->dirs, d);
	RB_FOREACH_SAFE (child, dirs, &ss->dirs, next) {
		if (child->parent != d)
			continue;
		dir_free(child);
		/* What came next may have been below child. */
		next = RB_MIN(dirs, &ss->dirs);
	}
	watch_del(d->watch);
	while ((s = TAILQ_FIRST(&d->strays)) != NULL)
		stray_free(d, s);
	while ((t = TAILQ_FIRST(&d->told)) != NULL) {
		TAILQ_REMOVE(&d->told, t, entry);
		free(t->name);
		free(t);
	}
	place_fini(&d->place);
	free(d->uses);
	free(d);
}

/* The watch serves every use: for files too, or polled, when one asks. */
static void
dir_watch(struct dir *d)
{
	struct watch_want want = { .poll_ms = UINT64_MAX };
	struct watch_dir *old = d->watch;
	const struct conf_source *conf;
	size_t i;

	for (i = 0; i < d->nuses; i++) {
		conf = d->uses[i].source->conf;
		want.data |= use_is_last(&d->uses[i]);
		want.poll |= conf->poll;
		if (conf->poll_interval_ms < want.poll_ms)
			want.poll_ms = conf->poll_interval_ms;
	}
	d->data = want.data;
	/* The new one first: what happens between is not missed. */
	d->watch = watch_add(d->all->watch, dir_display(d), &want, d);
	if (d->watch == NULL)
		log_debug("%s: cannot be watched: %s", dir_display(d),
		    strerror(errno));
	watch_del(old);
}

static bool
is_own_ancestor(const struct dir *d, const struct stat *st)
{
	for (; d != NULL; d = d->parent)
		if (d->dev == st->st_dev && d->ino == st->st_ino)
			return (true);
	return (false);
}

static struct dir *
dir_new(struct sources *ss, struct dir *parent, const char *path,
    const struct stat *st)
{
	struct dir *d;
	char *copy;

	if ((d = calloc(1, sizeof(*d))) == NULL ||
	    (copy = strdup(path)) == NULL) {
		log_warn("%s", path);
		free(d);
		return (NULL);
	}
	place_init(&d->place, copy);
	TAILQ_INIT(&d->strays);
	TAILQ_INIT(&d->told);
	d->all = ss;
	d->parent = parent;
	d->dev = st->st_dev;
	d->ino = st->st_ino;
	RB_INSERT(dirs, &ss->dirs, d);
	return (d);
}

static bool
has_use(const struct dir *d, const struct use *u)
{
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (d->uses[i].pattern == u->pattern &&
		    d->uses[i].part == u->part && d->uses[i].depth <= u->depth)
			return (true);
	return (false);
}

/* Adds u, and what follows from a ** that takes no directory. */
static bool
append_use(struct dir *d, const struct use *u)
{
	struct use *grown, below = *u;

	if (has_use(d, u))
		return (false);
	grown = reallocarray(d->uses, d->nuses + 1, sizeof(*grown));
	if (grown == NULL) {
		log_warn("%s", dir_display(d));
		return (false);
	}
	d->uses = grown;
	d->uses[d->nuses++] = *u;
	if (use_part(u)->kind == PATTERN_ANY_DEPTH) {
		below.part++;
		below.depth = 0;
		(void)append_use(d, &below);
	}
	return (true);
}

static void
dir_add_use(struct dir *d, const struct use *u)
{
	if (!append_use(d, u))
		return;
	dir_watch(d);
	dir_scan(d);
}

static bool
use_matches(const struct use *u, const char *name)
{
	const struct pattern_part *part = use_part(u);

	return (part->kind != PATTERN_ANY_DEPTH &&
	    pattern_part_matches(part, name));
}

static bool
is_excluded(const struct source *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->conf->nexclude; i++)
		if (pattern_excludes(s->conf->exclude[i], path))
			return (true);
	return (false);
}

/* Whether some source means the file called name. */
static bool
means_file(const struct dir *d, const char *name)
{
	const char *path;
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (use_is_last(&d->uses[i]) &&
		    use_matches(&d->uses[i], name) &&
		    (path = path_in(d, name)) != NULL &&
		    !is_excluded(d->uses[i].source, path))
			return (true);
	return (false);
}

/* Whether some pattern goes on in the directory called name. */
static bool
means_dir(const struct dir *d, const char *name)
{
	const struct use *u;
	size_t i;

	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (use_part(u)->kind == PATTERN_ANY_DEPTH
			? name[0] != '.'
			: !use_is_last(u) && use_matches(u, name))
			return (true);
	}
	return (false);
}

/* Sends t by the routes of every source that means place/name in d. */
static void
join_routes(struct tail *t, const struct dir *d, const char *name)
{
	const struct use *u;
	const char *path;
	size_t i, r;

	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (!use_is_last(u) || !use_matches(u, name) ||
		    (path = path_in(d, name)) == NULL ||
		    is_excluded(u->source, path))
			continue;
		for (r = 0; r < u->source->nroutes; r++)
			if (tail_join(t, u->source->routes[r],
				d->all->starting &&
				    u->source->routes[r]->fresh) == -1)
				log_warn("%s", tail_path(t));
	}
}

/*
 * A file of the checkpoint under another name: it was rotated while nobody
 * looked.  It goes on by the routes of the name it had, where it is the same
 * file and not one that got its inode.
 */
static void
rejoin_routes(struct tail *t, struct sources *ss, const char *origin)
{
	char path[PATH_MAX], *name;
	const struct use *u;
	struct dir *was;
	size_t i, r;

	if (strlcpy(path, origin, sizeof(path)) >= sizeof(path) ||
	    (name = strrchr(path, '/')) == NULL)
		return;
	*name++ = '\0';
	if ((was = dir_find(ss, path)) == NULL)
		return;
	for (i = 0; i < was->nuses; i++) {
		u = &was->uses[i];
		if (!use_is_last(u) || !use_matches(u, name) ||
		    is_excluded(u->source, origin))
			continue;
		for (r = 0; r < u->source->nroutes; r++)
			if (tail_rejoin(t, u->source->routes[r]) == -1)
				log_warn("%s", tail_path(t));
	}
	if (t->streams == NULL)
		return;
	t->rotated = true;
	tail_set_origin(t, origin);
	tail_was(t, &was->place, name);
	log_info("%s: was %s when a source meant it", tail_path(t), origin);
}

static void
look_at_new_file(struct dir *d, const char *name, const struct stat *st,
    bool linked)
{
	const char *known = NULL;
	struct tail *t;
	bool meant = means_file(d, name);
	char origin[PATH_MAX];

	if (!linked)
		known = ledger_path(d->all->ledger, st->st_dev, st->st_ino);
	if (known != NULL &&
	    (strcmp(known, path_in(d, name)) == 0 ||
		strlcpy(origin, known, sizeof(origin)) >= sizeof(origin)))
		known = NULL;
	if (!meant && known == NULL)
		return;
	if ((t = tail_new(d->all->tails, &d->place, name, st)) == NULL) {
		log_warn("%s/%s", d->place.path, name);
		return;
	}
	t->linked = linked;
	t->seen = d->scan;
	if (known != NULL)
		rejoin_routes(t, d->all, origin);
	if (meant)
		join_routes(t, d, name);
	if (t->streams == NULL)
		tail_free(t);
	else if (linked)
		tails_time(t);
}

/* Whether the name that t has still leads to it: then name is a hard link. */
static bool
keeps_name(const struct tail *t)
{
	struct stat st;

	return (t->place != NULL && stat(tail_path(t), &st) == 0 &&
	    st.st_dev == t->dev && st.st_ino == t->ino);
}

/* The file that had the name is read on without it. */
static void
lose_name(struct dir *d, const char *name)
{
	struct tail *t;

	if ((t = tail_at(&d->place, name)) != NULL)
		tail_check(t);
	/* The look may have put another in its place. */
	if ((t = tail_at(&d->place, name)) != NULL)
		tail_rename(t, NULL, NULL);
}

static void
look_at_file(
    struct dir *d, const char *name, const struct stat *st, bool linked)
{
	struct tail *here = tail_at(&d->place, name);
	struct tail *t = tails_find(d->all->tails, st->st_dev, st->st_ino);

	if (here != NULL && here != t)
		lose_name(d, name);
	if (t == NULL) {
		look_at_new_file(d, name, st, linked);
		return;
	}
	if (t != here && !keeps_name(t))
		tail_rename(t, &d->place, name);
	if (t->place == &d->place && strcmp(t->name, name) == 0)
		t->seen = d->scan;
	if (means_file(d, name))
		join_routes(t, d, name);
	tail_check(t);
}

static void
look_at_dir(struct dir *d, const char *name, const struct stat *st)
{
	const char *path = path_in(d, name);
	const struct use *u;
	struct dir *child;
	struct use below;
	size_t i;

	if (path == NULL || !means_dir(d, name) || is_own_ancestor(d, st))
		return;
	child = dir_find(d->all, path);
	if (child != NULL &&
	    (child->dev != st->st_dev || child->ino != st->st_ino)) {
		dir_free(child);
		child = NULL;
	}
	if (child == NULL && (child = dir_new(d->all, d, path, st)) == NULL)
		return;
	if (child->said) {
		/* It could not be listed before. */
		dir_watch(child);
		dir_scan(child);
	}
	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		below = *u;
		if (use_part(u)->kind == PATTERN_ANY_DEPTH) {
			if (++below.depth > u->source->conf->recursive_depth ||
			    name[0] == '.')
				continue;
		} else if (!use_is_last(u) && use_matches(u, name)) {
			below.part++;
			below.depth = 0;
		} else {
			continue;
		}
		dir_add_use(child, &below);
	}
}

/* A link that anybody could have planted must not have files sent. */
static bool
link_is_safe(const struct stat *link, const struct stat *target)
{
	return (link->st_uid == 0 || link->st_uid == geteuid() ||
	    link->st_uid == target->st_uid);
}

static void
look_at_missing(struct dir *d, const char *name)
{
	const char *path;
	struct dir *child;

	lose_name(d, name);
	path = path_in(d, name);
	if (path != NULL && (child = dir_find(d->all, path)) != NULL &&
	    child != d)
		dir_free(child);
}

/* Whether nothing was said of this name yet. */
static bool
say_once(struct dir *d, const char *name)
{
	struct told *t;

	TAILQ_FOREACH (t, &d->told, entry)
		if (strcmp(t->name, name) == 0)
			return (false);
	if ((t = calloc(1, sizeof(*t))) == NULL ||
	    (t->name = strdup(name)) == NULL) {
		free(t);
		return (true);
	}
	TAILQ_INSERT_TAIL(&d->told, t, entry);
	return (true);
}

/* What cannot be looked at now is not gone for that. */
static bool
is_absence(int error)
{
	return (error == ENOENT || error == ENOTDIR || error == ELOOP);
}

/* What is there under this name now? */
static void
dir_look(struct dir *d, const char *name)
{
	const char *path = path_in(d, name);
	struct stat st, target;
	bool linked = false;

	if (path == NULL)
		return;
	if (lstat(path, &st) == -1) {
		if (is_absence(errno))
			look_at_missing(d, name);
		else
			d->said = true;	/* scanned when it changes */
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		if (!means_file(d, name) && !means_dir(d, name))
			return;
		if (stat(path_in(d, name), &target) == -1) {
			if (is_absence(errno))
				look_at_missing(d, name);
			return;
		}
		if (!link_is_safe(&st, &target)) {
			if (say_once(d, name))
				log_warnx("%s/%s: not followed: the link belongs "
				  "neither to root nor to the owner of its "
				  "target",
			    d->place.path, name);
			return;
		}
		linked = true;
		st = target;
	}
	if (S_ISDIR(st.st_mode))
		look_at_dir(d, name, &st);
	else if (S_ISREG(st.st_mode))
		look_at_file(d, name, &st, linked);
	else if (means_file(d, name) && say_once(d, name))
		log_warnx("%s/%s: not followed: it is no regular file",
		    d->place.path, name);
}

static struct stray *
find_stray(struct dir *d, const char *name)
{
	struct stray *s;

	TAILQ_FOREACH (s, &d->strays, entry)
		if (strcmp(s->name, name) == 0)
			return (s);
	return (NULL);
}

/* Events in their order: name came, left, or was from before. */
static void
note_rename(struct dir *d, const char *name, const char *from)
{
	struct stray *s, *over;
	char *copy;

	if (from == NULL)
		return;
	/* What had the name is gone. */
	if ((over = find_stray(d, name)) != NULL)
		stray_free(d, over);
	s = find_stray(d, from);
	if (s == NULL && !means_file(d, from))
		return;
	if ((copy = strdup(name)) == NULL)
		return;
	if (s != NULL) {
		free(s->name);
		s->name = copy;
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->origin = strdup(from)) == NULL) {
		free(s);
		free(copy);
		return;
	}
	s->name = copy;
	TAILQ_INSERT_TAIL(&d->strays, s, entry);
	d->all->strayed = true;
}

/* A file that nobody looked at while it had the name of its source. */
static void
follow_stray(struct dir *d, const struct stray *s)
{
	const char *path = path_in(d, s->name);
	struct stat st;
	struct tail *t;

	if (path == NULL || lstat(path, &st) == -1 || !S_ISREG(st.st_mode) ||
	    tails_find(d->all->tails, st.st_dev, st.st_ino) != NULL)
		return;
	t = tail_new(d->all->tails, &d->place, s->name, &st);
	if (t == NULL) {
		log_warn("%s/%s", d->place.path, s->name);
		return;
	}
	log_info("%s: was %s for a moment", tail_path(t), s->origin);
	t->rotated = true;
	tail_set_origin(t, path_in(d, s->origin));
	tail_precedes(t, &d->place, s->origin);
	join_routes(t, d, s->origin);
}

/*
 * Before anything is sent: when all events of this turn are known, what they
 * told of renames is, too.
 */
static void
on_turn(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct sources *ss = prepare->data;
	struct stray *s;
	struct dir *d;

	(void)loop;
	(void)revents;
	if (!ss->strayed)
		return;
	ss->strayed = false;
	RB_FOREACH (d, dirs, &ss->dirs)
		while ((s = TAILQ_FIRST(&d->strays)) != NULL) {
			follow_stray(d, s);
			stray_free(d, s);
		}
}

static int
compare_entries(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->changed;
	const struct timespec *y = &((const struct entry *)b)->changed;

	if (x->tv_sec != y->tv_sec)
		return (x->tv_sec < y->tv_sec ? -1 : 1);
	return (x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec);
}

static bool
is_interesting(const struct dir *d, const struct dirent *e)
{
	return (means_file(d, e->d_name) || means_dir(d, e->d_name) ||
	    tails_find(d->all->tails, d->dev, e->d_ino) != NULL ||
	    ledger_path(d->all->ledger, d->dev, e->d_ino) != NULL);
}

/* Returns how many entries of *list are filled; the caller frees all. */
static size_t
list_entries(struct dir *d, DIR *handle, struct entry **list)
{
	struct entry *grown;
	const struct dirent *e;
	const char *path;
	struct stat st;
	size_t n = 0, room = 0;

	while ((e = readdir(handle)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 || !is_interesting(d, e))
			continue;
		if ((path = path_in(d, e->d_name)) == NULL ||
		    lstat(path, &st) == -1)
			continue;
		if (n == room) {
			room = room == 0 ? 16 : room * 2;
			grown = reallocarray(*list, room, sizeof(*grown));
			if (grown == NULL)
				break;
			*list = grown;
		}
		if (((*list)[n].name = strdup(e->d_name)) == NULL)
			break;
		(*list)[n++].changed = st.st_mtim;
	}
	return (n);
}

/* Files whose names a scan did not meet have lost them. */
static void
look_at_unseen(struct dir *d)
{
	struct tail *t, *next;
	char name[NAME_MAX + 1];

	RB_FOREACH_SAFE (t, tail_names, &d->place.names, next) {
		if (t->seen == d->scan)
			continue;
		(void)strlcpy(name, t->name, sizeof(name));
		dir_look(d, name);
	}
}

static void
scan_listed(struct dir *d)
{
	struct entry *list = NULL;
	DIR *handle;
	size_t i, n;

	if ((handle = opendir(dir_display(d))) == NULL) {
		if (!d->said)
			log_warn("%s: cannot be listed", dir_display(d));
		d->said = true;
		return;
	}
	d->said = false;
	d->scan++;
	n = list_entries(d, handle, &list);
	(void)closedir(handle);
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_entries);
	for (i = 0; i < n; i++) {
		dir_look(d, list[i].name);
		free(list[i].name);
	}
	free(list);
	look_at_unseen(d);
}

static void
dir_scan(struct dir *d)
{
	const struct pattern_part *part;
	bool list = false;
	size_t i, n = d->nuses;

	for (i = 0; i < n; i++)
		list |= use_is_last(&d->uses[i]) ||
		    use_part(&d->uses[i])->kind != PATTERN_LITERAL;
	if (list)
		scan_listed(d);
	/* A literal name needs no right to list the directory. */
	for (i = 0; i < n; i++) {
		part = use_part(&d->uses[i]);
		if (part->kind == PATTERN_LITERAL && (!list || d->said))
			dir_look(d, part->text);
	}
}

static void
dir_gone(struct dir *d)
{
	struct dir *parent = d->parent;
	char *name;

	if (parent == NULL)
		return;
	name = strdup(strrchr(d->place.path, '/') + 1);
	dir_free(d);
	/* Something else may have its name by now. */
	if (name != NULL)
		dir_look(parent, name);
	free(name);
}

static void
on_event(
    void *owner, enum watch_event event, const char *name, const char *from)
{
	struct dir *d = owner;
	struct tail *t;

	switch (event) {
	case WATCH_DATA:
		if ((t = tail_at(&d->place, name)) != NULL)
			tail_check(t);
		else if (means_file(d, name))
			dir_look(d, name);
		break;
	case WATCH_NAME:
		note_rename(d, name, from);
		dir_look(d, name);
		break;
	case WATCH_SCAN:
		dir_scan(d);
		break;
	case WATCH_GONE:
		dir_gone(d);
		break;
	}
}

/* A file that a link leads to: the link may lead to another one by now. */
static void
on_linked(struct place *place, const char *name)
{
	char copy[NAME_MAX + 1];

	(void)strlcpy(copy, name, sizeof(copy));
	dir_look(dir_of(place), copy);
}

struct sources *
sources_new(struct ev_loop *loop, struct tails *tails, struct ledger *ledger)
{
	struct sources *ss;

	if ((ss = calloc(1, sizeof(*ss))) == NULL)
		return (NULL);
	TAILQ_INIT(&ss->sources);
	RB_INIT(&ss->dirs);
	ss->tails = tails;
	ss->ledger = ledger;
	tails_on_linked(tails, on_linked);
	if ((ss->watch = watch_new(loop, on_event)) == NULL) {
		free(ss);
		return (NULL);
	}
	ss->loop = loop;
	ev_prepare_init(&ss->turn, on_turn);
	ev_set_priority(&ss->turn, EV_MAXPRI);
	ss->turn.data = ss;
	ev_prepare_start(loop, &ss->turn);
	return (ss);
}

void
sources_free(struct sources *ss)
{
	struct source *s;
	struct dir *d;

	if (ss == NULL)
		return;
	while ((d = RB_MIN(dirs, &ss->dirs)) != NULL)
		dir_free(d);
	while ((s = TAILQ_FIRST(&ss->sources)) != NULL) {
		TAILQ_REMOVE(&ss->sources, s, entry);
		free(s->routes);
		free(s);
	}
	watch_free(ss->watch);
	ev_prepare_stop(ss->loop, &ss->turn);
	free(ss);
}

int
sources_add(struct sources *ss, const struct conf_source *conf,
    struct route *const *routes, size_t n)
{
	struct source *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (-1);
	if ((s->routes = calloc(n, sizeof(struct route *))) == NULL) {
		free(s);
		return (-1);
	}
	memcpy(s->routes, routes, n * sizeof(struct route *));
	s->nroutes = n;
	s->conf = conf;
	TAILQ_INSERT_TAIL(&ss->sources, s, entry);
	return (0);
}

/* From now on a file that appears is read from its beginning. */
static void
end_start(struct sources *ss)
{
	struct source *s;
	size_t r;

	ss->starting = false;
	TAILQ_FOREACH (s, &ss->sources, entry)
		for (r = 0; r < s->nroutes; r++)
			ledger_see(
			    ss->ledger, s->routes[r]->to->name, s->conf->name);
}

int
sources_start(struct sources *ss)
{
	struct source *s;
	struct stat st;
	struct dir *root;
	struct use use;
	size_t i, r;

	if (stat("/", &st) == -1 || (root = dir_new(ss, NULL, "", &st)) == NULL)
		return (-1);
	ss->starting = true;
	TAILQ_FOREACH (s, &ss->sources, entry) {
		for (r = 0; r < s->nroutes; r++)
			s->routes[r]->fresh = s->conf->start_at_end &&
			    !ledger_has_seen(ss->ledger, s->routes[r]->to->name,
				s->conf->name);
		for (i = 0; i < s->conf->npatterns; i++) {
			use = (struct use) { .source = s,
				.pattern = s->conf->patterns[i] };
			dir_add_use(root, &use);
		}
	}
	end_start(ss);
	return (0);
}

void
sources_watch_stats(const struct sources *ss, struct watch_stats *stats)
{
	watch_stats(ss->watch, stats);
}
