/*
 * window.h - what was sent to one receiver, and not acknowledged yet.
 *
 * A slice is a run of a file's bytes and the place where its frames end in the
 * stream of bytes to the receiver.  A cursor's acked offset moves only over
 * the unbroken run at the head, so it never passes bytes that can be lost.
 * Acknowledged slices may be kept for a while: a receiver that dies can have
 * acknowledged what its program never read, and then they are sent again.
 * Offsets are bytes from the start of the file, positions bytes from the start
 * of the connection.  Pure: no I/O, no clock.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window;				/* opaque */

struct cursor {				/* embedded by its owner */
	off_t		sent;		/* given to the connection up to here */
	off_t		acked;		/* the receiver has it up to here */
	uint32_t	slices;		/* in some window, kept ones included */
	uint32_t	newest;		/* window.c's own */
};

/* All three are needed.  None may call the window: mark, and act later. */
struct window_ops {
	/* cur->acked has moved forward: once for slices in a row. */
	void	(*on_acked)(struct cursor *cur, void *arg);
	/* cur->sent (and maybe acked) has gone back: once a rewind. */
	void	(*on_rewound)(struct cursor *cur, void *arg);
	/* The window holds no slice of cur any more. */
	void	(*on_released)(struct cursor *cur, void *arg);
};

#define WINDOW_SLICE	40		/* octets of memory for a slice */

/*
 * Returns a window that calls ops with arg.  At most half of max slices can be
 * in flight.  Kept slices are never released before window_trim() allows it:
 * when there are many, those of one cursor are joined, so that after a loss a
 * little more than keep_pos asks for is sent again.  One slice for each cursor
 * stays, though that may be more than the other half of max.  Memory grows with
 * the slices that are really in the window.  NULL with ENOMEM.
 */
struct window	*window_new(size_t max, const struct window_ops *, void *arg);

/*
 * Slices in flight are never joined, so that each can be acknowledged by
 * itself.  For an empty window.
 */
void	window_keep_apart(struct window *);

/*
 * Frees the window, NULL is fine.  Its cursors are rewound first if rewind was
 * not called; what is acknowledged stays so.
 */
void	window_free(struct window *);

/*
 * Notes that the stream bytes up to pos carry cur's file from cur->sent up to
 * end, and sets cur->sent to end.  guard is the hash of the guard of end
 * (fingerprint.h), or 0: window_guard() tells it.  Borrows cur until
 * on_released.  pos and end never go backwards; a slice of no stream bytes (all
 * lines dropped) is fine, and is acknowledged at once when nothing is in
 * flight.
 * Where many slices are in flight, small ones of one cursor that are next to
 * each other are joined: they are acknowledged together.
 * Returns 0, or -1 with ENOBUFS when full: stop pulling; or ENOMEM.
 */
int	window_push(struct window *, struct cursor *cur, off_t end,
	    uint64_t pos, uint64_t guard);

/*
 * Makes sure that the next n calls of window_push() succeed: ask before what
 * is pushed is made.  Returns 0, or -1 with ENOBUFS: wait for acknowledgements;
 * or ENOMEM.
 */
int	window_reserve(struct window *, size_t n);

/* All stream bytes up to pos are acknowledged. */
void	window_ack(struct window *, uint64_t pos);

/*
 * The slices that end exactly at pos are acknowledged, those before them need
 * not be; without such a slice in flight nothing happens.  For a window that
 * keeps slices apart.
 */
void	window_ack_one(struct window *, uint64_t pos);

/*
 * Finds the slice in flight whose stream bytes end exactly at pos, and which
 * bytes of whose file it carries.  Returns false if there is none, or it was
 * acknowledged or forgotten.
 */
bool	window_slice_at(const struct window *, uint64_t pos,
	    struct cursor **cur, off_t *begin, off_t *end);

/* Kept slices that end at or before pos are released.  No more than acked. */
void	window_trim(struct window *, uint64_t pos);

/*
 * The connection is lost: every cursor's sent goes back to acked, and for kept
 * slices that end behind keep_pos also acked goes back to their start.  All
 * slices are released, positions begin again at 0.
 */
void	window_rewind(struct window *, uint64_t keep_pos);

/*
 * The connection has come to an end, but it may still turn out that the
 * receiver has not read all of it: as window_rewind(), but the kept slices up
 * to keep_pos stay, and positions go on from what is acknowledged.
 */
void	window_part(struct window *, uint64_t keep_pos);

/*
 * cur's slices no longer count (its file was truncated): cur is released, and
 * their acknowledgement will not move it.  sent and acked are the caller's to
 * set.  The stream's positions stay as they are, and the slices keep their
 * places until they are acknowledged.
 */
void	window_forget(struct window *, struct cursor *cur);

/*
 * cur's file ends at end: what was sent of it beyond that is neither sent again
 * nor acknowledged.  sent and acked are end at the most from now on.
 */
void	window_cut(struct window *, struct cursor *cur, off_t end);

/*
 * The newest guard at or below most of what the window holds of cur's file,
 * kept slices included.  Returns false when there is none.
 */
bool	window_guard(const struct window *, const struct cursor *cur,
	    off_t most, off_t *at, uint64_t *guard);

/* Return up to which position stream bytes were pushed, and acknowledged. */
uint64_t	window_sent_pos(const struct window *);
uint64_t	window_acked_pos(const struct window *);

/* Returns the number of stream bytes between the two. */
uint64_t	window_in_flight(const struct window *);

/* Returns how many slices window_push() takes before it is full. */
size_t	window_room(const struct window *);

#endif
