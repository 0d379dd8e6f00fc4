#include "daemon/source_inside.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

#define EVERY 1. /* seconds between looks */
#define LONG_ENOUGH 60. /* then only the sweep looks */

/*
 * A link that leads nowhere.  No event would tell that what it leads to is
 * there; most often it is on its way, for it is being rotated.
 */
struct awaited {
	TAILQ_ENTRY(awaited) entry;
	struct dir *dir;
	char *name;
	ev_tstamp until;
	bool due;
};

static void
awaited_free(struct awaited *a)
{
	TAILQ_REMOVE(&a->dir->all->awaited, a, entry);
	free(a->name);
	free(a);
}

/* Those that are due come first; whatever a look adds or ends is at the end. */
static void
on_await(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct sources *ss = timer->data;
	struct awaited *a;
	struct dir *d;
	char *name;

	(void)revents;
	ss->by_time = true;
	TAILQ_FOREACH (a, &ss->awaited, entry)
		a->due = true;
	while ((a = TAILQ_FIRST(&ss->awaited)) != NULL && a->due) {
		d = a->dir;
		a->due = false;
		if (ev_now(loop) < a->until) {
			TAILQ_REMOVE(&ss->awaited, a, entry);
			TAILQ_INSERT_TAIL(&ss->awaited, a, entry);
			name = strdup(a->name);
		} else {
			name = a->name;
			a->name = NULL;
			awaited_free(a);
		}
		if (name != NULL)
			dir_look(d, name);
		free(name);
	}
	ss->by_time = false;
	if (TAILQ_EMPTY(&ss->awaited))
		ev_timer_stop(loop, timer);
}

void
awaited_init(struct sources *ss)
{
	TAILQ_INIT(&ss->awaited);
	ev_timer_init(&ss->await, on_await, EVERY, EVERY);
	ss->await.data = ss;
}

void
dir_await(struct dir *d, const char *name)
{
	struct sources *ss = d->all;
	char path[PATH_MAX];
	struct awaited *a;

	/* Once a minute is over it is not worth another one. */
	if (ss->by_time || d->place.polled || dir_path(d, name, path) == -1)
		return;
	TAILQ_FOREACH (a, &ss->awaited, entry)
		if (a->dir == d && strcmp(a->name, name) == 0)
			return;
	if ((a = calloc(1, sizeof(*a))) == NULL ||
	    (a->name = strdup(name)) == NULL) {
		log_warn("%s/%s", d->place.path, name);
		free(a);
		return;
	}
	a->dir = d;
	a->until = ev_now(ss->loop) + LONG_ENOUGH;
	TAILQ_INSERT_TAIL(&ss->awaited, a, entry);
	ss->ops.on_dangling(ss->ops.arg, path);
	if (!ev_is_active(&ss->await))
		ev_timer_again(ss->loop, &ss->await);
}

void
awaited_clear(struct dir *d)
{
	struct awaited *a, *next;

	TAILQ_FOREACH_SAFE (a, &d->all->awaited, entry, next)
		if (a->dir == d)
			awaited_free(a);
}
