#include "daemon/file/names.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/sandbox/opener.h"

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
	free(t->name);
	t->name = name;
	t->place = place;
	t->away = false;
	RB_INSERT(tail_names, &place->names, t);
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
	assert(RB_EMPTY(&place->names) && RB_EMPTY(&place->leavers));
	free(place->path);
}
