#include "daemon/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/inside.h"
#include "daemon/follow/suspect.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/sparse.h"
#include "daemon/stream/stream.h"
#include "lib/ns.h"
#include "lib/rotation.h"

/* Where a last line is looked for: beyond that it is none. */
#define LAST_LINE_WITHIN ((off_t)64 * 1024 * 1024)

/*
 * A file no larger than that, written anew with the same text, is sent once
 * more: when nothing has come behind it for so long, in seconds.
 */
#define REWRITTEN_MOST (64 * 1024)
#define REWRITTEN_AFTER .04

#define OPEN_AGAIN 3 /* times, at once */

bool
tail_is_drained(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!s->is_drained)
			return (false);
	return (true);
}

/* Whether it may pass without anything happening to the file. */
static bool
is_transient(int error)
{
	return (error != EACCES && error != EPERM && error != ENOENT &&
	    error != ELOOP && error != ENXIO);
}

bool
tail_is_unread(const struct tail *t)
{
	return (t->error != 0 && t->print.len == 0 && t->size > 0 &&
	    t->packed == INFLATE_NONE && !t->spent && tail_most_sent(t) == 0);
}

/* What is recorded then, not only the name may have changed. */
static void
mark_unread(struct tail *t)
{
	struct stream *s;

	if (tail_is_unread(t))
		for (s = t->streams; s != NULL; s = s->next)
			ledger_mark(tails_ledger(t->all), &s->mark);
}

void
tail_cannot_be_read(struct tail *t, int error)
{
	bool again = is_transient(error), known = t->error != 0;

	if (t->error != error) {
		errno = error;
		say_warn(tail_path(t).text, "cannot be read, will try again %s",
		    again ? "every second" : "when it changes");
	}
	t->error = (uint8_t)error;
	if (!known)
		mark_unread(t);
	if (again)
		tails_time(t);
}

void
tail_read_failed(struct tail *t, int error)
{
	t->unread = true;
	tail_cannot_be_read(t, error);
}

/* What failed may have been the read of another stream. */
void
tail_can_be_read(struct tail *t)
{
	struct stream *s;

	t->unread = false;
	t->error = 0;
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size)
			stream_wake(s);
}

off_t
tail_last_line(struct tail *t, int fd)
{
	uint8_t *buf, *nl;
	size_t size, n;
	off_t end = t->size, read = 0;

	buf = tails_scratch(t->all, &size);
	while (end > 0 && read < LAST_LINE_WITHIN) {
		end = tail_data_end(fd, end);
		n = end < (off_t)size ? (size_t)end : size;
		if (n == 0 ||
		    read_whole(fd, buf, n, end - (off_t)n) != (ssize_t)n)
			break;
		if ((nl = memrchr(buf, '\n', n)) != NULL)
			return (end - (off_t)n + (nl - buf) + 1);
		end -= (off_t)n;
		read += (off_t)n;
	}
	return (end > 0 ? t->size : 0);
}

/* For what could not be opened when it was found. */
static void
begin_at_end(struct tail *t, int fd)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->from_end) {
			s->cursor.sent = s->cursor.acked =
			    tail_last_line(t, fd);
			s->from_end = false;
		}
}

