#include "daemon/follow/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/scan_queue.h"
#include "daemon/base/sizes.h"
#include "daemon/file/file.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/inside.h"
#include "daemon/follow/suspect.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

/*
 * A copy may be finished before the last line comes into the file: its time of
 * change may be so much before the file's.
 */
#define SLACK_NS (10 * NS_IN_S)

struct search {
	struct tail_copy own; /* of the same, with strings of its own */
	const struct tail_copy *of; /* that, or the caller's */
	struct place *home; /* the directory that the file is in, and */
	const char *base; /* its name: rotation made that of the copy from it */
	struct tail_copy_found best;
	char *where; /* the path of that */
	bool found;
	bool rotated; /* rotation made the name of the best */
	bool followed;
	bool denied;
	bool unknown;
	bool changing; /* names were, where nothing was found */
	/* Where it goes on: */
	struct scan_job job;
	char *path; /* of what it looks for */
	bool whole; /* at once */
	bool parked; /* others had turns meanwhile, */
	unsigned parts; /* so often */
	bool busy; /* it is used, and when it is not any more, */
	bool dead; /* nobody wants it */
	bool over;
	bool full; /* there is no room in this turn */
	bool real_done; /* the directory that links lead to, */
	unsigned done; /* and so many of those near */
	unsigned nth;
	DIR *dir; /* the one that is listed now */
	int64_t before; /* when names in it had changed then */
	int64_t began;
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
	/* What has the very name replaced the file. */
	if (in == s->home && strcmp(name, s->base) == 0)
		return (false);
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
		tails_ops(all)->check_surely(t);
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
	return (
	    n < of->print.len && guard_length(guard->at) >= TAIL_COPY_TELLING);
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

/*
 * What has less than was sent is told by an older guard, and what it has behind
 * that by nothing but its name: one that rotation made.  Returns 1 or 0, or -1
 * when it could not be read.
 */
static int
has_content(const struct tail_copy *of, int fd, struct stat *st, bool rotated)
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
	if (!rotated && of->guard.at > st->st_size)
		return (0);
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
	const struct stat *best = &s->best.st;

	if (s->found && rotation_is_of(name, s->base) != s->rotated)
		return (!s->rotated);
	if (s->found && timeliness(s, st) != timeliness(s, best))
		return (timeliness(s, st) > timeliness(s, best));
	if (!s->found || st->st_size != best->st_size)
		return (!s->found || st->st_size > best->st_size);
	return (ns_of(&st->st_mtim) > ns_of(&best->st_mtim));
}

