/*
 * Goal: what stands before an offset is found again where it is in a file now,
 * once and at the end of a line.
 */
#include "daemon/follow/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "tests/unit/log_text.h"

static struct ev_loop *loop;
static struct file_table *file_table;
static struct file file;
static FILE *tmp;

/* Lines from..to, each another one. */
static void
add_lines(unsigned from, unsigned to)
{
	for (; from < to; from++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "line %06u of a log %u\n", from, from * 7919);
}

static off_t
seek(const struct guard *g)
{
	return (follow_seek_guard(&file, fd, lseek(fd, 0, SEEK_END), g));
}

static int
prepare(void **state)
{
	/* Reads are small, so that what is sought stands across their ends. */
	const struct file_table_conf conf = { .ops = &follow_ops,
		.scratch = 1000 };

	(void)state;
	assert_non_null(loop = ev_loop_new(EVFLAG_AUTO));
	assert_non_null(file_table = file_table_new(loop, NULL, &conf));
	file.all = file_table;
	len = 0;
	add_lines(0, 3000);
	assert_non_null(tmp = tmpfile());
	fd = fileno(tmp);
	return (0);
}

static int
clean(void **state)
{
	(void)state;
	file_table_free(file_table);
	ev_loop_destroy(loop);
	return (fclose(tmp));
}

static void
what_was_sent_is_found_where_it_stands_now(void **state)
{
	const struct guard g = guard_before((off_t)len);
	unsigned cut;

	(void)state;
	/* Wherever it stands in what is read at once. */
	for (cut = 1; cut < 2990; cut += 13) {
		off_t at = end_of(cut);

		put(text + at, len - (size_t)at);
		assert_int_equal(seek(&g), (off_t)len - at);
	}
}

static void
what_stands_twice_or_nowhere_is_not_found(void **state)
{
	const struct guard g = guard_before((off_t)len);
	size_t once = len;

	(void)state;
	put(text, once - 300);
	assert_int_equal(seek(&g), 0);
	memcpy(text + len, text, once);
	put(text, 2 * once);
	assert_int_equal(seek(&g), 0);
}

static void
little_text_and_one_long_line_are_no_evidence(void **state)
{
	struct guard g = guard_before(end_of(3));

	(void)state;
	put(text, len);
	assert_int_equal(seek(&g), 0);
	memset(text, '-', 1999);
	text[1999] = '\n';
	g = guard_before(2000);
	put(text + 500, 1500);
	assert_int_equal(seek(&g), 0);
}

static void
an_error_is_no_answer(void **state)
{
	const struct guard g = guard_before((off_t)len);

	(void)state;
	put(text, len);
	assert_int_equal(follow_seek_guard(&file, -1, (off_t)len, &g), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

/* After a start, what is acknowledged may end behind the newest guard. */
static void
what_is_behind_the_newest_guard_is_taken_as_it_was(void **state)
{
	struct stream s = { .guard = guard_before(end_of(90)) };
	struct file t = { .streams = &s, .last_line = 10 };

	(void)state;
	put(text, (size_t)end_of(100));
	s.cursor.sent = end_of(100);
	assert_false(follow_goes_back(&t, fd, end_of(100)));
	assert_true(follow_goes_back(&t, fd, end_of(99)));
}

/* It began with NULs, so that only the guard of what was taken back tells. */
static void
nothing_goes_on_where_what_was_taken_back_does_not_stand(void **state)
{
	struct stream s = { .guard = { .at = end_of(10), .hash = 1 } };
	struct file t = { .all = file_table, .streams = &s };
	struct stat st;

	(void)state;
	put(text, (size_t)end_of(20));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(follow_go_on(&t, fd, &st), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_sent_is_found_where_it_stands_now),
		TEST(what_stands_twice_or_nowhere_is_not_found),
		TEST(little_text_and_one_long_line_are_no_evidence),
		TEST(an_error_is_no_answer),
		TEST(what_is_behind_the_newest_guard_is_taken_as_it_was),
		TEST(nothing_goes_on_where_what_was_taken_back_does_not_stand),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
