#include "window.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "window_inside.h"

#define ROOM_FIRST 16
/* Slices in flight that are not joined: a quarter of max, but no more. */
#define APART 4096
/*
 * A slice that grows without end would never be acknowledged, so merging
 * stops when it has so many stream bytes.
 */
#define MERGED_MAX 65536

#define POS_MAX (UINT64_MAX >> 1)

struct window *
window_new(size_t max, const struct window_ops *ops, void *arg)
{
	struct window *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->ops = *ops;
	w->arg = arg;
	w->max = max;
	w->thin_at = WINDOW_KEPT_EXACT;
	return (w);
}

void
window_keep_apart(struct window *w)
{
	assert(w->count == 0);
	w->apart = true;
}

void
window_free(struct window *w)
{
	if (w == NULL)
		return;
	window_rewind(w, UINT64_MAX);
	free(w);
}

static int
grow(struct window *w)
{
	struct slice *ring;
	size_t room, first;

	room = w->room == 0 ? ROOM_FIRST : w->room * 2;
	if ((ring = reallocarray(NULL, room, sizeof(*ring))) == NULL)
		return (-1);
	if (w->count > 0) {
		first = w->room - w->head;
		if (first > w->count)
			first = w->count;
		memcpy(ring, &w->ring[w->head], first * sizeof(*ring));
		memcpy(
		    &ring[first], w->ring, (w->count - first) * sizeof(*ring));
	}
	free(w->ring);
	w->ring = ring;
	w->room = room;
	w->head = 0;
	return (0);
}

static void
release_oldest(struct window *w)
{
	struct cursor *cur = window_nth(w, 0)->cur;

	if (++w->head == w->room)
		w->head = 0;
	w->count--;
	w->kept--;
	if (w->forgotten > 0)
		w->forgotten--;
	if (cur != NULL && --cur->slices == 0)
		w->ops.on_released(cur, w->arg);
}

/*
 * Moves slices from in flight to kept to released, as the positions say.  A
 * slice that was acknowledged by itself takes acked_pos along, once all before
 * it are.
 */
static void
settle(struct window *w)
{
	struct cursor *moved = NULL;
	struct slice *s;

	while (w->kept < w->count) {
		s = window_nth(w, w->kept);
		if (s->pos > w->acked_pos && !s->done)
			break;
		if (s->pos > w->acked_pos)
			w->acked_pos = s->pos;
		w->kept++;
		if (moved != NULL && moved != s->cur) {
			w->ops.on_acked(moved, w->arg);
			moved = NULL;
		}
		if (s->cur != NULL && s->cur->acked != s->end) {
			s->cur->acked = s->end;
			moved = s->cur;
		}
	}
	if (moved != NULL)
		w->ops.on_acked(moved, w->arg);
	while (w->kept > 0 && window_nth(w, 0)->pos <= w->trimmed_pos)
		release_oldest(w);
}

/* Small slices of a lone busy file must not use up the window. */
static bool
merge(struct window *w, const struct cursor *cur, off_t end, uint64_t pos,
    uint64_t guard)
{
	struct slice *last;
	uint64_t from;

	size_t in_flight = w->count - w->kept;

	if (w->apart || in_flight == 0 || in_flight <= w->max / 4 ||
	    (w->max / 4 > APART && in_flight <= APART))
		return (false);
	last = window_nth(w, w->count - 1);
	if (last->cur != cur || last->end != cur->sent)
		return (false);
	from = w->count > 1 ? window_nth(w, w->count - 2)->pos : w->acked_pos;
	if (pos - from > MERGED_MAX && pos != last->pos)
		return (false);
	last->end = end;
	last->pos = pos & POS_MAX;
	last->guard = guard;
	return (true);
}

int
window_reserve(struct window *w, size_t n)
{
	if (n > window_room(w)) {
		errno = ENOBUFS;
		return (-1);
	}
	if (w->kept >= w->thin_at)
		window_thin_kept(w);
	while (w->room - w->count < n)
		if (grow(w) == -1)
			return (-1);
	return (0);
}

/* Who pushes many has reserved for all of them. */
static bool
has_reserved(const struct window *w)
{
	return (w->count < w->room && w->kept < w->thin_at &&
	    w->count - w->kept < w->max / 2);
}

static int
append(struct window *w, struct cursor *cur, off_t end, uint64_t pos,
    uint64_t guard)
{
	struct slice *s;

	if (!has_reserved(w) && window_reserve(w, 1) == -1)
		return (-1);
	cur->slices++;
	s = window_nth(w, w->count++);
	s->cur = cur;
	s->begin = cur->sent;
	s->end = end;
	s->pos = pos & POS_MAX;
	s->done = false;
	s->guard = guard;
	return (0);
}

int
window_push(struct window *w, struct cursor *cur, off_t end, uint64_t pos,
    uint64_t guard)
{
	assert(end >= cur->sent);
	assert(pos >= w->sent_pos);

	if (!merge(w, cur, end, pos, guard) &&
	    append(w, cur, end, pos, guard) == -1)
		return (-1);
	cur->sent = end;
	w->sent_pos = pos;
	/* Nothing is in flight, so no acknowledgement would come for it. */
	if (pos <= w->acked_pos)
		settle(w);
	return (0);
}

void
window_ack(struct window *w, uint64_t pos)
{
	if (pos > w->sent_pos)
		pos = w->sent_pos;
	if (pos <= w->acked_pos)
		return;
	w->acked_pos = pos;
	settle(w);
}

