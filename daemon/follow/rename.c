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
place_leave(struct file *t)
{
	if (t->place == NULL)
		return;
	suspect_leaves(t);
	if (file_old_path(t) == NULL)
		file_set_origin(t, file_path(t).text);
	RB_REMOVE(names_by_name, &t->place->names, t);
	names_remember(t, t->place, t->name);
	t->place = NULL;
	streams_wake_undecided(t);
	t->left_now = !t->rotated;
	t->rotated = true;
	file_table_stats(t->all)->rotations++;
}

void
follow_enter(struct file *t, struct names *place, char *name)
{
	struct file *had = names_at(place, name);

	/* Nobody may have seen yet that it lost the name. */
	if (had != NULL)
		follow_new_name(had, NULL, NULL);
	/* Links led to the name that it had. */
	file_set_real(t, NULL);
	names_enter(t, place, name);
}

void
follow_new_name(struct file *t, struct names *place, const char *name)
{
	char *copy, path[PATH_MAX];
	struct stream *s;

	place_leave(t);
	t->changed = file_table_now(t->all);
	file_timer_add(t);
	if (place == NULL) {
		streams_watch(t);
		return;
	}
	if ((copy = strdup(name)) == NULL) {
		log_warn("%s", file_path(t).text);
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", place->path, name);
	say_info(path, "was %s", t->name);
	follow_enter(t, place, copy);
	streams_watch(t);
	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
}

void
follow_set_live(struct file *t)
{
	if (!t->rotated)
		return;
	t->rotated = t->spent = false;
	names_forget(t);
	file_set_origin(t, NULL);
}

/* Its directory goes: it is remembered by its whole path. */
static void
leave_home(const struct names *place, struct former_holder *l)
{
	char path[PATH_MAX];
	struct file *t = l->file;
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", place->path, l->name);
	if (n > 0 && (size_t)n < sizeof(path))
		names_remember(t, file_table_homeless(t->all), path);
	else
		names_forget(t);
}

void
follow_directory_gone(struct names *place)
{
	struct former_holder *l;
	struct file *t;

	while ((t = RB_MIN(names_by_name, &place->names)) != NULL) {
		follow_new_name(t, NULL, NULL);
		t->away = true;
	}
	while ((l = RB_ROOT(&place->names_formers)) != NULL)
		leave_home(place, l);
}
