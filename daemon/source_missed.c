#include "daemon/source_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/tails.h"
#include "lib/rotation.h"

/*
 * A file may be made, written and rotated between two looks at its directory:
 * no pattern means it any more, and no event told that one did.  That is so
 * where a directory is polled, where the system tells that a directory changed
 * and not how, and after events were lost.  It is known by these: rotation may
 * have given it its name, it was not there at the last look, and it was written
 * since.
 */

#define CLOCK_NS 20000000 /* what times of files lag behind the clock */
/* By the clock of the file system; one that is put back is older. */
#define RECENT_NS INT64_C(60000000000)

bool
dir_is_known_by_scans(const struct dir *d)
{
	return (d->place.polled || !watch_sees_files(d->all->watch));
}

static int
compare_inodes(const void *a, const void *b)
{
	const ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return (x < y ? -1 : x > y);
}

/* Whether rotation may have given it the name, and from which it did. */
static bool
had_meant_name(struct dir *d, const char *name, char base[NAME_MAX + 1])
{
	size_t i;

	if (rotation_is_packed(name))
		return (false);
	for (i = 0; rotation_base(name, i, base, NAME_MAX + 1); i++)
		if (dir_means_file(d, base) || dir_has_link_to(d, base))
			return (true);
	return (false);
}

/* The room of the list is the next power of two. */
void
missed_list(struct missed *m, ino_t ino)
{
	ino_t *grown;

	if ((m->n & (m->n - 1)) == 0) {
		grown = reallocarray(
		    m->others, m->n == 0 ? 1 : m->n * 2, sizeof(*grown));
		if (grown == NULL) {
			m->failed = true;
			return;
		}
		m->others = grown;
	}
	m->others[m->n++] = ino;
}

void
missed_forget(struct dir *d, ino_t ino)
{
	ino_t *at;

	dir_again(d);
	d->unsure = true;
	if (d->nothers == 0 ||
	    (at = bsearch(&ino, d->others, d->nothers, sizeof(ino),
		 compare_inodes)) == NULL)
		return;
	d->nothers--;
	memmove(
	    at, at + 1, (size_t)(d->others + d->nothers - at) * sizeof(*at));
}

static bool
was_there(const struct dir *d, ino_t ino)
{
	return (d->nothers > 0 &&
	    bsearch(&ino, d->others, d->nothers, sizeof(ino), compare_inodes) !=
		NULL);
}

/*
 * Whether the log itself is one that the last scan saw.  Then no rotation can
 * have given a file another name since: it was made under that name, as a copy
 * or by somebody.
 */
static bool
is_still_there(const struct dir *d, int fd, const char *log)
{
	struct stat st;

	return (fstatat(fd, log, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    was_there(d, st.st_ino));
}

bool
missed_is(
    struct dir *d, int fd, const struct dirent *e, char base[NAME_MAX + 1])
{
	ino_t ino = e->d_ino;

	if (!dir_is_known_by_scans(d))
		return (d->missed && had_meant_name(d, e->d_name, base));
	return (d->has_others && !was_there(d, ino) &&
	    had_meant_name(d, e->d_name, base) &&
	    (d->was_unsure || !is_still_there(d, fd, base)));
}

bool
missed_since(const struct dir *d, const struct stat *st)
{
	int64_t since = d->changed_ns - RECENT_NS;

	if (!dir_is_known_by_scans(d))
		since = (int64_t)(watch_known_until(d->all->watch) * 1e9) -
		    CLOCK_NS;
	return (S_ISREG(st->st_mode) && st->st_size > 0 &&
	    written_ns(st) >= since &&
	    tails_find(d->all->tails, st->st_dev, st->st_ino) == NULL);
}

void
missed_end(struct dir *d, struct missed *m)
{
	free(d->others);
	d->others = m->others;
	d->nothers = m->n;
	d->has_others = dir_is_known_by_scans(d) && !m->failed;
	if (m->n > 1)
		qsort(m->others, m->n, sizeof(*m->others), compare_inodes);
}

void
missed_add(struct dir *d, struct missed *m)
{
	ino_t *grown = NULL;

	if (m->n > 0)
		grown =
		    reallocarray(d->others, d->nothers + m->n, sizeof(*grown));
	if (grown != NULL) {
		memcpy(grown + d->nothers, m->others, m->n * sizeof(*grown));
		d->others = grown;
		d->nothers += m->n;
		qsort(grown, d->nothers, sizeof(*grown), compare_inodes);
	}
	free(m->others);
}

void
missed_begin(struct dir *d)
{
	struct missed m = { 0 };
	const struct dirent *e;
	struct stat st;
	DIR *handle;

	if ((handle = dir_list(d)) == NULL)
		return;
	if (fstat(dirfd(handle), &st) == 0)
		d->changed_ns = written_ns(&st);
	while ((e = readdir(handle)) != NULL)
		missed_list(&m, e->d_ino);
	(void)closedir(handle);
	missed_end(d, &m);
}

void
dir_scan_missed(struct dir *d)
{
	d->missed = true;
	dir_scan(d);
}
