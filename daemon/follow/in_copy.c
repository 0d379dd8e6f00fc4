#include "daemon/base/read.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

/* How long a copy is looked for that could not be looked for, in seconds. */
#define SEEK_FOR 60.
#define SEEK_DENIED_FOR 3. /* the same where that may not be */
#define SEEK_CHANGING_FOR 3. /* and where names change all the time */

/*
 * Makes a guard of what stands in the copy before what is acknowledged, where
 * the stream has no guard within the copy: a record without a guard tells too
 * little.
 */
static void
know_acked(struct stream *s, int fd)
{
	const off_t at = s->cursor.acked;
	const size_t len = guard_length(at);
	struct guard known[CHECKPOINT_GUARDS], g;
	struct checkpoint_record rec = { .nguards = 1, .guards = &g };
	uint8_t buf[GUARD_MAX];

	if (at == 0 || stream_guards(s, known) > 0 ||
	    read_whole(fd, buf, len, at - (off_t)len) != (ssize_t)len)
		return;
	guard_of(&g, at, buf, len);
	stream_guard_load(s, &rec);
}

/*
 * What was sent beyond the end of the copy is in no file any more; what was
 * sent before, and may be lost on the way, is in the copy.
 */
static void
cut_streams(struct tail *old, int fd, off_t size)
{
	struct stream *s;

	for (s = old->streams; s != NULL; s = s->next) {
		stream_guard_cut(s, size);
		if (s->cursor.sent > size) {
			s->route->ops->on_cut(s, size, s->route->dest);
			s->scanned = 0;
		}
		know_acked(s, fd);
	}
}

/*
 * Another file goes on in this one, which was held, and is freed when it is
 * time.
 */
static void
retire(struct tail *t)
{
	if (t->place != NULL)
		RB_REMOVE(tail_names, &t->place->names, t);
	t->place = NULL;
	place_unleave(t);
	tail_unlink_order(t);
	tails_forget(t);
	tails_closed(t);
	t->size = 0;
	tails_time(t);
}

/* The file, which has no name, is the copy from now on.  Takes found. */
static void
be_copy(struct tail *t, const struct tail_copy_found *found)
{
	follow_know(t, &found->st);
	t->size = found->st.st_size;
	t->many_links = found->st.st_nlink > 1;
	t->rotated = true;
	t->linked = t->mounted = false;
	if (tail_at(found->place, found->name) == NULL)
		follow_enter(t, found->place, found->name);
	else
		free(found->name);
	tails_opened(t, found->fd);
}

static void
say_copy(const struct tail *copy)
{
	say_info(tail_path(copy).text,
	    "is the copy of a truncated file: the rest is read there");
}

/* old goes on as its copy.  Takes found. */
static void
go_on_in_copy(struct tail *old, const struct tail_copy_found *found)
{
	struct stream *s;
	struct tail *held;

	held = tails_find(old->all, found->st.st_dev, found->st.st_ino);
	if (held != NULL)
		retire(held);
	tail_held_moves(old, &found->st);
	be_copy(old, found);
	cut_streams(old, found->fd, old->size);
	if (old->size < old->print.len || old->print.len == 0) {
		/*
		 * The file was copied when it had less, or had not been read.
		 */
		old->print.len = 0;
		(void)tail_update_print(old, found->fd);
	}
	streams_watch(old);
	say_copy(old);
	for (s = old->streams; s != NULL; s = s->next) {
		ledger_mark(tails_ledger(old->all), &s->mark);
		stream_wake(s);
	}
	tails_time(old);
}

/*
 * Whether all of the file was sent, and what is known of it is too little to
 * tell a copy by.
 */
static bool
is_short(const struct tail *old, const struct guard *guard)
{
	size_t known = old->print.len;

	if (known < guard_length(guard->at))
		known = guard_length(guard->at);
	return (known < TAIL_COPY_TELLING && tail_least_sent(old) >= old->size);
}

/* Whether the file had something, and nobody could read it. */
static bool
is_unread(const struct tail *old)
{
	return (
	    old->print.len == 0 && old->size > 0 && tail_most_sent(old) == 0);
}

/*
 * Sets *uid to the owner of the log, or to root where that is gone.  Returns
 * 0, or -1 with errno.
 */
static int
get_owner(const char *path, uid_t *uid)
{
	struct stat st;

	*uid = 0;
	if (stat(path, &st) == 0)
		*uid = st.st_uid;
	else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return (-1);
	return (0);
}

