#include "daemon/base/read.h"
#include "daemon/follow/copy_inside.h"

#include <sys/stat.h>

#include "daemon/base/clock.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"

bool
copy_is_known(const struct copy_wanted *of, const struct stat *st)
{
	const struct file *t = file_table_find(of->all, st->st_dev, st->st_ino);

	return (t != NULL && suspect_is_copy_of(t, of, st->st_size));
}

bool
copy_is_possible(const struct copy_wanted *of, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) ||
	    (st->st_dev == of->dev && st->st_ino == of->ino))
		return (false);
	if (st->st_uid != of->uid && st->st_uid != 0)
		return (false);
	if (copy_is_known(of, st))
		return (true);
	return (st->st_size >= of->least &&
	    (clock_is_to_come(of->since_ns) ||
		ns_of(&st->st_ctim) + COPY_SLACK_NS >= of->since_ns));
}

/* Nothing leads to the file any more: another file may have its inode. */
static bool
is_out_of_reach(const struct file *t)
{
	return (t->place == NULL && t->fd == -1 && streams_are_done(t));
}

bool
copy_is_followed(struct file_table *all, const struct stat *st)
{
	struct file *t = file_table_find(all, st->st_dev, st->st_ino);

	if (t != NULL && (is_out_of_reach(t) || streams_are_undecided(t)))
		return (false);
	/* A rotated file may just have been copied over. */
	if (t != NULL && t->rotated && !t->spent && !t->fresh &&
	    t->held == NULL) {
		file_table_ops(all)->check_surely(t);
		t = file_table_find(all, st->st_dev, st->st_ino);
	}
	return (t != NULL && t->held == NULL && !t->spent && !t->fresh);
}

/*
 * Whether the copy was made when the file had not yet as many octets as its
 * fingerprint has now, so that only the guard can tell.
 */
static bool
is_shorter_than_head(
    const struct copy_wanted *of, const struct guard *guard, size_t n)
{
	bool is_shorter = n < of->print.len;

	return (is_shorter && guard_length(guard->at) >= COPY_TELLING);
}

static void
take_newer(struct guard *newest, struct guard g)
{
	if (g.at > newest->at)
		*newest = g;
}

/*
 * The newest guard of what was sent, within the first size octets.  Where all
 * of it is acknowledged, a reset may have taken some of that back.
 */
static struct guard
guard_within(const struct copy_wanted *of, off_t size)
{
	struct guard newest = { 0, 0 };
	const struct route *r;
	struct stream *s;

	if (of->guard.at <= size || of->file == NULL)
		return (of->guard);
	for (s = of->file->streams; s != NULL; s = s->next) {
		r = s->route;
		take_newer(&newest, stream_guard_within(s, size));
		take_newer(&newest, r->ops->guard_within(s, size, r->dest));
	}
	return (newest);
}

int
copy_has_content(
    const struct copy_wanted *of, int fd, struct stat *st, bool rotated)
{
	uint8_t head[FINGERPRINT_MAX];
	struct guard guard;
	int n;

	if (fstat(fd, st) == -1)
		return (-1);
	if (!copy_is_possible(of, st))
		return (0);
	if (copy_is_known(of, st))
		return (1);
	if (!rotated && of->guard.at > st->st_size)
		return (0);
	guard = guard_within(of, st->st_size);
	/* Only what was sent of it tells of a file that begins with NULs. */
	if ((of->print.len == 0 && !of->is_unread &&
		guard_length(guard.at) < COPY_TELLING) ||
	    (st->st_size < of->needed && guard_length(guard.at) < GUARD_MAX))
		return (0);
	if ((n = read_fingerprint_head(fd, head)) == -1)
		return (-1);
	if (!fingerprint_matches(&of->print, head, (size_t)n) &&
	    !is_shorter_than_head(of, &guard, (size_t)n))
		return (0);
	return (of->guard.at <= 0 ? 1 : read_guard_holds(&guard, fd));
}
