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
cut_streams(struct file *old, int fd, off_t size)
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
retire(struct file *t)
{
	if (t->place != NULL)
		RB_REMOVE(names_by_name, &t->place->names, t);
	t->place = NULL;
	names_forget(t);
	order_unlink(t);
	file_table_forget(t);
	file_close(t);
	t->size = 0;
	file_timer_add(t);
}

/* The file, which has no name, is the copy from now on.  Takes found. */
static void
be_copy(struct file *t, const struct copy_found *found)
{
	follow_know(t, &found->st);
	t->size = found->st.st_size;
	t->many_links = found->st.st_nlink > 1;
	t->rotated = true;
	t->linked = t->mounted = false;
	if (names_at(found->place, found->name) == NULL)
		follow_enter(t, found->place, found->name);
	else
		free(found->name);
	file_opened(t, found->fd);
}

static void
say_copy(const struct file *copy)
{
	say_info(file_path(copy).text,
	    "is the copy of a truncated file: the rest is read there");
}

/* old goes on as its copy.  Takes found. */
static void
go_on_in_copy(struct file *old, const struct copy_found *found)
{
	struct stream *s;
	struct file *held;

	held = file_table_find(old->all, found->st.st_dev, found->st.st_ino);
	if (held != NULL)
		retire(held);
	suspect_copies_move(old, &found->st);
	be_copy(old, found);
	cut_streams(old, found->fd, old->size);
	if (old->size < old->print.len || old->print.len == 0) {
		/*
		 * The file was copied when it had less, or had not been read.
		 */
		old->print.len = 0;
		(void)streams_update_print(old, found->fd);
	}
	streams_watch(old);
	say_copy(old);
	for (s = old->streams; s != NULL; s = s->next) {
		checkpointer_mark(file_table_checkpointer(old->all), &s->mark);
		stream_wake(s);
	}
	file_timer_add(old);
}

/*
 * Whether all of the file was sent, and what is known of it is too little to
 * tell a copy by.
 */
static bool
is_short(const struct file *old, const struct guard *guard)
{
	size_t known = old->print.len;

	if (known < guard_length(guard->at))
		known = guard_length(guard->at);
	return (known < COPY_TELLING && streams_least_sent(old) >= old->size);
}

