/*
 * Goal: a cursor's acked never passes a byte that can be lost, every borrowed
 * cursor comes back, and positions, trimming, merging and rewinding agree with
 * a plain model under any order of calls.
 */
#include "lib/window.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct file {
	struct cursor cur; /* first: callbacks recover the file from it */
	unsigned acked;
	unsigned rewound;
	unsigned released;
	off_t acked_at; /* cur.acked when on_acked was called last */
	off_t rewound_to;
};

static int here; /* what the callbacks get as arg */

static void
on_acked(struct cursor *cur, void *arg)
{
	struct file *f = (struct file *)cur;

	assert_ptr_equal(arg, &here);
	assert_true(cur->acked > f->acked_at);
	assert_true(cur->slices > 0);
	f->acked++;
	f->acked_at = cur->acked;
}

static void
on_rewound(struct cursor *cur, void *arg)
{
	struct file *f = (struct file *)cur;

	assert_ptr_equal(arg, &here);
	assert_int_equal(cur->sent, cur->acked);
	f->rewound++;
	f->acked_at = cur->acked;
	f->rewound_to = cur->sent;
}

static void
on_released(struct cursor *cur, void *arg)
{
	struct file *f = (struct file *)cur;

	assert_ptr_equal(arg, &here);
	assert_int_equal(cur->slices, 0);
	f->released++;
}

static const struct window_ops ops = { on_acked, on_rewound, on_released };

/* One in which so many slices can be in flight. */
static struct window *
new_window(size_t in_flight)
{
	struct window *w = window_new(2 * in_flight, &ops, &here);

	assert_non_null(w);
	return (w);
}

static int
push(struct window *w, struct cursor *cur, off_t end, uint64_t pos)
{
	return (window_push(w, cur, end, pos, 0));
}

static void
assert_cursor(const struct file *f, off_t sent, off_t acked)
{
	assert_int_equal(f->cur.sent, sent);
	assert_int_equal(f->cur.acked, acked);
}

static void
an_ack_moves_acked_up_to_the_slices_that_end_there(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 130), 0);
	assert_int_equal(push(w, &f.cur, 200, 260), 0);
	assert_cursor(&f, 200, 0);
	window_ack(w, 130);
	assert_cursor(&f, 200, 100);
	window_ack(w, 260);
	assert_cursor(&f, 200, 200);
	assert_int_equal(f.acked, 2);
	window_free(w);
}

static void
an_ack_in_the_middle_of_a_slice_does_not_move_the_offset(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 130), 0);
	window_ack(w, 129);
	assert_cursor(&f, 100, 0);
	assert_int_equal(f.acked, 0);
	assert_int_equal(window_in_flight(w), 1);
	window_free(w);
}

static void
an_old_or_repeated_ack_changes_nothing(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 130), 0);
	window_ack(w, 130);
	window_ack(w, 130);
	window_ack(w, 20);
	assert_int_equal(f.acked, 1);
	assert_int_equal(window_acked_pos(w), 130);
	window_free(w);
}

static void
an_ack_beyond_what_was_sent_counts_as_all_of_it(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 130), 0);
	window_ack(w, UINT64_MAX);
	assert_cursor(&f, 100, 100);
	assert_int_equal(window_acked_pos(w), 130);
	assert_int_equal(push(w, &f.cur, 200, 260), 0);
	assert_cursor(&f, 200, 100);
	window_free(w);
}

static void
positions_count_stream_bytes_and_not_file_bytes(void **state)
{
	struct window *w = new_window(8);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(window_sent_pos(w), 0);
	assert_int_equal(push(w, &a.cur, 10, 70), 0);
	assert_int_equal(push(w, &b.cur, 1000, 100), 0);
	assert_int_equal(window_sent_pos(w), 100);
	assert_int_equal(window_in_flight(w), 100);
	window_ack(w, 70);
	assert_int_equal(window_in_flight(w), 30);
	assert_cursor(&a, 10, 10);
	assert_cursor(&b, 1000, 0);
	window_free(w);
}

static void
dropped_lines_are_acknowledged_with_what_went_before(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 130), 0);
	assert_int_equal(push(w, &f.cur, 900, 130), 0);
	assert_cursor(&f, 900, 0);
	window_ack(w, 130);
	assert_cursor(&f, 900, 900);
	window_free(w);
}

static void
dropped_lines_are_acknowledged_at_once_when_nothing_is_in_flight(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 900, 0), 0);
	assert_cursor(&f, 900, 900);
	assert_int_equal(f.released, 1);

	assert_int_equal(push(w, &f.cur, 1000, 50), 0);
	window_ack(w, 50);
	assert_int_equal(push(w, &f.cur, 2000, 50), 0);
	assert_cursor(&f, 2000, 2000);
	assert_int_equal(f.released, 1);
	window_free(w);
}

static void
an_acknowledged_slice_is_kept_until_it_is_trimmed(void **state)
{
	struct window *w = new_window(8);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 100), 0);
	assert_int_equal(push(w, &b.cur, 10, 200), 0);
	window_ack(w, 200);
	assert_int_equal(a.cur.slices, 1);
	window_trim(w, 99);
	assert_int_equal(a.released, 0);
	window_trim(w, 100);
	assert_int_equal(a.released, 1);
	assert_int_equal(b.released, 0);
	window_trim(w, 200);
	assert_int_equal(b.released, 1);
	window_free(w);
	assert_int_equal(a.released, 1);
	assert_int_equal(b.rewound, 0);
}

