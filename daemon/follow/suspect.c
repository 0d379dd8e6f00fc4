#include "daemon/follow/suspect.h"

#include <sys/queue.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/rotation.h"

#define BESIDE 16 /* names on either side */
#define GENERATIONS 64 /* names that begin alike */
#define ALIKE 16 /* files that begin alike */
/* How long one is held that cannot be compared, in seconds. */
#define SOUGHT_FOR 60.

struct held {
	LIST_ENTRY(held) entry;
	struct tail *tail;
	off_t copied; /* what is the same up to there */
	bool is_copy; /* for good: of the file that is */
	dev_t dev;
	ino_t ino;
	uint32_t begun; /* as it was then */
	bool is_over; /* it was, and has been written over since */
	bool is_sought; /* may be one that could not be looked for yet */
	bool is_unknown; /* or one that could not be compared */
};

/* What a new file is compared with: files that begin like it. */
struct hunt {
	struct tail *t;
	int fd;
	uint8_t head[FINGERPRINT_MAX];
	size_t len;
	struct {
		dev_t dev;
		ino_t ino;
	} alike[ALIKE];
	size_t n;
};

/* Returns 1 or 0, or -1 when they could not be read. */
static int
is_same_at(int a, int b, off_t at, size_t n)
{
	uint8_t x[TAIL_HELD_COMPARED], y[TAIL_HELD_COMPARED];
	ssize_t nx = read_whole(a, x, n, at), ny = read_whole(b, y, n, at);

	if (nx == -1 || ny == -1)
		return (-1);
	return (nx == (ssize_t)n && ny == (ssize_t)n && memcmp(x, y, n) == 0);
}

/*
 * Whether the first size octets of both are the same, by both their ends: 1 or
 * 0, or -1 when they could not be read.
 */
static int
is_prefix(int fd, struct tail *of, off_t size)
{
	size_t n =
	    size < TAIL_HELD_COMPARED ? (size_t)size : TAIL_HELD_COMPARED;
	int b = tail_fd(of), same;

	if (b == -1)
		return (of->place != NULL ? -1 : 0);
	if ((same = is_same_at(fd, b, 0, n)) != 1)
		return (same);
	return (is_same_at(fd, b, size - (off_t)n, n));
}

/* The name that a source means it by. */
static const char *
base_of(const struct tail *of)
{
	const char *old = tail_old_path(of);

	return (old != NULL ? strrchr(old, '/') + 1 : of->name);
}

/*
 * Whether what is known of a file is more than there is in t, as it was written
 * to since: then only a look at both can tell.
 */
static bool
is_known_longer(const struct hunt *h, const struct tail *of)
{
	return (h->len > 0 && of->print.len > h->len);
}

/* Whether t may be a copy of a file, by what is known without a look at it. */
static bool
begins_alike(const struct hunt *h, const struct tail *of)
{
	if (of == NULL || of == h->t || !of->known || of->spent || of->fresh ||
	    (of->held != NULL && !of->held->is_copy) ||
	    (of->print.len == 0) != (h->len == 0) || of->size == 0 ||
	    of->packed != INFLATE_NONE)
		return (false);
	if (is_known_longer(h, of))
		return (rotation_is_of(h->t->name, base_of(of)));
	if (!fingerprint_matches(&of->print, h->head, h->len))
		return (false);
	return (h->t->size >= GUARD_MAX || h->t->written_ns == of->written_ns ||
	    rotation_is_of(h->t->name, base_of(of)));
}

/* Returns whether there is room for more. */
static bool
add(struct hunt *h, const struct tail *of)
{
	if (begins_alike(h, of)) {
		h->alike[h->n].dev = of->dev;
		h->alike[h->n++].ino = of->ino;
	}
	return (h->n < ALIKE);
}

/* The files whose names have the first n octets of base. */
static void
add_generations(struct hunt *h, struct place *place, const char *base, size_t n)
{
	char stem[NAME_MAX + 1];
	struct tail *t;
	unsigned i = 0;

	(void)strlcpy(stem, base, n + 1 < sizeof(stem) ? n + 1 : sizeof(stem));
	for (t = tail_behind(place, stem); t != NULL && i < GENERATIONS &&
	     strncmp(t->name, stem, n) == 0 && add(h, t);
	     t = tail_behind(place, t->name))
		i++;
}

static void
add_beside(struct hunt *h)
{
	struct tail *t = h->t;
	unsigned n;

	for (n = 0; n < BESIDE && (t = tail_before_name(t)) != NULL; n++)
		if (!add(h, t))
			return;
	t = h->t;
	for (n = 0; n < BESIDE && (t = tail_behind(t->place, t->name)) != NULL;
	     n++)
		if (!add(h, t))
			return;
}

static bool
visit(struct place *place, void *arg)
{
	struct hunt *h = arg;
	char base[NAME_MAX + 1];
	bool own = place == h->t->place, room = true;
	size_t i;

	for (i = 0; room && rotation_base(h->t->name, i, base, sizeof(base));
	     i++) {
		room = add(h, tail_at(place, base));
		if (room && own) {
			add_generations(h, place, base, strlen(base));
			add_generations(h, place, base, strcspn(base, "."));
		}
		room = h->n < ALIKE;
	}
	if (room && own)
		add_beside(h);
	return (h->n == ALIKE);
}

/* Returns 0, or -1 when it could not be read. */
static int
find_alike(struct hunt *h, struct tail *t)
{
	const struct tails_finder *finder = tails_finder(t->all);
	int n;

	memset(h, 0, sizeof(*h));
	h->t = t;
	if (t->place == NULL)
		return (0);
	if ((h->fd = tail_fd(t)) == -1)
		return (-1);
	if ((n = fingerprint_head(h->fd, h->head)) == -1) {
		tail_cannot_be_read(t, errno);
		return (-1);
	}
	h->len = (size_t)n;
	if (finder->near == NULL)
		(void)visit(t->place, h);
	else
		finder->near(t->place, visit, h);
	return (0);
}