static enum tail_copy_result
find_copy(struct tail *old, struct place *place, off_t least,
    struct tail_copy_found *found)
{
	struct path_text origin, real;
	const char *path = tail_origin(old, &origin);
	struct tail_copy wanted = { .all = old->all,
		.tail = old,
		.place = place,
		.name = strrchr(path, '/') + 1,
		.real = tail_real(old, &real),
		.print = old->print,
		.guard = tail_newest_guard(old),
		.least = least,
		.needed = tail_least_sent(old),
		.dev = old->dev,
		.ino = old->ino,
		.begun = old->begun,
		.since_ns = old->written_ns };

	if (get_owner(path, &wanted.uid) == -1)
		return (errno == EACCES || errno == EPERM ? TAIL_COPY_DENIED
							  : TAIL_COPY_UNKNOWN);
	wanted.is_short = is_short(old, &wanted.guard);
	wanted.is_unread = is_unread(old);
	if (wanted.is_unread)
		wanted.least = old->size;
	return (tail_copy_find(&wanted, found));
}

/* For how long a copy is looked for, in seconds. */
static double
seek_for(enum tail_copy_result result)
{
	if (result == TAIL_COPY_DENIED)
		return (SEEK_DENIED_FOR);
	if (result == TAIL_COPY_CHANGING)
		return (SEEK_CHANGING_FOR);
	return (result == TAIL_COPY_UNKNOWN || result == TAIL_COPY_LATER
		? SEEK_FOR
		: 0.);
}

/* Whether its copy could not be looked for, and not for too long. */
static bool
is_sought_again(struct tail *t, enum tail_copy_result result)
{
	const double most = seek_for(result);

	if (most == 0.)
		return (false);
	if (!t->sought)
		t->changed = tails_now(t->all);
	t->sought = true;
	return (tails_now(t->all) - t->changed < most);
}

int
tail_has_copy(struct tail *t)
{
	enum tail_copy_result result;
	struct tail_copy_found found;

	if (t->place == NULL)
		return (0);
	result = find_copy(t, t->place, tail_most_sent(t), &found);
	if (result == TAIL_COPY_FOUND) {
		(void)close(found.fd);
		free(found.name);
	}
	if (result == TAIL_COPY_LATER || is_sought_again(t, result))
		return (-1);
	t->sought = false;
	return (result == TAIL_COPY_FOUND);
}

/* What is lost of a rotated file is said of its own name, not of the log's. */
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

/* The record would have the next start look for the copy. */
static void
end_seeking(struct tail *old)
{
	struct stream *s;

	for (s = old->streams; s != NULL && old->seeking; s = s->next)
		ledger_drop(tails_ledger(old->all), &s->mark, true);
	old->seeking = false;
}

