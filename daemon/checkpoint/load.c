#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/checkpoint/store_inside.h"

#define NAME CHECKPOINT_NAME
#define NAME_OLD "checkpoint.old"
#define MAGIC CHECKPOINT_MAGIC
#define HEADER CHECKPOINT_HEADER

#define CHUNK 65536

struct load {
	struct checkpoint *cp;
	bool first; /* at the first line */
	bool other; /* the first line is that of another version */
	int error;
	uint64_t bytes;
	struct checkpoint_table more; /* belongs to the next record */
};

/* Adds guards and real path from a CHECKPOINT_MORE in the line before. */
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
 * Changes the record of its key.  If there is none, that record was damaged, or
 * the file is gone.
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

/* Whole records are counted: they tell what a live one takes on disk. */
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
	/* The damaged line may have had the record that "more" belongs to. */
	checkpoint_table_clear(&ld->more);
}

/* Returns false where the checksum is wrong. */
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
 * A line with a wrong checksum may be two records, of which the newline between
 * them was damaged: looks for the begin of a whole record in it.
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
	/* The last line has no newline, but may be whole. */
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

/* Creates the file.  Its first line is written with the first records. */
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
	/* On a read-only disk the offsets still count; appending will fail. */
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
