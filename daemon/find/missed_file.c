#include "daemon/find/missed_file.h"

#include <fcntl.h>

#include "daemon/base/clock.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/retry.h"
#include "lib/ns.h"
#include "lib/rotation.h"

#define CLOCK_NS 20000000 /* files' times lag behind the clock */
/* A file that was written longer ago was moved back, and is not new. */
#define RECENT_NS (60 * NS_IN_S)

bool
missed_needs_scans(const struct dir *d)
{
	return (d->place.polled || !watch_sees_files(d->all->watch));
}

/* Whether rotation may have given the name, and from which base. */
static bool
had_meant_name(struct dir *d, const char *name, char base[NAME_MAX + 1])
{
	size_t i;

	if (rotation_is_compressed(name))
		return (false);
	for (i = 0; rotation_base(name, i, base, NAME_MAX + 1); i++)
		if (match_file(d, base) || link_leads_to(d, base))
			return (true);
	return (false);
}

void
missed_note(struct missed *m, ino_t ino)
{
	m->failed |= idset_add(&m->others, ino) == -1;
}

void
missed_drop(struct dir *d, ino_t ino)
{
	d->unsure = true;
	idset_del(&d->others, ino);
}

void
missed_forget(struct dir *d, ino_t ino)
{
	retry_dir(d);
	missed_drop(d, ino);
}

/*
 * Whether the last scan has found the log itself: then rotation has renamed no
 * file since, and this one was made under its name, as a copy or by somebody.
 */
static bool
is_still_there(const struct dir *d, int fd, const char *log)
{
	struct stat st;

	return (fstatat(fd, log, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    idset_has(&d->others, st.st_ino));
}

bool
missed_is(
    struct dir *d, int fd, const struct dirent *e, char base[NAME_MAX + 1])
{
	ino_t ino = e->d_ino;

	if (!missed_needs_scans(d))
		return (d->missing && had_meant_name(d, e->d_name, base));
	return (d->has_others && !idset_has(&d->others, ino) &&
	    had_meant_name(d, e->d_name, base) &&
	    (d->was_unsure || !is_still_there(d, fd, base)));
}

/* Where the clock was set back since the scan, only the inode tells. */
static bool
is_since_scan(const struct dir *d, const struct stat *st)
{
	return (file_written_ns(st) >= d->changed_ns - RECENT_NS ||
	    clock_is_to_come(d->changed_ns));
}

/*
 * A file that was written before the clock was set back has a time that is
 * still to come.
 */
static bool
is_since_events(const struct dir *d, const struct stat *st)
{
	return (file_written_ns(st) >= d->missing_ns - CLOCK_NS &&
	    !clock_is_to_come(file_written_ns(st)));
}

bool
missed_since(const struct dir *d, const struct stat *st)
{
	return (S_ISREG(st->st_mode) && st->st_size > 0 &&
	    (missed_needs_scans(d) ? is_since_scan(d, st)
				   : is_since_events(d, st)) &&
	    file_table_find(d->all->file_table, st->st_dev, st->st_ino) ==
		NULL);
}

void
missed_end(struct dir *d, struct missed *m)
{
	idset_fini(&d->others);
	d->others = m->others;
	d->has_others = missed_needs_scans(d) && !m->failed;
	*m = (struct missed) { 0 };
}

void
missed_add(struct dir *d, struct missed *m)
{
	(void)idset_move(&d->others, &m->others);
}

void
missed_begin(struct dir *d)
{
	struct missed m = { 0 };
	const struct dirent *e;
	struct stat st;
	DIR *handle;

	if ((handle = retry_list(d)) == NULL)
		return;
	if (fstat(dirfd(handle), &st) == 0)
		d->changed_ns = file_written_ns(&st);
	while ((e = readdir(handle)) != NULL)
		missed_note(&m, e->d_ino);
	(void)closedir(handle);
	missed_end(d, &m);
}
