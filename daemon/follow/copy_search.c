#include "daemon/follow/copy_inside.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/base/scan_queue.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/sandbox/opener.h"
#include "lib/ns.h"
#include "lib/rotation.h"

/* Notes what an error says of a copy, unless it says that there is none. */
static void
note_error(struct copy_search *s, int error)
{
	if (error == EACCES || error == EPERM)
		s->denied = true;
	else if (error != ENOENT && error != ENOTDIR && error != ELOOP &&
	    error != ESTALE)
		s->unknown = true;
}

/*
 * In other directories than the file's own, only names that its source means:
 * a log of another source may begin like it.
 */
static bool
has_name_of_copy(
    const struct copy_search *s, struct names *in, const char *name)
{
	const struct file_finder *finder = file_finder(s->of->all);
	bool rotated = rotation_is_of(name, s->base);

	if (in == s->home && rotated)
		return (true);
	/* A file with the very name has replaced the file. */
	if (in == s->home && strcmp(name, s->base) == 0)
		return (false);
	return (finder->reaches != NULL &&
	    finder->reaches(
		in, rotated ? NULL : name, s->of->place, s->of->name));
}

/*
 * How likely the candidate is by its time: it was written after the last write
 * to the file, shortly before that, or long before, as a copy of what was
 * there earlier.
 */
static int
timeliness(const struct copy_search *s, const struct stat *st)
{
	int64_t written = ns_of(&st->st_mtim), since = s->of->since_ns;

	return (written >= since ? 2 : written + COPY_SLACK_NS >= since);
}

/*
 * A file by a name that rotation does not give may be a log of its own that
 * begins alike.
 */
static bool
is_better(const struct copy_search *s, const char *name, const struct stat *st)
{
	const struct stat *best = &s->best.st;

	if (s->found && rotation_is_of(name, s->base) != s->rotated)
		return (!s->rotated);
	if (s->found && timeliness(s, st) != timeliness(s, best))
		return (timeliness(s, st) > timeliness(s, best));
	if (!s->found || st->st_size != best->st_size)
		return (!s->found || st->st_size > best->st_size);
	return (ns_of(&st->st_mtim) > ns_of(&best->st_mtim));
}

void
copy_drop_best(struct copy_search *s)
{
	if (s->found) {
		(void)close(s->best.fd);
		free(s->best.name);
		free(s->where);
	}
	s->found = false;
}

/* Takes fd, which is open for name. */
static void
keep_best(struct copy_search *s, struct names *place, const char *name, int fd,
    const struct stat *st)
{
	char *copy, *where = NULL;

	if (!is_better(s, name, st)) {
		(void)close(fd);
		return;
	}
	if ((copy = strdup(name)) == NULL ||
	    asprintf(&where, "%s/%s", place->path, name) == -1) {
		s->unknown = true;
		free(copy);
		(void)close(fd);
		return;
	}
	copy_drop_best(s);
	s->found = true;
	s->rotated = rotation_is_of(name, s->base);
	s->where = where;
	s->best = (struct copy_found) {
		.place = place, .name = copy, .fd = fd, .st = *st
	};
}

/* Other users may have given a file that is not theirs a name there. */
static bool
is_trusted(const struct copy_wanted *of, struct names *in, const char *name,
    const struct stat *st)
{
	const struct file_finder *finder = file_finder(of->all);

	return (finder->trusts == NULL ||
	    finder->trusts(in, name, st, of->place, of->name));
}

/*
 * Any file may have a short text.  One that was made after the last write to
 * the log, and has a name that rotation gives it, was made for it.
 */
static bool
is_made_for(const struct copy_search *s, struct names *in, const char *name,
    const struct stat *st)
{
	char path[PATH_MAX];
	int64_t born;
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", in->path, name);
	if (n < 0 || (size_t)n >= sizeof(path) ||
	    (born = born_ns(path, st->st_ino)) == 0)
		return (false);
	return (rotation_is_of(name, s->base) && born >= s->of->since_ns);
}

static void
try_entry(
    struct copy_search *s, struct names *place, int dirfd, const char *name)
{
	struct stat st;
	int fd, is;