static void
a_trim_beyond_what_is_acknowledged_waits_for_nothing(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 10, 100), 0);
	assert_int_equal(push(w, &f.cur, 20, 200), 0);
	window_ack(w, 100);
	window_trim(w, UINT64_MAX);
	assert_int_equal(f.cur.slices, 1);
	window_ack(w, 200);
	assert_int_equal(f.cur.slices, 1);
	assert_cursor(&f, 20, 20);
	window_free(w);
}

static void
a_full_window_refuses_and_leaves_the_cursor_alone(void **state)
{
	struct window *w = new_window(2);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 10, 20), 0);
	errno = 0;
	assert_int_equal(push(w, &a.cur, 20, 30), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_cursor(&a, 10, 0);
	assert_int_equal(a.cur.slices, 1);
	assert_int_equal(window_sent_pos(w), 20);
	window_ack(w, 10);
	window_trim(w, 10);
	assert_int_equal(push(w, &a.cur, 20, 30), 0);
	window_free(w);
}

static void
a_window_of_no_slices_is_always_full(void **state)
{
	struct window *w = new_window(0);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 10, 10), -1);
	assert_int_equal(errno, ENOBUFS);
	window_free(w);
}

static void
kept_slices_are_never_released_before_they_are_trimmed(void **state)
{
	struct window *w = new_window(2);
	struct file a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 10, 20), 0);
	window_ack(w, 20);
	assert_int_equal(push(w, &c.cur, 10, 30), 0);
	window_ack(w, 30);
	assert_int_equal(push(w, &c.cur, 20, 40), 0);
	assert_int_equal(a.released + b.released + c.released, 0);
	window_rewind(w, 0);
	assert_cursor(&a, 0, 0);
	assert_cursor(&b, 0, 0);
	assert_cursor(&c, 0, 0);
	window_free(w);
}

static void
what_is_reserved_can_be_pushed_and_no_more_is_reserved(void **state)
{
	struct window *w = new_window(3);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(window_reserve(w, 4), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(window_reserve(w, 3), 0);
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 10, 20), 0);
	assert_int_equal(window_reserve(w, 2), -1);
	assert_int_equal(window_room(w), 1);
	window_ack(w, 10);
	assert_int_equal(window_room(w), 2);
	assert_int_equal(window_reserve(w, 2), 0);
	window_free(w);
}

/*
 * What is kept of many files, far more slices than the window has room for, is
 * all taken back, and little of what was trimmed is.
 */
static void
many_kept_slices_are_joined_and_all_are_taken_back(void **state)
{
	enum {
		MANY = 400,
		LINES = 500,
		LINE = 10
	};
	static struct file files[MANY];
	struct window *w = new_window(65536);
	uint64_t pos = 0, keep;
	int i, line;

	(void)state;
	memset(files, 0, sizeof(files));
	for (line = 1; line <= LINES; line++) {
		for (i = 0; i < MANY; i++) {
			pos += LINE;
			assert_int_equal(
			    push(w, &files[i].cur, line * LINE, pos), 0);
		}
		window_ack(w, pos);
	}
	for (i = 0; i < MANY; i++) {
		assert_int_equal(files[i].released, 0);
		assert_cursor(&files[i], LINES * LINE, LINES * LINE);
	}
	keep = pos / 2;
	window_trim(w, keep);
	window_rewind(w, keep);
	for (i = 0; i < MANY; i++) {
		assert_true(files[i].cur.acked <= LINES * LINE / 2);
		assert_true(
		    files[i].cur.acked >= LINES * LINE / 2 - LINES * LINE / 16);
	}
	window_free(w);
}

static void
what_is_kept_outlives_the_end_of_a_connection(void **state)
{
	struct window *w = new_window(8);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 10, 20), 0);
	assert_int_equal(push(w, &a.cur, 20, 30), 0);
	assert_int_equal(push(w, &a.cur, 30, 40), 0);
	window_ack(w, 20);
	window_part(w, 20);
	assert_int_equal(window_in_flight(w), 0);
	assert_int_equal(window_sent_pos(w), 20);
	assert_cursor(&a, 10, 10);
	assert_int_equal(a.rewound, 1);
	assert_int_equal(b.rewound, 0);
	assert_int_equal(a.released + b.released, 0);
	/* The next connection sends again, and the receiver takes it back. */
	assert_int_equal(push(w, &a.cur, 15, 25), 0);
	window_ack(w, 25);
	assert_cursor(&a, 15, 15);
	window_rewind(w, 10);
	assert_cursor(&a, 10, 10);
	assert_cursor(&b, 0, 0);
	window_free(w);
}

static void
a_lone_busy_file_does_not_use_up_the_window(void **state)
{
	struct window *w = new_window(4);
	struct file f = { 0 };
	int i;

	(void)state;
	for (i = 1; i <= 100; i++)
		assert_int_equal(push(w, &f.cur, i * 10, (uint64_t)i * 20), 0);
	assert_int_equal(f.cur.slices, 3);
	window_ack(w, 40);
	assert_cursor(&f, 1000, 20);
	window_ack(w, 1999);
	assert_cursor(&f, 1000, 20);
	window_ack(w, 2000);
	assert_cursor(&f, 1000, 1000);
	window_free(w);
}

