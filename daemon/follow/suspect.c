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
tail_unhold(struct tail *t)
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
release(struct tail *t, off_t offset)
{
	struct stream *s;

	tail_unhold(t);
	t->fresh = false;
	for (s = t->streams; s != NULL; s = s->next) {
		stream_go_to(s, offset);
		stream_wake(s);
	}
}

static void
spend(struct tail *t)
{
	say_info(tail_path(t).text,
	    "was a copy, and has been written over since: nothing of "
	    "what it has now is sent");
	tail_unhold(t);
	t->rotated = true;
	tail_spend(t, tail_fd(t), t->size);
}

/*
 * All of a copy is sent from the other file.  The checkpoint says so, too,
 * once it was received from there; before, the copy may still be needed.
 */
static void
pass_over(struct tail *t, int fd, const struct tail *of)
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
		stream_go_to(s, t->size);
		stream_guard_forget(s);
		stream_guard_set(s, &g);
	}
	tails_time(t);
}

/* Whether a file was truncated and may go on in one that is compared. */
struct suspicion {
	const struct alike *alike;
	bool is;
};

static void
suspect_of(struct tail *of, void *arg)
{
	struct suspicion *s = arg;
	struct guard g = tail_newest_guard(of);

	if (of->seeking && of->print.len > 0 &&
	    fingerprint_matches(&of->print, s->alike->head, s->alike->len) &&
	    (g.at == 0 || guard_holds(&g, s->alike->fd) != 0))
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
		tails_walk_unknown(h->t->all, suspect_of, &s);
	return (s.is);
}

/* The file may have been recorded as one of its own while it was empty. */
static void
end_records(struct tail *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next) {
		ledger_drop(tails_ledger(t->all), &s->mark, true);
		s->mark.is_recorded = false;
	}
}

/* Returns whether the file is held: there may be no memory. */
static bool
begin_to_hold(struct tail *t)
{
	if (t->held != NULL)
		return (true);
	if ((t->held = calloc(1, sizeof(*t->held))) == NULL)
		return (false);
	t->held->tail = t;
	LIST_INSERT_HEAD(tails_held(t->all), t->held, entry);
	return (true);
}

/*
 * Compares the file, and holds it if need be.  Returns whether nothing of it
 * is to be sent now.
 */
static bool
hold(struct tail *t)
{
	enum alike_verdict like = ALIKE_OTHER;
	struct tail *of = NULL;
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
		    tail_path(t).text, "is a copy of %s: not sent", of->name);
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
		ledger_mark(tails_ledger(t->all), &s->mark);
	tails_time(t);
	return (true);
}

bool
tail_release_unknown(struct tail *t)
{
	if (t->held == NULL || t->held->is_copy || !t->held->is_unknown ||
	    t->fd == -1)
		return (false);
	release(t, 0);
	return (true);
}

void
tail_hold_copy(struct tail *t, const struct tail *of)
{
	int fd = tail_fd(t);

	if (fd == -1 || !begin_to_hold(t)) {
		log_warn("%s", tail_path(t).text);
		return;
	}
	t->fresh = false;
	pass_over(t, fd, of);
}

void
tail_held_look(struct tail *t)
{
	const struct held *h = t->held;
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
begin_empty(struct tail *t)
{
	struct stream *s;

	release(t, 0);
	t->fresh = true;
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), &s->mark);
}

/* Whether a file has the name from which rotation makes the name of t. */
static bool
has_name_of_copy(const struct tail *t)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(t->name, i, base, sizeof(base)); i++)
		if (tail_at(t->place, base) != NULL)
			return (true);
	return (false);
}

bool
follow_held_is_cut_unread(const struct tail *t, const struct stat *st)
{
	return (st->st_size < t->size && tail_is_unread(t) &&
	    t->place != NULL && !has_name_of_copy(t));
}

void
tail_held_changed(struct tail *t, const struct stat *st)
{
	int fd = st->st_size > 0 ? tail_fd(t) : -1;

	t->size = st->st_size;
	tails_saw(t, st);
	t->changed = tails_now(t->all);
	t->print.len = 0;
	t->held->is_over = t->held->is_over || t->held->is_copy;
	t->held->is_copy = false;
	t->held->copied = 0;
	if (st->st_size == 0 && !t->held->is_over) {
		begin_empty(t);
		return;
	}
	if (fd != -1)
		(void)tail_update_print(t, fd);
	tail_held_look(t);
}

