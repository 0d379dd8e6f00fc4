#include "openbsd.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX 128 /* as in the kernel */

/* A directory, or a name in one that was no directory. */
struct veil {
	dev_t dev;
	ino_t ino;
	char name[NAME_MAX + 1]; /* "": the directory */
	char permissions[8];
};

static struct veil veils[MAX];
static size_t nveils;
static bool locked, pledged;
static char promised[256];
static char calls[16384];

/* What the linker makes of --wrap: the function, and ours in its place. */
#define WRAP(type, name, ...)                                                  \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__)

WRAP(int, lstat64, const char *, struct stat *);
WRAP(int, stat64, const char *, struct stat *);
WRAP(int, fstatat64, int, const char *, struct stat *, int);
WRAP(int, faccessat, int, const char *, int, int);
WRAP(int, openat64, int, const char *, int, ...);
WRAP(int, open64, const char *, int, ...);
WRAP(DIR *, opendir, const char *);
WRAP(int, renameat, int, const char *, int, const char *);
WRAP(int, unlinkat, int, const char *, int);
WRAP(int, connect, int, const struct sockaddr *, socklen_t);

static void
record(const char *call, const char *a, const char *b)
{
	size_t used = strlen(calls);

	(void)snprintf(calls + used, sizeof(calls) - used, "%s %s %s\n", call,
	    a == NULL ? "NULL" : a, b == NULL ? "NULL" : b);
}

void
fake_openbsd_reset(void)
{
	nveils = 0;
	locked = pledged = false;
	calls[0] = promised[0] = '\0';
}

const char *
fake_openbsd_calls(void)
{
	return (calls);
}

