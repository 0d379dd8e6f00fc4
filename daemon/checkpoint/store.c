#include "daemon/checkpoint/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/store_inside.h"

#define BLOATED_MIN (4 * 1024 * 1024)
#define BLOATED_TIMES 3
/* Octets of a record, where none was loaded or written yet. */
#define RECORD_GUESS 128

void
checkpoint_close(struct checkpoint *cp)
{
	if (cp == NULL)
		return;
	checkpoint_file_fini(&cp->file);
	checkpoint_table_clear(&cp->untaken);
	checkpoint_table_clear(&cp->seen);
	checkpoint_table_clear(&cp->pending);
	free(cp->taken);
	checkpoint_names_free(&cp->names);
	free(cp);
}

int64_t
checkpoint_ahead_ms(const struct checkpoint *cp)
{
	return (cp->ahead_ms);
}

time_t
checkpoint_latest(const struct checkpoint *cp)
{
	return (cp->latest);
}

bool
checkpoint_is_new(const struct checkpoint *cp)
{
	return (cp->is_new);
}

static void
take(struct checkpoint *cp, struct checkpoint_entry *e,
    struct checkpoint_record *rec)
{
	checkpoint_table_take(&cp->untaken, e);
	free(cp->taken);
	cp->taken = e;
	*rec = e->rec;
}

bool
checkpoint_take(struct checkpoint *cp, const char *dest, dev_t dev, ino_t inode,
    struct checkpoint_record *rec)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_FILE,
		.dest = dest,
		.dev = dev,
		.inode = inode,
	};
	struct checkpoint_entry *e;

	if ((e = checkpoint_table_find(&cp->untaken, &key)) == NULL)
		return (false);
	take(cp, e, rec);
	return (true);
}

bool
checkpoint_take_moved(struct checkpoint *cp,
    const struct checkpoint_record *now, struct checkpoint_record *rec)
{
	struct checkpoint_record key = { .kind = CHECKPOINT_FILE, .dest = "" };
	struct checkpoint_entry *e;

	/* Steps from device to device, of which there are few. */
	while ((e = checkpoint_table_from(&cp->untaken, &key)) != NULL) {
		key.dev = e->rec.dev;
		key.inode = now->inode;
		key.dest = now->dest;
		e = checkpoint_table_find(&cp->untaken, &key);
		if (e != NULL && key.dev != now->dev &&
		    strcmp(e->rec.path, now->path) == 0) {
			take(cp, e, rec);
			return (true);
		}
		if (++key.dev == 0)
			break;
		key.inode = 0;
		key.dest = "";
	}
	return (false);
}

int
checkpoint_give_back(struct checkpoint *cp)
{
	if (cp->taken == NULL)
		return (0);
	return (
	    checkpoint_table_put(&cp->untaken, &cp->names, &cp->taken->rec));
}

const struct checkpoint_record *
checkpoint_find(
    const struct checkpoint *cp, const char *dest, dev_t dev, ino_t inode)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_FILE,
		.dest = dest,
		.dev = dev,
		.inode = inode,
	};
	const struct checkpoint_entry *e;

	e = checkpoint_table_find(&cp->untaken, &key);
	return (e == NULL ? NULL : &e->rec);
}

/*
 * Whether a was written after b.  A record with a later time than the last
 * write of the file is from before the clock was set back.
 */
static bool
is_behind(const struct checkpoint *cp, const struct checkpoint_record *a,
    const struct checkpoint_record *b)
{
	if ((a->time > cp->written) != (b->time > cp->written))
		return (b->time > cp->written);
	return (a->time > b->time);
}

const struct checkpoint_record *
checkpoint_last(const struct checkpoint *cp, dev_t dev, ino_t inode)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_FILE,
		.dest = "",
		.dev = dev,
		.inode = inode,
	};
	struct checkpoint_entry *e;
	const struct checkpoint_record *last = NULL;

	for (e = checkpoint_table_from(&cp->untaken, &key);
	     e != NULL && e->rec.dev == dev && e->rec.inode == inode;
	     e = checkpoint_table_next(e))
		if (last == NULL || is_behind(cp, &e->rec, last))
			last = &e->rec;
	return (last);
}

const char *
checkpoint_path(const struct checkpoint *cp, dev_t dev, ino_t inode)
{
	const struct checkpoint_record *last = checkpoint_last(cp, dev, inode);

	return (last == NULL ? NULL : last->path);
}

bool
checkpoint_has_seen(
    const struct checkpoint *cp, const char *dest, const char *source)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_SEEN,
		.dest = dest,
		.path = source,
	};

	return (checkpoint_table_find(&cp->seen, &key) != NULL);
}

int
checkpoint_seen(
    struct checkpoint *cp, const char *dest, const char *source, time_t now)
{
	const struct checkpoint_record rec = {
		.kind = CHECKPOINT_SEEN,
		.dest = dest,
		.time = now < 0 ? 0 : now,
		.path = source,
	};

	if (checkpoint_has_seen(cp, dest, source))
		return (0);
	if (!checkpoint_record_is_valid(&rec)) {
		errno = EINVAL;
		return (-1);
	}
	if (checkpoint_table_put(&cp->pending, &cp->names, &rec) == -1 ||
	    checkpoint_table_put(&cp->seen, &cp->names, &rec) == -1)
		return (-1);
	return (0);
}

void
checkpoint_sweep(struct checkpoint *cp,
    bool (*fn)(const struct checkpoint_record *, void *), void *arg)
{
	struct checkpoint_entry *e, *next;

	cp->sweeping = true;
	for (e = checkpoint_table_from(&cp->untaken, NULL); e != NULL;
	     e = next) {
		next = checkpoint_table_next(e);
		if (fn(&e->rec, arg))
			continue;
		checkpoint_table_take(&cp->untaken, e);
		free(e);
	}
	cp->sweeping = false;
}