/* Opens what has its path now, which st is of.  Returns -1 with errno. */
static int
open_once(const struct tail *t, struct stat *st)
{
	int error, fd;

	fd = opener_open(tail_path(t).text,
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
		(t->linked ? 0 : O_NOFOLLOW));
	if (fd == -1 || fstat(fd, st) == 0)
		return (fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return (-1);
}

/* The same, again where that failed for what may pass by itself. */
static int
open_by_path(const struct tail *t, struct stat *st)
{
	unsigned n = 0;
	int error, fd;

	while ((fd = open_once(t, st)) == -1 && is_transient(errno) &&
	    n++ < OPEN_AGAIN) {
		error = errno;
		if (tails_out_of_descriptors(error) &&
		    !tails_close_some(t->all)) {
			errno = error;
			break;
		}
	}
	return (fd);
}

int
tail_fd(struct tail *t)
{
	struct stat st;
	int fd;

	if (t->fd != -1)
		return (tails_used(t));
	if (t->place == NULL)
		return (-1);
	if ((fd = open_by_path(t, &st)) == -1) {
		tail_cannot_be_read(t, errno);
		return (-1);
	}
	if (st.st_dev != t->dev || st.st_ino != t->ino) {
		/* Replaced: the event that says so is on its way. */
		(void)close(fd);
		return (-1);
	}
	tails_opened(t, fd);
	begin_at_end(t, fd);
	return (fd);
}

struct tail *
tail_alloc(struct tails *ts, const char *name)
{
	struct tail *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->name = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	t->all = ts;
	t->fd = -1;
	t->changed = tails_now(ts);
	return (t);
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
	char *copy;

	if ((t = tail_alloc(ts, name)) == NULL ||
	    (copy = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	tails_know(t, st);
	place_enter(t, place, copy);
	place_follow_leaver(t);
	t->size = st->st_size;
	t->settled = is_unchanged(ts, place, st);
	tails_stats(ts)->files++;
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
	tails_know(t, st);
	tails_opened(t, fd);
	t->size = st->st_size;
	t->deleted = st->st_nlink == 0;
	t->many_links = st->st_nlink > 1;
	t->rotated = true;
	tails_stats(ts)->files++;
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
	free(t->name);
	free(t);
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

static void
set_print(struct tail *t, const uint8_t *head, size_t n)
{
	struct stream *s;

	if (t->only_rest)
		return;
	fingerprint_of(&t->print, head, n);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), &s->mark);
}

int
tail_update_print(struct tail *t, int fd)
{
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if (t->packed != INFLATE_NONE)
		return (1);
	if ((n = fingerprint_head(fd, head)) == -1)
		return (-1);
	if (!fingerprint_matches(&t->print, head, (size_t)n))
		return (0);
	if (t->print.len < FINGERPRINT_MAX && t->print.len < (uint32_t)n)
		set_print(t, head, (size_t)n);
	else if (t->print.len == 0 && !t->only_rest)
		/* Known, unlike that of a rest: see follow/resume.c. */
		fingerprint_of(&t->print, head, 0);
	return (1);
}

void
tail_set_last_line(struct tail *t, const struct guard *before, off_t end)
{
	off_t n = end - before->at;

	t->last_line = before->at > 0 && n < UINT32_MAX ? (uint32_t)n : 0;
	t->last_guard = (uint32_t)before->hash;
}

struct guard
tail_newest_guard(const struct tail *t)
{
	const struct stream *s;
	struct guard g, newest = { 0, 0 };

	for (s = t->streams; s != NULL; s = s->next) {
		g = stream_guard_newest(s);
		if (g.at > newest.at)
			newest = g;
	}
	return (newest);
}

/*
 * Whether what was read still stands in the file.  Where it does, the head may
 * be another all the same: some free the blocks of what they need no more.
 * Returns 1 or 0, or -1 when it could not be read.
 */
static int
is_same(struct tail *t, int fd)
{
	uint8_t head[FINGERPRINT_MAX];
	const struct guard newest = tail_newest_guard(t);
	int holds, n;

	if (newest.at == 0 || t->packed != INFLATE_NONE)
		return (tail_update_print(t, fd));
	n = fingerprint_head(fd, head);
	/* Of a short file, all is in the head. */
	if (n >= newest.at)
		holds = guard_matches(&newest, head, (size_t)newest.at);
	else
		holds = guard_holds(&newest, fd);
	if (holds != 1)
		return (holds);
	if (n != -1 &&
	    (!fingerprint_matches(&t->print, head, (size_t)n) ||
		t->print.len < (uint32_t)n))
		set_print(t, head, (size_t)n);
	return (1);
}

const struct stream *
tail_stream_to(const struct tail *t, const void *dest)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->route->dest == dest)
			return (s);
	return (NULL);
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

void
tail_decide(struct tail *t)
{
	struct stream *s;

	if (!t->undecided)
		return;
	t->undecided = false;
	for (s = t->streams; s != NULL; s = s->next) {
		ledger_mark(tails_ledger(t->all), &s->mark);
		stream_wake(s);
	}
}

bool
tail_is_undecided(struct tail *t)
{
	const struct tails_finder *finder = tails_finder(t->all);

	if (!t->undecided)
		return (false);
	if (t->place == NULL || finder->is_undecided == NULL ||
	    !finder->is_undecided(t->place))
		tail_decide(t);
	return (t->undecided);
}

void
tail_wake_undecided(struct tail *t)
{
	struct stream *s;

	for (s = t->streams; t->undecided && s != NULL; s = s->next)
		stream_wake(s);
}

void
tail_suspect(struct tail *t)
{
	t->suspect = true;
	if (t->sure != 0)
		t->size = t->sure;
	t->sure = 0;
	tails_time_soon(t);
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

void
tail_set_packed(
    struct tail *t, enum inflate_kind kind, const struct fingerprint *print)
{
	t->packed = (uint8_t)kind;
	t->print = *print;
	tails_time(t);
}

off_t
tail_least_sent(const struct tail *t)
{
	const struct stream *s;
	off_t least = t->size;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < least)
			least = s->cursor.sent;
	return (least);
}

off_t
tail_most_sent(const struct tail *t)
{
	const struct stream *s;
	off_t most = 0;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent > most)
			most = s->cursor.sent;
	return (most);
}

