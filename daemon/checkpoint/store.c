#include "daemon/checkpoint/store.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/disk.h"
#include "daemon/checkpoint/record.h"
#include "daemon/checkpoint/table.h"

#define NAME CHECKPOINT_NAME
#define NAME_OLD "checkpoint.old"
#define MAGIC CHECKPOINT_MAGIC
#define HEADER CHECKPOINT_HEADER

#define CHUNK 65536
#define BLOATED_MIN (4 * 1024 * 1024)
#define BLOATED_TIMES 3
/* How long a record is while there has been none to measure. */
#define RECORD_GUESS 128

struct load {
	struct checkpoint *cp;
	bool first; /* at the first line */
	bool other; /* which is another version's */
	int error;
	uint64_t bytes;
	struct checkpoint_table more; /* of the record that comes next */
};

struct checkpoint {
	struct checkpoint_file file;
	bool is_new;
	bool sweeping;
	struct checkpoint_names names;
	struct checkpoint_table untaken;
	struct checkpoint_table seen; /* and what is late, or was */
	struct checkpoint_table pending;
	struct checkpoint_entry *taken; /* its strings are lent out */
	int64_t ahead_ms; /* -1: nothing says so */
	time_t latest;
	time_t written; /* when it was, by the time of day of then */
	uint64_t damaged;
};

/* What the line before said of the same file belongs to it, too. */
static int
load_file(struct load *ld, struct checkpoint_record *rec)
{
	const struct checkpoint_entry *more;

	if ((more = checkpoint_table_find(&ld->more, rec)) != NULL) {
		rec->guards = more->rec.guards;
		rec->nguards = more->rec.nguards;
		rec->real = more->rec.real;
	}
	return (checkpoint_table_put(&ld->cp->untaken, &ld->cp->names, rec));
}

/*
 * Moves on the record of its key.  Without one, that was damaged, or the file
 * has come to its end.
 */
static int
load_past(struct load *ld, const struct checkpoint_record *past)
{
	struct guard guards[CHECKPOINT_GUARDS];
	struct checkpoint_entry *e;
	struct checkpoint_record rec;
	unsigned i;

	if ((e = checkpoint_table_find(&ld->cp->untaken, past)) == NULL)
		return (0);
	rec = e->rec;
	rec.offset = past->offset;
	rec.time = past->time;
	if (past->nguards > 0) {
		guards[0] = past->guards[0];
		rec.nguards = 1;
		for (i = 1; i < e->rec.nguards; i++)
			if (e->rec.guards[i].at < guards[0].at)
				guards[rec.nguards++] = e->rec.guards[i];
		rec.guards = guards;
	}
	return (checkpoint_table_put(&ld->cp->untaken, &ld->cp->names, &rec));
}

static void
load_apply(struct load *ld, struct checkpoint_record *rec)
{
	struct checkpoint *cp = ld->cp;
	int rc = 0;

	switch (rec->kind) {
	case CHECKPOINT_MORE:
		checkpoint_table_clear(&ld->more);
		rc = checkpoint_table_put(&ld->more, &cp->names, rec);
		break;
	case CHECKPOINT_FILE:
		rc = load_file(ld, rec);
		break;
	case CHECKPOINT_PAST:
		rc = load_past(ld, rec);
		break;
	case CHECKPOINT_SEEN:
	case CHECKPOINT_LATE:
		rc = checkpoint_table_put(&cp->seen, &cp->names, rec);
		break;
	case CHECKPOINT_GONE:
		checkpoint_table_del(&cp->untaken, rec);
		break;
	case CHECKPOINT_LOOK:
		cp->ahead_ms = rec->offset;
		if (cp->latest < rec->time)
			cp->latest = rec->time;
		break;
	}
	if (rc == -1)
		ld->error = errno;
	if (rec->kind != CHECKPOINT_MORE)
		checkpoint_table_clear(&ld->more);
}

/* What a live record takes is measured by those that are whole. */
static void
load_count(struct load *ld, const struct checkpoint_record *rec, size_t len)
{
	struct checkpoint_file_stats *stats = &ld->cp->file.stats;

	if (rec->kind == CHECKPOINT_PAST || rec->kind == CHECKPOINT_LOOK)
		return;
	stats->records += rec->kind != CHECKPOINT_MORE;
	stats->record_bytes += len;
}

static void
count_damaged(struct load *ld)
{
	ld->cp->damaged++;
	/* What it said more about may have been in there. */
	checkpoint_table_clear(&ld->more);
}

/* Returns whether the line needs no further thought. */
static bool
load_record(struct load *ld, char *line, size_t len)
{
	struct guard guards[CHECKPOINT_GUARDS];
	struct checkpoint_record rec;

	if (len == strlen(HEADER) && memcmp(line, HEADER, len) == 0)
		return (true);
	if (!checkpoint_record_is_whole(line, len))
		return (false);
	if (checkpoint_record_decode(line, len, &rec, guards)) {
		load_count(ld, &rec, len + 1);
		load_apply(ld, &rec);
	} else
		count_damaged(ld);
	return (true);
}

