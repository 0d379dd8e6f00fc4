#include "daemon/tail_inside.h"

#include <sys/stat.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/place.h"
#include "daemon/stream.h"
#include "daemon/stream_guard.h"
#include "daemon/tail_copy.h"
#include "daemon/tail_held.h"
#include "daemon/tails.h"

/* How long a copy is looked for that could not be looked for, in seconds. */
#define SEEK_FOR 60.
#define SEEK_DENIED_FOR 3. /* the same where that may not be */
#define SEEK_CHANGING_FOR 3. /* and where names change all the time */

/* What else a source means the copy by its name for has been sent. */
static void
join_sent(struct tail *copy, const struct tail *rest, off_t size)
{
	const struct stream *s;
	off_t at;

	for (s = rest->streams; s != NULL; s = s->next) {
		at = s->cursor.acked < size ? s->cursor.acked : size;
		if (tail_link_stream(copy, s->route, at) == NULL)
			log_warn("%s", tail_old_path(copy));
	}
}

/*
 * Destinations that were sent more than the copy has need nothing of it; but
 * that may still be in flight: they stay behind, with a file that has no name.
 * Returns false, and nothing has changed, when there is no memory.
 */
static bool
leave_behind(struct tail *old, const struct tail_copy_found *found)
{
	struct stream **from = &old->streams, *s;
	off_t size = found->st.st_size;
	struct tail *rest;

	if (tail_most_sent(old) <= size)
		return (true);
	if ((rest = tail_alloc(old->all, old->name)) == NULL)
		return (false);
	tails_stats(old->all)->files++;
	tail_set_origin(rest, tail_old_path(old));
	rest->dev = old->dev;
	rest->ino = old->ino;
	rest->begun = old->begun;
	rest->rotated = true;
	while ((s = *from) != NULL) {
		if (s->cursor.sent <= size) {
			from = &s->next;
			continue;
		}
		*from = s->next;
		s->next = rest->streams;
		rest->streams = s;
		s->tail = rest;
	}
	if (tails_finder(old->all)->means(found->place, found->name))
		join_sent(old, rest, size);
	rest->size = old->size;
	rest->size = tail_least_sent(rest);
	if (tail_is_done(rest))
		tail_free(rest);
	else
		tails_time(rest);
	return (true);
}

static void
drop_found(struct tail_copy_found *found)
{
	(void)close(found->fd);
	free(found->name);
}

/* old goes on as its copy.  Takes found. */
static void
go_on_in_copy(struct tail *old, const struct tail_copy_found *found)
{
	struct stream *s;
	struct tail *held;

	held = tails_find(old->all, found->st.st_dev, found->st.st_ino);
	if (held != NULL)
		tail_retire(held);
	tails_know(old, &found->st);
	tails_opened(old, found->fd);
	old->size = found->st.st_size;
	if (old->size < old->print.len) {
		/* It was copied when it had less. */
		old->print.len = 0;
		(void)tail_update_print(old, found->fd);
	}
	old->many_links = found->st.st_nlink > 1;
	old->rotated = true;
	old->linked = old->mounted = false;
	old->seeking = false;
	if (tail_at(found->place, found->name) == NULL)
		place_enter(old, found->place, found->name);
	else
		free(found->name);
	tails_watch(old);
	log_info("%s: is the copy of a truncated file: the rest is read there",
	    tail_path(old).text);
	for (s = old->streams; s != NULL; s = s->next) {
		ledger_mark(tails_ledger(old->all), s);
		stream_wake(s);
	}
	tails_time(old);
}

/* Whether what is known of it, all of which was sent, would tell of no copy. */
static bool
is_short(const struct tail *old, const struct guard *guard)
{
	size_t known = old->print.len;

	if (known < guard_length(guard->at))
		known = guard_length(guard->at);
	return (known < TAIL_COPY_TELLING && tail_least_sent(old) >= old->size);
}

static uid_t
owner_of(const char *path)
{
	struct stat st;

	return (stat(path, &st) == 0 ? st.st_uid : 0);
}

