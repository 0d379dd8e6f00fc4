#include "checkpoint.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint_record.h"
#include "checkpoint_table.h"

#define NAME "checkpoint"
#define NAME_NEW "checkpoint.new"
#define NAME_OLD "checkpoint.old"
/*
 * The first line of every version.  A version that changes the records has to
 * change their checksum too: a damaged first line is told from another
 * version's by the records behind it.
 */
#define MAGIC "teslacoil-checkpoint "
#define HEADER MAGIC "1"

#define CHUNK 65536
#define BLOATED_MIN 65536
#define BLOATED_TIMES 3
/* How long a record is while there has been none to measure. */
#define RECORD_GUESS 128

/* Gathers lines and writes them in large pieces. */
struct out {
	int fd;
	int error; /* errno of the first failure */
	uint64_t written;
	uint64_t records;
	size_t len;
	char buf[CHUNK + CHECKPOINT_RECORD_MAX];
};

struct load {
	struct checkpoint *cp;
	bool first; /* at the first line */
	bool other; /* which is another version's */
	int error;
	uint64_t bytes;
	struct checkpoint_table more; /* of the record that comes next */
};

struct checkpoint {
	int dirfd;
	int fd; /* the file, to append to; -1: could not be opened yet */
	bool is_new;
	bool headless; /* the file is empty */
	bool torn; /* its end may not be the end of a line */
	bool dir_dirty; /* its name may not be on disk */
	bool sweeping;
	struct checkpoint_names names;
	struct checkpoint_table untaken;
	struct checkpoint_table seen;
	struct checkpoint_table pending;
	struct checkpoint_entry *taken; /* its strings are lent out */
	struct out *compacting; /* where checkpoint_note() goes instead */
	uint64_t record_bytes; /* of so many records: for the average */
	uint64_t records;
	struct checkpoint_stats stats;
};

static void
out_flush(struct out *out)
{
	size_t done = 0;
	ssize_t n;

	while (out->error == 0 && done < out->len) {
		n = write(out->fd, out->buf + done, out->len - done);
		if (n > 0) {
			done += (size_t)n;
			out->written += (uint64_t)n;
		} else if (n == 0)
			out->error = EIO;
		else if (errno != EINTR)
			out->error = errno;
	}
	out->len = 0;
}

static void
out_text(struct out *out, const char *text)
{
	size_t len = strlen(text);

	memcpy(out->buf + out->len, text, len);
	out->len += len;
}

static void
out_record(struct out *out, const struct checkpoint_record *rec)
{
	if (out->len > CHUNK)
		out_flush(out);
	out->len += checkpoint_record_encode(out->buf + out->len, rec);
	out->records++;
}

static void
out_table(struct out *out, const struct checkpoint_table *t)
{
	struct checkpoint_entry *e;

	for (e = checkpoint_table_from(t, NULL); e != NULL;
	     e = checkpoint_table_next(e))
		out_record(out, &e->rec);
}

static struct out *
out_new(int fd)
{
	struct out *out;

	/* Not zeroed: the buffer is large. */
	if ((out = malloc(sizeof(*out))) == NULL)
		return (NULL);
	out->fd = fd;
	out->error = 0;
	out->written = out->records = 0;
	out->len = 0;
	return (out);
}

static void
count_out(struct checkpoint *cp, const struct out *out)
{
	cp->stats.bytes += out->written;
	cp->record_bytes += out->written;
	cp->records += out->records;
}

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
	case CHECKPOINT_SEEN:
		rc = checkpoint_table_put(&cp->seen, &cp->names, rec);
		break;
	case CHECKPOINT_GONE:
		checkpoint_table_del(&cp->untaken, rec);
		break;
	}
	if (rc == -1)
		ld->error = errno;
	if (rec->kind != CHECKPOINT_MORE)
		checkpoint_table_clear(&ld->more);
}

static void
count_damaged(struct load *ld)
{
	ld->cp->stats.damaged++;
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
		ld->cp->records += rec.kind != CHECKPOINT_MORE;
		ld->cp->record_bytes += len + 1;
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
	ld->cp->torn = skipping || len > 0;
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
	cp->stats.failures++;
	errno = error;
	return (
	    reason_set(why, "state directory: %s: %s", what, strerror(error)));
}

static int
open_append(struct checkpoint *cp)
{
	cp->fd = openat(cp->dirfd, NAME,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0640);
	return (cp->fd == -1 ? -1 : 0);
}