enum likeness {
	OTHER, /* has something of its own */
	UNKNOWN, /* one of them could not be read */
	LIKE, /* has nothing of its own */
	COPY, /* and is a copy for good */
	TAKEN /* the other has just gone on in it */
};

/*
 * Whether it was given the time of the other.  Two that were written in the
 * same tick of the clock have it, too, but as they changed last then.
 */
static bool
has_time_of(const struct hunt *h, const struct tail *of)
{
	struct stat st;

	return (h->t->written_ns == of->written_ns && fstat(h->fd, &st) == 0 &&
	    is_time_set(&st));
}

static enum likeness
likeness(const struct hunt *h, const struct tail *of, bool has_all_sent)
{
	if (has_time_of(h, of))
		return (COPY);
	return (has_all_sent && h->t->size >= GUARD_MAX &&
		    rotation_is_copy_of(h->t->name, base_of(of))
		? COPY
		: LIKE);
}

/*
 * What was sent of the other is told by its guard, for it may have been copied
 * over since by the same rotation.  Else it is looked at first: it may have
 * been truncated, and go on in t, which is not known any more then.
 */
static enum likeness
compare(struct hunt *h, size_t i, struct tail **with)
{
	struct tail *t = h->t, *of;
	struct guard g;
	int all = 0, same;

	of = tails_find(t->all, h->alike[i].dev, h->alike[i].ino);
	if (of == NULL)
		return (OTHER);
	*with = of;
	g = tail_newest_guard(of);
	if (g.at > 0 && g.at <= t->size && (all = guard_holds(&g, h->fd)) == -1)
		return (UNKNOWN);
	if (all && g.at == t->size)
		return (likeness(h, of, all));
	tails_ops(t->all)->check_surely(of);
	if (!t->known)
		return (TAKEN);
	of = tails_find(t->all, h->alike[i].dev, h->alike[i].ino);
	if (of == NULL || (same = is_prefix(h->fd, of, t->size)) == 0)
		return (OTHER);
	if (same == -1)
		return (UNKNOWN);
	*with = of;
	return (likeness(h, of, all));
}

void
tail_unhold(struct tail *t)
{
	if (t->held != NULL)
		LIST_REMOVE(t->held, entry);
	free(t->held);
	t->held = NULL;
}

/* It is sent, from offset where something was sent from elsewhere. */
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
 * All of a copy is sent from the other: so says the checkpoint, too, once it
 * was received from there.  Before, it may still be needed.
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

/* Whether a file was truncated and may go on in that of the hunt. */
struct suspicion {
	const struct hunt *hunt;
	bool is;
};

static void
suspect_of(struct tail *of, void *arg)
{
	struct suspicion *s = arg;
	struct guard g = tail_newest_guard(of);

	if (of->seeking && of->print.len > 0 &&
	    fingerprint_matches(&of->print, s->hunt->head, s->hunt->len) &&
	    (g.at == 0 || guard_holds(&g, s->hunt->fd) != 0))
		s->is = true;
}

/* Nobody could look for the copy of that file yet. */
static bool
is_sought(const struct hunt *h)
{
	struct suspicion s = { .hunt = h };

	if (h->len > 0)
		tails_walk_unknown(h->t->all, suspect_of, &s);
	return (s.is);
}

/* It may have been recorded as a file of its own, while it was empty. */
static void
end_records(struct tail *t)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next) {
		ledger_drop(tails_ledger(t->all), &s->mark, true);
		s->mark.is_recorded = false;
	}
}

/* Returns whether it can be. */
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

/* Returns whether nothing of t is to be sent now. */
static bool
hold(struct tail *t)
{
	enum likeness like = OTHER;
	struct tail *of = NULL;
	struct stream *s;
	struct hunt h;
	bool sought, unknown, first = t->held == NULL;
	size_t i;

	unknown = find_alike(&h, t) == -1;
	for (i = 0; i < h.n && (like == OTHER || like == UNKNOWN); i++) {
		like = compare(&h, i, &of);
		unknown |= like == UNKNOWN;
	}
	if (like == UNKNOWN)
		like = OTHER;
	sought = like == OTHER && (unknown || is_sought(&h));
	if (sought)
		like = LIKE;
	if (like == OTHER || like == TAKEN)
		return (like == TAKEN);
	if (!begin_to_hold(t))
		return (false);
	if (!unknown && (first || t->held->is_unknown))
		end_records(t);
	if (like == COPY && !t->held->is_copy)
		say_info(
		    tail_path(t).text, "is a copy of %s: not sent", of->name);
	if (like == COPY) {
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
		/* Up to where it was a copy it was sent from the other. */
		release(t, copied);
}

/* What comes into it next may be anything, and is looked at then. */
static void
begin_empty(struct tail *t)
{
	struct stream *s;

	release(t, 0);
	t->fresh = true;
	for (s = t->streams; s != NULL; s = s->next)
		ledger_mark(tails_ledger(t->all), &s->mark);
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

/* Whether a file has the name from which rotation makes that of t. */
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
 * What has nothing of its own, and a name that rotation gives the other, may
 * still be anything; not any more when the other is truncated.
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
	/* What a file was before it was truncated may be in flight. */
	if (of == NULL || of->begun != t->held->begun)
		tails_walk_unknown(t->all, ask_original, &r);
	return (!r.lacks);
}

/* Whether the checkpoint does not know yet that all of it was received. */
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
	/* Only its time may have told meanwhile. */
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
