/*
 * landlock(7): which files can be opened, and which ports connected to.
 *
 * <linux/landlock.h> may be older than the kernel: what it may lack is defined
 * here.  An older kernel takes a longer structure if the rest is zero.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/walk_open.h"
#include "daemon/sandbox/linux_inside.h"
#include "daemon/sandbox/profile.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/sandbox/violation.h"

struct ruleset {
	uint64_t files;
	uint64_t net; /* since ABI 4 */
	uint64_t scoped; /* since ABI 6 */
};

struct net_port {
	uint64_t allowed;
	uint64_t port;
};

#define RULE_NET_PORT 2
#define FILES_TRUNCATE (1ULL << 14) /* since ABI 3 */
#define FILES_IOCTL_DEV (1ULL << 15) /* since ABI 5 */
#define FILES_RESOLVE_UNIX (1ULL << 16) /* since ABI 9 */
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                  \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FILES_TRUNCATE |               \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define OF_A_FILE                                                              \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |        \
	    FILES_TRUNCATE | FILES_RESOLVE_UNIX)

/* What libraries read for local times, for names, and for certificates. */
static const char *const files_of_any[] = {
	"/dev/urandom", /* unguessable questions to the DNS */
	"/etc/localtime",
	"/usr/share/zoneinfo",
	NULL,
};
static const char *const files_of_names[] = {
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/nsswitch.conf",
	"/etc/host.conf",
	"/etc/services",
	NULL,
};
static const char *const files_of_certificates[] = {
	"/etc/ssl/certs",
	"/etc/ssl/cert.pem",
	"/etc/ssl/openssl.cnf",
	"/etc/pki/tls",
	"/etc/pki/ca-trust/extracted",
	"/usr/lib/ssl",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	NULL,
};

struct landlock {
	int fd;
	struct ruleset handled;
};

/*
 * A rule is for the file that has the name now, not for the name.  While the
 * rule exists, no other file gets the same inode.
 */
static struct {
	dev_t dev;
	ino_t ino;
} named[COUNT(files_of_names)];
static bool named_only; /* the worker reads only those */

static uint64_t
all_files(long abi)
{
	if (abi >= 9)
		return (FILES_RESOLVE_UNIX * 2 - 1);
	if (abi >= 5)
		return (FILES_IOCTL_DEV * 2 - 1);
	if (abi >= 3)
		return (FILES_TRUNCATE * 2 - 1);
	return (abi == 2 ? LANDLOCK_ACCESS_FS_REFER * 2 - 1
			 : LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1);
}