static void
a_merged_slice_does_not_grow_without_end(void **state)
{
	struct window *w = new_window(4);
	struct file f = { 0 };
	uint64_t pos;

	(void)state;
	for (pos = 1000; push(w, &f.cur, (off_t)pos, pos) == 0; pos += 1000)
		assert_true(pos < 1000000);
	assert_int_equal(errno, ENOBUFS);
	window_ack(w, 2000 + 65536);
	assert_true(f.cur.acked > 60000);
	window_free(w);
}

static void
dropped_lines_always_find_room_behind_their_own_slice(void **state)
{
	struct window *w = new_window(1);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 10, 100000), 0);
	assert_int_equal(push(w, &f.cur, 20, 100000), 0);
	assert_int_equal(push(w, &f.cur, 30, 100001), -1);
	window_ack(w, 100000);
	assert_cursor(&f, 20, 20);
	window_free(w);
}

static void
slices_of_two_cursors_are_not_merged(void **state)
{
	struct window *w = new_window(4);
	struct file a = { 0 }, b = { 0 };
	int i;

	(void)state;
	for (i = 1; i <= 4; i++)
		assert_int_equal(
		    push(w, i % 2 ? &a.cur : &b.cur, 10 * i, (uint64_t)i * 10),
		    0);
	assert_int_equal(a.cur.slices, 2);
	window_ack(w, 30);
	assert_cursor(&a, 30, 30);
	assert_cursor(&b, 40, 20);
	window_free(w);
}

static void
an_acknowledged_slice_is_not_merged_into(void **state)
{
	struct window *w = new_window(2);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 10, 10), 0);
	assert_int_equal(push(w, &f.cur, 20, 20), 0);
	window_ack(w, 20);
	assert_int_equal(push(w, &f.cur, 30, 30), 0);
	assert_cursor(&f, 30, 20);
	window_rewind(w, 20);
	assert_cursor(&f, 20, 20);
	window_free(w);
}

static void
a_lost_connection_sends_again_from_acked(void **state)
{
	struct window *w = new_window(8);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 10, 20), 0);
	assert_int_equal(push(w, &a.cur, 20, 30), 0);
	assert_int_equal(push(w, &a.cur, 30, 40), 0);
	window_ack(w, 20);
	window_rewind(w, UINT64_MAX);
	assert_cursor(&a, 10, 10);
	assert_cursor(&b, 10, 10);
	assert_int_equal(a.rewound, 1);
	assert_int_equal(a.released, 1);
	assert_int_equal(b.rewound, 0);
	assert_int_equal(b.released, 1);
	assert_int_equal(window_sent_pos(w), 0);
	assert_int_equal(window_acked_pos(w), 0);
	assert_int_equal(push(w, &a.cur, 20, 5), 0);
	window_ack(w, 5);
	assert_cursor(&a, 20, 20);
	window_free(w);
}

static void
a_rewind_takes_back_acknowledged_slices_behind_keep_pos(void **state)
{
	struct window *w = new_window(8);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 15, 20), 0);
	assert_int_equal(push(w, &a.cur, 20, 30), 0);
	assert_int_equal(push(w, &a.cur, 30, 40), 0);
	window_ack(w, 40);
	assert_cursor(&a, 30, 30);
	/* Inside a's second slice: that one goes back whole. */
	window_rewind(w, 25);
	assert_cursor(&a, 10, 10);
	assert_cursor(&b, 15, 15);
	assert_int_equal(a.rewound, 1);
	assert_int_equal(a.rewound_to, 10);
	assert_int_equal(b.rewound, 0);
	window_free(w);
}

static void
a_trimmed_slice_is_not_taken_back(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 10, 10), 0);
	assert_int_equal(push(w, &f.cur, 20, 20), 0);
	window_ack(w, 20);
	window_trim(w, 10);
	window_rewind(w, 0);
	assert_cursor(&f, 10, 10);
	window_free(w);
}

static void
a_forgotten_cursor_is_not_moved_by_a_late_ack(void **state)
{
	struct window *w = new_window(8);
	struct file a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(push(w, &a.cur, 10, 10), 0);
	assert_int_equal(push(w, &b.cur, 10, 20), 0);
	assert_int_equal(push(w, &a.cur, 20, 30), 0);
	window_ack(w, 10);
	window_forget(w, &a.cur);
	assert_int_equal(a.released, 1);
	assert_int_equal(a.rewound, 0);
	assert_cursor(&a, 20, 10);
	a.cur.sent = a.cur.acked = a.acked_at = 0;
	assert_int_equal(window_in_flight(w), 20);
	window_ack(w, 30);
	assert_cursor(&a, 0, 0);
	assert_cursor(&b, 10, 10);
	assert_int_equal(window_in_flight(w), 0);
	window_free(w);
	assert_int_equal(a.released, 1);
}

static void
a_forgotten_cursor_can_be_pushed_again_from_the_start(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 500, 10), 0);
	assert_int_equal(push(w, &f.cur, 900, 20), 0);
	window_forget(w, &f.cur);
	f.cur.sent = f.cur.acked = 0;
	assert_int_equal(push(w, &f.cur, 7, 30), 0);
	window_ack(w, 20);
	assert_cursor(&f, 7, 0);
	window_ack(w, 30);
	assert_cursor(&f, 7, 7);
	window_rewind(w, 0);
	assert_cursor(&f, 0, 0);
	window_free(w);
}