void
tail_held_leaves(struct tail *t)
{
	struct stream *s;

	if (!tail_is_held_for_now(t) || t->rotated || t->held->is_over ||
	    has_name_of_copy(t))
		return;
	release(t, 0);
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), &s->mark);
}

bool
tail_held_has_record(const struct tail *t)
{
	return (t->held == NULL ||
	    (t->held->is_copy ? tail_copy_is_received(t)
			      : t->held->is_unknown));
}

bool
tail_is_copy(const struct tail *t)
{
	return (t->held != NULL && t->held->is_copy);
}

/*
 * A file that has nothing of its own, and a name that rotation gives the
 * other, may still be anything; but not once the other is truncated.
 */
bool
tail_is_copy_of(const struct tail *t, const struct tail_copy *of, off_t size)
{
	const struct held *h = t->held;

	if (h == NULL || h->dev != of->dev || h->ino != of->ino ||
	    h->begun != of->begun || h->copied != size || size == 0)
		return (false);
	return (
	    h->is_copy || (!h->is_sought && rotation_is_of(t->name, of->name)));
}

static bool
is_of(const struct held *h, const struct tail *of)
{
	return (h->is_copy && h->dev == of->dev && h->ino == of->ino &&
	    h->begun == of->begun);
}

void
tail_held_moves(const struct tail *of, const struct stat *to)
{
	struct held *h;

	LIST_FOREACH(h, tails_held(of->all), entry)
	if (is_of(h, of)) {
		h->dev = to->st_dev;
		h->ino = to->st_ino;
	}
}

void
tail_held_taken_back(const struct tail *of)
{
	struct held *h;

	LIST_FOREACH(h, tails_held(of->all), entry)
	if (is_of(h, of) && h->tail->streams != NULL &&
	    h->tail->streams->mark.is_recorded) {
		end_records(h->tail);
		tails_time(h->tail);
	}
}

/* Whether something that a copy has was not received from its file. */
struct receipt {
	const struct tail *copy;
	bool lacks;
};

static void
ask_original(struct tail *of, void *arg)
{
	struct receipt *r = arg;
	const struct held *h = r->copy->held;
	const struct stream *s, *other;

	if (of->dev != h->dev || of->ino != h->ino || of->begun != h->begun)
		return;
	for (s = r->copy->streams; s != NULL; s = s->next) {
		other = tail_stream_to(of, s->route->dest);
		if (other != NULL && other->cursor.acked < h->copied)
			r->lacks = true;
	}
}

bool
tail_copy_is_received(const struct tail *t)
{
	struct tail *of = tails_find(t->all, t->held->dev, t->held->ino);
	struct receipt r = { .copy = t };

	if (of != NULL)
		ask_original(of, &r);
	/* What the file was before it was truncated may be in flight. */
	if (of == NULL || of->begun != t->held->begun)
		tails_walk_unknown(t->all, ask_original, &r);
	return (!r.lacks);
}

/*
 * Whether the checkpoint does not know yet that all of the copy was received.
 */
static bool
awaits_record(const struct tail *t)
{
	return (tail_is_copy(t) && t->streams != NULL &&
	    !t->streams->mark.is_recorded);
}

bool
tail_held_is_timed(const struct tail *t)
{
	return (tail_is_held_for_now(t) || awaits_record(t));
}

bool
tail_is_held_for_now(const struct tail *t)
{
	return (t->held != NULL && !t->held->is_copy && t->size > 0);
}

void
tail_held_by_time(struct tail *t, double quiet)
{
	struct stream *s;
	bool sought;

	if (awaits_record(t) && tail_copy_is_received(t))
		for (s = t->streams; s != NULL; s = s->next)
			ledger_mark(tails_ledger(t->all), &s->mark);
	if (!tail_is_held_for_now(t) || quiet < TAIL_HELD_FOR ||
	    t->place == NULL)
		return;
	sought = t->held->is_sought;
	/* Meanwhile only its time may have told that it is a copy. */
	if (hold(t) &&
	    (!t->known || t->held->is_copy ||
		(t->held->is_sought && quiet < SOUGHT_FOR)))
		return;
	if (!sought)
		say_notice(tail_path(t).text,
		    "has the same as another file, but is no copy for all "
		    "that is known: it is sent");
	release(t, 0);
}
