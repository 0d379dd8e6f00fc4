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
follow_know(struct tail *t, const struct stat *st)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		s->mark.is_recorded = false;
	tails_know(t, st);
}

/*
 * Whether nothing has happened to the file, nor to its inode, since a daemon
 * before this one looked at its directory.  Some file systems count seconds.
 */
static bool
is_unchanged(struct tails *ts, const struct place *place, const struct stat *st)
{
	const struct ledger *l = tails_ledger(ts);
	int64_t at = ((int64_t)st->st_ctim.tv_sec + 3) * NS_IN_S;

	return (tails_is_starting(ts) && !ledger_is_first(l) &&
	    place_side(place, l, at) == LEDGER_BEFORE);
}

struct tail *
tail_new(struct tails *ts, struct place *place, const char *name,
    const struct stat *st)
{
	struct tail *t;
	char *own;

	if ((t = tail_alloc(ts, name)) == NULL)
		return (NULL);
	own = t->name;
	t->name = NULL;
	follow_know(t, st);
	follow_enter(t, place, own);
	place_follow_leaver(t);
	t->size = st->st_size;
	t->settled = is_unchanged(ts, place, st);
	tails_stats(ts)->found++;
	return (t);
}

struct tail *
tail_new_nameless(
    struct tails *ts, const char *name, int fd, const struct stat *st)
{
	struct tail *t;

	if ((t = tail_alloc(ts, name)) == NULL) {
		(void)close(fd);
		return (NULL);
	}
	follow_know(t, st);
	tails_opened(t, fd);
	t->size = st->st_size;
	t->deleted = st->st_nlink == 0;
	t->many_links = st->st_nlink > 1;
	t->rotated = true;
	tails_stats(ts)->found++;
	return (t);
}

void
tail_free(struct tail *t)
{
	struct stream *s;

	if (t->place != NULL)
		RB_REMOVE(tail_names, &t->place->names, t);
	tails_forget(t);
	tails_untime(t);
	tails_sure(t);
	place_unleave(t);
	tail_unlink_order(t);
	while ((s = t->streams) != NULL) {
		t->streams = s->next;
		stream_free(s);
	}
	tails_closed(t);
	tails_stats(t->all)->files--;
	tail_unhold(t);
	tail_copy_forget(t);
	tail_forget_paths(t);
	free(t->emptied);
	free(t->name);
	free(t);
}

void
tail_lose(struct tail *t, const char *how, off_t from, off_t to)
{
	struct path_text own;
	char *path;

	if (from >= to || (path = strdup(tail_origin(t, &own))) == NULL)
		return;
	tails_lose(t->all,
	    &(struct tails_loss) {
		.path = path, .how = how, .at = from, .bytes = to - from });
	free(path);
}

/* Where its text ends, if nothing but NULs was found behind that. */
static off_t
text_end(const struct tail *t)
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
tail_say_lost(struct tail *t, const char *how)
{
	tail_lose(t, how, tail_least_sent(t), text_end(t));
}

/*
 * Whether it may go on in a file that nobody could look at: its directory, or
 * one above that, is looked at again, perhaps by the next start.
 */
static bool
may_go_on_unseen(const struct tail *t)
{
	const struct tails_finder *finder = tails_finder(t->all);
	const char *path = tail_old_path(t);
	const struct place *place;

	if (t->place != NULL || !t->known || finder->place_of == NULL)
		return (false);
	while (path != NULL &&
	    (place = finder->place_of(finder->arg, path)) != NULL) {
		if (ledger_late_since(tails_ledger(t->all), place->path) != 0)
			return (true);
		/* The directory in which that is, up to the root, "". */
		path = place->path[0] != '\0' ? place->path : NULL;
	}
	return (false);
}

void
tail_finish(struct tail *t)
{
	bool stays = may_go_on_unseen(t);
	struct stream *s;

	say_info(tail_path(t).text, "finished");
	for (s = t->streams; s != NULL; s = s->next)
		if (stays)
			ledger_leave(tails_ledger(t->all), &s->mark);
		else
			ledger_drop(tails_ledger(t->all), &s->mark, t->known);
	tail_free(t);
}

void
tail_finish_packed(struct tail *t)
{
	struct stream *s;

	if (t->place == NULL || !rotation_is_packed(t->name)) {
		tail_finish(t);
		return;
	}
	say_info(tail_path(t).text, "finished");
	tail_set_origin(t, NULL);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_leave(tails_ledger(t->all), &s->mark);
	tail_free(t);
}

struct stream *
tail_link_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = stream_new(t, r, offset)) == NULL)
		return (NULL);
	s->next = t->streams;
	t->streams = s;
	return (s);
}

void
tail_begin_stream(struct stream *s)
{
	struct tail *t = s->tail;

	/* Also at 0: a file that is renamed must be known again. */
	ledger_mark(tails_ledger(t->all), &s->mark);
	log_debug("%s: to %s from %lld", tail_path(t).text, s->route->to->name,
	    (long long)s->cursor.sent);
	stream_wake(s);
}

int
tail_add_stream(struct tail *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = tail_link_stream(t, r, offset)) == NULL)
		return (-1);
	tail_begin_stream(s);
	return (0);
}

static void
free_one(struct tail *t, void *arg)
{
	(void)arg;
	tail_free(t);
}

void
follow_free_all(struct tails *ts)
{
	tails_walk(ts, free_one, NULL);
}
