#include "daemon/watch/mounts.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/watch/mounts_system.h"
#include "lib/array.h"

/*
 * Several are mounted at once, and each is told to several, by who starts a
 * container.  And any user may be allowed to mount something again and again.
 */
#define SOON .1 /* seconds, to what comes with it */
#define EVERY 1.

struct mount {
	char *path;
	uint64_t id;
};

struct table {
	struct mount *list; /* by path and id; the room is a power of two */
	size_t n;
};

struct mounts {
	struct ev_loop *loop;
	struct mounts_system *system;
	struct table now;
	struct table next; /* while it is read */
	ev_timer look;
	double looked; /* by clock_steady() */
	mounts_cb *on_change;
	void *arg;
};

static int
compare(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	if (order != 0)
		return (order);
	return (x->id < y->id ? -1 : x->id > y->id);
}

static void
clear(struct table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->list[i].path);
	free(t->list);
	*t = (struct table) { NULL, 0 };
}

static int
add(void *table, const char *path, uint64_t id)
{
	struct table *t = table;
	struct mount *grown, *last;

	if ((grown = array_more(t->list, t->n, sizeof(*grown))) == NULL)
		return (-1);
	t->list = grown;
	last = &t->list[t->n];
	last->id = id;
	if ((last->path = strdup(path)) == NULL)
		return (-1);
	t->n++;
	return (0);
}

static int
read_next(struct mounts *m)
{
	if (mounts_system_list(m->system, add, &m->next) == -1) {
		clear(&m->next);
		return (-1);
	}
	if (m->next.n > 1)
		qsort(m->next.list, m->next.n, sizeof(*m->next.list), compare);
	return (0);
}

/* Paths of what only one of the two tables has, each once; n of them. */
static size_t
differing(const struct table *a, const struct table *b, const char **paths)
{
	const struct mount *one;
	size_t n = 0, i = 0, k = 0;
	int order;

	while (i < a->n || k < b->n) {
		order = i == a->n ? 1
		    : k == b->n	  ? -1
				  : compare(&a->list[i], &b->list[k]);
		one = order <= 0 ? &a->list[i] : &b->list[k];
		i += order <= 0;
		k += order >= 0;
		if (order != 0 &&
		    (n == 0 || strcmp(paths[n - 1], one->path) != 0))
			paths[n++] = one->path;
	}
	return (n);
}

static void
again(struct mounts *m, ev_tstamp wait)
{
	ev_timer_set(&m->look, wait, 0.);
	ev_timer_start(m->loop, &m->look);
}

static void
compare_anew(struct mounts *m)
{
	struct table before = m->now;
	const char **paths;
	size_t n;

	m->looked = clock_steady();
	if (read_next(m) == -1) {
		log_debug("mounts: cannot be read");
		again(m, EVERY);
		return;
	}
	paths = calloc(before.n + m->next.n + 1, sizeof(*paths));
	if (paths == NULL) {
		clear(&m->next);
		again(m, EVERY);
		return;
	}
	m->now = m->next;
	m->next = (struct table) { NULL, 0 };
	if ((n = differing(&before, &m->now, paths)) > 0)
		m->on_change(m->arg, paths, n);
	free(paths);
	clear(&before);
}

static void
on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	compare_anew(timer->data);
}

static void
on_system_change(void *mounts)
{
	struct mounts *m = mounts;
	double wait = m->looked + EVERY - clock_steady();

	if (!ev_is_active(&m->look))
		again(m, wait > SOON ? wait : SOON);
}

struct mounts *
mounts_new(struct ev_loop *loop, mounts_cb *on_change, void *arg)
{
	struct mounts *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	m->loop = loop;
	m->on_change = on_change;
	m->arg = arg;
	ev_timer_init(&m->look, on_look, SOON, 0.);
	m->look.data = m;
	if ((m->system = mounts_system_open(loop, on_system_change, m)) ==
		NULL ||
	    read_next(m) == -1) {
		mounts_free(m);
		return (NULL);
	}
	m->now = m->next;
	m->next = (struct table) { NULL, 0 };
	/* The loop may not be told of what comes before it waits. */
	again(m, SOON);
	return (m);
}

void
mounts_free(struct mounts *m)
{
	if (m == NULL)
		return;
	ev_timer_stop(m->loop, &m->look);
	mounts_system_close(m->system);
	clear(&m->now);
	clear(&m->next);
	free(m);
}

/* As strcmp(3) of path and dir/name; each file that is found is asked for. */
static int
compare_path(const char *path, const char *dir, size_t len, const char *name)
{
	int order = strncmp(path, dir, len);

	if (order != 0)
		return (order);
	if (path[len] != '/')
		return ((unsigned char)path[len] < '/' ? -1 : 1);
	return (strcmp(path + len + 1, name));
}

bool
mounts_has(const struct mounts *m, const char *dir, const char *name)
{
	size_t low = 0, high = m == NULL ? 0 : m->now.n, mid;
	size_t len = strlen(dir);
	int order;

	while (low < high) {
		mid = low + (high - low) / 2;
		order = compare_path(m->now.list[mid].path, dir, len, name);
		if (order == 0)
			return (true);
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (false);
}
