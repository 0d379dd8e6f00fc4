/*
 * world.h - sources of no configuration, in a directory of their own: no start
 * was made, and nothing is followed.
 */
#ifndef TEST_FIND_WORLD_H
#define TEST_FIND_WORLD_H

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
#include <unistd.h>

#include <cmocka.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/sources.h"
#include "daemon/find/tree.h"
#include "daemon/follow/follow.h"
#include "lib/pattern.h"

struct world {
	char		 path[PATH_MAX];	/* of the directory */
	struct ev_loop	*loop;
	struct checkpointer	*checkpointer;
	struct file_table	*file_table;
	struct sources	*ss;
	unsigned	 dangling;		/* calls of that callback */
};

static inline void
world_on_link(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

static inline void
world_on_dangling(void *arg, const char *path)
{
	struct world *w = arg;

	(void)path;
	w->dangling++;
}

static inline void
world_begin(struct world *w)
{
	const struct file_table_conf tc = { .ops = &follow_ops,
		.max_open = 64,
		.look_ms = 1000,
		.scratch = 65536 };
	const struct sources_ops ops = { .on_link = world_on_link,
		.on_dangling = world_on_dangling,
		.on_refused = world_on_link,
		.on_hidden = world_on_link,
		.on_mounted = world_on_link,
		.arg = w };
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];
	struct reason why;

	memset(w, 0, sizeof(*w));
	(void)snprintf(path, sizeof(path), "%s/teslacoil-find.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(path));
	assert_non_null(realpath(path, w->path));
	assert_int_equal(chdir(w->path), 0);
	assert_non_null(w->loop = ev_loop_new(EVFLAG_AUTO));
	assert_non_null(w->checkpointer = checkpointer_new(w->loop, -1, 1000, &why));
	assert_non_null(w->file_table = file_table_new(w->loop, w->checkpointer, &tc));
	assert_non_null(
	    w->ss = sources_new(w->loop, w->file_table, w->checkpointer, &ops));
}

static inline void
world_end(struct world *w)
{
	char command[PATH_MAX + 16];

	follow_free_all(w->file_table);
	sources_free(w->ss);
	file_table_free(w->file_table);
	checkpointer_free(w->checkpointer);
	ev_loop_destroy(w->loop);
	assert_int_equal(chdir("/"), 0);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", w->path);
	assert_int_equal(system(command), 0);
}

/* The directory itself, or one in it, as a directory of the tree. */
static inline struct dir *
world_dir(struct world *w, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	struct dir *d;

	assert_true(snprintf(path, sizeof(path), "%s%s%s", w->path,
			name[0] == '\0' ? "" : "/", name) < PATH_MAX);
	if (stat(path, &st) == -1) {
		assert_int_equal(mkdir(path, 0755), 0);
		assert_int_equal(stat(path, &st), 0);
	}
	assert_non_null(d = tree_add(w->ss, NULL, path, &st));
	return (d);
}

static inline void
world_write(const char *name, const void *p, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd != -1);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
}

#endif
