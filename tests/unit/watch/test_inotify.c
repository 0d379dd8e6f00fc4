/*
 * Goal: what the system tells of a storm of events comes in turns, between
 * which the loop has time for others.
 */
#include <sys/stat.h>

#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/watch/watch.h"

/* Fewer than the system keeps, two events each. */
#define RENAMES 5000

struct scene {
	struct ev_loop *loop;
	struct watch *watch;
	struct watch_dir *dir;
	char path[64];
	char one[96], other[96];
	unsigned told;
	unsigned pairs; /* whose name before was told */
};

static void
on_dir(void *owner, enum watch_event event, const char *name, const char *from)
{
	struct scene *s = owner;

	assert_int_equal(event, WATCH_NAME);
	assert_non_null(name);
	s->told++;
	s->pairs += from != NULL;
}

static const struct watch_ops ops = { .on_dir = on_dir };

static int
open_scene(void **state)
{
	const struct watch_want want = { .data = true };
	struct scene *s = calloc(1, sizeof(*s));
	FILE *f;

	assert_non_null(s);
	(void)snprintf(
	    s->path, sizeof(s->path), "/tmp/test_watch_inotify.XXXXXX");
	assert_non_null(mkdtemp(s->path));
	(void)snprintf(s->one, sizeof(s->one), "%s/log", s->path);
	(void)snprintf(s->other, sizeof(s->other), "%s/log.1", s->path);
	assert_non_null(f = fopen(s->one, "w"));
	assert_int_equal(fclose(f), 0);
	s->loop = ev_loop_new(EVFLAG_AUTO);
	s->watch = watch_new(s->loop, &ops);
	s->dir = watch_add(s->watch, s->path, &want, s);
	assert_non_null(s->dir);
	*state = s;
	return (0);
}

static int
close_scene(void **state)
{
	struct scene *s = *state;

	watch_del(s->dir);
	watch_free(s->watch);
	ev_loop_destroy(s->loop);
	(void)unlink(s->one);
	(void)unlink(s->other);
	(void)rmdir(s->path);
	free(s);
	return (0);
}

static unsigned
turn(struct scene *s)
{
	unsigned before = s->told;

	ev_run(s->loop, EVRUN_NOWAIT);
	return (s->told - before);
}

static void
a_storm_is_told_in_turns(void **state)
{
	struct scene *s = *state;
	unsigned i, n;

	for (i = 0; i < RENAMES / 2; i++) {
		assert_int_equal(rename(s->one, s->other), 0);
		assert_int_equal(rename(s->other, s->one), 0);
	}
	assert_true(watch_is_behind(s->watch));
	n = turn(s);
	assert_in_range(n, 1, RENAMES);
	assert_true(watch_is_behind(s->watch));
	while (turn(s) > 0)
		continue;
	assert_false(watch_is_behind(s->watch));
	assert_int_equal(s->told, 2 * RENAMES);
	/* Also where one half came in one turn, and the other in the next. */
	assert_int_equal(s->pairs, RENAMES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_storm_is_told_in_turns, open_scene, close_scene),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