static bool
is_other_version(const char *line, size_t len)
{
	size_t magic = strlen(MAGIC), i;

	if (len <= magic || memcmp(line, MAGIC, magic) != 0)
		return (false);
	for (i = magic; i < len; i++)
		if (line[i] < '0' || line[i] > '9')
			return (false);
	return (len != strlen(HEADER) || memcmp(line, HEADER, len) != 0);
}

/*
 * A damaged line can end in a whole record, when the newline before it was
 * lost.  Then what stands before that newline can be whole, too.
 */
static void
load_line(struct load *ld, char *line, size_t len)
{
	size_t i;

	if (ld->first)
		ld->other = is_other_version(line, len);
	ld->first = false;
	if (len == 0 || load_record(ld, line, len))
		return;
	for (i = 1; i < len && len <= CHECKPOINT_LINE_MAX; i++) {
		if (!checkpoint_record_is_whole(line + i, len - i))
			continue;
		if (!load_record(ld, line, i - 1))
			count_damaged(ld);
		(void)load_record(ld, line + i, len - i);
		return;
	}
	count_damaged(ld);
}

/*
 * Loads the lines in buf[0..len) and moves what is left to the start.  Returns
 * how much that is.  A line too long for a record is skipped, however long.
 */
static size_t
load_lines(struct load *ld, char *buf, size_t len, bool *skipping)
{
	char *line = buf, *end = buf + len, *nl;

	while ((nl = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		if (!*skipping)
			load_line(ld, line, (size_t)(nl - line));
		*skipping = false;
		line = nl + 1;
	}
	len = (size_t)(end - line);
	if (len > CHECKPOINT_LINE_MAX && !*skipping) {
		*skipping = true;
		ld->first = false;
		count_damaged(ld);
	}
	if (*skipping)
		return (0);
	memmove(buf, line, len);
	return (len);
}

static int
load_fd(struct load *ld, int fd)
{
	const size_t size = CHUNK + CHECKPOINT_LINE_MAX;
	bool skipping = false;
	size_t len = 0;
	ssize_t n;
	char *buf;

	if ((buf = malloc(size)) == NULL)
		return (-1);
	while (ld->error == 0) {
		n = read(fd, buf + len, size - len);
		if (n == 0)
			break;
		if (n > 0) {
			ld->bytes += (uint64_t)n;
			len = load_lines(ld, buf, len + (size_t)n, &skipping);
		} else if (errno != EINTR)
			ld->error = errno;
	}
	ld->cp->file.torn = skipping || len > 0;
	/* Without newline, but maybe whole: the checksum tells. */
	if (len > 0)
		load_line(ld, buf, len);
	free(buf);
	errno = ld->error;
	return (errno == 0 ? 0 : -1);
}

static int
failed(struct checkpoint *cp, struct reason *why, const char *what, int error)
{
	cp->file.stats.failures++;
	errno = error;
	return (
	    reason_set(why, "state directory: %s: %s", what, strerror(error)));
}

/* Starts the file.  Its first line is written with the first records. */
static int
create(struct checkpoint *cp, struct reason *why)
{
	if (checkpoint_file_open(&cp->file) == -1)
		return (failed(cp, why, NAME ": create", errno));
	cp->is_new = cp->file.headless = cp->file.unnamed = true;
	return (0);
}

static int
load(struct checkpoint *cp, int fd, struct reason *why)
{
	struct load ld = { .cp = cp, .first = true };
	struct stat st;
	int rc;

	if (fstat(fd, &st) == -1)
		return (failed(cp, why, NAME ": fstat", errno));
	if (!S_ISREG(st.st_mode))
		return (reason_set(
		    why, "state directory: checkpoint: is not a regular file"));
	rc = load_fd(&ld, fd);
	checkpoint_table_clear(&ld.more);
	if (rc == -1)
		return (failed(cp, why, NAME ": read", errno));
	if (ld.other && cp->file.stats.records == 0) {
		if (renameat(cp->file.dirfd, NAME, cp->file.dirfd, NAME_OLD) ==
		    -1)
			return (failed(
			    cp, why, NAME ": rename to " NAME_OLD, errno));
		cp->file.torn = false;
		cp->damaged++;
		return (create(cp, why));
	}
	cp->is_new = cp->file.headless = ld.bytes == 0;
	/* On a read-only disk the offsets still count; the sync will say. */
	(void)checkpoint_file_open(&cp->file);
	return (0);
}

struct checkpoint *
checkpoint_open(int dirfd, struct reason *why)
{
	struct checkpoint *cp;
	struct stat st;
	int fd, rc;

	if ((cp = calloc(1, sizeof(*cp))) == NULL) {
		(void)reason_set(why, "state directory: out of memory");
		return (NULL);
	}
	cp->ahead_ms = -1;
	checkpoint_file_init(&cp->file, dirfd);
	fd =
	    openat(dirfd, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1 && fstat(fd, &st) == 0)
		cp->written = st.st_mtime;
	if (fd != -1)
		rc = load(cp, fd, why);
	else if (errno == ENOENT)
		rc = create(cp, why);
	else
		rc = failed(cp, why, NAME ": open", errno);
	if (fd != -1)
		(void)close(fd);
	if (rc == 0) {
		checkpoint_file_clean(&cp->file);
		return (cp);
	}
	checkpoint_close(cp);
	return (NULL);
}

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
checkpoint_take_moved(struct checkpoint *cp, const char *dest, dev_t dev,
    ino_t inode, const char *path, struct checkpoint_record *rec)
{
	struct checkpoint_record key = { .kind = CHECKPOINT_FILE, .dest = "" };
	struct checkpoint_entry *e;

	/* From each device to the next one: there are few. */
	while ((e = checkpoint_table_from(&cp->untaken, &key)) != NULL) {
		key.dev = e->rec.dev;
		key.inode = inode;
		key.dest = dest;
		e = checkpoint_table_find(&cp->untaken, &key);
		if (e != NULL && key.dev != dev &&
		    strcmp(e->rec.path, path) == 0) {
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
 * Whether a was written behind b.  One that has a later time than the last
 * write is of before the clock was set back.
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

static struct checkpoint_entry *
find_late(const struct checkpoint *cp, const char *path)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_LATE,
		.dest = "",
		.path = path,
	};

	return (checkpoint_table_find(&cp->seen, &key));
}

bool
checkpoint_is_late(
    const struct checkpoint *cp, const char *path, struct timespec *since)
{
	const struct checkpoint_entry *e = find_late(cp, path);

	if (e == NULL || e->rec.time == 0)
		return (false);
	since->tv_sec = e->rec.time;
	since->tv_nsec = (long)e->rec.offset;
	return (true);
}

/* The entry that is late, from this one on, whose path begins so; or NULL. */
static struct checkpoint_entry *
next_late(struct checkpoint_entry *e, const char *prefix)
{
	size_t len = strlen(prefix);

	for (; e != NULL && e->rec.kind == CHECKPOINT_LATE &&
	     strncmp(e->rec.path, prefix, len) == 0;
	     e = checkpoint_table_next(e))
		if (e->rec.time != 0)
			return (e);
	return (NULL);
}

static struct checkpoint_entry *
first_late(const struct checkpoint *cp, const char *prefix)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_LATE,
		.dest = "",
		.path = prefix,
	};

	return (next_late(checkpoint_table_from(&cp->seen, &key), prefix));
}