static bool
is_younger(const struct checkpoint_record *rec, void *arg)
{
	const time_t *before = arg;

	return (rec->time >= *before);
}

size_t
checkpoint_expire(struct checkpoint *cp, time_t before)
{
	size_t n = cp->untaken.n;

	checkpoint_sweep(cp, is_younger, &before);
	checkpoint_expire_late(cp, before);
	return (n - cp->untaken.n);
}

/* Makes rec one that can be written.  Returns 0, or -1 with EINVAL. */
static int
make_valid(struct checkpoint_record *rec)
{
	/* A wrong clock must not cost the offset. */
	if (rec->time < 0)
		rec->time = 0;
	if (checkpoint_record_is_valid(rec))
		return (0);
	errno = EINVAL;
	return (-1);
}

int
checkpoint_note(struct checkpoint *cp, const struct checkpoint_record *noted)
{
	struct checkpoint_record rec = *noted;

	if (rec.kind == CHECKPOINT_SEEN)
		return (checkpoint_seen(cp, rec.dest, rec.path, rec.time));
	assert(rec.kind != CHECKPOINT_LATE);
	if (make_valid(&rec) == -1 ||
	    checkpoint_table_put(&cp->pending, &cp->names, &rec) == -1)
		return (-1);
	/* What is noted is newer than what was loaded. */
	if (!cp->sweeping)
		checkpoint_table_del(&cp->untaken, &rec);
	return (0);
}

int
checkpoint_leave(struct checkpoint *cp, const struct checkpoint_record *rec)
{
	if (checkpoint_note(cp, rec) == -1)
		return (-1);
	return (checkpoint_table_put(&cp->untaken, &cp->names, rec));
}

int
checkpoint_put(struct checkpoint *cp, const struct checkpoint_record *put,
    struct checkpoint_batch *to)
{
	struct checkpoint_record rec = *put;

	if (make_valid(&rec) == -1)
		return (-1);
	checkpoint_table_del(&cp->untaken, &rec);
	checkpoint_batch_add(to, &rec);
	return (0);
}

static bool
has_room(struct checkpoint_batch *b, size_t most)
{
	return (!checkpoint_batch_is_full(b, most) &&
	    checkpoint_batch_reserve(b) == 0);
}

bool
checkpoint_has_notes(const struct checkpoint *cp)
{
	return (cp->pending.n > 0);
}

void
checkpoint_drain(struct checkpoint *cp, enum checkpoint_drain what,
    struct checkpoint_batch *to, size_t most)
{
	struct checkpoint_entry *e;

	/* In the table, sources stand behind all files. */
	while ((e = checkpoint_table_from(&cp->pending, NULL)) != NULL) {
		if ((what == CHECKPOINT_DRAIN_FILES &&
			e->rec.kind == CHECKPOINT_SEEN) ||
		    !has_room(to, most))
			return;
		checkpoint_batch_add(to, &e->rec);
		checkpoint_table_take(&cp->pending, e);
		free(e);
	}
}

static bool
copy_untaken(const struct checkpoint *cp, struct checkpoint_place *at,
    struct checkpoint_batch *to, size_t most)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_FILE,
		.dest = at->dest == NULL ? "" : at->dest,
		.dev = at->dev,
		.inode = at->inode,
	};
	struct checkpoint_entry *e = checkpoint_table_from(&cp->untaken, &key);

	/* Each name of a destination is kept once: pointers compare. */
	if (e != NULL && e->rec.dest == at->dest && e->rec.dev == at->dev &&
	    e->rec.inode == at->inode)
		e = checkpoint_table_next(e);
	for (; e != NULL; e = checkpoint_table_next(e)) {
		if (!has_room(to, most))
			return (false);
		checkpoint_batch_add(to, &e->rec);
		at->dest = e->rec.dest;
		at->dev = e->rec.dev;
		at->inode = e->rec.inode;
	}
	return (true);
}

/* No entry leaves this table, so at->seen stays valid. */
static bool
copy_seen(const struct checkpoint *cp, struct checkpoint_place *at,
    struct checkpoint_batch *to, size_t most)
{
	struct checkpoint_entry *e;

	e = at->seen == NULL ? checkpoint_table_from(&cp->seen, NULL)
			     : checkpoint_table_next(at->seen);
	for (; e != NULL; e = checkpoint_table_next(e)) {
		if (e->rec.kind == CHECKPOINT_LATE && e->rec.time == 0)
			continue;
		if (!has_room(to, most))
			return (false);
		checkpoint_batch_add(to, &e->rec);
		at->seen = e;
	}
	return (true);
}

bool
checkpoint_copy(const struct checkpoint *cp, struct checkpoint_place *at,
    struct checkpoint_batch *to, size_t most)
{
	return (copy_untaken(cp, at, to, most) && copy_seen(cp, at, to, most));
}

struct checkpoint_file *
checkpoint_file(struct checkpoint *cp)
{
	return (&cp->file);
}

bool
checkpoint_is_bloated(const struct checkpoint *cp,
    const struct checkpoint_file_stats *file, size_t live_records)
{
	uint64_t average = RECORD_GUESS, live;

	if (file->records > 0)
		average = file->record_bytes / file->records;
	live = (live_records + cp->untaken.n + cp->seen.n) * average;
	return (file->size > BLOATED_MIN && file->size / BLOATED_TIMES > live);
}

uint64_t
checkpoint_damaged(const struct checkpoint *cp)
{
	return (cp->damaged);
}
