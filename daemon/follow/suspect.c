#include "daemon/follow/suspect.h"

#include <sys/queue.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/read.h"
#include "daemon/base/say.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/alike.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/rotation.h"

/* How long a file is held that cannot be compared, in seconds. */
#define SOUGHT_FOR 60.

void
suspect_end(struct file *t)
{
	if (t->held != NULL)
		LIST_REMOVE(t->held, entry);
	free(t->held);
	t->held = NULL;
}

/*
 * The file is sent, from an offset up to which it was sent from the other
 * file.
 */
static void
release(struct file *t, off_t offset)
{
	struct stream *s;

	suspect_end(t);
	t->fresh = false;
	for (s = t->streams; s != NULL; s = s->next) {
		follow_go_to(s, offset);
		stream_wake(s);
	}
}

static void
spend(struct file *t)
{
	say_info(file_path(t).text,
	    "was a copy, and has been written over since: nothing of "
	    "what it has now is sent");
	suspect_end(t);
	t->rotated = true;
	follow_spend(t, file_descriptor(t), t->size);
}

/*
 * All of a copy is sent from the other file.  The checkpoint says so, too,
 * once it was received from there; before, the copy may still be needed.
 */
static void
pass_over(struct file *t, int fd, const struct file *of)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(t->size);
	struct stream *s;
	struct guard g;
	ssize_t n;

	t->held->is_copy = true;
	t->held->copied = t->size;
	t->held->dev = of->dev;
	t->held->ino = of->ino;
	t->held->begun = of->begun;
	n = read_whole(fd, buf, len, t->size - (off_t)len);
	guard_of(&g, t->size, buf, n > 0 ? (size_t)n : 0);
	for (s = t->streams; s != NULL; s = s->next) {
		follow_go_to(s, t->size);
		stream_guard_forget(s);
		stream_guard_set(s, &g);
	}
	file_timer_add(t);
}

/* Whether a file was truncated and may go on in one that is compared. */
struct suspicion {
	const struct alike *alike;
	bool is;
};

static void
suspect_of(struct file *of, void *arg)
{
	struct suspicion *s = arg;
	struct guard g = streams_newest_guard(of);

	if (of->seeking && of->print.len > 0 &&
	    fingerprint_matches(&of->print, s->alike->head, s->alike->len) &&
	    (g.at == 0 || read_guard_holds(&g, s->alike->fd) != 0))
		s->is = true;
}

/*
 * Whether the new file may be the copy of a file whose copy is still looked
 * for.
 */
static bool
is_sought(const struct alike *h)
{
	struct suspicion s = { .alike = h };

	if (h->len > 0)
		file_table_walk_unknown(h->t->all, suspect_of, &s);
	return (s.is);
}

/* The file may have been recorded as one of its own while it was empty. */
static void
end_records(struct file *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next) {
		checkpointer_drop(
		    file_table_checkpointer(t->all), &s->mark, true);
		s->mark.is_recorded = false;
	}
}

/* Returns whether the file is held: there may be no memory. */
static bool
begin_to_hold(struct file *t)
{
	if (t->held != NULL)
		return (true);
	if ((t->held = calloc(1, sizeof(*t->held))) == NULL)
		return (false);
	t->held->file = t;
	LIST_INSERT_HEAD(file_table_suspects(t->all), t->held, entry);
	return (true);
}

/*
 * Compares the file, and holds it if need be.  Returns whether nothing of it
 * is to be sent now.
 */