const char *
checkpoint_late_below(const struct checkpoint *cp, const char *prefix)
{
	const struct checkpoint_entry *e = first_late(cp, prefix);

	return (e != NULL ? e->rec.path : NULL);
}

const char *
checkpoint_late_at(const struct checkpoint *cp, const char *prefix,
    const struct timespec *since, bool (*fn)(const char *, void *), void *arg)
{
	struct checkpoint_entry *e;

	for (e = first_late(cp, prefix); e != NULL;
	     e = next_late(checkpoint_table_next(e), prefix))
		if (e->rec.time == since->tv_sec &&
		    (since->tv_nsec == 0 || e->rec.offset == since->tv_nsec) &&
		    fn(e->rec.path, arg))
			return (e->rec.path);
	return (NULL);
}

/* An entry never leaves its table: checkpoint_copy() may have come to it. */
int
checkpoint_late(
    struct checkpoint *cp, const char *path, const struct timespec *since)
{
	struct checkpoint_record rec = {
		.kind = CHECKPOINT_LATE,
		.dest = "",
		.path = path,
	};
	struct checkpoint_entry *e = find_late(cp, path);

	if (since != NULL) {
		rec.time = since->tv_sec > 0 ? since->tv_sec : 1;
		rec.offset = since->tv_nsec;
	}
	if (e == NULL ? since == NULL
		      : e->rec.time == rec.time && e->rec.offset == rec.offset)
		return (0);
	if (!checkpoint_record_is_valid(&rec)) {
		errno = EINVAL;
		return (-1);
	}
	if (checkpoint_table_put(&cp->pending, &cp->names, &rec) == -1)
		return (-1);
	if (e == NULL)
		return (checkpoint_table_put(&cp->seen, &cp->names, &rec));
	e->rec.time = rec.time;
	e->rec.offset = rec.offset;
	return (0);
}

/* What is late stands in front of all sources. */
static void
expire_late(struct checkpoint *cp, time_t before)
{
	struct checkpoint_entry *e;

	for (e = checkpoint_table_from(&cp->seen, NULL);
	     e != NULL && e->rec.kind == CHECKPOINT_LATE;
	     e = checkpoint_table_next(e))
		if (e->rec.time < before)
			e->rec.time = 0;
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
	expire_late(cp, before);
	return (n - cp->untaken.n);
}

/* Makes rec one that can be written.  Returns 0, or -1 with EINVAL. */
static int
make_valid(struct checkpoint_record *rec)
{
	/* A clock that is far off must not cost the offset. */
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
	/* Whoever notes a file knows better than what was loaded. */
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

	/* Sources stand behind all files. */
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

	/* Names of destinations are kept, and so each is itself. */
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

/* None of these ever leaves its table. */
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
