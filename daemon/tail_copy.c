#include "daemon/tail_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/born.h"
#include "daemon/clock.h"
#include "daemon/opener.h"
#include "daemon/place.h"
#include "daemon/stream.h"
#include "daemon/stream_guard.h"
#include "daemon/tail.h"
#include "daemon/tail_held.h"
#include "daemon/tails.h"
#include "lib/ns.h"
#include "lib/rotation.h"

/*
 * A copy may be finished before the last line comes into the file: its time of
 * change may be so much before the file's.
 */
#define SLACK_NS (10 * NS_IN_S)

struct search {
	const struct tail_copy *of;
	struct place *home; /* the directory that the file is in, and */
	const char *base; /* its name: rotation made that of the copy from it */
	struct tail_copy_found *best;
	bool found;
	bool rotated; /* rotation made the name of the best */
	bool followed;
	bool denied;
	bool unknown;
	bool changing; /* names were, where nothing was found */
};

/* What an error says of a copy, unless it says that there is none. */
static void
note_error(struct search *s, int error)
{
	if (error == EACCES || error == EPERM)
		s->denied = true;
	else if (error != ENOENT && error != ENOTDIR && error != ELOOP &&
	    error != ESTALE)
		s->unknown = true;
}

/*
 * In other directories than its own, those of its source alone: a log of
 * another one may begin like it.
 */
static bool
has_name_of_copy(const struct search *s, struct place *in, const char *name)
{
	const struct tails_finder *finder = tails_finder(s->of->all);
	bool rotated = rotation_is_of(name, s->base);

	if (in == s->home && rotated)
		return (true);
	return (finder->reaches != NULL &&
	    finder->reaches(
		in, rotated ? NULL : name, s->of->place, s->of->name));
}

/* Whether it was compared with the file before that was truncated. */
static bool
is_known(const struct tail_copy *of, const struct stat *st)
{
	const struct tail *t = tails_find(of->all, st->st_dev, st->st_ino);

	return (t != NULL && tail_is_copy_of(t, of, st->st_size));
}

/* What lstat(2) says of it. */
static bool
may_be_copy(const struct tail_copy *of, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) ||
	    (st->st_dev == of->dev && st->st_ino == of->ino))
		return (false);
	if (st->st_uid != of->uid && st->st_uid != 0)
		return (false);
	if (is_known(of, st))
		return (true);
	return (st->st_size >= of->least &&
	    (clock_is_to_come(of->since_ns) ||
		ns_of(&st->st_ctim) + SLACK_NS >= of->since_ns));
}

/* Nothing leads to the file of t any more: its inode may be another one's. */
static bool
is_out_of_reach(const struct tail *t)
{
	return (t->place == NULL && t->fd == -1 && tail_is_done(t));
}

/* A file that is followed is no copy, unless it may be one and waits. */
static bool
is_followed(struct tails *all, const struct stat *st)
{
	struct tail *t = tails_find(all, st->st_dev, st->st_ino);

	if (t != NULL && (is_out_of_reach(t) || tail_is_undecided(t)))
		return (false);
	/* One that was rotated may just have been copied over. */
	if (t != NULL && t->rotated && !t->spent && !t->fresh &&
	    t->held == NULL) {
		tail_check_surely(t);
		t = tails_find(all, st->st_dev, st->st_ino);
	}
	return (t != NULL && t->held == NULL && !t->spent && !t->fresh);
}

/*
 * Whether the copy was made when the file had not yet as many octets as its
 * fingerprint has now, so that only the guard can tell.
 */
static bool
is_shorter_than_head(
    const struct tail_copy *of, const struct guard *guard, size_t n)
{
	return (n < of->print.len &&
	    guard_length(guard->at) >= TAIL_COPY_TELLING);
}

static void
take_newer(struct guard *newest, struct guard g)
{
	if (g.at > newest->at)
		*newest = g;
}

/*
 * What was sent, of which so many octets have to have some.  All of it may be
 * acknowledged: then it is a reset that takes some of it back.
 */
static struct guard
guard_within(const struct tail_copy *of, off_t size)
{
	struct guard newest = { 0, 0 };
	const struct route *r;
	struct stream *s;

	if (of->guard.at <= size || of->tail == NULL)
		return (of->guard);
	for (s = of->tail->streams; s != NULL; s = s->next) {
		r = s->route;
		take_newer(&newest, stream_guard_within(s, size));
		take_newer(&newest, r->ops->guard_within(s, size, r->dest));
	}
	return (newest);
}

/* Returns 1 or 0, or -1 when it could not be read. */
static int
has_content(const struct tail_copy *of, int fd, struct stat *st)
{
	uint8_t head[FINGERPRINT_MAX];
	struct guard guard;
	int n;

	if (fstat(fd, st) == -1)
		return (-1);
	if (!may_be_copy(of, st))
		return (0);
	if (is_known(of, st))
		return (1);
	guard = guard_within(of, st->st_size);
	/* Of what begins with NULs, only what was sent of it tells. */
	if ((of->print.len == 0 && !of->is_unread &&
		guard_length(guard.at) < TAIL_COPY_TELLING) ||
	    (st->st_size < of->needed && guard_length(guard.at) < GUARD_MAX))
		return (0);
	if ((n = fingerprint_head(fd, head)) == -1)
		return (-1);
	if (!fingerprint_matches(&of->print, head, (size_t)n) &&
	    !is_shorter_than_head(of, &guard, (size_t)n))
		return (0);
	return (of->guard.at <= 0 ? 1 : guard_holds(&guard, fd));
}

/*
 * How likely it was written by its time: behind the last write to the file,
 * shortly before that, or long before, as a copy of what was there earlier.
 */