static bool
hold(struct file *t)
{
	enum alike_verdict like = ALIKE_OTHER;
	struct file *of = NULL;
	struct stream *s;
	struct alike h;
	bool sought, unknown, first = t->held == NULL;
	size_t i;

	unknown = alike_find(&h, t) == -1;
	for (i = 0; i < h.n && (like == ALIKE_OTHER || like == ALIKE_UNKNOWN);
	     i++) {
		like = alike_compare(&h, i, &of);
		unknown |= like == ALIKE_UNKNOWN;
	}
	if (like == ALIKE_UNKNOWN)
		like = ALIKE_OTHER;
	sought = like == ALIKE_OTHER && (unknown || is_sought(&h));
	if (sought)
		like = ALIKE_LIKE;
	if (like == ALIKE_OTHER || like == ALIKE_TAKEN)
		return (like == ALIKE_TAKEN);
	if (!begin_to_hold(t))
		return (false);
	if (!unknown && (first || t->held->is_unknown))
		end_records(t);
	if (like == ALIKE_COPY && !t->held->is_copy)
		say_info(
		    file_path(t).text, "is a copy of %s: not sent", of->name);
	if (like == ALIKE_COPY) {
		pass_over(t, h.fd, of);
		return (true);
	}
	t->held->copied = t->size;
	t->held->is_copy = false;
	t->held->is_sought = sought;
	if (!sought) {
		t->held->dev = of->dev;
		t->held->ino = of->ino;
		t->held->begun = of->begun;
	}
	t->held->is_unknown = unknown;
	for (s = t->streams; unknown && s != NULL; s = s->next)
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
	file_timer_add(t);
	return (true);
}

bool
suspect_release_unknown(struct file *t)
{
	if (t->held == NULL || t->held->is_copy || !t->held->is_unknown ||
	    t->fd == -1)
		return (false);
	release(t, 0);
	return (true);
}

void
suspect_hold_copy(struct file *t, const struct file *of)
{
	int fd = file_descriptor(t);

	if (fd == -1 || !begin_to_hold(t)) {
		log_warn("%s", file_path(t).text);
		return;
	}
	t->fresh = false;
	pass_over(t, fd, of);
}

void
suspect_look(struct file *t)
{
	const struct suspect *h = t->held;
	bool was_copy = h != NULL && h->is_copy;
	off_t copied = was_copy ? h->copied : 0;

	if ((h == NULL && !t->fresh) || t->size == 0 ||
	    (h != NULL && t->size == h->copied))
		return;
	if (hold(t))
		t->fresh = false;
	else if (h != NULL && h->is_over)
		spend(t);
	else
		/* What it had as a copy was sent from the other file. */
		release(t, copied);
}

/*
 * The file is empty now: its next content may be anything, and is compared
 * then.
 */
static void
begin_empty(struct file *t)
{
	struct stream *s;

	release(t, 0);
	t->fresh = true;
	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
}

/* Whether a file has the name from which rotation makes the name of t. */
static bool
has_name_of_copy(const struct file *t)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(t->name, i, base, sizeof(base)); i++)
		if (names_at(t->place, base) != NULL)
			return (true);
	return (false);
}

bool
follow_held_is_cut_unread(const struct file *t, const struct stat *st)
{
	return (st->st_size < t->size && streams_are_unread(t) &&
	    t->place != NULL && !has_name_of_copy(t));
}

void
suspect_changed(struct file *t, const struct stat *st)
{
	int fd = st->st_size > 0 ? file_descriptor(t) : -1;

	t->size = st->st_size;
	file_saw(t, st);
	t->changed = file_table_now(t->all);
	t->print.len = 0;
	t->held->is_over = t->held->is_over || t->held->is_copy;
	t->held->is_copy = false;
	t->held->copied = 0;
	if (st->st_size == 0 && !t->held->is_over) {
		begin_empty(t);
		return;
	}
	if (fd != -1)
		(void)streams_update_print(t, fd);
	suspect_look(t);
}

void
suspect_leaves(struct file *t)
{
	struct stream *s;

	if (!suspect_is_for_now(t) || t->rotated || t->held->is_over ||
	    has_name_of_copy(t))
		return;
	release(t, 0);
	for (s = t->streams; s != NULL; s = s->next)
		checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
}

bool
suspect_has_record(const struct file *t)
{
	return (t->held == NULL ||
	    (t->held->is_copy ? suspect_is_received(t) : t->held->is_unknown));
}

