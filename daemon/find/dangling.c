#include "daemon/find/inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"

#define EVERY 1. /* seconds between looks */
#define LONG_ENOUGH 60. /* then only the sweep looks */
/*
 * Any user can make thousands.  So many are looked at in one second, in turns,
 * and so many are looked at by time at all.
 */
#define AT_ONCE 64
#define IN_DIR 64
#define IN_ALL 1024

/*
 * A link that leads nowhere.  No event would tell that what it leads to is
 * there; most often it is on its way, for it is being rotated.
 */
struct awaited {
	RB_ENTRY(awaited) by_name;
	TAILQ_ENTRY(awaited) entry;
	struct dir *dir;
	const char *name; /* behind it */
	ev_tstamp until;
	bool leads_nowhere; /* by the last look */
};

static int
compare_awaited(const struct awaited *a, const struct awaited *b)
{
	if (a->dir != b->dir)
		return ((uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1);
	return (strcmp(a->name, b->name));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(awaited_names, awaited, by_name, compare_awaited, LOCAL)

static void
awaited_free(struct awaited *a)
{
	struct sources *ss = a->dir->all;

	RB_REMOVE(awaited_names, &ss->awaited_names, a);
	TAILQ_REMOVE(&ss->awaited, a, entry);
	ss->nawaited--;
	a->dir->nawaited--;
	free(a);
}

static struct awaited *
find(struct dir *d, const char *name)
{
	struct awaited key = { .dir = d, .name = name };

	return (RB_FIND(awaited_names, &d->all->awaited_names, &key));
}

static void
look(struct awaited *a)
{
	char name[NAME_MAX + 1];
	struct dir *d = a->dir;
	struct sources *ss = d->all;

	(void)strlcpy(name, a->name, sizeof(name));
	TAILQ_REMOVE(&ss->awaited, a, entry);
	TAILQ_INSERT_TAIL(&ss->awaited, a, entry);
	a->leads_nowhere = false;
	ss->on_due(d, name);
	/* That may have ended it, or found it once more. */
	if ((a = find(d, name)) == NULL)
		return;
	if (a->leads_nowhere && clock_now() < a->until)
		return;
	d->dangles |= a->leads_nowhere;
	awaited_free(a);
}

static void
look_at_some(struct sources *ss)
{
	unsigned n = ss->nawaited < AT_ONCE ? ss->nawaited : AT_ONCE;
	struct awaited *a;

	ss->by_time = true;
	for (; n > 0 && (a = TAILQ_FIRST(&ss->awaited)) != NULL; n--)
		look(a);
	ss->by_time = false;
	scan_some(ss);
	if (TAILQ_EMPTY(&ss->awaited))
		ev_timer_stop(ss->loop, &ss->await);
}

static void
on_await(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	look_at_some(timer->data);
}

void
awaited_init(struct sources *ss, void (*on_due)(struct dir *, const char *))
{
	RB_INIT(&ss->awaited_names);
	TAILQ_INIT(&ss->awaited);
	ss->on_due = on_due;
	ev_timer_init(&ss->await, on_await, EVERY, EVERY);
	ss->await.data = ss;
}

void
awaited_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->await);
}

static void
await(struct dir *d, const char *name)
{
	size_t size = strlen(name) + 1;
	struct sources *ss = d->all;
	char path[PATH_MAX];
	struct awaited *a;

	if (dir_path(d, name, path) == -1)
		return;
	if ((a = malloc(sizeof(*a) + size)) == NULL) {
		log_warn("%s", path);
		return;
	}
	a->dir = d;
	a->name = memcpy(a + 1, name, size);
	a->until = clock_now() + LONG_ENOUGH;
	a->leads_nowhere = true;
	RB_INSERT(awaited_names, &ss->awaited_names, a);
	TAILQ_INSERT_TAIL(&ss->awaited, a, entry);
	ss->nawaited++;
	d->nawaited++;
	ss->ops.on_dangling(ss->ops.arg, path);
	if (!ev_is_active(&ss->await))
		ev_timer_again(ss->loop, &ss->await);
}

void
dir_await(struct dir *d, const char *name)
{
	struct sources *ss = d->all;
	struct awaited *a = find(d, name);

	if (a != NULL)
		a->leads_nowhere = true;
	else if (ss->by_time || d->place.polled || d->nawaited == IN_DIR ||
	    ss->nawaited == IN_ALL)
		d->dangles = true;
	else
		await(d, name);
}

void
awaited_clear(struct dir *d)
{
	struct awaited key = { .dir = d, .name = "" }, *a;

	while (d->nawaited > 0 &&
	    (a = RB_NFIND(awaited_names, &d->all->awaited_names, &key)) != NULL)
		awaited_free(a);
}
