/*
 * A disk that hangs, fails or is full when a test says so: by a file of this
 * name in the directory FAKE_DISK.  Only the checkpoint is on it: of what is
 * written, what is appended.
 *
 *	fdatasync-hangs, fsync-hangs	until it is removed; meanwhile there is
 *					a file "hanging"
 *	fdatasync-fails			with EIO
 *	write-fails			with ENOSPC
 */
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int __real_fdatasync(int);
int __real_fsync(int);
ssize_t __real_write(int, const void *, size_t);
int __wrap_fdatasync(int);
int __wrap_fsync(int);
ssize_t __wrap_write(int, const void *, size_t);

/* Returns false without such a directory. */
static bool
path_of(char path[PATH_MAX], const char *name)
{
	const char *dir = getenv("FAKE_DISK");

	if (dir == NULL)
		return (false);
	(void)snprintf(path, PATH_MAX, "%s/%s", dir, name);
	return (true);
}

static bool
is_told(const char *what)
{
	char path[PATH_MAX];
	int before = errno;
	bool told = path_of(path, what) && access(path, F_OK) == 0;

	errno = before;
	return (told);
}

static void
hang(const char *what)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	char path[PATH_MAX];

	if (!is_told(what) || !path_of(path, "hanging"))
		return;
	(void)close(open(path, O_WRONLY | O_CREAT, 0644));
	while (is_told(what))
		(void)nanosleep(&moment, NULL);
	(void)unlink(path);
}

int
__wrap_fdatasync(int fd)
{
	hang("fdatasync-hangs");
	if (!is_told("fdatasync-fails"))
		return (__real_fdatasync(fd));
	errno = EIO;
	return (-1);
}

int
__wrap_fsync(int fd)
{
	hang("fsync-hangs");
	return (__real_fsync(fd));
}

ssize_t
__wrap_write(int fd, const void *buf, size_t n)
{
	int flags;

	if (fd <= STDERR_FILENO || (flags = fcntl(fd, F_GETFL)) == -1 ||
	    !(flags & O_APPEND) || !is_told("write-fails"))
		return (__real_write(fd, buf, n));
	errno = ENOSPC;
	return (-1);
}
