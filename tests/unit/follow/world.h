/*
 * world.h - files that are followed in a directory of their own, for one
 * destination that is faked: it takes what it is given when a test says so.
 */
#ifndef TEST_FOLLOW_WORLD_H
#define TEST_FOLLOW_WORLD_H

#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "daemon/watch/watch.h"
#include "lib/reason.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, \
	world_teardown)

struct world {
	char			 path[PATH_MAX];
	struct ev_loop		*loop;
	struct checkpointer		*checkpointer;
	struct watch		*watch;
	struct file_table		*file_table;
	struct names		 place;
	struct conf_source	 source;
	struct conf_destination	 to;
	struct route		 route;
	ino_t			 ino;	/* the last one that was made up */
};

static inline void
world_on_stream(struct stream *s, void *dest)
{
	(void)s;
	(void)dest;
}

static inline void
world_on_cut(struct stream *s, off_t end, void *dest)
{
	(void)dest;
	s->cursor.sent = end;
	if (s->cursor.acked > end)
		s->cursor.acked = end;
}

static inline struct guard
world_guard_within(const struct stream *s, off_t most, void *dest)
{
	(void)s;
	(void)most;
	(void)dest;
	return ((struct guard) { 0, 0 });
}

static inline void
world_on_dir(void *owner, enum watch_event event, const char *name,
    const char *from)
{
	(void)owner;
	(void)event;
	(void)name;
	(void)from;
}

static inline void
world_on_file(void *owner)
{
	(void)owner;
}

static inline bool
world_means(struct names *place, const char *name)
{
	(void)place;
	(void)name;
	return (true);
}

static inline struct names *
world_place_of(void *arg, const char *path)
{
	struct world *w = arg;

	return (names_holds(&w->place, path) ? &w->place : NULL);
}

static inline void
world_open_place(struct world *w)
{
	struct stat st;
	char *path;

	assert_int_equal(stat(w->path, &st), 0);
	assert_non_null(path = strdup(w->path));
	names_init(&w->place, path, &st);
	w->place.told = true;
}

static inline int
world_setup(void **state)
{
	static const struct watch_ops watch_ops = { .on_dir = world_on_dir,
		.on_file = world_on_file };
	static const struct route_ops route_ops = { .on_ready = world_on_stream,
		.on_drop = world_on_stream,
		.on_cut = world_on_cut,
		.guard_within = world_guard_within };
	const struct file_table_conf tc = { .ops = &follow_ops,
		.max_open = 64,
		.look_ms = 1000,
		.scratch = 65536 };
	struct file_finder finder = { .means = world_means,
		.place_of = world_place_of };
	const char *tmp = getenv("TMPDIR");
	struct world *w = calloc(1, sizeof(*w));
	char path[PATH_MAX];
	struct reason why;

	(void)snprintf(path, sizeof(path), "%s/teslacoil-follow.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(path));
	assert_non_null(realpath(path, w->path));
	assert_int_equal(chdir(w->path), 0);
	assert_non_null(w->loop = ev_loop_new(EVFLAG_AUTO));
	assert_non_null(w->checkpointer = checkpointer_new(w->loop, -1, 1000, &why));
	assert_non_null(w->watch = watch_new(w->loop, &watch_ops));
	assert_non_null(w->file_table = file_table_new(w->loop, w->checkpointer, &tc));
	finder.arg = w;
	finder.watch = w->watch;
	file_table_set_finder(w->file_table, &finder);
	follow_serve_checkpointer(w->checkpointer, w->file_table);
	w->source.name = (char *)"source";
	w->to.name = (char *)"destination";
	w->route = (struct route) { .source = &w->source,
		.to = &w->to,
		.ops = &route_ops,
		.dest = w };
	world_open_place(w);
	*state = w;
	return (0);
}

static inline int
world_teardown(void **state)
{
	struct world *w = *state;
	char command[PATH_MAX + 16];

	follow_free_all(w->file_table);
	follow_directory_gone(&w->place);
	names_fini(&w->place);
	file_table_free(w->file_table);
	watch_free(w->watch);
	checkpointer_free(w->checkpointer);
	ev_loop_destroy(w->loop);
	assert_int_equal(chdir("/"), 0);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", w->path);
	assert_int_equal(system(command), 0);
	free(w);
	return (0);
}

/* Puts lines first..last into the file, behind what it has. */
static inline void
world_write(const char *name, unsigned first, unsigned last)
{
	FILE *f = fopen(name, "ae");

	assert_non_null(f);
	for (; first <= last; first++)
		assert_true(fprintf(f, "line %06u of a log %010u\n", first,
				first * 2654435761U) > 0);
	assert_int_equal(fclose(f), 0);
}

#define WORLD_LINE	32		/* octets of a line of those */

static inline void
world_copy(const char *from, const char *to)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* Names that changed in the last tick of a clock may be changing still. */
static inline void
world_let_names_rest(void)
{
	const struct timespec tick = { .tv_nsec = 30 * 1000 * 1000 };

	(void)nanosleep(&tick, NULL);
}

/* Begins to follow a file, as find/ does with a new one, or returns NULL. */
static inline struct file *
world_follow(struct world *w, const char *name)
{
	struct stat st;
	struct file *t;

	assert_int_equal(lstat(name, &st), 0);
	assert_non_null(t = follow_new(w->file_table, &w->place, name, &st));
	t->fresh = true;
	assert_int_equal(follow_join(t, &w->route, false), 0);
	suspect_look(t);
	streams_watch(t);
	return (t);
}

/* The destination was sent the file up to an offset, and has all of that. */
static inline void
world_send_to(struct file *t, off_t end)
{
	struct stream *s = t->streams;
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(end);
	struct guard g;
	int fd;

	assert_null(t->held);
	assert_true((fd = file_descriptor(t)) != -1);
	assert_int_equal(streams_update_print(t, fd), 1);
	assert_int_equal(
	    pread(fd, buf, len, end - (off_t)len), (ssize_t)len);
	guard_of(&g, end, buf, len);
	stream_guard_set(s, &g);
	s->cursor.sent = s->cursor.acked = end;
	stream_guard_acked(s);
	file_is_verified(t);
	t->fresh = false;
	if (end == t->size)
		stream_set_drained(s, true);
}

static inline void
world_send(struct file *t)
{
	world_send_to(t, t->size);
}

static inline off_t
world_sent(const struct file *t)
{
	return (t->streams->cursor.sent);
}

#endif