/* It was truncated, and goes on in a copy that has less. */
static void
what_was_sent_beyond_the_end_of_a_file_does_not_count(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 }, other = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 100), 0);
	assert_int_equal(push(w, &other.cur, 500, 600), 0);
	assert_int_equal(push(w, &f.cur, 200, 700), 0);
	assert_int_equal(push(w, &f.cur, 300, 800), 0);
	window_ack(w, 600);
	window_cut(w, &f.cur, 150);
	assert_cursor(&f, 150, 100);
	assert_cursor(&other, 500, 500);
	window_ack(w, 700);
	assert_cursor(&f, 150, 150);
	window_ack(w, 800);
	assert_cursor(&f, 150, 150);
	assert_int_equal(f.acked, 2);
	window_rewind(w, 100);
	assert_cursor(&f, 100, 100);
	assert_cursor(&other, 0, 0);
	window_free(w);
}

static void
what_was_acknowledged_beyond_the_end_of_a_file_is_its_end(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 100, 100), 0);
	assert_int_equal(push(w, &f.cur, 200, 200), 0);
	window_ack(w, 200);
	window_cut(w, &f.cur, 50);
	assert_cursor(&f, 50, 50);
	window_rewind(w, 100);
	assert_cursor(&f, 50, 50);
	window_free(w);
}

/* Octets that are kept for a reset have guards, until they are released. */
static void
the_guards_of_what_may_be_sent_again_are_known(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 }, other = { 0 };
	uint64_t guard = 0;
	off_t at = 0;

	(void)state;
	assert_false(window_guard(w, &f.cur, 1000, &at, &guard));
	assert_int_equal(window_push(w, &f.cur, 100, 100, 7), 0);
	assert_int_equal(window_push(w, &other.cur, 150, 200, 8), 0);
	assert_int_equal(window_push(w, &f.cur, 200, 300, 9), 0);
	assert_int_equal(window_push(w, &f.cur, 300, 400, 0), 0);
	window_ack(w, 400);
	assert_true(window_guard(w, &f.cur, 300, &at, &guard));
	assert_int_equal(at, 200);
	assert_int_equal(guard, 9);
	assert_true(window_guard(w, &f.cur, 199, &at, &guard));
	assert_int_equal(at, 100);
	assert_int_equal(guard, 7);
	assert_false(window_guard(w, &f.cur, 99, &at, &guard));
	/* Nothing is known of an end that is another now. */
	window_cut(w, &f.cur, 150);
	assert_true(window_guard(w, &f.cur, 300, &at, &guard));
	assert_int_equal(at, 100);
	window_trim(w, 100);
	assert_false(window_guard(w, &f.cur, 300, &at, &guard));
	window_free(w);
}

static void
forgetting_a_cursor_without_slices_calls_nothing(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	window_forget(w, &f.cur);
	assert_int_equal(f.released, 0);
	window_free(w);
}

static void
freeing_rewinds_what_is_in_flight_and_keeps_what_is_acknowledged(void **state)
{
	struct window *w = new_window(8);
	struct file f = { 0 };

	(void)state;
	assert_int_equal(push(w, &f.cur, 10, 10), 0);
	assert_int_equal(push(w, &f.cur, 20, 20), 0);
	window_ack(w, 10);
	window_free(w);
	assert_cursor(&f, 10, 10);
	assert_int_equal(f.rewound, 1);
	assert_int_equal(f.released, 1);
	window_free(NULL);
}

/* A window that keeps slices apart, with n messages of 10 bytes in flight. */
static struct window *
apart(size_t max, struct file *f, int n)
{
	struct window *w = new_window(max);
	int i;

	window_keep_apart(w);
	for (i = 1; i <= n; i++)
		assert_int_equal(push(w, &f->cur, i * 10, (uint64_t)i * 30), 0);
	return (w);
}

static void
slices_are_acknowledged_in_any_order_and_counted_in_theirs(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(8, &f, 4);

	(void)state;
	window_ack_one(w, 60);
	window_ack_one(w, 120);
	assert_cursor(&f, 40, 0);
	assert_int_equal(window_acked_pos(w), 0);
	assert_int_equal(f.acked, 0);
	window_ack_one(w, 30);
	assert_cursor(&f, 40, 20);
	assert_int_equal(window_acked_pos(w), 60);
	assert_int_equal(window_in_flight(w), 60);
	assert_int_equal(f.acked, 1); /* for both */
	window_ack_one(w, 90);
	assert_cursor(&f, 40, 40);
	assert_int_equal(window_in_flight(w), 0);
	window_free(w);
	assert_int_equal(f.rewound, 0);
}

static void
what_is_acknowledged_together_takes_along_what_was_by_itself(void **state)
{
	struct file f = { 0 }, g = { 0 };
	struct window *w = apart(8, &f, 4);

	(void)state;
	assert_int_equal(push(w, &g.cur, 10, 150), 0);
	assert_int_equal(push(w, &f.cur, 50, 180), 0);
	window_ack_one(w, 90);
	window_ack(w, 60);
	assert_cursor(&f, 50, 30);
	assert_int_equal(f.acked, 1);
	assert_int_equal(window_in_flight(w), 90);
	window_ack(w, 180);
	assert_cursor(&f, 50, 50);
	assert_cursor(&g, 10, 10);
	assert_int_equal(f.acked, 3); /* before g, and behind */
	assert_int_equal(g.acked, 1);
	window_free(w);
}

