#include "daemon/base/state_dir.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/atomic_file.h"

#define CHECKPOINT_NAME "checkpoint"
#define LOCK_NAME "lock"
#define LOCK_TRIES 20
#define LOCK_WAIT_MS 100

/* Whether the account can make files in it. */
static bool
may_write(int fd, const struct stat *st, uid_t uid, gid_t gid)
{
	if (geteuid() == uid)
		return (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0 ||
		    errno != EACCES);
	return (uid == 0 || st->st_uid == uid ||
	    (st->st_gid == gid && (st->st_mode & S_IWGRP)));
}

/*
 * Whoever can write in the directory decides what is sent again and what never,
 * and a file that is made there for the account may not be the account's.
 */
static int
check_rights(int fd, const char *path, uid_t uid, gid_t gid, struct reason *why)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (
		    reason_set(why, "state_dir %s: %s", path, strerror(errno)));
	if (st.st_uid != 0 && st.st_uid != uid && st.st_uid != geteuid())
		return (reason_set(why,
		    "state_dir %s: belongs to user id %lu: chown it to user id "
		    "%lu, or name another",
		    path, (unsigned long)st.st_uid, (unsigned long)uid));
	if ((st.st_mode & S_IWOTH) ||
	    ((st.st_mode & S_IWGRP) && st.st_gid != gid && st.st_gid != 0))
		return (reason_set(why,
		    "state_dir %s: others may write in it: chmod go-w it",
		    path));
	if (!may_write(fd, &st, uid, gid))
		return (reason_set(why,
		    "state_dir %s: user id %lu may not write in it: chown it",
		    path, (unsigned long)uid));
	return (0);
}

static int
open_directory(const char *path, uid_t uid, gid_t gid, struct reason *why)
{
	int fd;

	if (mkdir(path, 0750) == 0) {
		if (geteuid() == 0 && chown(path, uid, gid) == -1)
			return (reason_set(why, "state_dir %s: chown: %s", path,
			    strerror(errno)));
	} else if (errno != EEXIST) {
		return (reason_set(
		    why, "state_dir %s: mkdir: %s", path, strerror(errno)));
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return (
		    reason_set(why, "state_dir %s: %s", path, strerror(errno)));
	if (check_rights(fd, path, uid, gid, why) == 0)
		return (fd);
	(void)close(fd);
	return (-1);
}

/*
 * Makes uid and gid the owner of an open file, as root.  A file with another
 * name may be anybody's: whom the directory belongs to could have linked it.
 */
static int
give_file(int fd, uid_t uid, gid_t gid)
{
	struct stat st;

	if (geteuid() != 0)
		return (0);
	if (fstat(fd, &st) == -1)
		return (-1);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
		errno = EMLINK;
		return (-1);
	}
	return (fchown(fd, uid, gid));
}

static int
give_name(int dirfd, const char *name, uid_t uid, gid_t gid)
{
	int error, fd, result;

	fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return (-1);
	result = give_file(fd, uid, gid);
	error = errno;
	(void)close(fd);
	errno = error;
	return (result);
}

static int
lock_with_patience(int fd)
{
	const struct timespec wait = { 0, LOCK_WAIT_MS * 1000000L };
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return (0);
		if (errno != EWOULDBLOCK && errno != EINTR)
			return (-1);
		(void)nanosleep(&wait, NULL);
	}
	errno = EWOULDBLOCK;
	return (-1);
}

/* The first of the processes that the lock names that is alive, or 0. */
static pid_t
find_who(int fd)
{
	char text[64], *line, *rest = text;
	long pid;
	ssize_t n;

	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		pid = strtol(line, NULL, 10);
		if (pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM))
			return ((pid_t)pid);
	}
	return (0);
}

static int
say_who(int fd, const char *path, struct reason *why)
{
	char who[64] = "a process that is not known";
	pid_t pid = find_who(fd);

	if (pid != 0)
		(void)snprintf(who, sizeof(who), "process id %ld", (long)pid);
	return (reason_set(why,
	    "state_dir %s: in use by teslacoild with %s; stop that one, or "
	    "give this one a state_dir of its own",
	    path, who));
}