bool
tail_is_done(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (!stream_is_done(s))
			return (false);
	return (true);
}

/* What was read of its text counts, and what it has now is none of its text. */
static void
spend_packed(struct tail *t, const struct stat *st)
{
	struct stream *s;

	say_notice(tail_path(t).text,
	    "was written over: what was left of its text is lost, "
	    "and nothing of what it has now is sent");
	for (s = t->streams; s != NULL; s = s->next)
		tail_packed_close(s);
	t->suspect = false;
	t->packed = INFLATE_NONE;
	tails_saw(t, st);
	tail_spend(t, tail_fd(t), st->st_size);
}

/* The text of a compressed file that is not the one that was sent. */
static void
begin_text_again(struct tail *t)
{
	struct stream *s;

	t->suspect = false;
	say_notice(tail_path(t).text,
	    "does not have what was sent of it any more: it is sent "
	    "from its beginning");
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		stream_go_to(s, 0);
		stream_wake(s);
	}
}

/* Its text may be longer now. */
static void
packed_written(struct tail *t, const struct stat *st)
{
	struct stream *s;

	if (tails_is_as_seen(t, st))
		return;
	if (written_ns(st) != t->written_ns)
		t->changed = tails_now(t->all);
	tails_saw(t, st);
	for (s = t->streams; s != NULL; s = s->next)
		stream_wake(s);
}

/*
 * Whether what was read need not be compared now, as each stream compares what
 * stands before what it reads.
 */
static bool
is_guarded(const struct tail *t)
{
	const struct stream *s;

	if (t->linked || t->print.len < FINGERPRINT_MAX ||
	    t->size < FINGERPRINT_MAX)
		return (false);
	for (s = t->streams; s != NULL; s = s->next)
		if (!stream_is_guarded(s))
			return (false);
	return (true);
}

/* Whether the head is as it was: looked at by the first event of a second. */
static bool
head_holds(struct tail *t, double now)
{
	uint8_t head[FINGERPRINT_MAX];
	int fd, n;

	if ((int64_t)t->changed == (int64_t)now)
		return (true);
	return ((fd = tail_fd(t)) != -1 &&
	    (n = fingerprint_head(fd, head)) != -1 &&
	    fingerprint_matches(&t->print, head, (size_t)n));
}

/* Why a file is looked at. */
enum cause {
	CAUSE_HINT,
	CAUSE_NEED, /* whoever asks needs to know surely */
	CAUSE_WRITTEN /* an event says so */
};

/* The file is another than the one that was read, or has less of it. */
static void
changed(struct tail *t, const struct stat *st)
{
	int fd = -1, same = 0, copied = 0;

	if (st->st_size > 0 && (fd = tail_fd(t)) == -1) {
		t->suspect = true;
		return;
	}
	t->suspect = false;
	if (t->held != NULL) {
		tail_held_changed(t, st);
		return;
	}
	if (fd != -1 && tail_goes_back(t, fd, st->st_size))
		copied = tail_has_copy(t);
	if (copied == -1) {
		t->suspect = true;
		tails_time(t);
		return;
	}
	if (fd != -1 && copied == 0)
		same = tail_go_on(t, fd, st);
	if (same == -1) {
		tail_cannot_be_read(t, errno);
		tail_suspect(t);
	} else if (same == 0) {
		tail_truncated(t, st, TAIL_TRUNCATED);
	}
}

