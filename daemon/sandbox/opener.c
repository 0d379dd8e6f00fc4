#include "daemon/sandbox/opener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/fdpass.h"
#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/conf/match.h"
#include "daemon/sandbox/sandbox.h"

#define WAIT_MS 5000 /* for an answer: a file system may hang */
#define CHANNEL 3 /* in the opener: its only one but the standard three */
#define GRANTS 65536 /* directories that links lead to, at most */

struct request {
	uint32_t number;
	int flags;
	dev_t dev; /* of the directory that name is in */
	ino_t ino; /* 0: the path alone names it */
	char path[PATH_MAX];
};

struct answer {
	uint32_t number;
	int error; /* 0: a file comes with it */
};

/* A process has one sandbox, and one opener. */
static int channel = -1; /* to it; -1: there is none */
static uint32_t number; /* of the last request */

/*
 * The worker.
 */

static int
await(uint32_t wanted)
{
	struct pollfd pfd = { .fd = channel, .events = POLLIN };
	struct answer a;
	ssize_t n;
	int fd;

	for (;;) {
		if (poll(&pfd, 1, WAIT_MS) < 1) {
			errno = ETIMEDOUT;
			return (-1);
		}
		n = fdpass_recv(channel, &a, sizeof(a), &fd);
		if (n == 0 || (n == -1 && errno == ECONNRESET))
			break;
		if (n != (ssize_t)sizeof(a))
			continue;
		if (a.number == wanted && a.error == 0 && fd >= 0)
			return (fd);
		/* This answers a request that was given up. */
		if (fd >= 0)
			(void)close(fd);
		if (a.number != wanted)
			continue;
		errno = fd == FDPASS_LOST_FD ? EMFILE : a.error;
		return (-1);
	}
	errno = EACCES;
	return (-1);
}