/* Returns the index of the first slice in flight that ends at pos or behind. */
static size_t
find(const struct window *w, uint64_t pos)
{
	size_t low = w->kept, high = w->count, middle;

	/* Most answers come in order. */
	if (low < high && window_nth(w, low)->pos >= pos)
		return (low);
	while (low < high) {
		middle = low + (high - low) / 2;
		if (window_nth(w, middle)->pos < pos)
			low = middle + 1;
		else
			high = middle;
	}
	return (low);
}

/* The first slice that ends there takes along those behind it that do too. */
void
window_ack_one(struct window *w, uint64_t pos)
{
	size_t i = find(w, pos);

	assert(w->apart);
	if (i == w->count || window_nth(w, i)->pos != pos)
		return;
	window_nth(w, i)->done = true;
	settle(w);
}

bool
window_slice_at(const struct window *w, uint64_t pos, struct cursor **cur,
    off_t *begin, off_t *end)
{
	size_t i = find(w, pos);
	const struct slice *s;

	if (i == w->count)
		return (false);
	s = window_nth(w, i);
	if (s->pos != pos || s->done || s->cur == NULL)
		return (false);
	*cur = s->cur;
	*begin = s->begin;
	*end = s->end;
	return (true);
}

void
window_trim(struct window *w, uint64_t pos)
{
	if (pos > w->acked_pos)
		pos = w->acked_pos;
	if (pos > w->trimmed_pos)
		w->trimmed_pos = pos;
	settle(w);
}

/*
 * From the newest to the oldest: when a cursor's last slice is reached, its
 * acked is where it has to be.
 */
void
window_rewind(struct window *w, uint64_t keep_pos)
{
	struct cursor *cur;
	struct slice *s;
	bool back;

	while (w->count > 0) {
		s = window_nth(w, --w->count);
		cur = s->cur;
		if (w->count < w->kept) {
			w->kept = w->count;
			if (cur != NULL && s->pos > keep_pos)
				cur->acked = s->begin;
		}
		if (cur == NULL || --cur->slices > 0)
			continue;
		back = cur->sent != cur->acked;
		cur->sent = cur->acked;
		if (back)
			w->ops.on_rewound(cur, w->arg);
		w->ops.on_released(cur, w->arg);
	}
	free(w->ring);
	w->ring = NULL;
	w->room = w->head = 0;
	w->thin_at = WINDOW_KEPT_EXACT;
	w->sent_pos = w->acked_pos = w->trimmed_pos = 0;
}

void
window_part(struct window *w, uint64_t keep_pos)
{
	struct cursor *cur;
	struct slice *s;

	while (w->count > 0) {
		s = window_nth(w, w->count - 1);
		cur = s->cur;
		if (w->count == w->kept && s->pos <= keep_pos)
			break;
		if (w->count == w->kept) {
			w->kept--;
			if (cur != NULL)
				cur->acked = s->begin;
		}
		w->count--;
		if (cur == NULL)
			continue;
		cur->slices--;
		if (cur->sent != cur->acked) {
			cur->sent = cur->acked;
			w->ops.on_rewound(cur, w->arg);
		}
		if (cur->slices == 0)
			w->ops.on_released(cur, w->arg);
	}
	w->sent_pos = w->acked_pos;
}

/*
 * The slices stay: what the receiver has to acknowledge is the same.  Files
 * that end together were sent together: those of the next one are near.
 */
void
window_forget(struct window *w, struct cursor *cur)
{
	size_t i = w->forgotten, n;

	if (cur->slices == 0)
		return;
	for (n = 0; n < w->count && cur->slices > 0; n++, i++) {
		if (i >= w->count)
			i = 0;
		if (window_nth(w, i)->cur != cur)
			continue;
		window_nth(w, i)->cur = NULL;
		cur->slices--;
		w->forgotten = i;
	}
	cur->slices = 0;
	w->ops.on_released(cur, w->arg);
}

static void
lower(off_t *offset, off_t most)
{
	if (*offset > most)
		*offset = most;
}

void
window_cut(struct window *w, struct cursor *cur, off_t end)
{
	struct slice *s;
	size_t n;

	for (n = 0; n < w->count; n++) {
		s = window_nth(w, n);
		if (s->cur != cur)
			continue;
		if (s->end > end)
			s->guard = 0;
		lower(&s->begin, end);
		lower(&s->end, end);
	}
	lower(&cur->sent, end);
	lower(&cur->acked, end);
}

bool
window_guard(const struct window *w, const struct cursor *cur, off_t most,
    off_t *at, uint64_t *guard)
{
	const struct slice *s;
	size_t i = w->count;

	if (cur->slices == 0)
		return (false);
	while (i-- > 0) {
		s = window_nth(w, i);
		if (s->cur != cur || s->guard == 0 || s->end > most)
			continue;
		*at = s->end;
		*guard = s->guard;
		return (true);
	}
	return (false);
}

uint64_t
window_sent_pos(const struct window *w)
{
	return (w->sent_pos);
}

uint64_t
window_acked_pos(const struct window *w)
{
	return (w->acked_pos);
}

uint64_t
window_in_flight(const struct window *w)
{
	return (w->sent_pos - w->acked_pos);
}

size_t
window_room(const struct window *w)
{
	size_t in_flight = w->count - w->kept, most = (w->max + 1) / 2;

	return (in_flight < most ? most - in_flight : 0);
}
