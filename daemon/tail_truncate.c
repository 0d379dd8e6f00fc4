#include "daemon/tail_inside.h"

#include <sys/stat.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/place.h"
#include "daemon/stream.h"
#include "daemon/stream_guard.h"
#include "daemon/tail_copy.h"
#include "daemon/tail_held.h"
#include "daemon/tails.h"
#include "lib/rotation.h"

/* How long a copy is looked for that could not be looked for, in seconds. */
#define SEEK_FOR 60.
#define SEEK_DENIED_FOR 3. /* the same where that may not be */
#define SEEK_CHANGING_FOR 3. /* and where names change all the time */

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

static void
lose(struct tail *t, const char *how, off_t from, off_t to)
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
	lose(t, how, tail_least_sent(t), text_end(t));
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
		.place = place,
		.name = strrchr(path, '/') + 1,
		.uid = owner_of(path),
		.real = tail_real(old, &real),
		.print = old->print,
		.guard = tail_newest_guard(old),
		.least = most_sent(old),
		.dev = old->dev,
		.ino = old->ino,
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
	(void)close(found.fd);
	free(found.name);
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
	if (result == TAIL_COPY_FOUND) {
		go_on_in_copy(old, &found);
		/* The copy may have less than was seen. */
		lose(old, "truncated", old->size, size);
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

/*
 * What the file was before it was truncated goes on in its copy, which may
 * have more than anybody had seen; without one, what is in flight is all that
 * can still arrive.  Takes old.  Returns whether it may have a copy.
 */
static bool
finish_in_copy(struct tail *old, struct place *place, struct tail *now)
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

/* Its streams begin again at 0; what was in flight is forgotten. */
static void
begin_again(struct tail *t, const struct stat *st)
{
	struct stream *s;

	t->size = st->st_size;
	t->sure = 0;
	t->print.len = 0;
	t->last_line = 0;
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		stream_go_to(s, 0);
		stream_wake(s);
	}
}

/*
 * The new file that a truncated one is: same place, descriptor and routes.
 * Returns NULL, and nothing has changed, when there is no memory.
 */
static struct tail *
truncated_successor(
    struct tail *old, struct place *place, const struct stat *st)
{
	struct tails *ts = old->all;
	struct path_text path;
	struct tail *now;
	struct stream *s;

	if ((now = tail_alloc(ts, old->name)) == NULL)
		return (NULL);
	tails_stats(ts)->files++;
	for (s = old->streams; s != NULL; s = s->next)
		if (tail_link_stream(now, s->route, 0) == NULL) {
			tail_free(now);
			return (NULL);
		}
	now->place = place;
	now->linked = old->linked;
	now->mounted = old->mounted;
	now->rotated = old->rotated;
	tail_set_origin(now, tail_old_path(old));
	tail_set_real(now, tail_real(old, &path));
	now->size = st->st_size;
	RB_REMOVE(tail_names, &place->names, old);
	RB_INSERT(tail_names, &place->names, now);
	old->place = NULL;
	tails_forget(old);
	tails_know(now, st);
	if (old->fd != -1) {
		tails_hand_over(old, now);
		(void)tail_update_print(now, now->fd);
	}
	for (s = now->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(ts), s);
	return (now);
}

void
tail_spend(struct tail *t, int fd, off_t size)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(size);
	struct stream *s;
	struct guard g = { 0, 0 };
	ssize_t n;

	t->spent = true;
	t->size = size;
	t->sure = 0;
	t->last_line = 0;
	t->print.len = 0;
	if (fd != -1) {
		(void)tail_update_print(t, fd);
		n = read_whole(fd, buf, len, size - (off_t)len);
		guard_of(&g, size, buf, n > 0 ? (size_t)n : 0);
	}
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		stream_go_to(s, size);
		stream_guard_set(s, &g);
		s->is_drained = true;
	}
}

/* Nobody will read it by its descriptor, either: it had lost its name. */
static void
end_nameless(struct tail *t, int fd, const struct stat *st)
{
	tail_say_lost(t, "written over");
	tail_spend(t, fd, st->st_size);
	tails_time(t);
}

/* Whether a file has the name from which rotation makes that of t. */
static bool
has_base(const struct tail *t)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(t->name, i, base, sizeof(base)); i++)
		if (tail_at(t->place, base) != NULL &&
		    rotation_is_copy_of(t->name, base))
			return (true);
	return (false);
}

/*
 * A file that was rotated never begins again.  One that has a rotated name, but
 * was never seen to get it, does so only when it was truncated: what overwrites
 * it is none of a program that writes a log; and it may be another copy.
 */
static bool
is_to_be_spent(const struct tail *old, const struct stat *st)
{
	return (old->rotated || (st->st_size >= old->size && has_base(old)));
}

/*
 * Whether it was truncated before it lost its name, both since the last look:
 * there is a copy of what it had, or less in it than was sent.
 */
static bool
was_truncated_first(bool left_now, bool shrank, bool copied)
{
	return (left_now && (shrank || copied));
}

static void
say_change(const struct tail *t, const struct stat *st, enum tail_change how)
{
	if (how == TAIL_WRITTEN_ANEW)
		log_info("%s: was written anew with the same text",
		    tail_path(t).text);
	else if (t->unproven)
		log_info("%s: is another file than the one that was known by "
			 "its inode",
		    tail_path(t).text);
	else if (!t->rotated || t->left_now)
		log_info("%s: truncated from %lld to %lld bytes",
		    tail_path(t).text, (long long)t->size,
		    (long long)st->st_size);
}

static void
say_spent(const struct tail *t)
{
	log_info("%s: was rotated, and written over since: nothing of what it "
		 "has now is sent",
	    tail_path(t).text);
}

void
tail_truncated(struct tail *old, const struct stat *st, enum tail_change how)
{
	bool left_now = old->left_now, unproven = old->unproven;
	bool shrank = st->st_size < most_sent(old), copied, spend;
	struct place *place = old->place;
	struct tail *now;
	struct stream *s;

	say_change(old, st, how);
	tails_stats(old->all)->truncations++;
	old->suspect = old->rewritten = false;
	if (place == NULL) {
		end_nameless(old, old->fd, st);
		return;
	}
	spend = how == TAIL_TRUNCATED && !unproven && is_to_be_spent(old, st);
	if ((now = truncated_successor(old, place, st)) == NULL) {
		/* Without memory it begins again by itself. */
		tail_say_lost(old, "truncated");
		begin_again(old, st);
		return;
	}
	copied = finish_in_copy(old, place, now);
	if (spend && !was_truncated_first(left_now, shrank, copied)) {
		say_spent(now);
		tail_spend(now, now->fd, st->st_size);
	} else {
		now->fresh = how == TAIL_TRUNCATED && !spend && has_base(now);
	}
	tail_held_look(now);
	for (s = now->streams; s != NULL; s = s->next)
		if (!now->spent)
			stream_wake(s);
	tails_watch(now);
}