static void
an_answer_to_nothing_in_flight_changes_nothing(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(8, &f, 3);

	(void)state;
	window_ack_one(w, 0);
	window_ack_one(w, 29);
	window_ack_one(w, 31);
	window_ack_one(w, 91);
	window_ack_one(w, UINT64_MAX);
	assert_cursor(&f, 30, 0);
	window_ack_one(w, 30);
	window_ack_one(w, 30);
	assert_cursor(&f, 30, 10);
	assert_int_equal(f.acked, 1);
	assert_int_equal(window_acked_pos(w), 30);
	window_free(w);
	w = apart(0, &f, 0);
	window_ack_one(w, 0);
	window_free(w);
}

static void
a_cursor_does_not_pass_anothers_unacknowledged_slice(void **state)
{
	struct file a = { 0 }, b = { 0 };
	struct window *w = apart(8, &a, 1);

	(void)state;
	assert_int_equal(push(w, &b.cur, 50, 60), 0);
	window_ack_one(w, 60);
	assert_cursor(&b, 50, 0);
	window_ack_one(w, 30);
	assert_cursor(&a, 10, 10);
	assert_cursor(&b, 50, 50);
	window_free(w);
}

static void
what_was_acknowledged_behind_a_gap_is_sent_again_after_a_loss(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(8, &f, 4);

	(void)state;
	window_ack_one(w, 30);
	window_ack_one(w, 90);
	window_rewind(w, UINT64_MAX);
	assert_cursor(&f, 10, 10);
	assert_int_equal(f.rewound, 1);
	/* Nothing of it is left for the next connection. */
	assert_int_equal(push(w, &f.cur, 20, 30), 0);
	assert_int_equal(push(w, &f.cur, 30, 90), 0);
	window_ack_one(w, 30);
	assert_cursor(&f, 30, 20);
	window_free(w);
}

static void
an_ack_of_all_before_goes_on_over_what_was_acknowledged(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(8, &f, 4);

	(void)state;
	window_ack_one(w, 90);
	window_ack(w, 60);
	assert_cursor(&f, 40, 30);
	assert_int_equal(window_acked_pos(w), 90);
	window_free(w);
}

static void
slices_that_are_kept_apart_are_never_joined(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(4, &f, 4);

	(void)state;
	assert_int_equal(f.cur.slices, 4);
	assert_int_equal(window_room(w), 0);
	assert_int_equal(push(w, &f.cur, 50, 150), -1);
	assert_int_equal(errno, ENOBUFS);
	window_ack_one(w, 60);
	/* It still stands behind one that was not acknowledged. */
	assert_int_equal(window_room(w), 0);
	window_ack_one(w, 30);
	assert_int_equal(window_room(w), 2);
	assert_int_equal(push(w, &f.cur, 50, 150), 0);
	assert_int_equal(push(w, &f.cur, 60, 180), 0);
	assert_int_equal(window_room(w), 0);
	window_free(w);
}

static void
dropped_lines_go_with_the_message_before_them_in_any_order(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(8, &f, 2);

	(void)state;
	assert_int_equal(push(w, &f.cur, 500, 60), 0);
	window_ack_one(w, 60);
	/* Behind an answer that came already: no other will. */
	assert_int_equal(push(w, &f.cur, 900, 60), 0);
	assert_cursor(&f, 900, 0);
	window_ack_one(w, 30);
	assert_cursor(&f, 900, 900);
	assert_int_equal(window_in_flight(w), 0);
	window_free(w);
}

static void
the_answer_for_a_forgotten_file_still_counts(void **state)
{
	struct file a = { 0 }, b = { 0 };
	struct window *w = apart(8, &a, 1);

	(void)state;
	assert_int_equal(push(w, &b.cur, 50, 60), 0);
	window_forget(w, &b.cur);
	b.cur.sent = b.cur.acked = 0;
	window_ack_one(w, 30);
	assert_int_equal(window_in_flight(w), 30);
	window_ack_one(w, 60);
	assert_int_equal(window_in_flight(w), 0);
	assert_cursor(&a, 10, 10);
	assert_cursor(&b, 0, 0);
	assert_int_equal(b.released, 1);
	window_free(w);
	assert_int_equal(b.released, 1);
}

static void
a_slice_in_flight_is_found_by_where_it_ends(void **state)
{
	struct file f = { 0 };
	struct window *w = apart(8, &f, 3);
	struct cursor *cur = NULL;
	off_t begin, end;

	(void)state;
	assert_int_equal(push(w, &f.cur, 500, 90), 0);
	assert_true(window_slice_at(w, 90, &cur, &begin, &end));
	assert_ptr_equal(cur, &f.cur);
	assert_int_equal(begin, 20);
	/* Not the dropped lines behind. */
	assert_int_equal(end, 30);
	assert_true(window_slice_at(w, 30, &cur, &begin, &end));
	assert_int_equal(begin, 0);
	assert_int_equal(end, 10);
	assert_false(window_slice_at(w, 0, &cur, &begin, &end));
	assert_false(window_slice_at(w, 31, &cur, &begin, &end));
	assert_false(window_slice_at(w, 91, &cur, &begin, &end));
	window_ack_one(w, 30);
	assert_false(window_slice_at(w, 30, &cur, &begin, &end));
	window_ack_one(w, 90);
	assert_false(window_slice_at(w, 90, &cur, &begin, &end));
	assert_true(window_slice_at(w, 60, &cur, &begin, &end));
	window_forget(w, &f.cur);
	assert_false(window_slice_at(w, 60, &cur, &begin, &end));
	window_free(w);
}