	if (!has_name_of_copy(s, place, name))
		return;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		/*
		 * The entry has another name by now, which may have been
		 * listed before.
		 */
		s->changing |= errno == ENOENT;
		note_error(s, errno);
		return;
	}
	if (!copy_is_possible(s->of, &st) ||
	    !is_trusted(s->of, place, name, &st) ||
	    ((s->of->is_short || s->of->is_unread) &&
		!copy_is_known(s->of, &st) &&
		!is_made_for(s, place, name, &st)))
		return;
	fd = opener_open_in(dirfd, place->path, name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1) {
		note_error(s, errno);
		return;
	}
	is = copy_has_content(s->of, fd, &st, rotation_is_of(name, s->base));
	if (is != 1) {
		if (is == -1)
			note_error(s, errno);
		(void)close(fd);
	} else if (copy_is_followed(s->of->all, &st)) {
		s->followed = true;
		(void)close(fd);
	} else {
		keep_best(s, place, name, fd, &st);
	}
}

/* When names in dir changed last, in nanoseconds, or -1. */
static int64_t
names_changed(DIR *dir)
{
	struct stat st;

	return (fstat(dirfd(dir), &st) == -1 ? -1 : ns_of(&st.st_mtim));
}

static DIR *
open_place(struct copy_search *s, struct names *place)
{
	DIR *dir;

	if ((dir = names_list(place)) == NULL &&
	    file_out_of_descriptors(errno) && file_table_close_some(s->of->all))
		dir = names_list(place);
	if (dir == NULL)
		note_error(s, errno);
	return (dir);
}

/* Whether the next entry may be looked at in this turn. */
static bool
take(struct copy_search *s)
{
	s->full =
	    !s->whole && !scan_queue_take(file_table_searches(s->of->all), 1);
	return (!s->full);
}

/*
 * Only names that the source means or rotation gives are looked at, and only
 * regular files of the log's owner or of root that are large enough and
 * changed since are opened; of those the head and the guard are read.  Returns
 * whether that is all of the directory.
 */
static bool
list_some(struct copy_search *s, struct names *place)
{
	const struct dirent *e;

	if (s->dir == NULL) {
		if ((s->dir = open_place(s, place)) == NULL)
			return (true);
		s->before = names_changed(s->dir);
		s->began = clock_wall_ns();
	}
	for (;;) {
		if (!take(s))
			return (false);
		errno = 0;
		if ((e = readdir(s->dir)) == NULL)
			break;
		try_entry(s, place, dirfd(s->dir), e->d_name);
	}
	if (errno != 0)
		note_error(s, errno);
	if (!s->found &&
	    names_were_changing(s->before, names_changed(s->dir), s->began))
		s->changing = true;
	(void)closedir(s->dir);
	s->dir = NULL;
	return (true);
}

/* Returns whether the search has found something, or has used up its turn. */
static bool
search_place(struct names *place, void *arg)
{
	struct copy_search *s = arg;

	if (s->nth++ < s->done)
		return (false);
	if (!list_some(s, place))
		return (true);
	s->done++;
	return (s->found);
}

/*
 * A file that is reached by a link is rotated in the directory that it is in.
 * Returns as search_place() does.
 */
static bool
search_real(struct copy_search *s)
{
	const struct file_finder *finder = file_finder(s->of->all);
	struct names *place;

	if (s->real_done)
		return (false);
	if (s->of->real != NULL && finder->place_of != NULL &&
	    (place = finder->place_of(finder->arg, s->of->real)) != NULL) {
		s->base = strrchr(s->of->real, '/') + 1;
		s->home = place;
		if (!list_some(s, place))
			return (true);
	}
	s->real_done = true;
	return (s->found);
}

/* The directory of the file; NULL where it went while others had turns. */
static struct names *
find_home(struct copy_search *s)
{
	const struct file_finder *finder = file_finder(s->of->all);

	if (!s->parked)
		return (s->own.place);
	s->own.place = finder->place_of != NULL
	    ? finder->place_of(finder->arg, s->path)
	    : NULL;
	return (s->own.place);
}

void
copy_search_some(struct copy_search *s)
{
	const struct file_finder *finder = file_finder(s->of->all);
	struct names *home = find_home(s);

	s->full = false;
	if (home == NULL) {
		s->unknown = true;
		return;
	}
	if (search_real(s))
		return;
	s->base = s->of->name;
	s->home = home;
	s->nth = 0;
	if (finder->near != NULL)
		finder->near(home, search_place, s);
	else
		(void)search_place(home, s);
}