static int
allow_fd(const struct landlock *l, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (-1);
	if (!S_ISDIR(st.st_mode))
		access &= OF_A_FILE;
	rule.allowed_access = access & l->handled.files;
	return ((int)syscall(SYS_landlock_add_rule, l->fd,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
}

/* A file that does not exist, or that we may not read, needs no rule. */
static int
allow_path(const struct landlock *l, const char *path, uint64_t access)
{
	int fd, result;

	if ((fd = open(path, O_PATH | O_CLOEXEC)) == -1)
		return (0);
	result = allow_fd(l, fd, access);
	(void)close(fd);
	return (result);
}

/* Returns the descriptor, or -1 with errno: a link on the way is refused. */
static int
open_without_links(const char *path)
{
	int fd = walk_open(AT_FDCWD, "/"), above;
	char parts[PATH_MAX], *rest = parts, *name;

	(void)strlcpy(parts, path, sizeof(parts));
	while (fd != -1 && (name = strsep(&rest, "/")) != NULL) {
		if (*name == '\0')
			continue;
		above = fd;
		fd = walk_open(above, name);
		(void)close(above);
	}
	return (fd);
}

/*
 * Allows to read a directory of the profile, whose path had no links in it.
 * Its owner may have put a link there since: that is not followed, for it may
 * lead to what the configuration does not mean.
 */
static int
allow_dir(const struct landlock *l, const char *path)
{
	int fd, result;

	if ((fd = open_without_links(path)) == -1)
		return (0);
	result = allow_fd(l, fd, READ);
	(void)close(fd);
	return (result);
}

static int
allow_paths(const struct landlock *l, const char *const *paths)
{
	for (; *paths != NULL; paths++)
		if (allow_path(l, *paths, READ) == -1)
			return (-1);
	return (0);
}

static int
allow_files_of_names(const struct landlock *l)
{
	struct stat st;
	size_t i;

	for (i = 0; files_of_names[i] != NULL; i++) {
		if (stat(files_of_names[i], &st) == -1)
			continue;
		named[i].dev = st.st_dev;
		named[i].ino = st.st_ino;
	}
	return (allow_paths(l, files_of_names));
}

/* The socket of syslog(3) may be made anew: so its directory is allowed. */
static int
allow_unix_sockets(const struct landlock *l, const struct profile *p)
{
	char dir[PATH_MAX];

	if (!(l->handled.files & FILES_RESOLVE_UNIX))
		return (0);
	if (p->unix_destinations)
		return (allow_path(l, "/", FILES_RESOLVE_UNIX));
	if (realpath("/dev/log", dir) == NULL)
		return (allow_path(l, "/dev", FILES_RESOLVE_UNIX));
	*strrchr(dir, '/') = '\0';
	return (allow_path(l, dir, FILES_RESOLVE_UNIX));
}

static int
allow_files(const struct landlock *l, const struct profile *p, int state_dir)
{
	size_t i;

	for (i = 0; i < p->ndirs; i++)
		if (allow_dir(l, p->dirs[i].path) == -1)
			return (-1);
	if (state_dir != -1 && allow_fd(l, state_dir, WRITE) == -1)
		return (-1);
	if (p->names && allow_files_of_names(l) == -1)
		return (-1);
	if (allow_unix_sockets(l, p) == -1)
		return (-1);
	if (p->system_ca && allow_paths(l, files_of_certificates) == -1)
		return (-1);
	if (allow_paths(l, files_of_any) == -1 ||
	    allow_paths(l, sandbox_more_dirs) == -1)
		return (-1);
	/* log_detach() */
	return (allow_path(l, "/dev/null", WRITE));
}

static int
allow_port(const struct landlock *l, uint64_t access, uint16_t port)
{
	struct net_port rule = { access, port };

	return ((int)syscall(
	    SYS_landlock_add_rule, l->fd, RULE_NET_PORT, &rule, 0));
}

static int
allow_ports(const struct landlock *l, const struct profile *p)
{
	size_t i;

	for (i = 0; i < p->nports && !p->any_port; i++)
		if (allow_port(l, NET_CONNECT_TCP, p->ports[i]) == -1)
			return (-1);
	/* To a local address, at a port that the system chooses. */
	return (p->binds ? allow_port(l, NET_BIND_TCP, 0) : 0);
}

long
sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return (abi < 1 ? 0 : abi);
}

/* Refuses everything that the kernel can refuse, unless a rule allows it. */
static int
open_ruleset(struct landlock *l, long abi, bool any_port)
{
	l->handled.files = all_files(abi);
	if (abi >= 4)
		l->handled.net = NET_BIND_TCP;
	if (abi >= 4 && !any_port)
		l->handled.net |= NET_CONNECT_TCP;
	if (abi >= 6)
		l->handled.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	l->fd = (int)syscall(
	    SYS_landlock_create_ruleset, &l->handled, sizeof(l->handled), 0);
	return (l->fd);
}

/* Puts the rules in force and closes their descriptor. */
static int
enter(struct landlock *l)
{
	int error;
	long result = syscall(SYS_landlock_restrict_self, l->fd, 0);

	error = errno;
	(void)close(l->fd);
	errno = error;
	l->fd = -1;
	return ((int)result);
}

int
sandbox_landlock(const struct profile *p, int state_dir, struct reason *got)
{
	struct landlock l = { .fd = -1 };
	long abi = sandbox_landlock_abi();

	if (abi < 1)
		return (
		    reason_add(got, -1, "no Landlock: %s", strerror(errno)));
	if (open_ruleset(&l, abi, p->any_port) == -1 ||
	    allow_files(&l, p, state_dir) == -1 ||
	    (l.handled.net != 0 && allow_ports(&l, p) == -1) ||
	    enter(&l) == -1) {
		reason_add(got, -1, "no Landlock: %s", strerror(errno));
		if (l.fd != -1)
			(void)close(l.fd);
		return (-1);
	}
	named_only = p->names;
	return (reason_add(got, abi >= 4 ? 0 : -1, "Landlock ABI %ld%s", abi,
	    abi < 4	      ? " for files only"
		: p->any_port ? " with any port, for SRV"
			      : ""));
}

int
sandbox_landlock_reading(struct reason *got)
{
	struct landlock l = { .fd = -1 };
	long abi = sandbox_landlock_abi();

	if (abi >= 1 && open_ruleset(&l, abi, false) != -1 &&
	    allow_path(&l, "/", READ) == 0 && enter(&l) == 0)
		return (reason_add(got, 0, "Landlock ABI %ld", abi));
	reason_add(got, -1, "no Landlock: %s", strerror(errno));
	if (l.fd != -1)
		(void)close(l.fd);
	return (-1);
}

const char *
sandbox_outdated(void)
{
	struct stat st;
	size_t i;

	for (i = 0; files_of_names[i] != NULL; i++)
		if (named_only && stat(files_of_names[i], &st) == 0 &&
		    (st.st_dev != named[i].dev || st.st_ino != named[i].ino))
			return (files_of_names[i]);
	return (NULL);
}
