/*
 * Goal: whatever is acknowledged in whatever steps, the checkpoint names a
 * guard at or below it and older ones at their distances; a stream that was
 * loaded from it, or sent anew, knows the same.
 */
#include "daemon/stream/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/stream/stream.h"

#define KB ((off_t)1024)
#define MB (1024 * KB)

/* What stands before at is told by at alone, here. */
static struct guard
guard_at(off_t at)
{
	return ((struct guard) { at, (uint64_t)at * 31 });
}

/* A pull that ends at end, and is pushed. */
static void
pull(struct stream *s, off_t end)
{
	const struct guard g = guard_at(end);

	stream_guard_set(s, &g);
	s->cursor.sent = end;
}

static void
ack(struct stream *s, off_t acked)
{
	s->cursor.acked = acked;
	stream_guard_acked(s);
}

/* Checks what a record says, and returns how many guards it has. */
static unsigned
record(const struct stream *s, struct guard guards[CHECKPOINT_GUARDS])
{
	unsigned n = stream_guards(s, guards), i;

	for (i = 0; i < n; i++) {
		assert_int_equal(guards[i].hash, guards[i].at * 31);
		assert_true(i == 0 || guards[i].at < guards[i - 1].at);
	}
	return (n);
}

static void
a_short_file_has_one_guard_and_costs_nothing_more(void **state)
{
	struct guard guards[CHECKPOINT_GUARDS];
	struct stream s = { .cursor.sent = 0 };

	(void)state;
	assert_int_equal(record(&s, guards), 0);
	pull(&s, 100);
	pull(&s, 300);
	ack(&s, 300);
	assert_int_equal(record(&s, guards), 1);
	assert_int_equal(guards[0].at, 300);
	assert_null(s.kept);
}

static void
the_newest_within_a_size_is_found(void **state)
{
	struct stream s = { .cursor.sent = 0 };

	(void)state;
	assert_int_equal(stream_guard_within(&s, MB).at, 0);
	pull(&s, 100);
	pull(&s, 300);
	ack(&s, 100);
	assert_int_equal(stream_guard_within(&s, 99).at, 0);
	assert_int_equal(stream_guard_within(&s, 100).at, 100);
	assert_int_equal(stream_guard_within(&s, 299).at, 100);
	assert_int_equal(stream_guard_within(&s, 300).at, 300);
	stream_guard_forget(&s);
}

static void
what_is_in_flight_is_named_only_where_nothing_else_is(void **state)
{
	struct guard guards[CHECKPOINT_GUARDS];
	struct stream s = { .cursor.sent = 0 };

	(void)state;
	pull(&s, 100);
	ack(&s, 100);
	pull(&s, 200);
	pull(&s, 300);
	ack(&s, 150);
	assert_int_equal(record(&s, guards), 1);
	assert_int_equal(guards[0].at, 100);
	ack(&s, 250);
	assert_int_equal(record(&s, guards), 1);
	assert_int_equal(guards[0].at, 200);
	stream_guard_forget(&s);
	s.cursor.acked = 150;
	pull(&s, 400);
	assert_int_equal(record(&s, guards), 1);
	assert_int_equal(guards[0].at, 400);
	stream_guard_forget(&s);
}

/* What a file of 64 MB has in the end, acknowledged in such steps. */
static void
older_ones_at_their_distances(off_t step)
{
	const off_t least[] = { 0, 64 * KB, MB, 16 * MB };
	const off_t most[] = { 0, 4 * 64 * KB, 4 * MB, 50 * MB };
	struct guard guards[CHECKPOINT_GUARDS];
	struct stream s = { .cursor.sent = 0 };
	off_t end, acked = 0;
	unsigned i;

	for (end = 40 * KB; end <= 64 * MB; end += 40 * KB) {
		pull(&s, end);
		if (end - acked >= step)
			ack(&s, acked = end);
	}
	ack(&s, s.cursor.sent);
	assert_int_equal(record(&s, guards), CHECKPOINT_GUARDS);
	for (i = 0; i < CHECKPOINT_GUARDS; i++) {
		assert_true(s.cursor.acked - guards[i].at >= least[i]);
		if (s.cursor.acked - guards[i].at > most[i])
			fail_msg("guard %u is %lld before the end", i,
			    (long long)(s.cursor.acked - guards[i].at));
	}
	stream_guard_forget(&s);
	assert_null(s.kept);
}