static int
ask(const char *path, const struct stat *dir, int flags)
{
	struct request r;
	size_t len = strlen(path);

	if (len >= sizeof(r.path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	memset(&r, 0, offsetof(struct request, path));
	r.number = ++number;
	r.flags = flags;
	if (dir != NULL) {
		r.dev = dir->st_dev;
		r.ino = dir->st_ino;
	}
	memcpy(r.path, path, len + 1);
	if (fdpass_send(channel, &r, offsetof(struct request, path) + len + 1,
		-1, WAIT_MS) == -1) {
		if (errno == EPIPE)
			errno = EACCES;
		return (-1);
	}
	return (await(r.number));
}

int
opener_open(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd != -1 || errno != EACCES || channel == -1)
		return (fd);
	return (ask(path, NULL, flags));
}

int
opener_open_in(int dirfd, const char *dir, const char *name, int flags)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = openat(dirfd, name, flags);

	if (fd != -1 || errno != EACCES || channel == -1)
		return (fd);
	if (fstat(dirfd, &st) == -1)
		return (-1);
	if (strlcpy(path, dir, sizeof(path)) >= sizeof(path) ||
	    strlcat(path, "/", sizeof(path)) >= sizeof(path) ||
	    strlcat(path, name, sizeof(path)) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	return (ask(path, &st, flags));
}

bool
opener_is_there(void)
{
	return (channel != -1);
}

int
opener_fd(void)
{
	return (channel);
}

bool
opener_is_gone(void)
{
	struct answer late;
	ssize_t n = -1;
	int fd;

	if (channel != -1 &&
	    (n = fdpass_recv(channel, &late, sizeof(late), &fd)) != 0 &&
	    fd >= 0)
		(void)close(fd);
	if (channel == -1 || (n != 0 && !(n == -1 && errno == ECONNRESET)))
		return (channel == -1);
	log_warnx("the process that opens files for the worker is gone");
	(void)close(channel);
	channel = -1;
	return (true);
}

/*
 * The opener.
 */

/* A directory with a file that a link leads to: the file is rotated there. */
struct grant {
	RB_ENTRY(grant) entry;
	char path[];
};
RB_HEAD(grants, grant);

struct opener {
	const struct conf *conf;
	struct grants grants;
	unsigned ngrants;
};

static int
compare_grants(const struct grant *a, const struct grant *b)
{
	return (strcmp(a->path, b->path));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static

RB_GENERATE_INTERNAL(grants, grant, entry, compare_grants, LOCAL)

static bool
is_granted(struct opener *o, const char *dir, enum conf_symlinks *links)
{
	struct grant *key;
	size_t size = strlen(dir) + 1;
	bool found;

	if ((key = malloc(sizeof(*key) + size)) == NULL)
		return (false);
	memcpy(key->path, dir, size);
	found = RB_FIND(grants, &o->grants, key) != NULL;
	free(key);
	*links = CONF_SYMLINKS_IGNORE;
	return (found);
}

/* Grants the directory that path leads to, if it has links in it. */
static void
grant(struct opener *o, const char *path)
{
	char real[PATH_MAX], *slash;
	struct grant *g;
	size_t size;

	if (o->ngrants == GRANTS || realpath(path, real) == NULL ||
	    strcmp(path, real) == 0 || (slash = strrchr(real, '/')) == real)
		return;
	*slash = '\0';
	size = strlen(real) + 1;
	if ((g = malloc(sizeof(*g) + size)) == NULL)
		return;
	memcpy(g->path, real, size);
	if (RB_INSERT(grants, &o->grants, g) != NULL)
		free(g);
	else
		o->ngrants++;
}

/* A link that any user could have made must not cause files to be sent. */
static bool
may_follow(const char *path, const struct stat *link, enum conf_symlinks links)
{
	struct stat target;

	switch (links) {
	case CONF_SYMLINKS_FOLLOW:
		return (true);
	case CONF_SYMLINKS_SAFE:
		return (stat(path, &target) == 0 &&
		    (link->st_uid == 0 || link->st_uid == geteuid() ||
			link->st_uid == target.st_uid));
	case CONF_SYMLINKS_IGNORE:
		break;
	}
	return (false);
}

/* Whether each link in path may be followed.  Leaves path as it was. */
static bool
links_are_fine(char *path, enum conf_symlinks links)
{
	char *slash = path, cut;
	struct stat st;
	bool fine = true;

	while (fine && *slash != '\0') {
		slash += strspn(slash, "/");
		slash += strcspn(slash, "/");
		cut = *slash;
		*slash = '\0';
		if (lstat(path, &st) == -1)
			fine = false;
		else if (S_ISLNK(st.st_mode))
			fine = may_follow(path, &st, links);
		*slash = cut;
	}
	return (fine);
}

static bool
is_meant(struct opener *o, struct request *r, enum conf_symlinks *links)
{
	char *slash = strrchr(r->path, '/');
	bool meant;

	if (r->flags & O_DIRECTORY)
		return (conf_match_lists(o->conf, r->path, links) ||
		    is_granted(o, r->path, links));
	*slash = '\0';
	meant = conf_match_has_files(o->conf, r->path, links) ||
	    is_granted(o, r->path, links);
	*slash = '/';
	return (meant);
}

static int
open_in_directory(const struct request *r, int flags)
{
	char dir[PATH_MAX], *slash;
	struct stat st;
	int error, fd = -1, parent;

	(void)strlcpy(dir, r->path, sizeof(dir));
	slash = strrchr(dir, '/');
	*slash = '\0';
	parent = open(dir[0] == '\0' ? "/" : dir,
	    O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (parent == -1)
		return (-1);
	if (fstat(parent, &st) == -1 || st.st_dev != r->dev ||
	    st.st_ino != r->ino)
		errno = ESTALE;
	else
		fd = openat(parent, slash + 1, flags | O_NOFOLLOW);
	error = errno;
	(void)close(parent);
	errno = error;
	return (fd);
}

/* Returns a descriptor, or -1 with errno. */
static int
open_it(struct opener *o, struct request *r)
{
	enum conf_symlinks links;
	struct stat st;
	int fd, flags;

	flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
	    (r->flags & (O_DIRECTORY | O_NOFOLLOW));
	if (r->path[0] != '/' || !is_meant(o, r, &links) ||
	    !links_are_fine(r->path, links)) {
		errno = EACCES;
		return (-1);
	}
	fd = r->ino != 0 ? open_in_directory(r, flags) : open(r->path, flags);
	if (fd == -1)
		return (-1);
	if (fstat(fd, &st) == -1 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		(void)close(fd);
		errno = EACCES;
		return (-1);
	}
	if (!(r->flags & (O_DIRECTORY | O_NOFOLLOW)))
		grant(o, r->path);
	return (fd);
}

static void
serve(struct opener *o)
{
	struct pollfd pfd = { .fd = CHANNEL, .events = POLLIN };
	struct request r;
	struct answer a = { 0, 0 };
	ssize_t n;
	int fd;

	for (;;) {
		(void)poll(&pfd, 1, -1);
		if ((n = fdpass_recv(CHANNEL, &r, sizeof(r), &fd)) == 0)
			return;
		if (fd >= 0)
			(void)close(fd);
		if (n <= (ssize_t)offsetof(struct request, path))
			continue;
		((char *)&r)[n - 1] = '\0';
		fd = open_it(o, &r);
		a.number = r.number;
		a.error = fd == -1 ? errno : 0;
		if (fdpass_send(CHANNEL, &a, sizeof(a), fd, WAIT_MS) == -1)
			return;
		if (fd != -1)
			(void)close(fd);
	}
}

/* Closes what the worker has open, above all the lock of its state. */
static void
run(const struct conf *conf, int fd)
{
	struct opener o = { .conf = conf };
	struct reason got;
	int null;

	RB_INIT(&o.grants);
	setproctitle("opens files for the worker");
	if ((null = open("/dev/null", O_RDWR)) == -1 ||
	    dup2(fd, CHANNEL) == -1 ||
	    fcntl(CHANNEL, F_SETFD, FD_CLOEXEC) == -1)
		_exit(1);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	/* The program that started the daemon waits for the end of this. */
	log_detach();
	closefrom(CHANNEL + 1);
	(void)sandbox_opener(&got);
	serve(&o);
	_exit(0);
}

int
opener_start(const struct conf *conf)
{
	int pair[2];
	pid_t pid;

	if (!sandbox_asks())
		return (0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return (-1);
	if ((pid = fork()) == 0)
		run(conf, pair[1]);
	(void)close(pair[1]);
	if (pid == -1) {
		(void)close(pair[0]);
		return (-1);
	}
	channel = pair[0];
	return (0);
}