static enum tail_copy_result
find_copy(
    struct tail *old, struct place *place, struct tail_copy_found *found)
{
	struct path_text origin, real;
	const char *path = tail_origin(old, &origin);
	struct tail_copy wanted = { .all = old->all,
		.tail = old,
		.place = place,
		.name = strrchr(path, '/') + 1,
		.uid = owner_of(path),
		.real = tail_real(old, &real),
		.print = old->print,
		.guard = tail_newest_guard(old),
		.least = tail_least_sent(old),
		.dev = old->dev,
		.ino = old->ino,
		.begun = old->begun,
		.since_ns = old->written_ns };

	wanted.is_short = is_short(old, &wanted.guard);
	return (tail_copy_find(&wanted, found));
}

bool
tail_has_copy(struct tail *t)
{
	struct tail_copy_found found;

	if (t->place == NULL ||
	    find_copy(t, t->place, &found) != TAIL_COPY_FOUND)
		return (false);
	drop_found(&found);
	return (true);
}

/* A file that was rotated is lost under its own name, not the one it had. */
static void
take_own_name(struct tail *old)
{
	const char *was = tail_old_path(old);
	char path[PATH_MAX];
	int n, dir = (int)(strrchr(was, '/') - was);

	n = snprintf(path, sizeof(path), "%.*s/%s", dir, was, old->name);
	if (n > 0 && (size_t)n < sizeof(path))
		tail_set_origin(old, path);
}

/* What nobody will read any more. */
static void
lose_rest(struct tail *old)
{
	old->seeking = false;
	tail_wake_behind(old);
	if (old->rotated)
		take_own_name(old);
	if (tail_is_done(old)) {
		tail_free(old);
		return;
	}
	tail_say_lost(old, "truncated");
	old->size = tail_least_sent(old);
	tails_time(old);
}

/* Looks for the copy, in which old goes on; takes old if that is settled. */
static enum tail_copy_result
settle_old(struct tail *old, struct place *place)
{
	enum tail_copy_result result;
	struct tail_copy_found found;
	off_t size = old->size;

	result = find_copy(old, place, &found);
	if (result == TAIL_COPY_FOUND && !leave_behind(old, &found)) {
		log_warn("%s", tail_old_path(old));
		drop_found(&found);
		result = TAIL_COPY_NONE;
	}
	if (result == TAIL_COPY_FOUND) {
		go_on_in_copy(old, &found);
		/* The copy may have less than was seen. */
		tail_lose(old, "truncated", old->size, size);
	} else if (result == TAIL_COPY_FOLLOWED) {
		old->seeking = false;
		tail_wake_behind(old);
		log_info("%s: its copy is followed by itself", tail_old_path(old));
		old->size = tail_least_sent(old);
		tails_time(old);
	} else if (result == TAIL_COPY_NONE) {
		lose_rest(old);
	}
	return (result);
}

/* For how long a copy is looked for, in seconds. */
static double
seek_for(enum tail_copy_result result)
{
	if (result == TAIL_COPY_DENIED)
		return (SEEK_DENIED_FOR);
	if (result == TAIL_COPY_CHANGING)
		return (SEEK_CHANGING_FOR);
	return (result == TAIL_COPY_UNKNOWN ? SEEK_FOR : 0.);
}

void
tail_seek_copy(struct tail *old)
{
	const struct tails_finder *finder = tails_finder(old->all);
	struct place *place = finder->place_of(finder->arg, tail_old_path(old));
	double since = tails_now(old->all) - old->changed, most;

	if (place == NULL) {
		lose_rest(old);
		return;
	}
	most = seek_for(settle_old(old, place));
	if (most > 0 && since >= most)
		lose_rest(old);
}

bool
tail_finish_in_copy(struct tail *old, struct place *place, struct tail *now)
{
	enum tail_copy_result result;

	/* The size last seen may be that of what is there now. */
	if (old->sure != 0)
		old->size = old->sure;
	old->sure = 0;
	if (tail_old_path(old) == NULL)
		tail_set_origin(old, tail_path(now).text);
	tail_follows(now, old);
	if (tail_old_path(old) == NULL)
		return (false);
	result = settle_old(old, place);
	if (seek_for(result) == 0.)
		return (result != TAIL_COPY_NONE);
	if (result != TAIL_COPY_CHANGING)
		log_notice("%s: was truncated, and its copy could not be "
			   "looked for: trying again every second",
		    tail_old_path(old));
	old->seeking = true;
	old->changed = tails_now(old->all);
	tails_time(old);
	return (true);
}
