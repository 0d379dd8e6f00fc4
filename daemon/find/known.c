#include "daemon/find/known.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/base/read.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/match.h"
#include "daemon/find/retry.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/decode.h"
#include "daemon/stream/streams.h"
#include "lib/rotation.h"

/* Whether a source means the name, or rotation gives it to t. */
static bool
is_its_name(const struct dir *d, const char *name, const struct file *t)
{
	const char *path = file_old_path(t), *was;

	if (match_file(d, name))
		return (true);
	was = path != NULL ? strrchr(path, '/') + 1 : t->name;
	return (rotation_is_of(name, was) || rotation_goes_on(name, was));
}

int
known_is_open_as(int fd, const struct stat *st)
{
	struct stat now;

	if (fstat(fd, &now) == -1)
		return (-1);
	return (now.st_dev == st->st_dev && now.st_ino == st->st_ino);
}

/*
 * Whether the text of a compressed file begins like that of t; the file begins
 * with head[0..n).  Returns 1 or 0, or -1 with errno.
 */
static int
has_packed_text_of(int fd, const struct file *t, const uint8_t *head, size_t n)
{
	uint8_t text[FINGERPRINT_MAX];
	enum inflate_kind kind = inflate_kind_of(head, n);
	int len;

	if (kind == INFLATE_NONE || kind != (enum inflate_kind)t->compression)
		return (0);
	if ((len = decoder_read_head(fd, kind, text)) == -1)
		return (-1);
	return (fingerprint_matches(&t->print, text, (size_t)len));
}

/*
 * Whether the file that is open, which st should be of, has what was sent of t.
 * Returns 1 or 0, or -1 with errno where it cannot be read.
 */
static int
has_text_of(int fd, const struct file *t, const struct stat *st)
{
	const struct guard g = streams_newest_guard(t);
	uint8_t head[FINGERPRINT_MAX];
	int is, n;

	if ((is = known_is_open_as(fd, st)) != 1) {
		if (is == 0)
			errno = EAGAIN;
		return (-1);
	}
	if ((n = read_fingerprint_head(fd, head)) == -1)
		return (-1);
	if (t->compression != INFLATE_NONE)
		return (has_packed_text_of(fd, t, head, (size_t)n));
	if (!fingerprint_matches(&t->print, head, (size_t)n))
		return (0);
	return (g.at > 0 ? read_guard_holds(&g, fd) : 1);
}

/* The same for the file with this path. */
static int
begins_as(const char *path, const struct file *t, const struct stat *st)
{
	int error, fd, has;

	fd = opener_open(
	    path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1)
		return (-1);
	has = has_text_of(fd, t, st);
	error = errno;
	(void)close(fd);
	errno = error;
	return (has);
}

/*
 * Whether the inode of an empty t is that of another file now: only times tell
 * that, and not even they, of a name that is not its own, where both files were
 * written in one tick of the file system's clock.  Where an event tells that t
 * got the name, missed_rename.c follows it.
 */
static bool
is_another_than_empty(const struct file *t, const struct stat *st, bool meant,
    bool its, const char *path)
{
	int64_t born;

	if (file_written_ns(st) == t->written_ns &&
	    (its || (st->st_size == t->size && t->size > 0)))
		return (false);
	if (clock_is_to_come(t->written_ns))
		return (!its);
	born = born_ns(path, st->st_ino);
	if (!its)
		return (born == 0 || born >= t->written_ns);
	return ((meant && t->place == NULL) || born > t->written_ns);
}

static bool
is_at(const struct file *t, const struct dir *d, const char *name)
{
	return (t->place == &d->place && strcmp(t->name, name) == 0);
}

enum known
known_as(struct dir *d, const char *name, const struct file *t,
    const struct stat *st)
{
	char path[PATH_MAX];
	int64_t born;
	bool its;
	int has;

	if (t->fd != -1 || is_at(t, d, name) || dir_path(d, name, path) == -1 ||
	    (t->compression != INFLATE_NONE && t->print.len == 0))
		return (KNOWN_SAME);
	its = is_its_name(d, name, t);
	if (t->print.len == 0 || t->size == 0)
		return (
		    is_another_than_empty(t, st, match_file(d, name), its, path)
			? KNOWN_ANOTHER
			: KNOWN_SAME);
	born = born_ns(path, st->st_ino);
	/*
	 * The file that had the inode at the last write still has it, unless
	 * the clock was set back since: what is made then has an earlier time.
	 */
	if ((its ? born <= t->written_ns : born != 0 && born < t->written_ns) &&
	    (born == 0 || !clock_is_to_come(t->written_ns)))
		return (KNOWN_SAME);
	if ((has = begins_as(path, t, st)) == 1)
		return (KNOWN_SAME);
	if (has == -1 && retry_may_help(errno))
		return (KNOWN_LATER);
	return (KNOWN_ANOTHER);
}

bool
known_is_unchanged(const struct file *t, const struct stat *st)
{
	return (st->st_dev == t->dev && st->st_ino == t->ino &&
	    st->st_size == t->size && file_is_as_seen(t, st) &&
	    (st->st_nlink > 1) == t->many_links && t->error == 0 &&
	    !t->suspect);
}

bool
known_is_at_rest(const struct file *t, int fd, const struct stat *st)
{
	struct stat target;

	if (t->linked && S_ISLNK(st->st_mode))
		return (fstatat(fd, t->name, &target, 0) == 0 &&
		    known_is_unchanged(t, &target));
	return (!t->linked && known_is_unchanged(t, st));
}
