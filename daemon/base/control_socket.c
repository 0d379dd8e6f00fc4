#include "daemon/base/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 16

static int
refuse(const char *path, const char *what, struct reason *why)
{
	return (reason_set(why,
	    "control_socket %s: %s: %s; teslacoilctl cannot reach this daemon",
	    path, what, strerror(errno)));
}

static int
make_directory(const char *path)
{
	char copy[CONTROL_SOCKET_PATH_MAX + 1];

	(void)strlcpy(copy, path, sizeof(copy));
	if (mkdir(dirname(copy), 0755) == -1 && errno != EEXIST)
		return (-1);
	return (0);
}

/* A socket that nobody answers on was left by a daemon that was killed. */
static int
remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int error, fd;

	if (lstat(sun->sun_path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return (-1);
	}
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	error = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0
	    ? EADDRINUSE
	    : errno;
	(void)close(fd);
	if (error == ECONNREFUSED)
		return (unlink(sun->sun_path));
	errno = error;
	return (-1);
}

/* Nobody gets in before it has its mode and its group. */
static int
bind_privately(int fd, const struct sockaddr_un *sun, gid_t group)
{
	mode_t mask = umask(0777);
	int result;

	result = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	(void)umask(mask);
	if (result == -1)
		return (-1);
	if (geteuid() == 0 && chown(sun->sun_path, (uid_t)-1, group) == -1)
		return (-1);
	return (chmod(sun->sun_path, 0660));
}

int
control_socket_open(
    struct control *c, const char *path, gid_t group, struct reason *why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *what = "socket";
	struct stat st;

	c->fd = -1;
	if (path == NULL)
		return (0);
	(void)strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	(void)strlcpy(c->path, path, sizeof(c->path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		goto fail;
	what = "its directory";
	if (make_directory(path) == -1)
		goto fail;
	what = "cannot be replaced";
	if (remove_stale(&sun) == -1)
		goto fail;
	what = "bind";
	if (bind_privately(c->fd, &sun, group) == -1 ||
	    listen(c->fd, BACKLOG) == -1 || lstat(path, &st) == -1)
		goto fail;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	return (0);
fail:
	refuse(path, what, why);
	if (c->fd != -1)
		(void)close(c->fd);
	c->fd = -1;
	return (-1);
}

void
control_socket_close(struct control *c)
{
	struct stat st;

	if (c->fd == -1)
		return;
	(void)close(c->fd);
	c->fd = -1;
	if (lstat(c->path, &st) == 0 && st.st_dev == c->dev &&
	    st.st_ino == c->ino)
		(void)unlink(c->path);
}
