#include "daemon/find/dangling.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/scan.h"

#define EVERY 1. /* seconds between looks */
#define LONG_ENOUGH 60. /* then only the sweep examines it */
/*
 * Any user can make thousands of such links.  So many are examined in one
 * second, in turns; so many of one directory, and of all directories, are
 * examined by time at all.
 */
#define AT_ONCE 64
#define IN_DIR 64
#define IN_ALL 1024

struct dangling {
	RB_ENTRY(dangling) by_name;
	TAILQ_ENTRY(dangling) entry;
	struct dir *dir;
	const char *name; /* behind the structure */
	ev_tstamp until;
	bool leads_nowhere; /* when it was examined last */
};

static int
compare_dangling(const struct dangling *a, const struct dangling *b)
{
	if (a->dir != b->dir)
		return ((uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1);
	return (strcmp(a->name, b->name));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(dangling_names, dangling, by_name, compare_dangling, LOCAL)

static void
dangling_free(struct dangling *a)
{
	struct sources *ss = a->dir->all;

	RB_REMOVE(dangling_names, &ss->dangling_names, a);
	TAILQ_REMOVE(&ss->dangling, a, entry);
	ss->ndangling--;
	a->dir->ndangling--;
	free(a);
}

static struct dangling *
find(struct dir *d, const char *name)
{
	struct dangling key = { .dir = d, .name = name };

	return (RB_FIND(dangling_names, &d->all->dangling_names, &key));
}

static void
examine(struct dangling *a)
{
	char name[NAME_MAX + 1];
	struct dir *d = a->dir;
	struct sources *ss = d->all;

	(void)strlcpy(name, a->name, sizeof(name));
	TAILQ_REMOVE(&ss->dangling, a, entry);
	TAILQ_INSERT_TAIL(&ss->dangling, a, entry);
	a->leads_nowhere = false;
	ss->on_due(d, name);
	/* That may have removed it, or added it once more. */
	if ((a = find(d, name)) == NULL)
		return;
	if (a->leads_nowhere && clock_steady() < a->until)
		return;
	d->dangles |= a->leads_nowhere;
	dangling_free(a);
}

static void
examine_some(struct sources *ss)
{
	unsigned n = ss->ndangling < AT_ONCE ? ss->ndangling : AT_ONCE;
	struct dangling *a;

	ss->by_time = true;
	for (; n > 0 && (a = TAILQ_FIRST(&ss->dangling)) != NULL; n--)
		examine(a);
	ss->by_time = false;
	scan_some(ss);
	if (TAILQ_EMPTY(&ss->dangling))
		ev_timer_stop(ss->loop, &ss->dangling_timer);
}

static void
on_dangling_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	examine_some(timer->data);
}

void
dangling_init(struct sources *ss, void (*on_due)(struct dir *, const char *))
{
	RB_INIT(&ss->dangling_names);
	TAILQ_INIT(&ss->dangling);
	ss->on_due = on_due;
	ev_timer_init(&ss->dangling_timer, on_dangling_timer, EVERY, EVERY);
	ss->dangling_timer.data = ss;
}

void
dangling_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->dangling_timer);
}

static void
add(struct dir *d, const char *name)
{
	size_t size = strlen(name) + 1;
	struct sources *ss = d->all;
	char path[PATH_MAX];
	struct dangling *a;

	if (dir_path(d, name, path) == -1)
		return;
	if ((a = malloc(sizeof(*a) + size)) == NULL) {
		log_warn("%s", path);
		return;
	}
	a->dir = d;
	a->name = memcpy(a + 1, name, size);
	a->until = clock_steady() + LONG_ENOUGH;
	a->leads_nowhere = true;
	RB_INSERT(dangling_names, &ss->dangling_names, a);
	TAILQ_INSERT_TAIL(&ss->dangling, a, entry);
	ss->ndangling++;
	d->ndangling++;
	ss->ops.on_dangling(ss->ops.arg, path);
	if (!ev_is_active(&ss->dangling_timer))
		ev_timer_again(ss->loop, &ss->dangling_timer);
}

void
dangling_add(struct dir *d, const char *name)
{
	struct sources *ss = d->all;
	struct dangling *a = find(d, name);

	if (a != NULL)
		a->leads_nowhere = true;
	else if (ss->by_time || d->place.polled || d->ndangling == IN_DIR ||
	    ss->ndangling == IN_ALL)
		d->dangles = true;
	else
		add(d, name);
}

void
dangling_clear(struct dir *d)
{
	struct dangling key = { .dir = d, .name = "" }, *a;

	while (d->ndangling > 0 &&
	    (a = RB_NFIND(dangling_names, &d->all->dangling_names, &key)) !=
		NULL)
		dangling_free(a);
}
