#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

void
follow_know(struct file *t, const struct stat *st)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		s->mark.is_recorded = false;
	file_table_know(t, st);
}

/*
 * Whether nothing has happened to the file, nor to its inode, since a daemon
 * before this one looked at its directory.  Some file systems count seconds.
 */
static bool
is_unchanged(
    struct file_table *ts, const struct names *place, const struct stat *st)
{
	const struct checkpointer *l = file_table_checkpointer(ts);
	int64_t at = ((int64_t)st->st_ctim.tv_sec + 3) * NS_IN_S;

	return (file_table_is_starting(ts) && !checkpointer_is_first(l) &&
	    names_side(place, l, at) == CHECKPOINTER_BEFORE);
}

struct file *
follow_new(struct file_table *ts, struct names *place, const char *name,
    const struct stat *st)
{
	struct file *t;
	char *own;

	if ((t = file_alloc(ts, name)) == NULL)
		return (NULL);
	own = t->name;
	t->name = NULL;
	follow_know(t, st);
	follow_enter(t, place, own);
	order_after_former(t);
	t->size = st->st_size;
	t->settled = is_unchanged(ts, place, st);
	file_table_stats(ts)->found++;
	return (t);
}

struct file *
follow_new_nameless(
    struct file_table *ts, const char *name, int fd, const struct stat *st)
{
	struct file *t;

	if ((t = file_alloc(ts, name)) == NULL) {
		(void)close(fd);
		return (NULL);
	}
	follow_know(t, st);
	file_opened(t, fd);
	t->size = st->st_size;
	t->deleted = st->st_nlink == 0;
	t->many_links = st->st_nlink > 1;
	t->rotated = true;
	file_table_stats(ts)->found++;
	return (t);
}

void
follow_free(struct file *t)
{
	struct stream *s;

	if (t->place != NULL)
		RB_REMOVE(names_by_name, &t->place->names, t);
	file_table_forget(t);
	file_timer_del(t);
	file_verified(t);
	names_forget(t);
	order_unlink(t);
	while ((s = t->streams) != NULL) {
		t->streams = s->next;
		stream_free(s);
	}
	file_close(t);
	file_table_stats(t->all)->files--;
	suspect_end(t);
	copy_forget(t);
	file_forget_paths(t);
	free(t->emptied);
	free(t->name);
	free(t);
}

void
follow_lose(struct file *t, const char *how, off_t from, off_t to)
{
	struct path_text own;
	char *path;

	if (from >= to || (path = strdup(file_origin(t, &own))) == NULL)
		return;
	file_table_lose(t->all,
	    &(struct file_table_loss) {
		.path = path, .how = how, .at = from, .bytes = to - from });
	free(path);
}

/* Where its text ends, if nothing but NULs was found behind that. */
static off_t
text_end(const struct file *t)
{
	const struct stream *s;
	off_t end = 0;

	for (s = t->streams; s != NULL; s = s->next) {
		if (!s->is_drained || !s->only_nuls)
			return (t->size);
		if (s->cursor.sent > end)
			end = s->cursor.sent;
		if (s->scanned > end)
			end = s->scanned;
	}
	return (end < t->size ? end : t->size);
}

void
follow_say_lost(struct file *t, const char *how)
{
	follow_lose(t, how, streams_least_sent(t), text_end(t));
}

/*
 * Whether it may go on in a file that nobody could look at: its directory, or
 * one above that, is looked at again, perhaps by the next start.
 */
static bool
may_go_on_unseen(const struct file *t)
{
	const struct file_finder *finder = file_finder(t->all);
	const char *path = file_old_path(t);
	const struct names *place;

	if (t->place != NULL || !t->known || finder->place_of == NULL)
		return (false);
	while (path != NULL &&
	    (place = finder->place_of(finder->arg, path)) != NULL) {
		if (checkpointer_late_since(
			file_table_checkpointer(t->all), place->path) != 0)
			return (true);
		/* The directory in which that is, up to the root, "". */
		path = place->path[0] != '\0' ? place->path : NULL;
	}
	return (false);
}

void
follow_finish(struct file *t)
{
	bool stays = may_go_on_unseen(t);
	struct stream *s;

	say_info(file_path(t).text, "finished");
	for (s = t->streams; s != NULL; s = s->next)
		if (stays)
			checkpointer_leave(
			    file_table_checkpointer(t->all), &s->mark);
		else
			checkpointer_drop(file_table_checkpointer(t->all),
			    &s->mark, t->known);
	follow_free(t);
}

void
follow_finish_compressed(struct file *t)
{
	struct stream *s;

	if (t->place == NULL || !rotation_is_compressed(t->name)) {
		follow_finish(t);
		return;
	}
	say_info(file_path(t).text, "finished");
	file_set_origin(t, NULL);
	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_leave(file_table_checkpointer(t->all), &s->mark);
	follow_free(t);
}

struct stream *
follow_link_stream(struct file *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = stream_new(t, r, offset)) == NULL)
		return (NULL);
	s->next = t->streams;
	t->streams = s;
	return (s);
}

void
follow_begin_stream(struct stream *s)
{
	struct file *t = s->file;

	/* Also at 0: a file that is renamed must be known again. */
	checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
	log_debug("%s: to %s from %lld", file_path(t).text, s->route->to->name,
	    (long long)s->cursor.sent);
	stream_wake(s);
}

int
follow_add_stream(struct file *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = follow_link_stream(t, r, offset)) == NULL)
		return (-1);
	follow_begin_stream(s);
	return (0);
}

static void
free_one(struct file *t, void *arg)
{
	(void)arg;
	follow_free(t);
}

void
follow_free_all(struct file_table *ts)
{
	file_table_walk(ts, free_one, NULL);
}
