/*
 * Goal: what is said, told and ended of directories that are watched, with a
 * system of our own below.
 */
#include <sys/stat.h>

#include <errno.h>
#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/log.h"
#include "daemon/watch/system.h"

#define DIRS 200

struct watch_system {
	int unused;
};

static struct watch_system the_system;
static const struct watch_system_ops *system_ops;
static int next_handle;
static int add_error; /* what adding fails with, or 0 */
static unsigned ended; /* handles */
static unsigned warnings, notices;

struct watch_system *
watch_system_open(
    struct watch *w, struct ev_loop *loop, const struct watch_system_ops *ops)
{
	(void)w;
	(void)loop;
	system_ops = ops;
	return (&the_system);
}

void
watch_system_close(struct watch_system *s)
{
	(void)s;
}

int
watch_system_add(struct watch_system *s, const char *path, bool data)
{
	(void)s;
	(void)path;
	(void)data;
	if (add_error == 0)
		return (next_handle++);
	errno = add_error;
	return (-1);
}

void
watch_system_del(struct watch_system *s, int handle)
{
	(void)s;
	(void)handle;
	ended++;
}

bool
watch_system_sees_files(const struct watch_system *s)
{
	(void)s;
	return (true);
}

int
watch_system_add_file(struct watch_system *s, int fd, const char *path)
{
	(void)fd;
	return (watch_system_add(s, path, true));
}

void
watch_system_del_file(struct watch_system *s, int handle)
{
	watch_system_del(s, handle);
}

bool
watch_system_survives_close(const struct watch_system *s)
{
	(void)s;
	return (true);
}

bool
watch_system_has_more(const struct watch_system *s)
{
	(void)s;
	return (false);
}

static void
ignore(const char *fmt, ...)
{
	(void)fmt;
}

void
log_warn(const char *fmt, ...)
{
	ignore(fmt);
	warnings++;
}

void
log_warnx(const char *fmt, ...)
{
	ignore(fmt);
	warnings++;
}

void
log_notice(const char *fmt, ...)
{
	ignore(fmt);
	notices++;
}

void
log_debug(const char *fmt, ...)
{
	ignore(fmt);
}

struct scene {
	struct ev_loop *loop;
	struct watch *watch;
	struct watch_dir *dirs[DIRS];
	unsigned told[DIRS];
	bool ends_others; /* whoever is told ends all others */
};

static struct scene *current;

static void
on_dir(void *owner, enum watch_event event, const char *name, const char *from)
{
	struct scene *s = current;
	size_t i, own = (size_t)((unsigned *)owner - s->told);

	(void)event;
	(void)name;
	(void)from;
	s->told[own]++;
	for (i = 0; s->ends_others && i < DIRS; i++)
		if (i != own) {
			watch_del(s->dirs[i]);
			s->dirs[i] = NULL;
		}
}

static const struct watch_ops ops = { .on_dir = on_dir };
static const struct watch_want want = { .data = true, .poll_ms = 1000 };

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	add_error = 0;
	next_handle = 1;
	ended = warnings = notices = 0;
	s->loop = ev_loop_new(EVFLAG_AUTO);
	s->watch = watch_new(s->loop, &ops);
	*state = current = s;
	return (0);
}

static int
tear_down(void **state)
{
	struct scene *s = *state;
	size_t i;

	for (i = 0; i < DIRS; i++)
		watch_del(s->dirs[i]);
	watch_free(s->watch);
	ev_loop_destroy(s->loop);
	free(s);
	return (0);
}

static void
add_all(struct scene *s)
{
	size_t i;

	for (i = 0; i < DIRS; i++) {
		s->dirs[i] = watch_add(s->watch, "/", &want, &s->told[i]);
		assert_non_null(s->dirs[i]);
	}
}

