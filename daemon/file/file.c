#include "daemon/file/file.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/file/inside.h"
#include "lib/ns.h"

#define TICK 2 /* seconds: the coarsest clock of a file system */

struct file *
file_alloc(struct file_table *ts, const char *name)
{
	struct file *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->name = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	t->all = ts;
	t->fd = -1;
	t->changed = file_table_now(ts);
	ts->stats.files++;
	return (t);
}

void
file_set_last_line(struct file *t, const struct guard *before, off_t end)
{
	off_t n = end - before->at;

	t->last_line = before->at > 0 && n < UINT32_MAX ? (uint32_t)n : 0;
	t->last_guard = (uint32_t)before->hash;
}

void
file_must_be_checked(struct file *t)
{
	t->suspect = true;
	if (t->sure != 0)
		t->size = t->sure;
	t->sure = 0;
	file_timer_add_soon(t);
}

void
file_set_compressed(
    struct file *t, enum inflate_kind kind, const struct fingerprint *print)
{
	t->compression = (uint8_t)kind;
	t->print = *print;
	file_timer_add(t);
}

void
file_is_verified(struct file *t)
{
	t->sure = 0;
	t->left_now = t->unproven = false;
}

int64_t
file_written_ns(const struct stat *st)
{
	return (ns_of(&st->st_mtim));
}

bool
file_time_was_set(const struct stat *st)
{
	return (st->st_ctim.tv_sec != st->st_mtim.tv_sec ||
	    st->st_ctim.tv_nsec != st->st_mtim.tv_nsec);
}

void
file_saw(struct file *t, const struct stat *st)
{
	t->written_ns = file_written_ns(st);
	t->doubtful = st->st_mtim.tv_sec + TICK >= clock_wall_s();
}

bool
file_is_as_seen(const struct file *t, const struct stat *st)
{
	return (file_written_ns(st) == t->written_ns && !t->doubtful);
}