int
state_dir_open(struct state_dir *s, const char *path, uid_t uid, gid_t gid,
    struct reason *why)
{
	s->fd = s->lock = -1;
	if (path == NULL)
		return (0);
	if ((s->fd = open_directory(path, uid, gid, why)) == -1)
		return (-1);
	s->lock = openat(
	    s->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	/* The next one may be started as who the worker is now. */
	if (s->lock == -1 || give_file(s->lock, uid, gid) == -1) {
		reason_set(why, "state_dir %s: " LOCK_NAME ": %s", path,
		    strerror(errno));
		goto fail;
	}
	if (lock_with_patience(s->lock) == 0) {
		state_dir_set_pids(s, getpid(), 0);
		return (0);
	}
	if (errno == EWOULDBLOCK)
		say_who(s->lock, path, why);
	else
		reason_set(why, "state_dir %s: " LOCK_NAME ": %s", path,
		    strerror(errno));
fail:
	state_dir_close(s);
	return (-1);
}

bool
state_dir_is_at(const struct state_dir *s, const char *path)
{
	struct stat here, there;

	return (s->fd != -1 && fstat(s->fd, &here) == 0 &&
	    stat(path, &there) == 0 && here.st_nlink > 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino);
}

int
state_dir_may_give(const struct state_dir *s, const char *path, uid_t uid,
    gid_t gid, struct reason *why)
{
	struct stat st;

	if (s->fd == -1 ||
	    (geteuid() == 0 && fstat(s->fd, &st) == 0 && st.st_uid != 0))
		return (0);
	return (check_rights(s->fd, path, uid, gid, why));
}

int
state_dir_give(
    const struct state_dir *s, uid_t uid, gid_t gid, struct reason *why)
{
	static const char *const names[] = { CHECKPOINT_NAME, "state.json" };
	struct stat st;
	size_t i;

	if (s->fd == -1 || geteuid() != 0)
		return (0);
	/* A directory of root's may be there for others too. */
	if (fstat(s->fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == uid))
		return (0);
	if (fchown(s->fd, uid, gid) == -1)
		return (
		    reason_set(why, "state_dir: chown: %s", strerror(errno)));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (give_name(s->fd, names[i], uid, gid) == -1 &&
		    errno != ENOENT)
			return (reason_set(why, "state_dir: %s: chown: %s",
			    names[i], strerror(errno)));
	return (0);
}

void
state_dir_close(struct state_dir *s)
{
	if (s->lock != -1)
		(void)close(s->lock);
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = s->lock = -1;
}

void
state_dir_set_pids(const struct state_dir *s, pid_t monitor, pid_t worker)
{
	char text[64];
	int n;

	if (s->lock == -1)
		return;
	n = snprintf(text, sizeof(text), "%ld\n", (long)monitor);
	if (worker != 0)
		n += snprintf(
		    text + n, sizeof(text) - (size_t)n, "%ld\n", (long)worker);
	/* Only told to people: without it the lock still holds. */
	if (ftruncate(s->lock, 0) == -1 ||
	    pwrite(s->lock, text, (size_t)n, 0) == -1)
		return;
}

int
state_dir_open_checkpoint(const struct state_dir *s)
{
	struct stat st;
	int fd;

	fd = openat(s->fd, CHECKPOINT_NAME,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return (fd);
	(void)close(fd);
	errno = EINVAL;
	return (-1);
}

static int
copy_file(int from, int to)
{
	char buf[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, buf, sizeof(buf), at)) > 0) {
		if (atomic_file_write(to, buf, (size_t)n) == -1)
			return (-1);
		at += n;
	}
	return (n == -1 ? -1 : fsync(to));
}

int
state_dir_put_checkpoint(
    const struct state_dir *s, int from, uid_t uid, gid_t gid)
{
	int error, result, to;

	to = openat(s->fd, CHECKPOINT_NAME,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (to == -1)
		return (errno == EEXIST ? 0 : -1);
	result = copy_file(from, to);
	error = errno;
	if (result == 0) {
		result = give_file(to, uid, gid);
		error = errno;
	}
	(void)close(to);
	/* Half of one would be taken for all of it. */
	if (result == -1)
		(void)unlinkat(s->fd, CHECKPOINT_NAME, 0);
	errno = error;
	return (result);
}