/* Whether the file had something, and nobody could read it. */
static bool
is_unread(const struct file *old)
{
	return (old->print.len == 0 && old->size > 0 &&
	    streams_most_sent(old) == 0);
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

static enum copy_result
find_copy(struct file *old, struct names *place, off_t least,
    struct copy_found *found)
{
	struct path_text origin, real;
	const char *path = file_origin(old, &origin);
	struct copy_wanted wanted = { .all = old->all,
		.file = old,
		.place = place,
		.name = strrchr(path, '/') + 1,
		.real = file_real(old, &real),
		.print = old->print,
		.guard = streams_newest_guard(old),
		.least = least,
		.needed = streams_least_sent(old),
		.dev = old->dev,
		.ino = old->ino,
		.begun = old->begun,
		.since_ns = old->written_ns };

	if (get_owner(path, &wanted.uid) == -1)
		return (errno == EACCES || errno == EPERM ? COPY_DENIED
							  : COPY_UNKNOWN);
	wanted.is_short = is_short(old, &wanted.guard);
	wanted.is_unread = is_unread(old);
	if (wanted.is_unread)
		wanted.least = old->size;
	return (copy_find(&wanted, found));
}

/* For how long a copy is looked for, in seconds. */
static double
seek_for(enum copy_result result)
{
	if (result == COPY_DENIED)
		return (SEEK_DENIED_FOR);
	if (result == COPY_CHANGING)
		return (SEEK_CHANGING_FOR);
	return (result == COPY_UNKNOWN || result == COPY_LATER ? SEEK_FOR : 0.);
}

/* Whether its copy could not be looked for, and not for too long. */
static bool
is_sought_again(struct file *t, enum copy_result result)
{
	const double most = seek_for(result);

	if (most == 0.)
		return (false);
	if (!t->sought)
		t->changed = file_table_now(t->all);
	t->sought = true;
	return (file_table_now(t->all) - t->changed < most);
}

int
follow_has_copy(struct file *t)
{
	enum copy_result result;
	struct copy_found found;

	if (t->place == NULL)
		return (0);
	result = find_copy(t, t->place, streams_most_sent(t), &found);
	if (result == COPY_FOUND) {
		(void)close(found.fd);
		free(found.name);
	}
	if (result == COPY_LATER || is_sought_again(t, result))
		return (-1);
	t->sought = false;
	return (result == COPY_FOUND);
}

/* What is lost of a rotated file is said of its own name, not of the log's. */
static void
take_own_name(struct file *old)
{
	const char *was = file_old_path(old);
	char path[PATH_MAX];
	int n, dir = (int)(strrchr(was, '/') - was);

	n = snprintf(path, sizeof(path), "%.*s/%s", dir, was, old->name);
	if (n > 0 && (size_t)n < sizeof(path))
		file_set_origin(old, path);
}

/* The record would have the next start look for the copy. */
static void
end_seeking(struct file *old)
{
	struct stream *s;

	for (s = old->streams; s != NULL && old->seeking; s = s->next)
		checkpointer_drop(
		    file_table_checkpointer(old->all), &s->mark, true);
	old->seeking = false;
}

/* The rest of the file is lost: nobody will read it. */
static void
lose_rest(struct file *old)
{
	end_seeking(old);
	order_wake_behind(old);
	if (old->rotated)
		take_own_name(old);
	if (streams_are_done(old)) {
		follow_free(old);
		return;
	}
	follow_say_lost(old, "truncated");
	old->size = streams_least_sent(old);
	file_timer_add(old);
}

/*
 * Looks for the copy, in which old goes on.  Takes old where its end is
 * settled.
 */
static enum copy_result
settle_old(struct file *old, struct names *place)
{
	enum copy_result result;
	struct copy_found found;
	off_t size = old->size, sent = streams_least_sent(old);

	result = find_copy(old, place, 1, &found);
	if (result == COPY_FOUND || result == COPY_FOLLOWED)
		end_seeking(old);
	if (result == COPY_FOUND) {
		go_on_in_copy(old, &found);
		/* The copy may have less than was seen. */
		follow_lose(old, "truncated",
		    old->size > sent ? old->size : sent, size);
	} else if (result == COPY_FOLLOWED) {
		order_wake_behind(old);
		say_info(file_old_path(old), "its copy is followed by itself");
		old->size = streams_least_sent(old);
		file_timer_add(old);
	} else if (result == COPY_NONE) {
		lose_rest(old);
	}
	return (result);
}

void
follow_seek_copy(struct file *old)
{
	const struct file_finder *finder = file_finder(old->all);
	struct names *place = finder->place_of(finder->arg, file_old_path(old));
	enum copy_result result;
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
	if (result == COPY_LATER && !old->sought)
		old->changed = file_table_now(old->all);
	old->sought |= result != COPY_LATER;
	if (result != COPY_LATER &&
	    file_table_now(old->all) - old->changed >= most)
		lose_rest(old);
}

bool
follow_finish_in_copy(struct file *old, struct names *place, struct file *now)
{
	enum copy_result result;
	struct stream *s;

	/*
	 * The size that was seen last may be that of the file that is there
	 * now.
	 */
	if (old->sure != 0)
		old->size = old->sure;
	old->sure = 0;
	if (file_old_path(old) == NULL)
		file_set_origin(old, file_path(now).text);
	order_follow(now, old);
	if (file_old_path(old) == NULL)
		return (false);
	result = settle_old(old, place);
	if (seek_for(result) == 0.)
		return (result != COPY_NONE);
	if (result != COPY_CHANGING && result != COPY_LATER)
		say_notice(file_old_path(old),
		    "was truncated, and its copy could not be "
		    "looked for: trying again every second");
	old->seeking = true;
	old->sought = result != COPY_LATER;
	old->changed = file_table_now(old->all);
	file_timer_add(old);
	for (s = old->streams; s != NULL; s = s->next)
		checkpointer_mark_acked(
		    file_table_checkpointer(old->all), &s->mark);
	return (true);
}

/*
 * Returns the file of the copy, which may be followed already, or NULL.  Takes
 * found.
 */
static struct file *
tail_of_copy(struct file *now, const struct fingerprint *print,
    const struct copy_found *found)
{
	struct path_text path;
	struct file *t;

	t = file_table_find(now->all, found->st.st_dev, found->st.st_ino);
	if (t != NULL || (t = file_alloc(now->all, found->name)) == NULL) {
		(void)close(found->fd);
		free(found->name);
		return (t);
	}
	file_set_origin(t, file_origin(now, &path));
	be_copy(t, found);
	t->print = *print;
	file_table_stats(t->all)->found++;
	return (t);
}

static void
say_no_copy(const struct file *now, const struct checkpoint_record *rec)
{
	if (rec->offset > 0 && strcmp(rec->path, file_path(now).text) == 0)
		say_notice(file_path(now).text,
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
seek_copy(struct file *now, struct route *r,
    const struct checkpoint_record *rec, int64_t since_ns)
{
	struct stream *s;
	struct file *was;

	if ((was = file_alloc(now->all, strrchr(rec->path, '/') + 1)) == NULL)
		return;
	if ((s = follow_link_stream(was, r, rec->offset)) == NULL) {
		follow_free(was);
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
	file_set_origin(was, rec->path);
	(void)follow_finish_in_copy(was, now->place, now);
}

void
follow_resume_in_copy(
    struct file *now, struct route *r, const struct checkpoint_record *rec)
{
	struct path_text real;
	struct copy_wanted wanted = { .all = now->all,
		.place = now->place,
		.name = strrchr(rec->path, '/') + 1,
		.real = file_real(now, &real),
		.print = rec->print,
		.least = rec->offset,
		.dev = now->dev,
		.ino = now->ino,
		.begun = now->begun,
		.since_ns = checkpointer_since_record(
		    file_table_checkpointer(now->all), rec->time) };
	enum copy_result result = COPY_NONE;
	struct copy_found found;
	struct file *copy;
	struct stat st;

	if (stat(file_path(now).text, &st) == 0)
		wanted.uid = st.st_uid;
	if (rec->nguards > 0)
		wanted.guard = rec->guards[0];
	if (now->place != NULL)
		result = copy_find(&wanted, &found);
	if (result == COPY_NONE || result == COPY_FOLLOWED)
		say_no_copy(now, rec);
	else if (result != COPY_FOUND)
		seek_copy(now, r, rec, wanted.since_ns);
	if (result != COPY_FOUND)
		return;
	/* It may only begin as the file did, up to the guard. */
	if (wanted.guard.at > 0 && wanted.guard.at < wanted.least &&
	    read_line_ends_at(found.fd, wanted.least) == 0)
		wanted.least = wanted.guard.at;
	if ((copy = tail_of_copy(now, &wanted.print, &found)) == NULL ||
	    streams_find(copy, r->dest) != NULL ||
	    follow_add_stream(copy, r, wanted.least) == -1)
		return;
	stream_guard_load(copy->streams, rec);
	say_copy(copy);
	order_follow(now, copy);
	file_timer_add(copy);
}