/* The rest of the file is lost: nobody will read it. */
static void
lose_rest(struct tail *old)
{
	end_seeking(old);
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

/*
 * Looks for the copy, in which old goes on.  Takes old where its end is
 * settled.
 */
static enum tail_copy_result
settle_old(struct tail *old, struct place *place)
{
	enum tail_copy_result result;
	struct tail_copy_found found;
	off_t size = old->size, sent = tail_least_sent(old);

	result = find_copy(old, place, 1, &found);
	if (result == TAIL_COPY_FOUND || result == TAIL_COPY_FOLLOWED)
		end_seeking(old);
	if (result == TAIL_COPY_FOUND) {
		go_on_in_copy(old, &found);
		/* The copy may have less than was seen. */
		tail_lose(old, "truncated", old->size > sent ? old->size : sent,
		    size);
	} else if (result == TAIL_COPY_FOLLOWED) {
		tail_wake_behind(old);
		say_info(tail_old_path(old), "its copy is followed by itself");
		old->size = tail_least_sent(old);
		tails_time(old);
	} else if (result == TAIL_COPY_NONE) {
		lose_rest(old);
	}
	return (result);
}

void
tail_seek_copy(struct tail *old)
{
	const struct tails_finder *finder = tails_finder(old->all);
	struct place *place = finder->place_of(finder->arg, tail_old_path(old));
	enum tail_copy_result result;
	double most;

	if (place == NULL) {
		lose_rest(old);
		return;
	}
	result = settle_old(old, place);
	if ((most = seek_for(result)) == 0.)
		return;
	/*
	 * The time counts from when all names were looked at for the first
	 * time.
	 */
	if (result == TAIL_COPY_LATER && !old->sought)
		old->changed = tails_now(old->all);
	old->sought |= result != TAIL_COPY_LATER;
	if (result != TAIL_COPY_LATER &&
	    tails_now(old->all) - old->changed >= most)
		lose_rest(old);
}

bool
tail_finish_in_copy(struct tail *old, struct place *place, struct tail *now)
{
	enum tail_copy_result result;
	struct stream *s;

	/*
	 * The size that was seen last may be that of the file that is there
	 * now.
	 */
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
	if (result != TAIL_COPY_CHANGING && result != TAIL_COPY_LATER)
		say_notice(tail_old_path(old),
		    "was truncated, and its copy could not be "
		    "looked for: trying again every second");
	old->seeking = true;
	old->sought = result != TAIL_COPY_LATER;
	old->changed = tails_now(old->all);
	tails_time(old);
	for (s = old->streams; s != NULL; s = s->next)
		ledger_mark_acked(tails_ledger(old->all), &s->mark);
	return (true);
}

/*
 * Returns the file of the copy, which may be followed already, or NULL.  Takes
 * found.
 */
static struct tail *
tail_of_copy(struct tail *now, const struct fingerprint *print,
    const struct tail_copy_found *found)
{
	struct path_text path;
	struct tail *t;

	t = tails_find(now->all, found->st.st_dev, found->st.st_ino);
	if (t != NULL || (t = tail_alloc(now->all, found->name)) == NULL) {
		(void)close(found->fd);
		free(found->name);
		return (t);
	}
	tail_set_origin(t, tail_origin(now, &path));
	be_copy(t, found);
	t->print = *print;
	tails_stats(t->all)->found++;
	return (t);
}

static void
say_no_copy(const struct tail *now, const struct checkpoint_record *rec)
{
	if (rec->offset > 0 && strcmp(rec->path, tail_path(now).text) == 0)
		say_notice(tail_path(now).text,
		    "is another file than the one of which %lld "
		    "bytes were sent, and no copy of that is here: it "
		    "is sent from its beginning",
		    (long long)rec->offset);
}

/*
 * The copy of what now was before could not be looked for: it is again, every
 * second, and now is sent behind it.
 */
static void
seek_copy(struct tail *now, struct route *r,
    const struct checkpoint_record *rec, int64_t since_ns)
{
	struct stream *s;
	struct tail *was;

	if ((was = tail_alloc(now->all, strrchr(rec->path, '/') + 1)) == NULL)
		return;
	if ((s = tail_link_stream(was, r, rec->offset)) == NULL) {
		tail_free(was);
		return;
	}
	stream_guard_load(s, rec);
	stream_set_drained(s, true);
	was->dev = now->dev;
	was->ino = now->ino;
	was->begun = now->begun;
	was->print = rec->print;
	was->size = rec->offset;
	was->written_ns = since_ns;
	tail_set_origin(was, rec->path);
	(void)tail_finish_in_copy(was, now->place, now);
}

void
follow_resume_in_copy(
    struct tail *now, struct route *r, const struct checkpoint_record *rec)
{
	struct path_text real;
	struct tail_copy wanted = { .all = now->all,
		.place = now->place,
		.name = strrchr(rec->path, '/') + 1,
		.real = tail_real(now, &real),
		.print = rec->print,
		.least = rec->offset,
		.dev = now->dev,
		.ino = now->ino,
		.begun = now->begun,
		.since_ns =
		    ledger_since_record(tails_ledger(now->all), rec->time) };
	enum tail_copy_result result = TAIL_COPY_NONE;
	struct tail_copy_found found;
	struct tail *copy;
	struct stat st;

	if (stat(tail_path(now).text, &st) == 0)
		wanted.uid = st.st_uid;
	if (rec->nguards > 0)
		wanted.guard = rec->guards[0];
	if (now->place != NULL)
		result = tail_copy_find(&wanted, &found);
	if (result == TAIL_COPY_NONE || result == TAIL_COPY_FOLLOWED)
		say_no_copy(now, rec);
	else if (result != TAIL_COPY_FOUND)
		seek_copy(now, r, rec, wanted.since_ns);
	if (result != TAIL_COPY_FOUND)
		return;
	/* It may only begin as the file did, up to the guard. */
	if (wanted.guard.at > 0 && wanted.guard.at < wanted.least &&
	    line_ends_at(found.fd, wanted.least) == 0)
		wanted.least = wanted.guard.at;
	if ((copy = tail_of_copy(now, &wanted.print, &found)) == NULL ||
	    tail_stream_to(copy, r->dest) != NULL ||
	    tail_add_stream(copy, r, wanted.least) == -1)
		return;
	stream_guard_load(copy->streams, rec);
	say_copy(copy);
	tail_follows(now, copy);
	tails_time(copy);
}
