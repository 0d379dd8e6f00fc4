#include "daemon/statedir.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define LOCK_TRIES 20
#define LOCK_WAIT_MS 100

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
	return (fd);
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

static int
say_who(int fd, const char *path, struct reason *why)
{
	char pid[32];
	ssize_t n;

	n = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return (reason_set(why,
	    "state_dir %s: in use by teslacoild with "
	    "process id %s; stop that one, or give this "
	    "one a state_dir of its own",
	    path, pid[0] == '\0' ? "unknown" : pid));
}

int
statedir_open(struct statedir *s, const char *path, uid_t uid, gid_t gid,
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
	if (lock_with_patience(s->lock) == 0)
		return (0);
	if (errno == EWOULDBLOCK)
		say_who(s->lock, path, why);
	else
		reason_set(why, "state_dir %s: " LOCK_NAME ": %s", path,
		    strerror(errno));
fail:
	statedir_close(s);
	return (-1);
}

int
statedir_give(const struct statedir *s, uid_t uid, gid_t gid,
    struct reason *why)
{
	static const char *const names[] = { "checkpoint", "state.json" };
	struct stat st;
	size_t i;

	if (s->fd == -1 || geteuid() != 0)
		return (0);
	/* A directory of root's may be there for others too. */
	if (fstat(s->fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == uid))
		return (0);
	if (fchown(s->fd, uid, gid) == -1)
		return (reason_set(why, "state_dir: chown: %s",
		    strerror(errno)));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (give_name(s->fd, names[i], uid, gid) == -1 &&
		    errno != ENOENT)
			return (reason_set(why, "state_dir: %s: chown: %s",
			    names[i], strerror(errno)));
	return (0);
}

void
statedir_close(struct statedir *s)
{
	if (s->lock != -1)
		(void)close(s->lock);
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = s->lock = -1;
}

void
statedir_set_pid(const struct statedir *s, pid_t pid)
{
	char text[32];
	int n;

	if (s->lock == -1)
		return;
	n = snprintf(text, sizeof(text), "%ld\n", (long)pid);
	/* Only told to people: without it the lock still holds. */
	if (ftruncate(s->lock, 0) == -1 ||
	    pwrite(s->lock, text, (size_t)n, 0) == -1)
		return;
}
