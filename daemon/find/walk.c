#include "daemon/find/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/walk_open.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"

/*
 * The path is walked name by name, so that each link on the way can be judged.
 * A directory is opened: a link that somebody puts in its place meanwhile
 * changes nothing.  A directory that may not be opened is walked by its path,
 * if nobody but root and the daemon's user could put something else there.
 */

#define LINKS_MOST 40 /* as systems have it */
#define STEPS_MOST 512 /* names, some of them walked twice */

struct step {
	struct walk *w;
	int fd; /* the directory that was reached; -1: by its path */
	bool fixed; /* nobody else could change the path up to it */
	unsigned nlinks;
	unsigned nsteps;
	char rest[PATH_MAX]; /* the path that is still to be walked */
};

static bool
is_ours(uid_t uid)
{
	return (uid == 0 || uid == geteuid());
}

/* Whether nobody but root and the daemon's user may write to it. */
static bool
is_only_ours(const struct stat *st)
{
	return (
	    is_ours(st->st_uid) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

static void
leave(struct step *s)
{
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = -1;
}

/* Appends a name to a path.  Returns 0, or -1 with ENAMETOOLONG. */
static int
append(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);

	if (len + 1 + strlen(name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	path[len] = '/';
	(void)strlcpy(path + len + 1, name, PATH_MAX - len - 1);
	return (0);
}

static int
stat_step(const struct step *s, const char *name, struct stat *st)
{
	char path[PATH_MAX];

	if (s->fd != -1)
		return (fstatat(s->fd, name, st, AT_SYMLINK_NOFOLLOW));
	(void)strlcpy(path, s->w->real, sizeof(path));
	return (append(path, name) == -1 ? -1 : lstat(path, st));
}

static ssize_t
read_step(const struct step *s, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];

	if (s->fd != -1)
		return (readlinkat(s->fd, name, buf, size));
	(void)strlcpy(path, s->w->real, sizeof(path));
	return (append(path, name) == -1 ? -1 : readlink(path, buf, size));
}

static int
enter_root(struct step *s)
{
	struct stat st;

	leave(s);
	s->w->real[0] = '\0';
	s->fd = walk_open(AT_FDCWD, "/");
	if (stat("/", &st) == -1)
		return (-1);
	s->fixed = is_only_ours(&st);
	if (s->fd == -1 && !s->fixed)
		return (-1);
	return (0);
}

/* Goes on in the directory called name, which st is of. */
static int
enter(struct step *s, const char *name, const struct stat *st)
{
	bool fixed = s->fixed && is_only_ours(st);
	char path[PATH_MAX];
	int fd;

	(void)strlcpy(path, s->w->real, sizeof(path));
	if (append(path, name) == -1)
		return (-1);
	fd = s->fd != -1 ? walk_open(s->fd, name) : walk_open(AT_FDCWD, path);
	if (fd == -1 && !fixed)
		return (-1);
	if (fd != -1 && known_is_open_as(fd, st) != 1) {
		(void)close(fd);
		errno = EAGAIN;
		return (-1);
	}
	leave(s);
	s->fd = fd;
	s->fixed = fixed;
	return (append(s->w->real, name));
}

/* Goes on in the directory above, by the path that was walked. */
static int
go_up(struct step *s)
{
	char path[PATH_MAX];

	if (s->w->real[0] == '\0')
		return (0);
	*strrchr(s->w->real, '/') = '\0';
	if (strlen(s->w->real) + 1 + strlen(s->rest) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	/* That path has no links: it is walked once more. */
	(void)strlcpy(path, s->w->real, sizeof(path));
	(void)append(path, s->rest);
	(void)strlcpy(s->rest, path, sizeof(s->rest));
	return (enter_root(s));
}

static void
refuse_link(struct walk *w, const char *why)
{
	if (w->safe)
		w->why = why;
	w->safe = false;
}

static void
judge(struct step *s, const struct stat *st)
{
	if (st->st_nlink > 1)
		refuse_link(s->w,
		    "a link to it has other names: symlinks = "
		    "\"follow\" follows it");
	if (is_ours(st->st_uid))
		return;
	if (s->w->has_owner && s->w->owner != st->st_uid)
		refuse_link(s->w,
		    "links to it belong to several users: "
		    "symlinks = \"follow\" follows them");
	s->w->has_owner = true;
	s->w->owner = st->st_uid;
}

/* Goes on where the link called name, which st is of, leads. */
static int
follow(struct step *s, const char *name, const struct stat *st)
{
	char path[PATH_MAX];
	struct stat after;
	ssize_t n;

	if (++s->nlinks > LINKS_MOST) {
		errno = ELOOP;
		return (-1);
	}
	n = read_step(s, name, path, sizeof(path) - 1);
	if (n == -1 || stat_step(s, name, &after) == -1)
		return (-1);
	if (after.st_dev != st->st_dev || after.st_ino != st->st_ino ||
	    after.st_ctim.tv_sec != st->st_ctim.tv_sec ||
	    after.st_ctim.tv_nsec != st->st_ctim.tv_nsec) {
		errno = EAGAIN;
		return (-1);
	}
	path[n] = '\0';
	judge(s, st);
	if (path[0] == '/' && enter_root(s) == -1)
		return (-1);
	if (s->rest[0] != '\0' && append(path, s->rest) == -1)
		return (-1);
	(void)strlcpy(s->rest, path, sizeof(s->rest));
	return (0);
}

/*
 * Takes the first name of the rest, "" where there is none.  Returns 0, or -1
 * with errno.
 */
static int
take(struct step *s, char name[NAME_MAX + 1], bool *must_be_dir)
{
	char *from = s->rest + strspn(s->rest, "/");
	size_t n = strcspn(from, "/");

	if (n > NAME_MAX) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	*must_be_dir = from[n] == '/';
	(void)strlcpy(name, from, n + 1);
	from += n;
	from += strspn(from, "/");
	memmove(s->rest, from, strlen(from) + 1);
	if (++s->nsteps <= STEPS_MOST)
		return (0);
	errno = ELOOP;
	return (-1);
}

/* fstat(2) of the directory that was reached. */
static int
stat_reached(const struct step *s, struct stat *st)
{
	const char *path = s->w->real[0] == '\0' ? "/" : s->w->real;

	return (s->fd != -1 ? fstat(s->fd, st) : stat(path, st));
}

/*
 * Walks one name.  Returns 1 at the end of the path, 0 to go on, -1 with errno.
 */
static int
step(struct step *s)
{
	char name[NAME_MAX + 1];
	struct stat st;
	bool must_be_dir;

	if (take(s, name, &must_be_dir) == -1)
		return (-1);
	if (strcmp(name, ".") == 0)
		name[0] = '\0';
	if (name[0] == '\0' && s->rest[0] != '\0')
		return (0);
	if (name[0] == '\0')
		return (stat_reached(s, &s->w->st) == -1 ? -1 : 1);
	if (strcmp(name, "..") == 0)
		return (go_up(s));
	if (stat_step(s, name, &st) == -1)
		return (-1);
	if (S_ISLNK(st.st_mode))
		return (follow(s, name, &st));
	if (S_ISDIR(st.st_mode) && s->rest[0] != '\0')
		return (enter(s, name, &st));
	if (must_be_dir && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return (-1);
	}
	s->w->st = st;
	if (stat_reached(s, &s->w->in) == -1)
		return (-1);
	return (append(s->w->real, name) == -1 ? -1 : 1);
}

/* Begins in d; with EAGAIN where another directory has its place. */
static int
begin(struct step *s, const struct dir *d)
{
	const char *real = dir_real(d);
	char path[PATH_MAX];
	struct stat st;

	(void)strlcpy(s->w->real, real, PATH_MAX);
	s->fd = walk_open(AT_FDCWD, real[0] == '\0' ? "/" : real);
	if (s->fd == -1 && errno == EACCES) {
		(void)strlcpy(path, real, sizeof(path));
		if (append(path, s->rest) == -1)
			return (-1);
		(void)strlcpy(s->rest, path, sizeof(s->rest));
		return (enter_root(s));
	}
	if (s->fd == -1)
		return (-1);
	if (fstat(s->fd, &st) == 0 && names_is_same(&d->place, &st))
		return (0);
	errno = EAGAIN;
	return (-1);
}

int
walk_link(const struct dir *d, const char *name, struct walk *w)
{
	struct step s = { .w = w, .fd = -1 };
	int error, got;

	w->safe = true;
	w->has_owner = false;
	w->why = NULL;
	(void)strlcpy(s.rest, name, sizeof(s.rest));
	got = begin(&s, d);
	while (got == 0)
		got = step(&s);
	error = errno;
	leave(&s);
	errno = error;
	if (got == -1)
		return (-1);
	if (w->has_owner && w->owner != w->st.st_uid)
		refuse_link(w,
		    "the link belongs neither to root nor to the "
		    "owner of its target: symlinks = \"follow\" "
		    "follows it");
	return (0);
}
