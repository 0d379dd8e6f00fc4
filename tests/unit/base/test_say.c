/*
 * Goal: of the files of one directory, and of all, so many messages are logged
 * in a while; the others are counted, and no directory takes those of another.
 */
#include "daemon/base/say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned warned, noticed, informed, hidden;
static char last[4096];
static int level = 6; /* LOG_INFO */
static uint64_t key;

/* No chance in a test. */
void
arc4random_buf(void *buf, size_t n)
{
	assert_int_equal(n, sizeof(key));
	memcpy(buf, &key, sizeof(key));
}

#define FAKE(name, count)                                                      \
	void name(const char *fmt, ...)                                        \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		(void)vsnprintf(last, sizeof(last), fmt, ap);                  \
		va_end(ap);                                                    \
		(count)++;                                                     \
	}

FAKE(log_warn, warned)
FAKE(log_warnx, warned)
FAKE(log_notice, noticed)
FAKE(log_info, informed)
FAKE(log_debug, hidden)

int
log_level(void)
{
	return (level);
}

static int
set_up(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);

	warned = noticed = informed = hidden = 0;
	level = 6;
	say_open(loop, 0.01);
	*state = loop;
	return (0);
}

static int
tear_down(void **state)
{
	say_close();
	ev_loop_destroy(*state);
	return (0);
}

static void
one_directory_has_so_many_and_leaves_the_others_theirs(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++)
		say_notice("/log/a/x.log", "was written over");
	assert_int_equal(noticed, SAY_IN_DIR);
	assert_int_equal(hidden, 100 - SAY_IN_DIR);
	assert_string_equal(last, "/log/a/x.log: was written over");
	say_warnx("/log/b/x.log", "damaged: %d", 7);
	assert_int_equal(warned, 1);
	assert_string_equal(last, "/log/b/x.log: damaged: 7");
}

static void
all_directories_have_so_many_together(void **state)
{
	char path[64];
	unsigned i;

	(void)state;
	for (i = 0; i < 10 * SAY_IN_ALL; i++) {
		(void)snprintf(path, sizeof(path), "/log/%u/x.log", i);
		say_warnx(path, "damaged");
	}
	assert_true(warned <= SAY_IN_ALL);
	assert_int_equal(warned + hidden, 10 * SAY_IN_ALL);
}

static void
the_others_are_counted_and_then_it_begins_anew(void **state)
{
	unsigned i;

	for (i = 0; i < SAY_IN_DIR + 5; i++)
		say_notice("/log/x.log", "was written over");
	assert_int_equal(warned, 0);
	ev_run(*state, EVRUN_ONCE);
	assert_int_equal(warned, 1);
	assert_non_null(strstr(last, "and 5 others"));
	say_notice("/log/x.log", "was written over");
	assert_int_equal(noticed, SAY_IN_DIR + 1);
	/* Of none that was left out nothing is said. */
	ev_run(*state, EVRUN_ONCE);
	assert_int_equal(warned, 1);
}

static void
at_the_end_they_are_counted_too(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < SAY_IN_DIR + 5; i++)
		say_notice("/log/x.log", "was written over");
	say_close();
	assert_int_equal(warned, 1);
	assert_non_null(strstr(last, "and 5 others"));
}

static void
plain_ones_take_nothing_from_the_grave_ones(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++)
		say_info("/log/x.log", "truncated");
	assert_int_equal(informed, SAY_IN_DIR);
	say_notice("/log/x.log", "was written over");
	assert_int_equal(noticed, 1);
}

static void
what_the_level_leaves_out_does_not_count(void **state)
{
	unsigned i;

	(void)state;
	level = 5; /* LOG_NOTICE */
	for (i = 0; i < 100; i++)
		say_info("/log/x.log", "truncated");
	assert_int_equal(informed + hidden, 0);
	level = 6;
	say_info("/log/x.log", "truncated");
	assert_int_equal(informed, 1);
}

/* Whether a directory with many messages has taken those of /log/victim. */
static bool
takes_from_another(const char *dir, struct ev_loop *loop)
{
	char path[64];
	unsigned i;

	say_close();
	say_open(loop, 0.01);
	(void)snprintf(path, sizeof(path), "%s/x.log", dir);
	for (i = 0; i < SAY_IN_DIR; i++)
		say_notice(path, "was written over");
	warned = 0;
	say_warnx("/log/victim/x.log", "damaged");
	return (warned == 0);
}

/* Some share what they have; which ones, nobody who makes them can find out. */
static void
no_name_takes_those_of_another_directory_for_long(void **state)
{
	char dir[32];
	unsigned i = 0;

	key = 1;
	do
		(void)snprintf(dir, sizeof(dir), "/log/%u", i++);
	while (!takes_from_another(dir, *state));
	key = 2;
	assert_false(takes_from_another(dir, *state));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_directory_has_so_many_and_leaves_the_others_theirs),
		TEST(all_directories_have_so_many_together),
		TEST(the_others_are_counted_and_then_it_begins_anew),
		TEST(at_the_end_they_are_counted_too),
		TEST(plain_ones_take_nothing_from_the_grave_ones),
		TEST(what_the_level_leaves_out_does_not_count),
		TEST(no_name_takes_those_of_another_directory_for_long),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
