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
#include "lib/unconst.h"

#define TICK_NS 10000000 /* of a file system's clock, at the most */

int
names_compare(const struct file *a, const struct file *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE(names_by_name, file, by_name, names_compare)

int
names_compare_formers(
    const struct former_holder *a, const struct former_holder *b)
{
	int order;

	if ((order = strcmp(a->name, b->name)) != 0)
		return (order);
	return (a->nth < b->nth ? -1 : a->nth > b->nth);
}

RB_GENERATE(names_formers, former_holder, by_name, names_compare_formers)

bool
names_is_same(const struct names *place, const struct stat *st)
{
	return (st->st_dev == place->dev && st->st_ino == place->ino);
}

DIR *
names_list(const struct names *place)
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
	else if (names_is_same(place, &st))
		return (handle);
	(void)closedir(handle);
	errno = error;
	return (NULL);
}

int64_t
names_unseen_since(const struct names *place, const struct checkpointer *l)
{
	int64_t look = checkpointer_look_ns(l);

	if (checkpointer_is_first(l))
		return (0);
	return (place->since_ns != 0 && place->since_ns < look ? place->since_ns
							       : look);
}

enum checkpointer_side
names_side(const struct names *place, const struct checkpointer *l, int64_t ns)
{
	enum checkpointer_side side = checkpointer_side(l, ns);

	return (side == CHECKPOINTER_BEFORE && place->since_ns != 0 &&
		    ns >= place->since_ns
		? CHECKPOINTER_SINCE
		: side);
}

void
names_set_unseen_since(struct names *place, int64_t since_ns)
{
	if (since_ns != 0 &&
	    (place->since_ns == 0 || since_ns < place->since_ns))
		place->since_ns = since_ns;
}

bool
names_were_changing(int64_t before, int64_t after, int64_t began)
{
	return (after != before || (after > began - TICK_NS && after <= began));
}

bool
names_holds(const struct names *place, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = strlen(place->path);

	return (slash == path + len && memcmp(path, place->path, len) == 0);
}

struct file *
names_at(struct names *place, const char *name)
{
	struct file key;

	key.name = unconst(name);
	return (RB_FIND(names_by_name, &place->names, &key));
}

struct file *
names_next(struct names *place, const char *name)
{
	struct file key, *t;

	key.name = unconst(name);
	t = RB_NFIND(names_by_name, &place->names, &key);
	if (t != NULL && strcmp(t->name, name) == 0)
		t = RB_NEXT(names_by_name, &place->names, t);
	return (t);
}

struct file *
names_prev(struct file *t)
{
	return (RB_PREV(names_by_name, &t->place->names, t));
}

static struct former_holder *
if_named(struct former_holder *l, const char *name)
{
	return (l != NULL && strcmp(l->name, name) == 0 ? l : NULL);
}

struct former_holder *
names_former(struct names *place, const char *name)
{
	struct former_holder key = { .name = name };

	return (if_named(
	    RB_NFIND(names_formers, &place->names_formers, &key), name));
}

struct former_holder *
names_former_next(struct former_holder *l)
{
	return (if_named(
	    RB_NEXT(names_formers, &l->place->names_formers, l), l->name));
}

void
names_enter(struct file *t, struct names *place, char *name)
{
	free(t->name);
	t->name = name;
	t->place = place;
	t->away = false;
	RB_INSERT(names_by_name, &place->names, t);
}

void
names_forget(struct file *t)
{
	if (t->left == NULL)
		return;
	RB_REMOVE(names_formers, &t->left->place->names_formers, t->left);
	free(t->left);
	t->left = NULL;
}

void
names_remember(struct file *t, struct names *place, const char *name)
{
	size_t size = strlen(name) + 1;
	struct former_holder *l;

	names_forget(t);
	if ((l = malloc(sizeof(*l) + size)) == NULL)
		return;
	l->name = memcpy(l + 1, name, size);
	l->file = t;
	l->place = place;
	l->nth = place->nleft++;
	t->left = l;
	RB_INSERT(names_formers, &place->names_formers, l);
}

void
names_init(struct names *place, char *path, const struct stat *st)
{
	place->path = path;
	place->dev = st->st_dev;
	place->ino = st->st_ino;
	RB_INIT(&place->names);
	RB_INIT(&place->names_formers);
	place->nleft = 0;
}

void
names_fini(struct names *place)
{
	assert(RB_EMPTY(&place->names) && RB_EMPTY(&place->names_formers));
	free(place->path);
}
