#include "daemon/file/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/stream.h"

#define OFF_MOST ((off_t)INT64_MAX)
#define TICK_NS 10000000 /* of a file system's clock, at the most */

int
tail_compare_names(const struct tail *a, const struct tail *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE(tail_names, tail, by_name, tail_compare_names)

int
leaver_compare(const struct leaver *a, const struct leaver *b)
{
	int order;

	if ((order = strcmp(a->name, b->name)) != 0)
		return (order);
	return (a->nth < b->nth ? -1 : a->nth > b->nth);
}

RB_GENERATE(leavers, leaver, by_name, leaver_compare)

bool
place_is_same(const struct place *place, const struct stat *st)
{
	return (st->st_dev == place->dev && st->st_ino == place->ino);
}

DIR *
place_list(const struct place *place)
{
	struct stat st;
	DIR *handle;
	int error = ESTALE, fd;

	fd = opener_open(place->path[0] == '\0' ? "/" : place->path,
	    O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return (NULL);
	if ((handle = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return (NULL);
	}
	if (fstat(dirfd(handle), &st) == -1)
		error = errno;
	else if (place_is_same(place, &st))
		return (handle);
	(void)closedir(handle);
	errno = error;
	return (NULL);
}

int64_t
place_unseen_since(const struct place *place, const struct ledger *l)
{
	int64_t look = ledger_look_ns(l);

	if (ledger_is_first(l))
		return (0);
	return (place->since_ns != 0 && place->since_ns < look ? place->since_ns
							       : look);
}

enum ledger_side
place_side(const struct place *place, const struct ledger *l, int64_t ns)
{
	enum ledger_side side = ledger_side(l, ns);

	return (side == LEDGER_BEFORE && place->since_ns != 0 &&
		    ns >= place->since_ns
		? LEDGER_SINCE
		: side);
}

void
place_is_unseen_since(struct place *place, int64_t since_ns)
{
	if (since_ns != 0 &&
	    (place->since_ns == 0 || since_ns < place->since_ns))
		place->since_ns = since_ns;
}

bool
place_was_changing(int64_t before, int64_t after, int64_t began)
{
	return (after != before || (after > began - TICK_NS && after <= began));
}

bool
place_holds(const struct place *place, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = strlen(place->path);

	return (slash == path + len && memcmp(path, place->path, len) == 0);
}

struct tail *
tail_at(struct place *place, const char *name)
{
	struct tail key;
	union {
		const char *in;
		char *out;
	} u = { .in = name };

	key.name = u.out;
	return (RB_FIND(tail_names, &place->names, &key));
}

struct tail *
tail_behind(struct place *place, const char *name)
{
	struct tail key, *t;
	union {
		const char *in;
		char *out;
	} u = { .in = name };

	key.name = u.out;
	t = RB_NFIND(tail_names, &place->names, &key);
	if (t != NULL && strcmp(t->name, name) == 0)
		t = RB_NEXT(tail_names, &place->names, t);
	return (t);
}

struct tail *
tail_before_name(struct tail *t)
{
	return (RB_PREV(tail_names, &t->place->names, t));
}

static struct leaver *
if_named(struct leaver *l, const char *name)
{
	return (l != NULL && strcmp(l->name, name) == 0 ? l : NULL);
}

struct leaver *
place_leaver(struct place *place, const char *name)
{
	struct leaver key = { .name = name };

	return (if_named(RB_NFIND(leavers, &place->leavers, &key), name));
}

struct leaver *
leaver_next(struct leaver *l)
{
	return (if_named(RB_NEXT(leavers, &l->place->leavers, l), l->name));
}

void
place_enter(struct tail *t, struct place *place, char *name)
{
	struct tail *had = tail_at(place, name);

	/* Nobody may have seen yet that it lost the name. */
	if (had != NULL)
		tail_rename(had, NULL, NULL);
	/* Links led to the name that it had. */
	tail_set_real(t, NULL);
	free(t->name);
	t->name = name;
	t->place = place;
	t->away = false;
	RB_INSERT(tail_names, &place->names, t);
}

/*
 * What the file has now is to be sent before what follows it: nobody may have
 * looked at it since it was written to.
 */
static void
owe(struct tail *t)
{
	struct stat st;

	/* How much text is in a compressed file is not known before its end. */
	t->owed = t->packed == INFLATE_NONE ? t->size : OFF_MOST;
	if (t->packed == INFLATE_NONE && t->fd != -1 &&
	    fstat(t->fd, &st) == 0 && st.st_size > t->owed)
		t->owed = st.st_size;
}

/* after is to be sent when before is at its end. */
void
tail_follows(struct tail *after, struct tail *before)
{
	if (after == before || after->before != NULL || before->behind != NULL)
		return;
	after->before = before;
	before->behind = after;
	owe(before);
}

void
place_unleave(struct tail *t)
{
	if (t->left == NULL)
		return;
	RB_REMOVE(leavers, &t->left->place->leavers, t->left);
	free(t->left);
	t->left = NULL;
}

void
tail_was(struct tail *t, struct place *place, const char *name)
{
	size_t size = strlen(name) + 1;
	struct leaver *l;

	place_unleave(t);
	if ((l = malloc(sizeof(*l) + size)) == NULL)
		return;
	l->name = memcpy(l + 1, name, size);
	l->tail = t;
	l->place = place;
	l->nth = place->nleft++;
	t->left = l;
	RB_INSERT(leavers, &place->leavers, l);
}

/* Its directory goes: it is remembered by its whole path. */
static void
leave_home(const struct place *place, struct leaver *l)
{
	char path[PATH_MAX];
	struct tail *t = l->tail;
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", place->path, l->name);
	if (n > 0 && (size_t)n < sizeof(path))
		tail_was(t, tails_homeless(t->all), path);
	else
		place_unleave(t);
}

static struct leaver *
find_homeless(struct tail *t, const struct place *place, const char *name)
{
	struct place *homeless = tails_homeless(t->all);
	char path[PATH_MAX];
	int n;

	if (RB_EMPTY(&homeless->leavers))
		return (NULL);
	n = snprintf(path, sizeof(path), "%s/%s", place->path, name);
	return (n > 0 && (size_t)n < sizeof(path) ? place_leaver(homeless, path)
						  : NULL);
}

/* Where there was no memory for it when the file lost its name. */
static void
note_origin(struct tail *t)
{
	struct path_text path;

	if (tail_old_path(t) == NULL)
		tail_set_origin(t, tail_origin(t, &path));
}

/* t is sent after the first other file that had the name and lost it. */
static void
follow_leaver(struct tail *t, struct place *place, const char *name)
{
	struct leaver *l = place_leaver(place, name);

	if (l == NULL)
		l = find_homeless(t, place, name);

	if (l != NULL && l->tail == t)
		l = leaver_next(l);
	if (l == NULL)
		return;
	tail_follows(t, l->tail);
	note_origin(l->tail);
	place_unleave(l->tail);
}

void
place_follow_leaver(struct tail *t)
{
	follow_leaver(t, t->place, t->name);
}

void
tail_precedes(struct tail *t, struct place *place, const char *name)
{
	struct tail *holder = tail_at(place, name);

	tail_unlink_order(t);
	if (holder != NULL && holder != t) {
		t->before = holder->before;
		t->behind = holder;
		if (t->before != NULL)
			t->before->behind = t;
		holder->before = t;
		owe(t);
		return;
	}
	follow_leaver(t, place, name);
	tail_was(t, place, name);
}

static void
place_leave(struct tail *t)
{
	if (t->place == NULL)
		return;
	tail_held_leaves(t);
	if (tail_old_path(t) == NULL)
		tail_set_origin(t, tail_path(t).text);
	RB_REMOVE(tail_names, &t->place->names, t);
	tail_was(t, t->place, t->name);
	t->place = NULL;
	tail_wake_undecided(t);
	t->left_now = !t->rotated;
	t->rotated = true;
	tails_stats(t->all)->rotations++;
}

void
tail_rename(struct tail *t, struct place *place, const char *name)
{
	char *copy, path[PATH_MAX];
	struct stream *s;

	place_leave(t);
	t->changed = tails_now(t->all);
	tails_time(t);
	if (place == NULL) {
		tails_watch(t);
		return;
	}
	if ((copy = strdup(name)) == NULL) {
		log_warn("%s", tail_path(t).text);
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", place->path, name);
	say_info(path, "was %s", t->name);
	place_enter(t, place, copy);
	tails_watch(t);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), &s->mark);
}

void
place_init(struct place *place, char *path, const struct stat *st)
{
	place->path = path;
	place->dev = st->st_dev;
	place->ino = st->st_ino;
	RB_INIT(&place->names);
	RB_INIT(&place->leavers);
	place->nleft = 0;
}

void
place_fini(struct place *place)
{
	struct leaver *l;
	struct tail *t;

	while ((t = RB_MIN(tail_names, &place->names)) != NULL) {
		tail_rename(t, NULL, NULL);
		t->away = true;
	}
	while ((l = RB_ROOT(&place->leavers)) != NULL)
		leave_home(place, l);
	free(place->path);
}

static void
wake(struct tail *t)
{
	struct stream *s;

	for (s = t == NULL ? NULL : t->streams; s != NULL; s = s->next)
		stream_wake(s);
}

void
tail_wake_behind(struct tail *t)
{
	struct stream *s;
	unsigned n;

	for (n = 0; n < TAIL_WAITS_FOR && (t = t->behind) != NULL; n++)
		for (s = t->streams; s != NULL; s = s->next)
			if (!s->is_drained)
				stream_wake(s);
}

/* Both may have waited for what is not before them any more. */
void
tail_unlink_order(struct tail *t)
{
	struct tail *before = t->before, *behind = t->behind;

	t->before = t->behind = NULL;
	if (before != NULL)
		before->behind = behind;
	if (behind != NULL)
		behind->before = before;
	wake(behind);
	if (behind != NULL)
		tail_wake_behind(behind);
	if (before != NULL)
		wake(t);
}
