#include "daemon/base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct name_text {
	char text[NAME_MAX + 1];
};

static struct name_text
name_new(const struct atomic_file *a)
{
	struct name_text name;

	(void)snprintf(name.text, sizeof(name.text), "%s.new", a->name);
	return (name);
}

int
atomic_file_open(struct atomic_file *a, int dirfd, const char *name, int flags)
{
	a->dirfd = dirfd;
	a->name = name;
	a->fd = openat(dirfd, name_new(a).text,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
		flags,
	    0640);
	return (a->fd == -1 ? -1 : 0);
}

static int
remove_new(const struct atomic_file *a)
{
	int error = errno;

	(void)unlinkat(a->dirfd, name_new(a).text, 0);
	errno = error;
	return (-1);
}

int
atomic_file_replace(struct atomic_file *a, int *keep)
{
	int fd = a->fd;

	if (keep == NULL) {
		/* Whatever close(2) says, it is closed. */
		a->fd = -1;
		if (close(fd) == -1)
			return (remove_new(a));
	}
	if (renameat(a->dirfd, name_new(a).text, a->dirfd, a->name) == -1) {
		atomic_file_abandon(a);
		return (keep == NULL ? remove_new(a) : -1);
	}
	a->fd = -1;
	if (keep != NULL)
		*keep = fd;
	return (0);
}

void
atomic_file_abandon(struct atomic_file *a)
{
	int error = errno;

	if (a->fd == -1)
		return;
	(void)close(a->fd);
	a->fd = -1;
	errno = error;
	(void)remove_new(a);
}

int
atomic_file_write(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t w;

	while (n > 0) {
		w = write(fd, at, n);
		if (w > 0) {
			at += w;
			n -= (size_t)w;
		} else if (w == 0) {
			errno = EIO;
			return (-1);
		} else if (errno != EINTR)
			return (-1);
	}
	return (0);
}

int
atomic_file_sync_dir(int dirfd)
{
	/* Some file systems cannot sync a directory, and do so anyway. */
	return (fsync(dirfd) == -1 && errno != EINVAL ? -1 : 0);
}
