#include "window_inside.h"

/* Each cursor keeps one slice in every 64th of the stream bytes kept. */
#define KEPT_GRAINS 64

/*
 * Joins kept slices of one cursor that end in the same grain of the stream.
 * The joined one stands where the newest does and begins where the oldest does:
 * it is released later than they would be, and taken back as a whole.
 */
static void
join_kept(struct window *w, uint64_t grain)
{
	struct slice *s, *before;
	size_t i;

	for (i = 0; i < w->kept; i++) {
		s = window_nth(w, i);
		if (s->cur == NULL)
			continue;
		before =
		    s->cur->newest < i ? window_nth(w, s->cur->newest) : NULL;
		if (before != NULL && before->cur == s->cur &&
		    before->pos / grain == s->pos / grain) {
			s->begin = before->begin;
			before->cur = NULL;
			s->cur->slices--;
		}
		s->cur->newest = (uint32_t)i;
	}
}

/*
 * Takes out the kept slices that have no cursor: the others move up to those in
 * flight, of which there may be many more.
 */
static void
squeeze_kept(struct window *w)
{
	size_t i = w->kept, n = w->kept;

	while (i-- > 0) {
		if (window_nth(w, i)->cur == NULL)
			continue;
		if (--n != i)
			*window_nth(w, n) = *window_nth(w, i);
	}
	w->head = w->head + n < w->room ? w->head + n : w->head + n - w->room;
	w->count -= n;
	w->kept -= n;
}

/*
 * What is kept is never released for want of memory: it is known less exactly.
 */
void
window_thin_kept(struct window *w)
{
	uint64_t span = w->acked_pos - w->trimmed_pos;
	uint64_t grain = span / KEPT_GRAINS + 1;

	for (;; grain *= 4) {
		join_kept(w, grain);
		squeeze_kept(w);
		if (w->kept <= w->max / 4 || grain > span)
			break;
	}
	w->thin_at = w->kept < w->max / 4 ? w->kept * 2 : w->max / 2;
	if (w->thin_at < w->kept + w->kept / 2)
		w->thin_at = w->kept + w->kept / 2;
	if (w->thin_at < WINDOW_KEPT_EXACT)
		w->thin_at = WINDOW_KEPT_EXACT;
}