static int
timeliness(const struct search *s, const struct stat *st)
{
	int64_t written = ns_of(&st->st_mtim), since = s->of->since_ns;

	return (written >= since ? 2 : written + SLACK_NS >= since);
}

/* A file by another name may be a log of its own that begins alike. */
static bool
is_better(const struct search *s, const char *name, const struct stat *st)
{
	const struct stat *best = &s->best->st;

	if (s->found && rotation_is_of(name, s->base) != s->rotated)
		return (!s->rotated);
	if (s->found && timeliness(s, st) != timeliness(s, best))
		return (timeliness(s, st) > timeliness(s, best));
	if (!s->found || st->st_size != best->st_size)
		return (!s->found || st->st_size > best->st_size);
	return (ns_of(&st->st_mtim) > ns_of(&best->st_mtim));
}

/* Takes fd, which is open for name. */
static void
keep_best(struct search *s, struct place *place, const char *name, int fd,
    const struct stat *st)
{
	char *copy;

	if (!is_better(s, name, st)) {
		(void)close(fd);
		return;
	}
	if ((copy = strdup(name)) == NULL) {
		s->unknown = true;
		(void)close(fd);
		return;
	}
	if (s->found) {
		(void)close(s->best->fd);
		free(s->best->name);
	}
	s->found = true;
	s->rotated = rotation_is_of(name, s->base);
	*s->best = (struct tail_copy_found) {
		.place = place, .name = copy, .fd = fd, .st = *st
	};
}

/* Others may have given a file that is not theirs a name there. */
static bool
is_trusted(const struct tail_copy *of, struct place *in, const char *name,
    const struct stat *st)
{
	const struct tails_finder *finder = tails_finder(of->all);

	return (finder->trusts == NULL ||
	    finder->trusts(in, name, st, of->place, of->name));
}

/*
 * A short text may be anybody's.  A file that was made behind the last write to
 * the log, and has the name that rotation gives it, was made for it.
 */
static bool
is_made_for(const struct search *s, struct place *in, const char *name,
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
try_entry(struct search *s, struct place *place, int dirfd, const char *name)
{
	struct stat st;
	int fd, is;

	if (!has_name_of_copy(s, place, name))
		return;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		note_error(s, errno);
		return;
	}
	if (!may_be_copy(s->of, &st) || !is_trusted(s->of, place, name, &st) ||
	    ((s->of->is_short || s->of->is_unread) &&
		!is_known(s->of, &st) && !is_made_for(s, place, name, &st)))
		return;
	fd = opener_open_in(dirfd, place->path, name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1) {
		note_error(s, errno);
		return;
	}
	if ((is = has_content(s->of, fd, &st)) != 1) {
		if (is == -1)
			note_error(s, errno);
		(void)close(fd);
	} else if (is_followed(s->of->all, &st)) {
		s->followed = true;
		(void)close(fd);
	} else {
		keep_best(s, place, name, fd, &st);
	}
}

/* When names in dir changed last, or -1. */
static int64_t
names_changed(DIR *dir)
{
	struct stat st;

	return (fstat(dirfd(dir), &st) == -1 ? -1 : ns_of(&st.st_mtim));
}

static void
try_all(struct search *s, struct place *place, DIR *dir)
{
	int64_t before = names_changed(dir), began = clock_day_ns();
	const struct dirent *e;

	errno = 0;
	while ((e = readdir(dir)) != NULL) {
		try_entry(s, place, dirfd(dir), e->d_name);
		errno = 0;
	}
	if (errno != 0)
		note_error(s, errno);
	if (!s->found && place_was_changing(before, names_changed(dir), began))
		s->changing = true;
}

/*
 * What is between the truncation and the copy must not change, so this is done
 * in one go.  It is bounded by the names of the directories near, of which each
 * is listed once for a truncation: lstat(2) is asked of those alone that the
 * pattern means or rotation gives, and of them only regular files of the log's
 * owner or of root, large enough and changed since, are opened, of which the
 * head and the guard are read.
 */
static bool
search_place(struct place *place, void *arg)
{
	struct search *s = arg;
	DIR *dir;

	if ((dir = place_list(place)) == NULL &&
	    tails_out_of_descriptors(errno) && tails_close_some(s->of->all))
		dir = place_list(place);
	if (dir == NULL) {
		note_error(s, errno);
		return (false);
	}
	try_all(s, place, dir);
	(void)closedir(dir);
	return (s->found);
}

/* Where a link leads, the file is rotated in the directory that it is in. */
static bool
search_real(struct search *s)
{
	const struct tails_finder *finder = tails_finder(s->of->all);
	struct place *place;

	if (s->of->real == NULL || finder->place_of == NULL ||
	    (place = finder->place_of(finder->arg, s->of->real)) == NULL)
		return (false);
	s->base = strrchr(s->of->real, '/') + 1;
	s->home = place;
	return (search_place(place, s));
}

enum tail_copy_result
tail_copy_find(const struct tail_copy *of, struct tail_copy_found *found)
{
	const struct tails_finder *finder = tails_finder(of->all);
	struct search s = { .of = of, .best = found };

	if (of->print.hash == 0 && !of->is_unread)
		return (TAIL_COPY_NONE);
	if (search_real(&s))
		return (TAIL_COPY_FOUND);
	s.base = of->name;
	s.home = of->place;
	if (finder->near != NULL)
		finder->near(of->place, search_place, &s);
	else
		(void)search_place(of->place, &s);
	if (s.found)
		return (TAIL_COPY_FOUND);
	if (s.followed)
		return (TAIL_COPY_FOLLOWED);
	if (s.unknown)
		return (TAIL_COPY_UNKNOWN);
	if (s.denied)
		return (TAIL_COPY_DENIED);
	return (s.changing ? TAIL_COPY_CHANGING : TAIL_COPY_NONE);
}