/*
 * The model: every slice ever pushed on this connection, in a flat array,
 * walked from the start each time.
 */
#define FILES 5
#define SLICES 4096

struct past {
	int file;
	off_t begin;
	off_t end;
	uint64_t pos;
	bool gone;
};

struct model {
	struct past past[SLICES];
	size_t n;
	struct file files[FILES];
	off_t sent[FILES];
	off_t acked[FILES];
	uint64_t pos;
	uint64_t ack;
};

static void
model_check(const struct model *m, const struct window *w)
{
	int i;

	assert_int_equal(window_sent_pos(w), m->pos);
	assert_int_equal(window_acked_pos(w), m->ack);
	for (i = 0; i < FILES; i++) {
		assert_int_equal(m->files[i].cur.sent, m->sent[i]);
		/* Merging can make acked late, never early. */
		assert_true(m->files[i].cur.acked <= m->acked[i]);
		assert_true(m->files[i].cur.acked <= m->files[i].cur.sent);
	}
}

static void
model_ack(struct model *m, uint64_t pos)
{
	size_t i;

	m->ack = pos;
	for (i = 0; i < m->n; i++)
		if (!m->past[i].gone && m->past[i].pos <= pos &&
		    m->past[i].end > m->acked[m->past[i].file])
			m->acked[m->past[i].file] = m->past[i].end;
}

static void
model_push(struct model *m, struct window *w, int file, off_t n, uint64_t np)
{
	struct past *p = &m->past[m->n];

	if (push(w, &m->files[file].cur, m->sent[file] + n, m->pos + np) ==
	    -1) {
		assert_int_equal(errno, ENOBUFS);
		return;
	}
	m->n++;
	p->gone = false;
	p->file = file;
	p->begin = m->sent[file];
	p->end = m->sent[file] += n;
	p->pos = m->pos += np;
	if (m->pos <= m->ack)
		model_ack(m, m->ack);
}

static void
model_forget(struct model *m, struct window *w, int file)
{
	size_t i;

	window_forget(w, &m->files[file].cur);
	assert_int_equal(m->files[file].cur.slices, 0);
	m->files[file].cur.sent = m->files[file].cur.acked = 0;
	m->files[file].acked_at = 0;
	m->sent[file] = m->acked[file] = 0;
	for (i = 0; i < m->n; i++)
		if (m->past[i].file == file)
			m->past[i].gone = true;
}

/* After a rewind no byte behind keep may be taken for delivered. */
static void
model_rewind(struct model *m, struct window *w, uint64_t keep)
{
	const struct past *p;
	size_t i;

	window_rewind(w, keep);
	for (i = 0; i < m->n; i++) {
		p = &m->past[i];
		if (!p->gone && p->pos > keep)
			assert_true(m->files[p->file].cur.sent <= p->begin ||
			    p->begin == p->end);
	}
	for (i = 0; i < FILES; i++) {
		assert_int_equal(m->files[i].cur.sent, m->files[i].cur.acked);
		assert_int_equal(m->files[i].cur.slices, 0);
		m->sent[i] = m->acked[i] = m->files[i].cur.sent;
		m->files[i].acked_at = m->files[i].cur.sent;
	}
	m->n = 0;
	m->pos = m->ack = 0;
}

static void
model_part(struct model *m, struct window *w, uint64_t keep)
{
	const struct past *p;
	size_t i, n = 0;

	window_part(w, keep);
	for (i = 0; i < m->n; i++) {
		p = &m->past[i];
		if (!p->gone && p->pos > keep)
			assert_true(m->files[p->file].cur.sent <= p->begin ||
			    p->begin == p->end);
		/* What was joined with something later went back with it. */
		if (p->pos <= keep && p->end <= m->files[p->file].cur.acked)
			m->past[n++] = *p;
	}
	m->n = n;
	m->pos = m->ack;
	for (i = 0; i < FILES; i++) {
		assert_int_equal(m->files[i].cur.sent, m->files[i].cur.acked);
		m->sent[i] = m->acked[i] = m->files[i].acked_at =
		    m->files[i].cur.sent;
	}
}

static uint32_t
next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return (*x);
}

static void
model_step(struct model *m, struct window *w, uint32_t *x, uint64_t *trimmed)
{
	uint32_t r = next_random(x), file = r % FILES;

	switch (next_random(x) % 32) {
	case 0:
		model_forget(m, w, (int)file);
		break;
	case 1:
		model_rewind(m, w, *trimmed + r % (m->ack - *trimmed + 1));
		*trimmed = 0;
		break;
	case 2:
	case 3:
		*trimmed += r % (m->ack - *trimmed + 1);
		window_trim(w, *trimmed);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		model_ack(m, m->ack + r % (m->pos - m->ack + 1));
		window_ack(w, m->ack);
		break;
	case 9:
		model_push(m, w, (int)file, r % 100, 0);
		break;
	case 10:
		if (r % 4 == 0)
			model_part(m, w,
			    *trimmed +
				next_random(x) % (m->ack - *trimmed + 1));
		break;
	default:
		file = r % 4 ? 0 : file;
		model_push(m, w, (int)file, r % 5000, r % 7000);
		break;
	}
}

