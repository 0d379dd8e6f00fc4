#include "daemon/base/read.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/say.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

/*
 * A file that may have been written anew with the same text is sent once more
 * when nothing has come behind it for so long, in seconds.
 */
#define REWRITTEN_AFTER .04

/*
 * Whether what was read still stands in the file.  Where it does, the head may
 * have changed all the same: some programs free the blocks that they need no
 * more.  Returns 1 or 0, or -1 when the file could not be read.
 */
static int
is_same(struct file *t, int fd)
{
	uint8_t head[FINGERPRINT_MAX];
	const struct guard newest = streams_newest_guard(t);
	int holds, n;

	if (newest.at == 0 || t->compression != INFLATE_NONE)
		return (streams_update_print(t, fd));
	n = read_fingerprint_head(fd, head);
	/* All of a short file is in its head. */
	if (n >= newest.at)
		holds = guard_matches(&newest, head, (size_t)newest.at);
	else
		holds = read_guard_holds(&newest, fd);
	if (holds != 1)
		return (holds);
	if (n != -1 &&
	    (!fingerprint_matches(&t->print, head, (size_t)n) ||
		t->print.len < (uint32_t)n))
		streams_set_print(t, head, (size_t)n);
	return (1);
}

/*
 * What was read of the compressed file's text counts, and what the file has
 * now is no part of that text.
 */
static void
spend_packed(struct file *t, const struct stat *st)
{
	struct stream *s;

	say_notice(file_path(t).text,
	    "was written over: what was left of its text is lost, "
	    "and nothing of what it has now is sent");
	for (s = t->streams; s != NULL; s = s->next)
		compressed_close(s);
	t->suspect = false;
	t->compression = INFLATE_NONE;
	file_saw(t, st);
	follow_spend(t, file_descriptor(t), st->st_size);
}

/* The compressed file has another text than the one that was sent. */
static void
begin_text_again(struct file *t)
{
	struct stream *s;

	t->suspect = false;
	say_notice(file_path(t).text,
	    "does not have what was sent of it any more: it is sent "
	    "from its beginning");
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		follow_go_to(s, 0);
		stream_wake(s);
	}
}

/* The compressed file was written to: its text may be longer now. */
static void
packed_written(struct file *t, const struct stat *st)
{
	struct stream *s;

	if (file_is_as_seen(t, st))
		return;
	if (file_written_ns(st) != t->written_ns)
		t->changed = file_table_now(t->all);
	file_saw(t, st);
	for (s = t->streams; s != NULL; s = s->next)
		stream_wake(s);
}

/*
 * Whether the check need not compare what was read, as each stream compares
 * what stands before what it reads next.
 */
static bool
is_guarded(const struct file *t)
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

/* Whether the head is as it was.  The first event of a second compares it. */
static bool
head_holds(struct file *t, double now)
{
	uint8_t head[FINGERPRINT_MAX];
	int fd, n;

	if ((int64_t)t->changed == (int64_t)now)
		return (true);
	return ((fd = file_descriptor(t)) != -1 &&
	    (n = read_fingerprint_head(fd, head)) != -1 &&
	    fingerprint_matches(&t->print, head, (size_t)n));
}

/* Why a file is checked. */
enum cause {
	CAUSE_HINT,
	CAUSE_NEED, /* whoever asks needs to know surely */
	CAUSE_WRITTEN /* an event says so */
};

/* The file is another than the one that was read, or has less of it. */
static void
changed(struct file *t, const struct stat *st)
{
	int fd = -1, same = 0, copied = 0;

	if (st->st_size > 0 && (fd = file_descriptor(t)) == -1) {
		t->suspect = true;
		return;
	}
	t->suspect = false;
	if (t->held != NULL && follow_held_is_cut_unread(t, st)) {
		suspect_end(t);
		follow_truncated(t, st, FOLLOW_TRUNCATED);
		return;
	}
	if (t->held != NULL) {
		suspect_changed(t, st);
		return;
	}
	if (fd != -1 && follow_goes_back(t, fd, st->st_size))
		copied = follow_has_copy(t);
	if (copied == -1) {
		t->suspect = true;
		file_timer_add(t);
		return;
	}
	if (fd != -1 && copied == 0)
		same = follow_go_on(t, fd, st);
	if (same == -1) {
		file_cannot_be_read(t, errno);
		file_must_be_checked(t);
	} else if (same == 0) {
		follow_truncated(t, st, FOLLOW_TRUNCATED);
	}
}

static bool
is_all_sent(const struct file *t)
{
	const struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent != t->size)
			return (false);
	return (t->size > 0);
}

/*
 * Whether st_mtim may be the time at which the file was cut to the size that
 * was seen last: a file has its new size before it has that time, which is
 * when the cut began.
 */
static bool
is_time_of_cut(const struct file *t, const struct stat *st, double now)
{
	int64_t since = (int64_t)((now - t->changed) * 1e9);

	return (t->cut && file_written_ns(st) <= clock_wall_ns() - since);
}

/*
 * The size is the same, st_mtim is not, and all was sent: the file may have
 * been written anew with the same text.  Or a program is just appending to it:
 * then it will be larger in a moment.
 */
static void
note_rewritten(struct file *t, enum cause cause)
{
	if (t->rotated || t->held != NULL || t->size > STREAMS_REWRITTEN_MOST ||
	    !is_all_sent(t) ||
	    (cause != CAUSE_WRITTEN && !file_lacks_events(t)))
		return;
	t->rewritten = true;
	file_timer_add_later(t);
}