static void
one_that_vanished_is_no_want_of_watches(void **state)
{
	struct scene *s = *state;
	struct watch_stats stats;

	add_error = ENOENT;
	assert_null(watch_add(s->watch, "/", &want, &s->told[0]));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(warnings, 0);

	/* So the limit is said when it is reached. */
	add_error = ENOSPC;
	s->dirs[0] = watch_add(s->watch, "/", &want, &s->told[0]);
	s->dirs[1] = watch_add(s->watch, "/", &want, &s->told[1]);
	assert_true(watch_is_polled(s->dirs[1]));
	assert_int_equal(warnings, 1);
	watch_stats(s->watch, &stats);
	assert_int_equal(stats.directories, 2);
	assert_int_equal(stats.polled, 2);
}

/* Returns how many directories were told in one turn of the loop. */
static unsigned
turn(struct scene *s)
{
	unsigned before = 0, after = 0;
	size_t i;

	for (i = 0; i < DIRS; i++)
		before += s->told[i];
	ev_run(s->loop, EVRUN_NOWAIT);
	for (i = 0; i < DIRS; i++)
		after += s->told[i];
	return (after - before);
}

static void
events_are_lost(struct scene *s)
{
	system_ops->on_event(s->watch, -1, WATCH_SCAN, NULL, NULL);
}

static void
all_are_told_once_when_events_were_lost(void **state)
{
	struct scene *s = *state;
	unsigned round;
	size_t i;

	add_all(s);
	for (round = 1; round <= 2; round++) {
		events_are_lost(s);
		while (turn(s) > 0)
			continue;
		for (i = 0; i < DIRS; i++)
			assert_int_equal(s->told[i], round);
	}
}

static void
others_have_their_turn_while_all_are_told(void **state)
{
	struct scene *s = *state;
	unsigned n, turns = 0;

	add_all(s);
	events_are_lost(s);
	while ((n = turn(s)) > 0) {
		assert_true(n <= DIRS / 3);
		turns++;
	}
	assert_true(turns >= 3);
}

/* Events may be lost again and again before all were told. */
static void
one_that_was_not_told_yet_comes_first(void **state)
{
	struct scene *s = *state;
	unsigned turns = 0;
	size_t i;

	add_all(s);
	for (i = 0; i < DIRS; i++)
		for (events_are_lost(s); s->told[i] == 0; turns++) {
			events_are_lost(s);
			assert_true(turn(s) > 0);
		}
	assert_true(turns <= 4);
	for (i = 0; i < DIRS; i++)
		assert_true(s->told[i] <= 2);
}

static void
what_anybody_can_bring_about_is_said_once(void **state)
{
	struct scene *s = *state;
	struct watch_stats stats;
	unsigned i;

	add_all(s);
	for (i = 0; i < 10; i++) {
		events_are_lost(s);
		while (turn(s) > 0)
			continue;
	}
	assert_int_equal(notices, 1);
	watch_stats(s->watch, &stats);
	assert_int_equal(stats.overflows, 10);
}

static void
nobody_knows_how_it_was_before_all_were_told(void **state)
{
	struct scene *s = *state;
	ev_tstamp before = watch_known_until(s->watch);

	add_all(s);
	events_are_lost(s);
	(void)turn(s);
	system_ops->on_read(s->watch, true);
	assert_true(watch_known_until(s->watch) <= before);
	while (turn(s) > 0)
		continue;
	system_ops->on_read(s->watch, true);
	assert_true(watch_known_until(s->watch) > before);
}

static void
one_that_is_told_may_end_the_others(void **state)
{
	struct scene *s = *state;
	size_t i;
	unsigned told = 0;

	add_all(s);
	s->ends_others = true;
	events_are_lost(s);
	while (turn(s) > 0)
		continue;
	for (i = 0; i < DIRS; i++)
		told += s->told[i];
	assert_int_equal(told, 1);
	assert_int_equal(ended, DIRS - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    one_that_vanished_is_no_want_of_watches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    all_are_told_once_when_events_were_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    others_have_their_turn_while_all_are_told, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_was_not_told_yet_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_anybody_can_bring_about_is_said_once, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    nobody_knows_how_it_was_before_all_were_told, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_is_told_may_end_the_others, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