static void
older_ones_follow_whatever_is_acknowledged_at_once(void **state)
{
	(void)state;
	older_ones_at_their_distances(1);
	older_ones_at_their_distances(300 * KB);
	older_ones_at_their_distances(4 * MB);
	older_ones_at_their_distances(30 * MB);
	older_ones_at_their_distances(100 * MB);
}

static void
what_a_record_says_comes_back(void **state)
{
	struct guard guards[CHECKPOINT_GUARDS], again[CHECKPOINT_GUARDS];
	struct checkpoint_record rec = { .guards = guards };
	struct stream s = { .cursor.sent = 0 }, t = { .cursor.sent = 0 };
	off_t end;

	(void)state;
	for (end = 40 * KB; end <= 64 * MB; end += 40 * KB) {
		pull(&s, end);
		ack(&s, end);
		rec.nguards = record(&s, guards);
		t.cursor.sent = t.cursor.acked = s.cursor.acked;
		stream_guard_load(&t, &rec);
		assert_int_equal(record(&t, again), rec.nguards);
		assert_memory_equal(
		    again, guards, rec.nguards * sizeof(guards[0]));
		stream_guard_forget(&t);
	}
	stream_guard_forget(&s);
}

static void
what_was_cut_off_does_not_count(void **state)
{
	struct guard guards[CHECKPOINT_GUARDS];
	struct stream s = { .cursor.sent = 0 };
	off_t end;
	unsigned n, i;

	(void)state;
	for (end = 40 * KB; end <= 8 * MB; end += 40 * KB)
		pull(&s, end);
	ack(&s, end - 40 * KB);
	stream_guard_cut(&s, 5 * MB);
	s.cursor.sent = s.cursor.acked = 5 * MB;
	assert_true(stream_guard_newest(&s).at <= 5 * MB);
	n = record(&s, guards);
	for (i = 0; i < n; i++)
		assert_true(guards[i].at <= 5 * MB);
	/* Sent anew, in other pieces: the order of the levels holds. */
	for (end = 5 * MB; end <= 9 * MB; end += 70 * KB)
		pull(&s, end);
	ack(&s, s.cursor.sent);
	assert_true(record(&s, guards) >= 2);
	assert_int_equal(guards[0].at, s.cursor.sent);
	stream_guard_forget(&s);
}

static uint8_t text[600 * 1024];

static void
set_real(struct stream *s, off_t end)
{
	struct guard g;

	guard_of(
	    &g, end, text + end - (off_t)guard_length(end), guard_length(end));
	stream_guard_set(s, &g);
	s->cursor.sent = end;
}

static void
the_newest_that_stands_in_the_file_is_found(void **state)
{
	struct stream s = { .cursor.sent = 0 };
	FILE *f = tmpfile();
	int fd;
	size_t i;

	(void)state;
	assert_non_null(f);
	fd = fileno(f);
	for (i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * i / 7 + i / 256);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	for (i = 1; i <= 12; i++)
		set_real(&s, (off_t)i * 50000);
	ack(&s, s.cursor.sent);
	assert_int_equal(stream_guard_find(&s, fd), 600000);
	/* The host lost power: what was written last is gone. */
	assert_int_equal(ftruncate(fd, 599000), 0);
	assert_in_range(stream_guard_find(&s, fd), 400000, 550000);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(stream_guard_find(&s, fd), 0);
	assert_int_equal(fclose(f), 0);
	stream_guard_forget(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_short_file_has_one_guard_and_costs_nothing_more),
		cmocka_unit_test(the_newest_within_a_size_is_found),
		cmocka_unit_test(
		    what_is_in_flight_is_named_only_where_nothing_else_is),
		cmocka_unit_test(
		    older_ones_follow_whatever_is_acknowledged_at_once),
		cmocka_unit_test(what_a_record_says_comes_back),
		cmocka_unit_test(what_was_cut_off_does_not_count),
		cmocka_unit_test(the_newest_that_stands_in_the_file_is_found),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