static void
drop_best(struct search *s)
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
keep_best(struct search *s, struct place *place, const char *name, int fd,
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
	drop_best(s);
	s->found = true;
	s->rotated = rotation_is_of(name, s->base);
	s->where = where;
	s->best = (struct tail_copy_found) {
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
		/* It has another name by now, which may have been listed. */
		s->changing |= errno == ENOENT;
		note_error(s, errno);
		return;
	}
	if (!may_be_copy(s->of, &st) || !is_trusted(s->of, place, name, &st) ||
	    ((s->of->is_short || s->of->is_unread) && !is_known(s->of, &st) &&
		!is_made_for(s, place, name, &st)))
		return;
	fd = opener_open_in(dirfd, place->path, name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1) {
		note_error(s, errno);
		return;
	}
	is = has_content(s->of, fd, &st, rotation_is_of(name, s->base));
	if (is != 1) {
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

static DIR *
open_place(struct search *s, struct place *place)
{
	DIR *dir;

	if ((dir = place_list(place)) == NULL &&
	    tails_out_of_descriptors(errno) && tails_close_some(s->of->all))
		dir = place_list(place);
	if (dir == NULL)
		note_error(s, errno);
	return (dir);
}

/* Whether the next entry may be looked at in this turn. */
static bool
take(struct search *s)
{
	s->full = !s->whole && !scan_queue_take(tails_searches(s->of->all), 1);
	return (!s->full);
}

/*
 * lstat(2) is asked of those names alone that the pattern means or rotation
 * gives, and of them only regular files of the log's owner or of root, large
 * enough and changed since, are opened, of which the head and the guard are
 * read.  Returns whether that is all of the directory.
 */
static bool
list_some(struct search *s, struct place *place)
{
	const struct dirent *e;

	if (s->dir == NULL) {
		if ((s->dir = open_place(s, place)) == NULL)
			return (true);
		s->before = names_changed(s->dir);
		s->began = clock_day_ns();
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
	    place_was_changing(s->before, names_changed(s->dir), s->began))
		s->changing = true;
	(void)closedir(s->dir);
	s->dir = NULL;
	return (true);
}

/* Returns whether the search has what it wants, or has used up its turn. */
static bool
search_place(struct place *place, void *arg)
{
	struct search *s = arg;

	if (s->nth++ < s->done)
		return (false);
	if (!list_some(s, place))
		return (true);
	s->done++;
	return (s->found);
}

/*
 * Where a link leads, the file is rotated in the directory that it is in.
 * Returns as search_place() does.
 */
static bool
search_real(struct search *s)
{
	const struct tails_finder *finder = tails_finder(s->of->all);
	struct place *place;

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

/* Others had turns: the directory may be gone, with what it was. */
static struct place *
find_home(struct search *s)
{
	const struct tails_finder *finder = tails_finder(s->of->all);

	if (!s->parked)
		return (s->own.place);
	s->own.place = finder->place_of != NULL
	    ? finder->place_of(finder->arg, s->path)
	    : NULL;
	return (s->own.place);
}

static void
search_some(struct search *s)
{
	const struct tails_finder *finder = tails_finder(s->of->all);
	struct place *home = find_home(s);

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

static void
search_free(struct search *s)
{
	if (s == NULL)
		return;
	scan_queue_del(tails_searches(s->own.all), &s->job);
	if (s->own.tail != NULL && s->own.tail->search == s)
		s->own.tail->search = NULL;
	s->own.tail = NULL;
	s->dead = s->busy;
	if (s->busy)
		return;
	if (s->dir != NULL)
		(void)closedir(s->dir);
	drop_best(s);
	free(s->path);
	free((void *)(uintptr_t)s->own.real);
	free(s);
}

/*
 * Returns whether it is over.  A look at another file may end that for which it
 * is: then it is freed, and never over.
 */
static bool
go_on(struct search *s)
{
	s->busy = true;
	search_some(s);
	s->busy = false;
	s->parts++;
	if (!s->dead)
		return (!s->full);
	search_free(s);
	return (false);
}

static struct search *
search_new(const struct tail_copy *of)
{
	struct search *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->own = *of;
	s->own.tail = NULL;
	s->of = &s->own;
	s->own.real = of->real != NULL ? strdup(of->real) : NULL;
	if (asprintf(&s->path, "%s/%s", of->place->path, of->name) == -1)
		s->path = NULL;
	if (s->path == NULL || (of->real != NULL && s->own.real == NULL)) {
		search_free(s);
		return (NULL);
	}
	s->own.name = strrchr(s->path, '/') + 1;
	s->own.tail = of->tail;
	s->whole = of->tail == NULL;
	return (s);
}

/* Whether it looks for the same, or is at its end. */
static bool
is_search_for(const struct search *s, const struct tail_copy *of)
{
	return (s->own.least == of->least && s->own.begun == of->begun &&
	    s->own.is_short == of->is_short &&
	    s->own.is_unread == of->is_unread &&
	    strcmp(s->own.name, of->name) == 0);
}

/* Whether what was found when others had not had turns yet is that still. */
static bool
is_as_found(struct search *s)
{
	const struct tails_finder *finder = tails_finder(s->of->all);
	struct stat st;

	s->best.place = finder->place_of(finder->arg, s->where);
	return (s->best.place != NULL && lstat(s->where, &st) == 0 &&
	    st.st_dev == s->best.st.st_dev && st.st_ino == s->best.st.st_ino &&
	    has_content(s->of, s->best.fd, &s->best.st, s->rotated) == 1 &&
	    !is_followed(s->of->all, &s->best.st));
}

static enum tail_copy_result
conclude(struct search *s, struct tail_copy_found *found)
{
	if (s->found && s->parked && !is_as_found(s)) {
		drop_best(s);
		s->changing = true;
		s->followed = false;
	}
	if (s->found) {
		*found = s->best;
		free(s->where);
		s->found = false;
		return (TAIL_COPY_FOUND);
	}
	if (s->followed)
		return (TAIL_COPY_FOLLOWED);
	if (s->unknown)
		return (TAIL_COPY_UNKNOWN);
	if (s->denied)
		return (TAIL_COPY_DENIED);
	return (s->changing ? TAIL_COPY_CHANGING : TAIL_COPY_NONE);
}

/* Each has a directory open, and maybe a file. */
static bool
are_too_many(const struct scan_queue *q)
{
	const struct scan_job *job;
	unsigned n = 0;

	TAILQ_FOREACH (job, &q->jobs, entry)
		n++;
	return (n > SCAN_OPEN);
}

/* Returns whether it is at its end by now. */
static bool
search_begin(struct search *s)
{
	struct scan_queue *q = tails_searches(s->own.all);
	struct tail *t = s->own.tail;

	if (s->whole)
		return (go_on(s));
	t->search = s;
	if (scan_queue_begin(q, &s->job))
		return (true);
	if (t->search == s)
		s->parked = true;
	/* It is begun anew when its file is looked at next. */
	if (t->search == s && are_too_many(q))
		search_free(s);
	return (false);
}

static struct search *
search_of(struct scan_job *job)
{
	return ((struct search *)(void *)((char *)job -
	    offsetof(struct search, job)));
}

bool
tail_copy_step(struct scan_job *job, struct tail **told)
{
	struct search *s = search_of(job);

	if (!go_on(s))
		return (false);
	s->over = true;
	if (!s->parked)
		return (true);
	*told = s->own.tail;
	return (false);
}

/* The file may be gone, and its search with it. */
void
tail_copy_told(struct tails *all, struct scan_job *job)
{
	if (tails_searches(all)->now == job)
		search_free(search_of(job));
}

void
tail_copy_forget(struct tail *t)
{
	search_free(t->search);
}

enum tail_copy_result
tail_copy_find(const struct tail_copy *of, struct tail_copy_found *found)
{
	struct search *s = of->tail != NULL ? of->tail->search : NULL;
	enum tail_copy_result result;

	if (of->print.hash == 0 && !of->is_unread)
		return (TAIL_COPY_NONE);
	if (s != NULL && !is_search_for(s, of)) {
		search_free(s);
		s = NULL;
	}
	if (s != NULL && !s->over)
		return (TAIL_COPY_LATER);
	if (s == NULL) {
		if ((s = search_new(of)) == NULL)
			return (TAIL_COPY_UNKNOWN);
		if (!search_begin(s))
			return (TAIL_COPY_LATER);
	}
	s->of = of;
	s->busy = true;
	result = conclude(s, found);
	s->busy = false;
	if (s->parked)
		log_debug("%s: its copy was looked for in %u parts", s->path,
		    s->parts);
	search_free(s);
	return (result);
}
