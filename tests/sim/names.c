/*
 * The worker's system calls that take a path.
 */
#include "tests/sim/inode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int open_errors[] = { EMFILE, ENFILE, EIO, EINTR, ENOMEM, 0 };
static const int change_errors[] = { EIO, ENOSPC, 0 };
static const int link_errors[] = { EIO, 0 };

DIR *__wrap_fdopendir(int);
int __wrap_openat64(int, const char *, int, ...);
int __wrap_open64(const char *, int, ...);

static int
open_at(struct inode *from, const char *path, int flags, mode_t mode)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	i = inode_at(from, path, (flags & O_NOFOLLOW) == 0, &dir, name);
	if (i == NULL && (flags & O_CREAT) && dir != NULL && errno == ENOENT) {
		i = inode_new(S_IFREG | mode, 0);
		(void)inode_link(dir, name, i);
		watching_note(dir->number, name, false, NULL);
	}
	if (i == NULL)
		return (-1);
	if (S_ISLNK(i->mode)) {
		errno = flags & O_DIRECTORY ? ENOTDIR : ELOOP;
		return (-1);
	}
	if ((flags & O_DIRECTORY) && !inode_is_dir(i)) {
		errno = ENOTDIR;
		return (-1);
	}
	if ((flags & O_TRUNC) && S_ISREG(i->mode))
		inode_cut(i, 0);
	return (descriptor_open(i, flags));
}

int
__wrap_open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (sim_call("open", open_errors) != 0)
		return (-1);
	return (open_at(NULL, path, flags, mode));
}

int
__wrap_openat64(int fd, const char *path, int flags, ...)
{
	struct ofd *o = NULL;
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (sim_call("openat", open_errors) != 0 ||
	    (fd != AT_FDCWD && (o = descriptor(fd)) == NULL))
		return (-1);
	return (open_at(o == NULL ? NULL : o->ino, path, flags, mode));
}

WRAP(DIR *, opendir, const char *path)
{
	int fd = __wrap_open64(path, O_RDONLY | O_DIRECTORY);

	return (fd == -1 ? NULL : __wrap_fdopendir(fd));
}

WRAP(int, unlinkat, int fd, const char *path, int flags)
{
	struct ofd *o = NULL;
	struct inode *dir, *i;
	char name[NAME_ROOM];

	(void)flags;
	if (sim_call("unlinkat", link_errors) != 0 ||
	    (fd != AT_FDCWD && (o = descriptor(fd)) == NULL))
		return (-1);
	i = inode_at(o == NULL ? NULL : o->ino, path, false, &dir, name);
	if (i == NULL)
		return (-1);
	inode_unlink(dir, inode_find(dir, name));
	watching_note(dir->number, name, false, NULL);
	return (0);
}

WRAP(int, renameat, int from, const char *old, int to, const char *new)
{
	struct ofd *o = descriptor(from);
	struct inode *dir, *i;
	struct entry *e;

	if (sim_call("renameat", change_errors) != 0)
		return (-1);
	if (o == NULL || from != to)
		sim_fail("renameat of two directories is not simulated");
	dir = o->ino;
	if ((e = inode_find(dir, old)) == NULL) {
		errno = ENOENT;
		return (-1);
	}
	i = e->ino;
	i->links++;
	inode_unlink(dir, e);
	if ((e = inode_find(dir, new)) != NULL)
		inode_unlink(dir, e);
	(void)inode_link(dir, new, i);
	i->links--;
	return (0);
}

static ssize_t
read_link(struct inode *from, const char *path, char *buf, size_t size)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	if ((i = inode_at(from, path, false, &dir, name)) == NULL)
		return (-1);
	if (!S_ISLNK(i->mode)) {
		errno = EINVAL;
		return (-1);
	}
	if (size > i->len)
		size = i->len;
	memcpy(buf, i->data, size);
	return ((ssize_t)size);
}

WRAP(ssize_t, readlink, const char *path, char *buf, size_t size)
{
	if (sim_call("readlink", link_errors) != 0)
		return (-1);
	return (read_link(NULL, path, buf, size));
}

WRAP(ssize_t, readlinkat, int fd, const char *path, char *buf, size_t size)
{
	struct ofd *o = descriptor(fd);

	if (sim_call("readlinkat", link_errors) != 0 || o == NULL)
		return (-1);
	return (read_link(o->ino, path, buf, size));
}

/* The path of a directory from the root. */
static void
name_of(struct inode *i, char *out)
{
	unsigned n;

	if (i == inode_root()) {
		out[0] = '\0';
		return;
	}
	name_of(i->parent, out);
	for (n = 0; n < i->parent->nentries; n++)
		if (i->parent->entries[n].ino == i)
			break;
	(void)strlcat(out, "/", PATH_MAX);
	if (n < i->parent->nentries)
		(void)strlcat(out, i->parent->entries[n].name, PATH_MAX);
}

WRAP(char *, realpath, const char *path, char *out)
{
	static char text[PATH_MAX];
	struct inode *dir, *i;
	char name[NAME_ROOM];

	if (sim_call("realpath", link_errors) != 0)
		return (NULL);
	if ((i = inode_at(NULL, path, true, &dir, name)) == NULL)
		return (NULL);
	if (inode_is_dir(i)) {
		name_of(i, text);
		if (text[0] == '\0')
			(void)strlcpy(text, "/", sizeof(text));
	} else {
		name_of(dir, text);
		(void)strlcat(text, "/", sizeof(text));
		(void)strlcat(text, name, sizeof(text));
	}
	if (out == NULL)
		return (strdup(text));
	(void)strlcpy(out, text, PATH_MAX);
	return (out);
}

WRAP(int, access, const char *path, int mode)
{
	struct inode *dir;
	char name[NAME_ROOM];

	(void)mode;
	return (inode_at(NULL, path, true, &dir, name) == NULL ? -1 : 0);
}

WRAP(int, faccessat, int fd, const char *path, int mode, int flags)
{
	(void)fd;
	(void)flags;
	return (__wrap_access(path, mode));
}

WRAP(int, glob64, const char *pattern, int flags,
    int (*on_error)(const char *, int), glob_t *g)
{
	(void)pattern;
	(void)flags;
	(void)on_error;
	memset(g, 0, sizeof(*g));
	return (GLOB_NOMATCH);
}

WRAP(int, fcntl64, int fd, int what, ...)
{
	(void)fd;
	(void)what;
	return (0);
}
