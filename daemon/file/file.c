#include "daemon/file/file.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/file/inside.h"
#include "lib/ns.h"

#define TICK 2 /* seconds: the coarsest clock of a file system */

struct tail *
tail_alloc(struct tails *ts, const char *name)
{
	struct tail *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->name = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	t->all = ts;
	t->fd = -1;
	t->changed = tails_now(ts);
	ts->stats.files++;
	return (t);
}

void
tail_set_last_line(struct tail *t, const struct guard *before, off_t end)
{
	off_t n = end - before->at;

	t->last_line = before->at > 0 && n < UINT32_MAX ? (uint32_t)n : 0;
	t->last_guard = (uint32_t)before->hash;
}

void
tail_suspect(struct tail *t)
{
	t->suspect = true;
	if (t->sure != 0)
		t->size = t->sure;
	t->sure = 0;
	tails_time_soon(t);
}

void
tail_set_packed(
    struct tail *t, enum inflate_kind kind, const struct fingerprint *print)
{
	t->packed = (uint8_t)kind;
	t->print = *print;
	tails_time(t);
}

void
tail_is_compared(struct tail *t)
{
	t->sure = 0;
	t->left_now = t->unproven = false;
}

int64_t
written_ns(const struct stat *st)
{
	return (ns_of(&st->st_mtim));
}

bool
is_time_set(const struct stat *st)
{
	return (st->st_ctim.tv_sec != st->st_mtim.tv_sec ||
	    st->st_ctim.tv_nsec != st->st_mtim.tv_nsec);
}

void
tails_saw(struct tail *t, const struct stat *st)
{
	t->written_ns = written_ns(st);
	t->doubtful = st->st_mtim.tv_sec + TICK >= clock_wall_s();
}

bool
tails_is_as_seen(const struct tail *t, const struct stat *st)
{
	return (written_ns(st) == t->written_ns && !t->doubtful);
}