static void
any_order_of_calls_agrees_with_a_plain_model(void **state)
{
	static struct model m;
	struct window *w;
	uint32_t x, seed;
	uint64_t trimmed;
	int i;

	(void)state;
	for (seed = 1; seed <= 300; seed++) {
		memset(&m, 0, sizeof(m));
		x = seed * 2654435761U;
		w = new_window(seed % 3 == 0 ? seed % 40 + 1 : SLICES);
		trimmed = 0;
		for (i = 0; i < 2000; i++) {
			model_step(&m, w, &x, &trimmed);
			model_check(&m, w);
		}
		window_free(w);
	}
}

static void
a_small_window_never_acknowledges_early(void **state)
{
	static struct model m;
	struct window *w;
	uint32_t x, seed;
	uint64_t trimmed;
	int i;

	(void)state;
	for (seed = 1; seed <= 300; seed++) {
		memset(&m, 0, sizeof(m));
		x = seed * 2654435761U;
		w = new_window(seed % 23 + 1);
		for (i = 0; i < 2000; i++) {
			/* At the end of what is acknowledged nothing is kept
			 * that could make way. */
			trimmed = m.ack;
			window_trim(w, trimmed);
			model_step(&m, w, &x, &trimmed);
			model_check(&m, w);
		}
		window_ack(w, m.pos);
		model_ack(&m, m.pos);
		for (i = 0; i < FILES; i++)
			assert_int_equal(m.files[i].cur.acked, m.acked[i]);
		window_free(w);
	}
}

static void
without_merging_acked_is_exact(void **state)
{
	static struct model m;
	struct window *w;
	uint32_t x, seed;
	uint64_t trimmed;
	int i, j;

	(void)state;
	for (seed = 1; seed <= 100; seed++) {
		memset(&m, 0, sizeof(m));
		x = seed * 40503U;
		w = new_window(SLICES * 2);
		trimmed = 0;
		for (i = 0; i < 2000; i++) {
			model_step(&m, w, &x, &trimmed);
			for (j = 0; j < FILES; j++)
				assert_int_equal(
				    m.files[j].cur.acked, m.acked[j]);
		}
		window_free(w);
	}
}

/*
 * Messages of some files, answered in random order, dropped lines between them:
 * whatever is answered, a file is acknowledged up to its last slice of the
 * unbroken run and no further.
 */
struct message {
	int file; /* -1: forgotten */
	off_t begin;
	off_t end;
	uint64_t pos;
	bool answered;
};

struct answers {
	struct message messages[SLICES];
	size_t n;
	struct file files[FILES];
	off_t acked[FILES]; /* at the start of the connection */
	uint64_t pos;
};

static void
answers_check(const struct answers *a, const struct window *w)
{
	const struct message *m;
	struct cursor *cur;
	off_t acked[FILES], begin, end;
	uint64_t pos = 0;
	size_t i;

	memcpy(acked, a->acked, sizeof(acked));
	for (i = 0; i < a->n; i++) {
		m = &a->messages[i];
		if (!m->answered && m->pos > pos)
			break;
		pos = m->pos;
		if (m->file != -1)
			acked[m->file] = m->end;
	}
	assert_int_equal(window_acked_pos(w), pos);
	for (i = 0; i < FILES; i++)
		assert_int_equal(a->files[i].cur.acked, acked[i]);
	for (i = 0; i < a->n; i++) {
		m = &a->messages[i];
		if (i > 0 && m->pos == m[-1].pos)
			continue;
		assert_int_equal(window_slice_at(w, m->pos, &cur, &begin, &end),
		    m->file != -1 && !m->answered && m->pos > pos);
		if (m->file == -1 || m->answered || m->pos <= pos)
			continue;
		assert_ptr_equal(cur, &a->files[m->file].cur);
		assert_int_equal(begin, m->begin);
		assert_int_equal(end, m->end);
	}
}

static void
answers_push(
    struct answers *a, struct window *w, int file, off_t n, uint64_t np)
{
	struct message *m = &a->messages[a->n++];
	struct cursor *cur = &a->files[file].cur;

	m->file = file;
	m->begin = cur->sent;
	m->end = cur->sent + n;
	m->pos = a->pos += np;
	m->answered = false;
	assert_int_equal(push(w, cur, m->end, m->pos), 0);
}

static void
answers_forget(struct answers *a, struct window *w, int file)
{
	size_t i;

	window_forget(w, &a->files[file].cur);
	a->files[file].cur.sent = a->files[file].cur.acked = 0;
	a->files[file].acked_at = a->acked[file] = 0;
	for (i = 0; i < a->n; i++)
		if (a->messages[i].file == file)
			a->messages[i].file = -1;
}