static bool
has_word(const char *words, const char *word, size_t len)
{
	const char *p = words;

	while ((p = strstr(p, word)) != NULL) {
		if ((p == words || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return (true);
		p++;
	}
	return (false);
}

/* Whether every word of some is in all. */
static bool
is_among(const char *some, const char *all)
{
	char word[32];
	size_t len;

	for (; *some != '\0'; some += len + (some[len] == ' ')) {
		len = strcspn(some, " ");
		if (len == 0 || len >= sizeof(word))
			return (false);
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, some);
		if (!has_word(all, word, len))
			return (false);
	}
	return (true);
}

int
pledge(const char *promises, const char *execpromises)
{
	record("pledge", promises, execpromises);
	if (!is_among(promises,
		"audio bpf chown cpath disklabel dns dpath drm error exec "
		"fattr flock getpw id inet mcast pf proc prot_exec ps recvfd "
		"route rpath sendfd settime stdio tape tmppath tty unix unveil "
		"video vminfo vmm wpath wroute")) {
		errno = EINVAL;
		return (-1);
	}
	if (pledged && !is_among(promises, promised)) {
		errno = EPERM;
		return (-1);
	}
	pledged = true;
	(void)snprintf(promised, sizeof(promised), "%s", promises);
	return (0);
}

/*
 * The path without links, as namei() finds what is to be created: the last part
 * may be missing, and what a link there leads to may be, too.
 */
static int
resolve(const char *path, char real[PATH_MAX])
{
	char copy[PATH_MAX], at[PATH_MAX], link[PATH_MAX];
	ssize_t n;
	int i;

	(void)strlcpy(at, path, sizeof(at));
	for (i = 0; i < 8; i++) {
		if (realpath(at, real) != NULL)
			return (0);
		(void)strlcpy(copy, at, sizeof(copy));
		if (realpath(dirname(copy), real) == NULL)
			return (-1);
		(void)strlcpy(copy, at, sizeof(copy));
		(void)strlcat(real, "/", PATH_MAX);
		n = readlink(at, link, sizeof(link) - 1);
		if (n == -1) {
			(void)strlcat(real, basename(copy), PATH_MAX);
			return (0);
		}
		link[n] = '\0';
		(void)strlcpy(at, link[0] == '/' ? "" : real, sizeof(at));
		(void)strlcat(at, link, sizeof(at));
	}
	errno = ELOOP;
	return (-1);
}

int
unveil(const char *path, const char *permissions)
{
	char real[PATH_MAX], parent[PATH_MAX];
	struct veil *v = &veils[nveils];
	struct stat st;

	record("unveil", path, permissions);
	if (locked || (pledged && !has_word(promised, "unveil", 6))) {
		errno = EPERM;
		return (-1);
	}
	if (path == NULL && permissions == NULL) {
		locked = true;
		return (0);
	}
	if (nveils == MAX) {
		errno = E2BIG;
		return (-1);
	}
	v->name[0] = '\0';
	if (resolve(path, real) == -1)
		return (-1);
	if (__real_stat64(real, &st) == -1 || !S_ISDIR(st.st_mode)) {
		(void)snprintf(parent, sizeof(parent), "%s", real);
		if (__real_stat64(dirname(parent), &st) == -1)
			return (-1);
		(void)snprintf(
		    v->name, sizeof(v->name), "%s", strrchr(real, '/') + 1);
	}
	v->dev = st.st_dev;
	v->ino = st.st_ino;
	(void)snprintf(
	    v->permissions, sizeof(v->permissions), "%s", permissions);
	nveils++;
	return (0);
}

/*
 * What can be seen.
 */

static const struct veil *
find(const struct stat *dir, const char *name)
{
	size_t i;

	for (i = nveils; i-- > 0;)
		if (veils[i].dev == dir->st_dev &&
		    veils[i].ino == dir->st_ino &&
		    strcmp(veils[i].name, name) == 0)
			return (&veils[i]);
	return (NULL);
}

/* real is absolute and without links but in its last part, which may lack. */
static int
check(char *real, char need)
{
	const struct veil *v = NULL;
	char *slash = strrchr(real, '/');
	struct stat st;
	bool is_dir;

	is_dir = __real_lstat64(real, &st) == 0 && S_ISDIR(st.st_mode);
	if (is_dir)
		v = find(&st, "");
	while (v == NULL && slash != NULL) {
		*slash = '\0';
		if (__real_stat64(slash == real ? "/" : real, &st) == 0) {
			if (!is_dir)
				v = find(&st, slash + 1);
			if (v == NULL)
				v = find(&st, "");
		}
		is_dir = true;
		slash = strrchr(real, '/');
	}
	if (v != NULL && strchr(v->permissions, need) != NULL)
		return (0);
	errno = v == NULL ? ENOENT : EACCES;
	return (-1);
}

static bool
absolute(int dirfd, const char *path, char *out, size_t size)
{
	char link[64];
	ssize_t n;

	if (path[0] == '/')
		return ((size_t)snprintf(out, size, "%s", path) < size);
	if (dirfd == AT_FDCWD) {
		if (getcwd(out, size) == NULL)
			return (false);
		n = (ssize_t)strlen(out);
	} else {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
		if ((n = readlink(link, out, size - 1)) == -1)
			return (false);
	}
	return ((size_t)snprintf(out + n, size - (size_t)n, "/%s", path) <
	    size - (size_t)n);
}

/* Sets errno and returns -1 where the path is not for us to see. */
static int
see(int dirfd, const char *path, bool follow, char need)
{
	char full[2 * PATH_MAX], copy[2 * PATH_MAX], real[3 * PATH_MAX];

	if (!locked || strncmp(path, "/proc/", 6) == 0)
		return (0);
	if (!absolute(dirfd, path, full, sizeof(full)))
		return (-1);
	if (follow && realpath(full, real) != NULL)
		return (check(real, need));
	(void)snprintf(copy, sizeof(copy), "%s", full);
	if (realpath(dirname(copy), real) == NULL)
		return (-1);
	(void)snprintf(copy, sizeof(copy), "%s", full);
	(void)strcat(strcat(real, "/"), basename(copy));
	return (check(real, need));
}

#define SEE(dirfd, path, follow, need)                                         \
	if (see((dirfd), (path), (follow), (need)) == -1)                      \
	return (-1)

int
__wrap_lstat64(const char *path, struct stat *st)
{
	SEE(AT_FDCWD, path, false, 'r');
	return (__real_lstat64(path, st));
}

int
__wrap_stat64(const char *path, struct stat *st)
{
	SEE(AT_FDCWD, path, true, 'r');
	return (__real_stat64(path, st));
}

int
__wrap_fstatat64(int fd, const char *path, struct stat *st, int flags)
{
	SEE(fd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0, 'r');
	return (__real_fstatat64(fd, path, st, flags));
}

int
__wrap_faccessat(int fd, const char *path, int mode, int flags)
{
	SEE(fd, path, true, 'r');
	return (__real_faccessat(fd, path, mode, flags));
}

static int
see_open(int fd, const char *path, int flags)
{
	bool follow = (flags & O_NOFOLLOW) == 0;

	if ((flags & O_CREAT) != 0)
		SEE(fd, path, follow, 'c');
	if ((flags & O_ACCMODE) != O_RDONLY)
		SEE(fd, path, follow, 'w');
	if ((flags & O_ACCMODE) != O_WRONLY)
		SEE(fd, path, follow, 'r');
	return (0);
}

int
__wrap_openat64(int fd, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (see_open(fd, path, flags) == -1)
		return (-1);
	return (__real_openat64(fd, path, flags, mode));
}

int
__wrap_open64(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (__wrap_openat64(AT_FDCWD, path, flags, mode));
}

DIR *
__wrap_opendir(const char *path)
{
	if (see(AT_FDCWD, path, true, 'r') == -1)
		return (NULL);
	return (__real_opendir(path));
}

int
__wrap_renameat(int from, const char *old, int to, const char *new)
{
	SEE(from, old, false, 'c');
	SEE(to, new, false, 'c');
	return (__real_renameat(from, old, to, new));
}

int
__wrap_unlinkat(int fd, const char *path, int flags)
{
	SEE(fd, path, false, 'c');
	return (__real_unlinkat(fd, path, flags));
}

/* The kernel looks the path of a socket up as something to write to. */
int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_un *un = (const void *)sa;

	if (sa->sa_family == AF_UNIX && un->sun_path[0] != '\0')
		SEE(AT_FDCWD, un->sun_path, true, 'w');
	return (__real_connect(fd, sa, len));
}
