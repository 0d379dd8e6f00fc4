#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

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
follow_enter(struct tail *t, struct place *place, char *name)
{
	struct tail *had = tail_at(place, name);

	/* Nobody may have seen yet that it lost the name. */
	if (had != NULL)
		tail_rename(had, NULL, NULL);
	/* Links led to the name that it had. */
	tail_set_real(t, NULL);
	place_enter(t, place, name);
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
		streams_watch(t);
		return;
	}
	if ((copy = strdup(name)) == NULL) {
		log_warn("%s", tail_path(t).text);
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", place->path, name);
	say_info(path, "was %s", t->name);
	follow_enter(t, place, copy);
	streams_watch(t);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), &s->mark);
}

void
tail_is_live(struct tail *t)
{
	if (!t->rotated)
		return;
	t->rotated = t->spent = false;
	place_unleave(t);
	tail_set_origin(t, NULL);
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

void
follow_directory_gone(struct place *place)
{
	struct leaver *l;
	struct tail *t;

	while ((t = RB_MIN(tail_names, &place->names)) != NULL) {
		tail_rename(t, NULL, NULL);
		t->away = true;
	}
	while ((l = RB_ROOT(&place->leavers)) != NULL)
		leave_home(place, l);
}
