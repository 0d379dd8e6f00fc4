/*
 * unveil(2), pledge(2).
 *
 * unveil(2) of a directory shows that directory, not its name: another one that
 * takes its place later is not seen, nor is the one above it.  A socket is
 * shown by its name in the directory, so it may be made later, and anew;
 * connect(2) writes to it.
 */
#include "daemon/sandbox/sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sandbox/profile.h"

/* What a worker may need by any configuration, and what its start takes. */
#define MONITOR                                                                \
	"stdio rpath wpath cpath fattr chown flock getpw id proc unveil "      \
	"unix inet dns sendfd recvfd"

/* The kernel takes 128 in all.  With more than this, all can be read. */
#define VEILS_MAX 100

struct veil {
	const char *path;
	const char *permissions;
};

static const struct veil always[] = {
	{ "/dev/null", "rw" }, /* log_detach() */
	{ "/etc/localtime", "r" },
	{ "/usr/share/zoneinfo", "r" },
};
static const struct veil names[] = {
	{ "/etc/hosts", "r" },
	{ "/etc/nsswitch.conf", "r" },
	{ "/etc/resolv.conf", "r" },
	{ "/etc/services", "r" },
};
static const struct veil certificates[] = {
	{ "/etc/ssl", "r" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What does not exist, or is not ours to read, need not be shown. */
static int
show(const char *path, const char *permissions)
{
	if (unveil(path, permissions) == -1 && errno != ENOENT &&
	    errno != ENOTDIR && errno != EACCES)
		return (-1);
	return (0);
}

static int
show_all(const struct veil *veils, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (show(veils[i].path, veils[i].permissions) == -1)
			return (-1);
	return (0);
}

static bool
is_too_much(const struct profile *p)
{
	return (p->ndirs + p->nsockets > VEILS_MAX);
}

static int
show_sockets(const struct profile *p)
{
	size_t i;

	for (i = 0; i < p->nsockets; i++)
		if (show(p->sockets[i].path, "rw") == -1)
			return (-1);
	return (0);
}

static int
draw_veil(const struct profile *p)
{
	size_t i;

	if (is_too_much(p) && show("/", "r") == -1)
		return (-1);
	for (i = 0; i < p->ndirs && !is_too_much(p); i++)
		if (show(p->dirs[i].path, "r") == -1)
			return (-1);
	/* After the logs: a directory that is both can be written. */
	if (p->state_dir != NULL && show(p->state_dir, "rwc") == -1)
		return (-1);
	if (show_sockets(p) == -1 || show_all(always, COUNT(always)) == -1 ||
	    (p->names && show_all(names, COUNT(names)) == -1) ||
	    (p->system_ca && show_all(certificates, COUNT(certificates)) == -1))
		return (-1);
	return (unveil(NULL, NULL));
}

static void
promise(const struct profile *p, char *promises, size_t size)
{
	(void)strlcpy(promises, "stdio rpath", size);
	/* fattr: the mode of state.json; sendfd: files without a name */
	if (p->state_dir != NULL)
		(void)strlcat(promises, " wpath cpath fattr sendfd", size);
	if (p->names)
		(void)strlcat(promises, " inet dns", size);
	if (p->unix_sockets)
		(void)strlcat(promises, " unix", size);
}

static const char *
veil_text(const struct profile *p)
{
	if (p->nsockets > VEILS_MAX)
		return ("no unveil: too many unix sockets");
	if (is_too_much(p))
		return ("unveil for writing only: too many directories");
	return ("unveil");
}

int
sandbox_worker(const struct profile *p, int state_dir, struct reason *got)
{
	char promises[64];

	(void)state_dir;
	promise(p, promises, sizeof(promises));
	if (p->nsockets <= VEILS_MAX && draw_veil(p) == -1)
		return (reason_set(got, "unveil: %s", strerror(errno)));
	if (pledge(promises, NULL) == -1)
		return (reason_set(got, "pledge: %s", strerror(errno)));
	(void)reason_set(got, "%s, pledge \"%s\"", veil_text(p), promises);
	return (is_too_much(p) ? -1 : 0);
}

int
sandbox_monitor(struct reason *got)
{
	if (pledge(MONITOR, NULL) == -1)
		return (reason_set(got, "pledge: %s", strerror(errno)));
	(void)reason_set(got, "pledge \"%s\"", MONITOR);
	return (0);
}

bool
sandbox_hides(void)
{
	return (true);
}

/* A file is shown by its name. */
const char *
sandbox_outdated(void)
{
	return (NULL);
}

bool
sandbox_asks(void)
{
	return (false);
}

int
sandbox_opener(struct reason *got)
{
	return (reason_set(got, "none"));
}