/* Starts the file.  Its first line is written with the first records. */
static int
create(struct checkpoint *cp, struct reason *why)
{
	if (open_append(cp) == -1)
		return (failed(cp, why, NAME ": create", errno));
	cp->is_new = cp->headless = cp->dir_dirty = true;
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
		    why, "state directory: " NAME ": is not a regular file"));
	rc = load_fd(&ld, fd);
	checkpoint_table_clear(&ld.more);
	if (rc == -1)
		return (failed(cp, why, NAME ": read", errno));
	if (ld.other && cp->records == 0) {
		if (renameat(cp->dirfd, NAME, cp->dirfd, NAME_OLD) == -1)
			return (failed(
			    cp, why, NAME ": rename to " NAME_OLD, errno));
		cp->torn = false;
		cp->stats.damaged++;
		return (create(cp, why));
	}
	cp->is_new = cp->headless = ld.bytes == 0;
	/* On a read-only disk the offsets still count; the sync will say. */
	(void)open_append(cp);
	return (0);
}

struct checkpoint *
checkpoint_open(int dirfd, struct reason *why)
{
	struct checkpoint *cp;
	int fd, rc;

	if ((cp = calloc(1, sizeof(*cp))) == NULL) {
		(void)reason_set(why, "state directory: out of memory");
		return (NULL);
	}
	cp->dirfd = dirfd;
	cp->fd = -1;
	fd =
	    openat(dirfd, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1)
		rc = load(cp, fd, why);
	else if (errno == ENOENT)
		rc = create(cp, why);
	else
		rc = failed(cp, why, NAME ": open", errno);
	if (fd != -1)
		(void)close(fd);
	if (rc == 0)
		return (cp);
	checkpoint_close(cp);
	return (NULL);
}

void
checkpoint_close(struct checkpoint *cp)
{
	if (cp == NULL)
		return;
	if (cp->fd != -1)
		(void)close(cp->fd);
	checkpoint_table_clear(&cp->untaken);
	checkpoint_table_clear(&cp->seen);
	checkpoint_table_clear(&cp->pending);
	free(cp->taken);
	checkpoint_names_free(&cp->names);
	free(cp);
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
	struct checkpoint_record key = { .kind = CHECKPOINT_FILE,
		.dest = "" };
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
	return (checkpoint_table_put(
	    &cp->untaken, &cp->names, &cp->taken->rec));
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

const char *
checkpoint_path(const struct checkpoint *cp, dev_t dev, ino_t inode)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_FILE,
		.dest = "",
		.dev = dev,
		.inode = inode,
	};
	const struct checkpoint_entry *e;

	e = checkpoint_table_from(&cp->untaken, &key);
	if (e == NULL || e->rec.dev != dev || e->rec.inode != inode)
		return (NULL);
	return (e->rec.path);
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
	if (cp->compacting != NULL)
		out_record(cp->compacting, &rec);
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
	return (n - cp->untaken.n);
}

int
checkpoint_note(struct checkpoint *cp, const struct checkpoint_record *noted)
{
	struct checkpoint_record rec = *noted;

	if (rec.kind == CHECKPOINT_SEEN)
		return (checkpoint_seen(cp, rec.dest, rec.path, rec.time));
	/* A clock that is far off must not cost the offset. */
	if (rec.time < 0)
		rec.time = 0;
	if (!checkpoint_record_is_valid(&rec)) {
		errno = EINVAL;
		return (-1);
	}
	if (cp->compacting != NULL) {
		out_record(cp->compacting, &rec);
		errno = cp->compacting->error;
		return (errno == 0 ? 0 : -1);
	}
	if (checkpoint_table_put(&cp->pending, &cp->names, &rec) == -1)
		return (-1);
	/* Whoever notes a file knows better than what was loaded. */
	if (!cp->sweeping)
		checkpoint_table_del(&cp->untaken, &rec);
	return (0);
}

/* Some file systems cannot sync a directory, and have nothing more to give. */
static int
sync_dir(const struct checkpoint *cp)
{
	return (fsync(cp->dirfd) == 0 || errno == EINVAL ? 0 : -1);
}

static int
append_pending(struct checkpoint *cp, struct out *out)
{
	if (cp->torn)
		out_text(out, "\n");
	if (cp->headless)
		out_text(out, HEADER "\n");
	out_table(out, &cp->pending);
	out_flush(out);
	count_out(cp, out);
	/* Until it is known to be on disk. */
	if (out->written > 0)
		cp->torn = true;
	errno = out->error;
	return (errno == 0 ? 0 : -1);
}