static bool
is_all_sent(const struct tail *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent != t->size)
			return (false);
	return (t->size > 0);
}

/*
 * Whether st_mtim is that of a cut to the size that was seen last: a file has
 * its new size before it has the time of that, at which the cut began.
 */
static bool
is_time_of_cut(const struct tail *t, const struct stat *st, double now)
{
	int64_t since = (int64_t)((now - t->changed) * 1e9);

	return (t->cut && written_ns(st) <= clock_day_ns() - since);
}

/*
 * The size is the same, the time is not, and there is nothing to read: it may
 * have been written anew with the same text.  Or it is just being appended to:
 * then there will be more of it in a moment.
 */
static void
note_rewritten(struct tail *t, enum cause cause)
{
	if (t->rotated || t->held != NULL || t->size > REWRITTEN_MOST ||
	    !is_all_sent(t) ||
	    (cause != CAUSE_WRITTEN && !tails_lack_events(t)))
		return;
	t->rewritten = true;
	tails_time_later(t);
}

/* Somebody writes to it still: its last line may be half of one. */
static void
end_flush(struct tail *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		s->flush = false;
}

void
tail_is_compared(struct tail *t)
{
	t->sure = 0;
	t->left_now = t->unproven = false;
}

/* It grows, and was not compared since it had its size of now, or before. */
static void
be_unsure(struct tail *t)
{
	if (t->sure == 0)
		t->sure = t->size;
}

/*
 * It may have been truncated and written anew between two looks: whatever the
 * size says, what stands before what was read tells, now or at the next read.
 */
static void
tail_written(struct tail *t, const struct stat *st, enum cause cause)
{
	double now = tails_now(t->all);
	struct stream *s;
	bool same_size, of_cut = is_time_of_cut(t, st, now);
	int fd, same = 1;

	if (cause != CAUSE_NEED && is_guarded(t) && head_holds(t, now)) {
		be_unsure(t);
		tails_unsure(t);
	} else if ((fd = tail_fd(t)) == -1) {
		same = -1;
	} else if ((same = is_same(t, fd)) == 0) {
		changed(t, st);
		return;
	} else if (same == -1) {
		tail_cannot_be_read(t, errno);
	} else {
		tail_is_compared(t);
	}
	if (same == -1)
		be_unsure(t);
	else if (t->fd != -1 && !t->unread)
		/* Whether a read fails again, only a read can tell. */
		t->error = 0;
	same_size = st->st_size == t->size;
	if (!same_size || written_ns(st) != t->written_ns) {
		t->changed = now;
		t->rewritten = false;
		end_flush(t);
		if (same_size && !of_cut)
			note_rewritten(t, cause);
		t->cut = t->cut && of_cut;
	}
	tails_saw(t, st);
	t->size = st->st_size;
	mark_unread(t);
	/* As long as the next one is empty, who writes has not turned to it. */
	if (t->behind != NULL && t->behind->size == 0)
		t->owed = t->size;
	tail_held_look(t);
	/*
	 * Not by the size alone: one stream may have read on already, others
	 * not; and what was written over is found by reading.
	 */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size || same_size)
			stream_wake(s);
}

/*
 * The event of what was read is still to come: it must not be taken for one of
 * the same text once more.
 */
void
tail_has_grown(struct tail *t, int fd, off_t size)
{
	struct stream *s;
	struct stat st;

	t->size = size;
	t->rewritten = false;
	end_flush(t);
	/* The next look will see nothing that the others had not. */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < size)
			stream_wake(s);
	if (size <= REWRITTEN_MOST && t->packed == INFLATE_NONE &&
	    fstat(fd, &st) == 0 && st.st_size == size) {
		t->written_ns = written_ns(&st);
		t->cut = true;
		t->changed = tails_now(t->all);
	}
}

/* Returns whether it was: nothing has come behind it since. */
static bool
was_rewritten(struct tail *t, const struct stat *st)
{
	if (!t->rewritten || st->st_size != t->size ||
	    written_ns(st) != t->written_ns || !is_all_sent(t))
		return (false);
	if (tails_now(t->all) - t->changed < REWRITTEN_AFTER)
		return (false);
	tail_truncated(t, st, TAIL_WRITTEN_ANEW);
	return (true);
}

