#include "daemon/tail_inside.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/place.h"
#include "daemon/stream.h"
#include "daemon/tail_copy.h"
#include "daemon/tail_held.h"
#include "daemon/tails.h"

static off_t
most_sent(const struct tail *t)
{
	const struct stream *s;
	off_t most = 0;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent > most)
			most = s->cursor.sent;
	return (most);
}

void
tail_say_lost(struct tail *t, const char *how)
{
	off_t from = tail_least_sent(t);
	char *path;

	if (from >= t->size || (path = strdup(tail_origin(t))) == NULL)
		return;
	tails_lose(t->all,
	    &(struct tails_loss) { .path = path,
		.how = how,
		.at = from,
		.bytes = t->size - from });
	free(path);
}

/* old goes on as its copy, which fd is open for.  Takes fd and name. */
static void
go_on_in_copy(struct tail *old, struct place *place, int fd, char *name,
    const struct stat *st)
{
	struct stream *s;
	struct tail *held;

	if ((held = tails_find(old->all, st->st_dev, st->st_ino)) != NULL)
		tail_retire(held);
	tails_know(old, st);
	tails_opened(old, fd);
	old->size = st->st_size;
	old->many_links = st->st_nlink > 1;
	old->rotated = true;
	if (old->origin == NULL) {
		old->place = place;
		tail_set_origin(old, tail_path(old));
		old->place = NULL;
	}
	if (tail_at(place, name) == NULL)
		place_enter(old, place, name);
	else
		free(name);
	tails_watch(old);
	log_info("%s: is the copy of a truncated file: the rest is read there",
	    tail_path(old));
	for (s = old->streams; s != NULL; s = s->next) {
		ledger_mark(tails_ledger(old->all), s);
		stream_wake(s);
	}
}

/*
 * What the file was before it was truncated goes on in its copy, which may
 * have more than anybody had seen; without one, what is in flight is all that
 * can still arrive.  Takes old.
 */
static void
finish_in_copy(struct tail *old, struct place *place, struct tail *now)
{
	struct tail_copy wanted = { .print = old->print,
		.least = most_sent(old),
		.dev = old->dev,
		.ino = old->ino,
		.all = old->all };
	struct stat st;
	char *name = NULL;
	off_t size;
	int fd;

	/* The size last seen may be that of what is there now. */
	size = old->sure != 0 ? old->sure : old->size;
	old->sure = 0;
	if (wanted.least < size)
		wanted.least = size;
	fd = tail_copy_open(&wanted, place, &name);
	if (fd != -1 && fstat(fd, &st) == 0) {
		tail_follows(now, old);
		go_on_in_copy(old, place, fd, name, &st);
		tails_time(old);
		return;
	}
	if (fd != -1)
		(void)close(fd);
	free(name);
	if (tail_is_done(old)) {
		tail_free(old);
		return;
	}
	tail_follows(now, old);
	if (old->origin == NULL)
		tail_set_origin(old, tail_path(now));
	tail_say_lost(old, "truncated");
	old->size = tail_least_sent(old);
	tails_time(old);
}

/* Its streams begin again at 0; what was in flight is forgotten. */
static void
begin_again(struct tail *t, const struct stat *st)
{
	struct stream *s;

	t->size = st->st_size;
	t->sure = 0;
	t->print.len = 0;
	for (s = t->streams; s != NULL; s = s->next) {
		s->route->ops->on_drop(s, s->route->dest);
		s->cursor.sent = s->cursor.acked = s->scanned = 0;
		s->guard_at = -1;
		stream_wake(s);
	}
}

/* The new file that a truncated one is: same place, descriptor and routes. */
static struct tail *
truncated_successor(
    struct tail *old, struct place *place, const struct stat *st)
{
	struct tails *ts = old->all;
	struct tail *now;
	struct stream *s, *fresh;
	int fd = old->fd;

	if ((now = tail_alloc(ts, old->name)) == NULL)
		return (NULL);
	tails_stats(ts)->files++;
	now->place = place;
	now->linked = old->linked;
	now->rotated = old->rotated;
	if (old->origin != NULL)
		tail_set_origin(now, old->origin);
	now->size = st->st_size;
	RB_REMOVE(tail_names, &place->names, old);
	RB_INSERT(tail_names, &place->names, now);
	old->place = NULL;
	tails_forget(old);
	tails_know(now, st);
	if (fd != -1) {
		tails_hand_over(old, now);
		(void)tail_update_print(now, fd);
	}
	for (s = old->streams; s != NULL; s = s->next) {
		if ((fresh = stream_new(now, s->route, 0)) == NULL)
			continue;
		fresh->next = now->streams;
		now->streams = fresh;
		ledger_mark(tails_ledger(ts), fresh);
	}
	return (now);
}

/* The file was truncated: it is a new one, at the same place. */
void
tail_truncated(struct tail *old, const struct stat *st)
{
	struct place *place = old->place;
	struct tail *now;
	struct stream *s;

	log_info("%s: truncated from %lld to %lld bytes", tail_path(old),
	    (long long)old->size, (long long)st->st_size);
	tails_stats(old->all)->truncations++;
	old->suspect = false;
	if (place == NULL ||
	    (now = truncated_successor(old, place, st)) == NULL) {
		tail_say_lost(old, "truncated");
		begin_again(old, st);
		return;
	}
	finish_in_copy(old, place, now);
	for (s = now->streams; s != NULL; s = s->next)
		stream_wake(s);
	tails_watch(now);
}