int
checkpoint_sync(struct checkpoint *cp, struct reason *why)
{
	struct out *out;
	int rc;

	if (cp->pending.n == 0 && !cp->headless && !cp->dir_dirty)
		return (0);
	if (cp->fd == -1 && open_append(cp) == -1)
		return (failed(cp, why, NAME ": open", errno));
	if ((out = out_new(cp->fd)) == NULL)
		return (failed(cp, why, NAME ": write", errno));
	rc = append_pending(cp, out);
	free(out);
	if (rc == -1)
		return (failed(cp, why, NAME ": write", errno));
	if (fdatasync(cp->fd) == -1)
		return (failed(cp, why, NAME ": fdatasync", errno));
	if (cp->dir_dirty && sync_dir(cp) == -1)
		return (failed(cp, why, "fsync", errno));
	cp->stats.syncs++;
	cp->torn = cp->headless = cp->dir_dirty = false;
	checkpoint_table_clear(&cp->pending);
	return (0);
}

bool
checkpoint_is_bloated(const struct checkpoint *cp, size_t live_records)
{
	uint64_t average = RECORD_GUESS, live;
	struct stat st;

	if (cp->fd == -1 || fstat(cp->fd, &st) == -1)
		return (false);
	/* Somebody has removed it: what we append, nobody will read. */
	if (st.st_nlink == 0)
		return (true);
	if (cp->records > 0)
		average = cp->record_bytes / cp->records;
	live = (live_records + cp->untaken.n + cp->seen.n) * average;
	return (st.st_size > BLOATED_MIN &&
	    (uint64_t)st.st_size / BLOATED_TIMES > live);
}

static int
write_live(struct checkpoint *cp, struct out *out,
    int (*walk)(struct checkpoint *, void *), void *arg)
{
	int rc;

	out_text(out, HEADER "\n");
	out_table(out, &cp->untaken);
	out_table(out, &cp->seen);
	out_table(out, &cp->pending);
	/* Last: what walk says is newer. */
	cp->compacting = out;
	errno = 0;
	rc = walk(cp, arg);
	cp->compacting = NULL;
	if (rc != 0 && out->error == 0)
		out->error = errno != 0 ? errno : ECANCELED;
	out_flush(out);
	count_out(cp, out);
	errno = out->error;
	return (errno == 0 ? 0 : -1);
}

/* The new file is in place, and its descriptor open: no need to open again. */
static int
adopt(struct checkpoint *cp, int fd, struct reason *why)
{
	if (cp->fd != -1)
		(void)close(cp->fd);
	cp->fd = fd;
	cp->torn = cp->headless = false;
	cp->dir_dirty = true;
	/*
	 * After a power loss the old file may be back, without what was
	 * pending, so that stays pending.
	 */
	if (sync_dir(cp) == -1)
		return (failed(cp, why, "fsync", errno));
	cp->dir_dirty = false;
	cp->stats.syncs++;
	checkpoint_table_clear(&cp->pending);
	return (0);
}

int
checkpoint_compact(struct checkpoint *cp,
    int (*walk)(struct checkpoint *, void *arg), void *arg, struct reason *why)
{
	const char *what = NAME_NEW ": open";
	struct out *out = NULL;
	int fd, error;

	fd = openat(cp->dirfd, NAME_NEW,
	    O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC,
	    0640);
	if (fd == -1)
		return (failed(cp, why, what, errno));
	what = NAME_NEW ": write";
	if ((out = out_new(fd)) == NULL || write_live(cp, out, walk, arg) == -1)
		goto fail;
	what = NAME_NEW ": fsync";
	if (fsync(fd) == -1)
		goto fail;
	what = NAME_NEW ": rename";
	if (renameat(cp->dirfd, NAME_NEW, cp->dirfd, NAME) == -1)
		goto fail;
	free(out);
	return (adopt(cp, fd, why));

fail:
	error = errno;
	free(out);
	(void)close(fd);
	(void)unlinkat(cp->dirfd, NAME_NEW, 0);
	return (failed(cp, why, what, error));
}

void
checkpoint_stats(const struct checkpoint *cp, struct checkpoint_stats *stats)
{
	*stats = cp->stats;
}