static void
answers_step(struct answers *a, struct window *w, uint32_t *x)
{
	uint32_t r = next_random(x), kind = next_random(x) % 64;
	size_t i;

	if (kind == 0 && r % 8 == 0) {
		window_rewind(w, UINT64_MAX);
		for (i = 0; i < FILES; i++) {
			a->acked[i] = a->files[i].cur.acked;
			assert_int_equal(a->files[i].cur.sent, a->acked[i]);
		}
		a->n = 0;
		a->pos = 0;
	} else if (kind == 1) {
		answers_forget(a, w, (int)(r % FILES));
	} else if (kind < 6) {
		answers_push(a, w, (int)(r % FILES), r % 50, 0);
	} else if (kind < 32 || a->n == 0) {
		answers_push(a, w, (int)(r % FILES), 1 + r % 50, 1 + r % 90);
	} else {
		/* An answer is for all that ends there. */
		r %= (uint32_t)a->n;
		for (i = 0; i < a->n; i++)
			if (a->messages[i].pos == a->messages[r].pos)
				a->messages[i].answered = true;
		window_ack_one(w, a->messages[r].pos);
	}
	window_trim(w, window_acked_pos(w));
}

static void
answers_in_any_order_agree_with_a_plain_model(void **state)
{
	static struct answers a;
	struct window *w;
	uint32_t x, seed;
	int i;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		memset(&a, 0, sizeof(a));
		x = seed * 2654435761U;
		w = new_window(SLICES);
		window_keep_apart(w);
		for (i = 0; i < 600; i++) {
			answers_step(&a, w, &x);
			answers_check(&a, w);
		}
		window_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_ack_moves_acked_up_to_the_slices_that_end_there),
		cmocka_unit_test(
		    an_ack_in_the_middle_of_a_slice_does_not_move_the_offset),
		cmocka_unit_test(an_old_or_repeated_ack_changes_nothing),
		cmocka_unit_test(
		    an_ack_beyond_what_was_sent_counts_as_all_of_it),
		cmocka_unit_test(
		    positions_count_stream_bytes_and_not_file_bytes),
		cmocka_unit_test(
		    dropped_lines_are_acknowledged_with_what_went_before),
		cmocka_unit_test(
		    dropped_lines_are_acknowledged_at_once_when_nothing_is_in_flight),
		cmocka_unit_test(
		    an_acknowledged_slice_is_kept_until_it_is_trimmed),
		cmocka_unit_test(
		    a_trim_beyond_what_is_acknowledged_waits_for_nothing),
		cmocka_unit_test(
		    a_full_window_refuses_and_leaves_the_cursor_alone),
		cmocka_unit_test(a_window_of_no_slices_is_always_full),
		cmocka_unit_test(
		    kept_slices_are_never_released_before_they_are_trimmed),
		cmocka_unit_test(
		    what_is_reserved_can_be_pushed_and_no_more_is_reserved),
		cmocka_unit_test(
		    many_kept_slices_are_joined_and_all_are_taken_back),
		cmocka_unit_test(what_is_kept_outlives_the_end_of_a_connection),
		cmocka_unit_test(a_lone_busy_file_does_not_use_up_the_window),
		cmocka_unit_test(a_merged_slice_does_not_grow_without_end),
		cmocka_unit_test(
		    dropped_lines_always_find_room_behind_their_own_slice),
		cmocka_unit_test(slices_of_two_cursors_are_not_merged),
		cmocka_unit_test(an_acknowledged_slice_is_not_merged_into),
		cmocka_unit_test(a_lost_connection_sends_again_from_acked),
		cmocka_unit_test(
		    a_rewind_takes_back_acknowledged_slices_behind_keep_pos),
		cmocka_unit_test(a_trimmed_slice_is_not_taken_back),
		cmocka_unit_test(a_forgotten_cursor_is_not_moved_by_a_late_ack),
		cmocka_unit_test(
		    a_forgotten_cursor_can_be_pushed_again_from_the_start),
		cmocka_unit_test(
		    the_guards_of_what_may_be_sent_again_are_known),
		cmocka_unit_test(
		    forgetting_a_cursor_without_slices_calls_nothing),
		cmocka_unit_test(
		    what_was_sent_beyond_the_end_of_a_file_does_not_count),
		cmocka_unit_test(
		    what_was_acknowledged_beyond_the_end_of_a_file_is_its_end),
		cmocka_unit_test(
		    freeing_rewinds_what_is_in_flight_and_keeps_what_is_acknowledged),
		cmocka_unit_test(any_order_of_calls_agrees_with_a_plain_model),
		cmocka_unit_test(a_small_window_never_acknowledges_early),
		cmocka_unit_test(without_merging_acked_is_exact),
		cmocka_unit_test(
		    slices_are_acknowledged_in_any_order_and_counted_in_theirs),
		cmocka_unit_test(
		    what_is_acknowledged_together_takes_along_what_was_by_itself),
		cmocka_unit_test(
		    an_answer_to_nothing_in_flight_changes_nothing),
		cmocka_unit_test(
		    a_cursor_does_not_pass_anothers_unacknowledged_slice),
		cmocka_unit_test(
		    what_was_acknowledged_behind_a_gap_is_sent_again_after_a_loss),
		cmocka_unit_test(
		    an_ack_of_all_before_goes_on_over_what_was_acknowledged),
		cmocka_unit_test(slices_that_are_kept_apart_are_never_joined),
		cmocka_unit_test(
		    dropped_lines_go_with_the_message_before_them_in_any_order),
		cmocka_unit_test(the_answer_for_a_forgotten_file_still_counts),
		cmocka_unit_test(a_slice_in_flight_is_found_by_where_it_ends),
		cmocka_unit_test(answers_in_any_order_agree_with_a_plain_model),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