/* The file grows, and was compared last when it had at most its size of now. */
static void
be_unsure(struct file *t)
{
	if (t->sure == 0)
		t->sure = t->size;
}

/*
 * The file may have been truncated and written anew between two looks,
 * whatever its size says: what stands before the end of what was read tells,
 * now or at the next read.
 */
static void
tail_written(struct file *t, const struct stat *st, enum cause cause)
{
	double now = file_table_now(t->all);
	struct stream *s;
	bool same_size, of_cut = is_time_of_cut(t, st, now);
	int fd, same = 1;

	if (cause != CAUSE_NEED && is_guarded(t) && head_holds(t, now)) {
		be_unsure(t);
		file_unverified(t);
	} else if ((fd = file_descriptor(t)) == -1) {
		same = -1;
	} else if ((same = is_same(t, fd)) == 0) {
		changed(t, st);
		return;
	} else if (same == -1) {
		file_cannot_be_read(t, errno);
	} else {
		file_is_verified(t);
	}
	if (same == -1)
		be_unsure(t);
	else if (t->fd != -1 && !t->unread)
		/* Only a read can tell whether reads fail still. */
		t->error = 0;
	same_size = st->st_size == t->size;
	if (!same_size || file_written_ns(st) != t->written_ns) {
		t->changed = now;
		t->rewritten = false;
		streams_end_flush(t);
		if (same_size && !of_cut)
			note_rewritten(t, cause);
		t->cut = t->cut && of_cut;
	}
	file_saw(t, st);
	t->size = st->st_size;
	streams_mark_unread(t);
	/* As long as the next file is empty, the program writes to this one. */
	if (t->behind != NULL && t->behind->size == 0)
		t->owed = t->size;
	suspect_look(t);
	/*
	 * Not by the size alone: one stream may have read on already, others
	 * not; and a file that was written over with as much is found out by
	 * reading.
	 */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size || same_size)
			stream_wake(s);
}

/*
 * Returns whether the file was written anew with the same text: then nothing
 * came behind that since.
 */
static bool
was_rewritten(struct file *t, const struct stat *st)
{
	if (!t->rewritten || st->st_size != t->size ||
	    file_written_ns(st) != t->written_ns || !is_all_sent(t))
		return (false);
	if (file_table_now(t->all) - t->changed < REWRITTEN_AFTER)
		return (false);
	follow_truncated(t, st, FOLLOW_WRITTEN_ANEW);
	return (true);
}

/* Whether the file is as at the last check, and the next read compares it. */
static bool
is_to_be_compared(const struct file *t, const struct stat *st)
{
	return (t->sure != 0 && t->error == 0 && st->st_size == t->size &&
	    file_written_ns(st) == t->written_ns);
}

static void
check_size(struct file *t, const struct stat *st, enum cause cause)
{
	/*
	 * Where no look could tell, it shrinks from the size it was last seen
	 * with.
	 */
	if (st->st_size < t->size && t->error != 0)
		t->sure = 0;
	if (st->st_size < t->size || t->suspect ||
	    (t->emptied != NULL && st->st_size > 0))
		changed(t, st);
	else if (cause != CAUSE_NEED && is_to_be_compared(t, st))
		return;
	else if (st->st_size > t->size || !file_is_as_seen(t, st) ||
	    t->error != 0 || (cause == CAUSE_NEED && t->sure != 0))
		tail_written(t, st, cause);
	else
		t->left_now = false;
}

static void
check_spent(struct file *t, const struct stat *st)
{
	if (st->st_size == t->size && file_written_ns(st) == t->written_ns)
		return;
	follow_spend(t, file_descriptor(t), st->st_size);
	t->written_ns = file_written_ns(st);
}

/*
 * The file could not be looked at now.  As long as nothing is known of it, a
 * start could compare nothing: so long its directory counts as one that could
 * not be looked at.
 */
static void
cannot_be_looked_at(struct file *t)
{
	const struct file_finder *finder = file_finder(t->all);

	file_cannot_be_read(t, errno);
	if (t->place != NULL && t->print.len == 0 && finder->again != NULL)
		finder->again(t->place);
}

/*
 * Fills st.  Returns false where the file could not be looked at, or is not
 * there.
 */
static bool
look(struct file *t, struct stat *st)
{
	const struct file_finder *finder = file_finder(t->all);

	if (t->fd != -1) {
		if (fstat(t->fd, st) == 0)
			return (true);
		cannot_be_looked_at(t);
		return (false);
	}
	if (t->place == NULL)
		return (false);
	if (stat(file_path(t).text, st) == 0)
		return (st->st_dev == t->dev && st->st_ino == t->ino);
	/*
	 * Of a file that is not there a look at its name tells.  Where the
	 * directory may not be searched, no event will say when it may be.
	 */
	if (file_error_may_pass(errno) && errno != ENOTDIR)
		cannot_be_looked_at(t);
	else if ((errno == EACCES || errno == EPERM) && finder->again != NULL)
		finder->again(t->place);
	return (false);
}

static void
check(struct file *t, enum cause cause)
{
	struct stat st;

	if (!look(t, &st))
		return;
	t->deleted = st.st_nlink == 0;
	if (t->compression != INFLATE_NONE) {
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
		streams_watch(t);
	}
	if (t->spent)
		check_spent(t, &st);
	else if (!was_rewritten(t, &st))
		check_size(t, &st, cause);
}

void
follow_check(struct file *t)
{
	check(t, CAUSE_HINT);
}

void
follow_check_surely(struct file *t)
{
	check(t, CAUSE_NEED);
}

void
follow_check_written(struct file *t)
{
	check(t, CAUSE_WRITTEN);
}