bool
suspect_is_copy(const struct file *t)
{
	return (t->held != NULL && t->held->is_copy);
}

/*
 * A file that has nothing of its own, and a name that rotation gives the
 * other, may still be anything; but not once the other is truncated.
 */
bool
suspect_is_copy_of(
    const struct file *t, const struct copy_wanted *of, off_t size)
{
	const struct suspect *h = t->held;

	if (h == NULL || h->dev != of->dev || h->ino != of->ino ||
	    h->begun != of->begun || h->copied != size || size == 0)
		return (false);
	return (
	    h->is_copy || (!h->is_sought && rotation_is_of(t->name, of->name)));
}

static bool
is_of(const struct suspect *h, const struct file *of)
{
	return (h->is_copy && h->dev == of->dev && h->ino == of->ino &&
	    h->begun == of->begun);
}

void
suspect_copies_move(const struct file *of, const struct stat *to)
{
	struct suspect *h;

	LIST_FOREACH(h, file_table_suspects(of->all), entry)
	if (is_of(h, of)) {
		h->dev = to->st_dev;
		h->ino = to->st_ino;
	}
}

void
suspect_taken_back(const struct file *of)
{
	struct suspect *h;

	LIST_FOREACH(h, file_table_suspects(of->all), entry)
	if (is_of(h, of) && h->file->streams != NULL &&
	    h->file->streams->mark.is_recorded) {
		end_records(h->file);
		file_timer_add(h->file);
	}
}

/* Whether something that a copy has was not received from its file. */
struct receipt {
	const struct file *copy;
	bool lacks;
};

static void
ask_original(struct file *of, void *arg)
{
	struct receipt *r = arg;
	const struct suspect *h = r->copy->held;
	const struct stream *s, *other;

	if (of->dev != h->dev || of->ino != h->ino || of->begun != h->begun)
		return;
	for (s = r->copy->streams; s != NULL; s = s->next) {
		other = streams_find(of, s->route->dest);
		if (other != NULL && other->cursor.acked < h->copied)
			r->lacks = true;
	}
}

bool
suspect_is_received(const struct file *t)
{
	struct file *of = file_table_find(t->all, t->held->dev, t->held->ino);
	struct receipt r = { .copy = t };

	if (of != NULL)
		ask_original(of, &r);
	/* What the file was before it was truncated may be in flight. */
	if (of == NULL || of->begun != t->held->begun)
		file_table_walk_unknown(t->all, ask_original, &r);
	return (!r.lacks);
}

/*
 * Whether the checkpoint does not know yet that all of the copy was received.
 */
static bool
awaits_record(const struct file *t)
{
	return (suspect_is_copy(t) && t->streams != NULL &&
	    !t->streams->mark.is_recorded);
}

bool
suspect_is_timed(const struct file *t)
{
	return (suspect_is_for_now(t) || awaits_record(t));
}

bool
suspect_is_for_now(const struct file *t)
{
	return (t->held != NULL && !t->held->is_copy && t->size > 0);
}

void
suspect_by_time(struct file *t, double quiet)
{
	struct stream *s;
	bool sought;

	if (awaits_record(t) && suspect_is_received(t))
		for (s = t->streams; s != NULL; s = s->next)
			checkpointer_mark(
			    file_table_checkpointer(t->all), &s->mark);
	if (!suspect_is_for_now(t) || quiet < SUSPECT_FOR || t->place == NULL)
		return;
	sought = t->held->is_sought;
	/* Meanwhile only its time may have told that it is a copy. */
	if (hold(t) &&
	    (!t->known || t->held->is_copy ||
		(t->held->is_sought && quiet < SOUGHT_FOR)))
		return;
	if (!sought)
		say_notice(file_path(t).text,
		    "has the same as another file, but is no copy for all "
		    "that is known: it is sent");
	release(t, 0);
}