/* It was looked at already, and the next read compares it. */
static bool
is_to_be_compared(const struct tail *t, const struct stat *st)
{
	return (t->sure != 0 && t->error == 0 && st->st_size == t->size &&
	    written_ns(st) == t->written_ns);
}

static void
check_size(struct tail *t, const struct stat *st, enum cause cause)
{
	/* What it shrinks from is what it had, where no look could tell. */
	if (st->st_size < t->size && t->error != 0)
		t->sure = 0;
	if (st->st_size < t->size || t->suspect)
		changed(t, st);
	else if (cause != CAUSE_NEED && is_to_be_compared(t, st))
		return;
	else if (st->st_size > t->size || !tails_is_as_seen(t, st) ||
	    t->error != 0 || (cause == CAUSE_NEED && t->sure != 0))
		tail_written(t, st, cause);
	else
		t->left_now = false;
}

static void
check_spent(struct tail *t, const struct stat *st)
{
	if (st->st_size == t->size && written_ns(st) == t->written_ns)
		return;
	tail_spend(t, tail_fd(t), st->st_size);
	t->written_ns = written_ns(st);
}

/*
 * It could not be looked at now.  Of a file of which nothing is known the next
 * start can compare nothing: until it was looked at, so long its directory
 * counts as one that was not.
 */
static void
cannot_be_looked_at(struct tail *t)
{
	const struct tails_finder *finder = tails_finder(t->all);

	tail_cannot_be_read(t, errno);
	if (t->place != NULL && t->print.len == 0 && finder->again != NULL)
		finder->again(t->place);
}

/* Whether it could be looked at, and is still there. */
static bool
look(struct tail *t, struct stat *st)
{
	const struct tails_finder *finder = tails_finder(t->all);

	if (t->fd != -1) {
		if (fstat(t->fd, st) == 0)
			return (true);
		cannot_be_looked_at(t);
		return (false);
	}
	if (t->place == NULL)
		return (false);
	if (stat(tail_path(t).text, st) == 0)
		return (st->st_dev == t->dev && st->st_ino == t->ino);
	/*
	 * Of one that is not there a look at its name tells.  Where its
	 * directory may not be searched no event will say that it may be again.
	 */
	if (is_transient(errno) && errno != ENOTDIR)
		cannot_be_looked_at(t);
	else if ((errno == EACCES || errno == EPERM) && finder->again != NULL)
		finder->again(t->place);
	return (false);
}

static void
check(struct tail *t, enum cause cause)
{
	struct stat st;

	if (!look(t, &st))
		return;
	t->deleted = st.st_nlink == 0;
	if (t->packed != INFLATE_NONE) {
		if (t->suspect && t->rotated) {
			spend_packed(t, &st);
			return;
		}
		if (t->suspect)
			begin_text_again(t);
		packed_written(t, &st);
		return;
	}
	if (t->many_links != (st.st_nlink > 1)) {
		t->many_links = st.st_nlink > 1;
		tails_watch(t);
	}
	if (t->spent)
		check_spent(t, &st);
	else if (!was_rewritten(t, &st))
		check_size(t, &st, cause);
}

void
tail_check(struct tail *t)
{
	check(t, CAUSE_HINT);
}

void
tail_check_surely(struct tail *t)
{
	check(t, CAUSE_NEED);
}

void
tail_check_written(struct tail *t)
{
	check(t, CAUSE_WRITTEN);
}

/* The least partial_timeout that counts for it, in seconds; 0 for none. */
double
tail_partial_seconds(const struct tail *t)
{
	const struct stream *s;
	uint64_t least = 0, ms;

	for (s = t->streams; s != NULL; s = s->next) {
		ms = s->route->source->partial_timeout_ms;
		if (ms != 0 && (least == 0 || ms < least))
			least = ms;
	}
	return ((double)least / 1e3);
}

void
tail_drained(struct tail *t)
{
	tail_wake_behind(t);
	if (tail_least_sent(t) < t->size &&
	    (t->rotated || tail_partial_seconds(t) > 0))
		tails_time(t);
}
