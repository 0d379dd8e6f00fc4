/*
 * window_inside.h - a window as window.c and window_kept.c see it.
 */
#ifndef WINDOW_INSIDE_H
#define WINDOW_INSIDE_H

#include "window.h"

/* Fewer kept slices than these are never joined. */
#define WINDOW_KEPT_EXACT 4096

struct slice {
	struct cursor	*cur;		/* NULL: forgotten */
	off_t		 begin;
	off_t		 end;
	uint64_t	 pos:63;	/* where it ends in the stream */
	uint64_t	 done:1;	/* acknowledged by itself */
	uint64_t	 guard;		/* of end, or 0 */
};

_Static_assert(sizeof(struct slice) == WINDOW_SLICE, "WINDOW_SLICE");

/*
 * The ring holds slices by position: first the kept ones, then the ones in
 * flight.
 */
struct window {
	struct window_ops	 ops;
	void			*arg;
	struct slice		*ring;
	size_t			 room;	/* slices allocated */
	size_t			 max;	/* slices, see window_new() */
	size_t			 head;	/* index of the oldest */
	size_t			 count;	/* of slices */
	size_t			 kept;	/* of them acknowledged */
	size_t			 thin_at; /* kept, when some are joined */
	size_t			 forgotten; /* about where the last one was
					   that was forgotten */
	uint64_t		 sent_pos;
	uint64_t		 acked_pos;
	uint64_t		 trimmed_pos; /* never beyond acked_pos */
	bool			 apart;	/* slices are never joined */
};

/* Returns the ith slice, counted from the oldest. */
static inline struct slice *
window_nth(const struct window *w, size_t i)
{
	i += w->head;
	return (&w->ring[i < w->room ? i : i - w->room]);
}

/*
 * There are many kept slices: joins some that are next to each other, so that a
 * loss takes back a little more than it has to.
 */
void	window_thin_kept(struct window *);

#endif
