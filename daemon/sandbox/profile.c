#include "daemon/sandbox/profile.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/url.h"

#define MOST_LINKS 40 /* on one path, as the system has it */

bool
profile_has(const struct profile *p, const char *path)
{
	size_t i, len;

	for (i = 0; i < p->ndirs; i++) {
		len = strlen(p->dirs[i].path);
		/* "/" has all. */
		if (len == 1 ||
		    (strncmp(path, p->dirs[i].path, len) == 0 &&
			(path[len] == '/' || path[len] == '\0')))
			return (true);
	}
	return (false);
}

/* Returns 1 when path is new, 0 when p has it, -1 with errno. */
static int
add_dir(struct profile *p, const char *path)
{
	struct profile_dir *grown;
	struct stat st;

	if (profile_has(p, path))
		return (0);
	grown = reallocarray(p->dirs, p->ndirs + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	p->dirs = grown;
	grown += p->ndirs;
	memset(grown, 0, sizeof(*grown));
	if ((grown->path = strdup(path)) == NULL)
		return (-1);
	if (stat(path, &st) == 0) {
		grown->dev = st.st_dev;
		grown->ino = st.st_ino;
	}
	p->ndirs++;
	return (1);
}

/* What stands at a step along a path. */
enum step {
	STEP_THERE,
	STEP_MISSING, /* nothing; the name is appended all the same */
	STEP_REFUSED /* a link that the source does not follow */
};

struct walk {
	char real[PATH_MAX]; /* the path so far, without links */
	enum conf_symlinks links;
	unsigned left; /* links that may be met yet */
};

static enum step walk_along(struct walk *, const char *path);

/* Judges a link as the worker does: else any user could widen the sandbox. */
static bool
may_follow(const struct walk *w, const char *path, const struct stat *link)
{
	struct stat target;

	switch (w->links) {
	case CONF_SYMLINKS_FOLLOW:
		return (true);
	case CONF_SYMLINKS_SAFE:
		return (stat(path, &target) == -1 || link->st_uid == 0 ||
		    link->st_uid == geteuid() || link->st_uid == target.st_uid);
	case CONF_SYMLINKS_IGNORE:
		break;
	}
	return (false);
}

static enum step
walk_link(struct walk *w, const char *path, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n;

	if (w->left == 0 || !may_follow(w, path, st))
		return (STEP_REFUSED);
	w->left--;
	if ((n = readlink(path, target, sizeof(target) - 1)) == -1)
		return (STEP_MISSING);
	target[n] = '\0';
	if (target[0] == '/')
		(void)strlcpy(w->real, "/", sizeof(w->real));
	return (walk_along(w, target));
}

static enum step
walk_step(struct walk *w, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (strcmp(name, ".") == 0 || *name == '\0')
		return (STEP_THERE);
	if (strcmp(name, "..") == 0) {
		strrchr(w->real, '/')[strrchr(w->real, '/') == w->real] = '\0';
		return (STEP_THERE);
	}
	if (strlcpy(path, w->real, sizeof(path)) >= sizeof(path) ||
	    (strcmp(path, "/") != 0 &&
		strlcat(path, "/", sizeof(path)) >= sizeof(path)) ||
	    strlcat(path, name, sizeof(path)) >= sizeof(path))
		return (STEP_MISSING);
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return (walk_link(w, path, &st));
	(void)strlcpy(w->real, path, sizeof(w->real));
	return (access(path, F_OK) == 0 ? STEP_THERE : STEP_MISSING);
}

static enum step
walk_along(struct walk *w, const char *path)
{
	enum step step = STEP_THERE;
	char name[NAME_MAX + 1];
	size_t len;

	while (step == STEP_THERE && *(path += strspn(path, "/")) != '\0') {
		len = strcspn(path, "/");
		if (len >= sizeof(name))
			return (STEP_MISSING);
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		step = walk_step(w, name);
	}
	return (step);
}

/* Without the last part of the pattern, which names files. */
static int
add_pattern(
    struct profile *p, const struct pattern *pattern, enum conf_symlinks links)
{
	struct walk w = { .real = "/", .links = links, .left = MOST_LINKS };
	const struct pattern_part *part;
	enum step step = STEP_THERE;
	size_t i;

	for (i = 0; step == STEP_THERE && i + 1 < pattern_length(pattern);
	     i++) {
		part = pattern_part(pattern, i);
		if (part->kind != PATTERN_LITERAL)
			break;
		step = walk_step(&w, part->text);
	}
	if (step == STEP_REFUSED)
		return (0);
	return (add_dir(p, w.real) == -1 ? -1 : 0);
}

static int
add_port(struct profile *p, const char *text)
{
	uint16_t port = (uint16_t)strtoul(text, NULL, 10), *grown;
	size_t i;

	for (i = 0; i < p->nports; i++)
		if (p->ports[i] == port)
			return (0);
	grown = reallocarray(p->ports, p->nports + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	p->ports = grown;
	p->ports[p->nports++] = port;
	return (0);
}

/* Writes path without links to real; the socket itself may be missing. */
static void
resolve_socket(const char *path, char real[PATH_MAX])
{
	const char *name = strrchr(path, '/') + 1;
	char dir[PATH_MAX];

	if (realpath(path, real) != NULL)
		return;
	(void)strlcpy(dir, path, sizeof(dir));
	dir[name - path] = '\0';
	if (realpath(dir, real) == NULL ||
	    (strcmp(real, "/") != 0 &&
		strlcat(real, "/", PATH_MAX) >= PATH_MAX) ||
	    strlcat(real, name, PATH_MAX) >= PATH_MAX)
		(void)strlcpy(real, path, PATH_MAX);
}

static int
add_socket(struct profile *p, const char *path)
{
	struct profile_socket *grown;
	char real[PATH_MAX];
	struct stat st;

	grown = reallocarray(p->sockets, p->nsockets + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	p->sockets = grown;
	grown += p->nsockets;
	memset(grown, 0, sizeof(*grown));
	resolve_socket(path, real);
	if ((grown->path = strdup(real)) == NULL)
		return (-1);
	p->nsockets++;
	strrchr(real, '/')[1] = '\0';
	grown->dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if ((grown->dir != -1 ? fstat(grown->dir, &st) : stat(real, &st)) ==
	    0) {
		grown->dev = st.st_dev;
		grown->ino = st.st_ino;
	}
	return (0);
}

/* Not with a zone: that is looked up through a datagram socket, too. */
static bool
is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return (inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1);
}

static int
add_url(
    struct profile *p, const struct conf_url *url, const struct conf_tls *tls)
{
	bool is_udp = conf_url_is_udp(url);

	if (url->path != NULL) {
		p->unix_sockets = p->unix_destinations = true;
		return (add_socket(p, url->path));
	}
	/* Standard output is open. */
	if (url->host == NULL)
		return (0);
	p->names = true;
	p->datagrams |= is_udp || url->srv || !is_address(url->host);
	if (conf_url_is_tls(url) && tls->verify && tls->ca.p == NULL &&
	    tls->nfingerprints == 0)
		p->system_ca = true;
	if (is_udp)
		return (0);
	if (url->srv) {
		p->any_port = true;
		return (0);
	}
	return (add_port(p, url->port));
}

static int
add_all(struct profile *p, const struct conf *conf)
{
	const struct conf_destination *d;
	const struct conf_source *s;
	size_t i;

	TAILQ_FOREACH (s, &conf->sources, entry)
		for (i = 0; i < s->npatterns; i++)
			if (add_pattern(p, s->patterns[i], s->symlinks) == -1)
				return (-1);
	TAILQ_FOREACH (d, &conf->destinations, entry) {
		p->binds |= d->bind != NULL;
		for (i = 0; i < d->nurls; i++)
			if (add_url(p, &d->urls[i], &d->tls) == -1)
				return (-1);
	}
	/* A name server gives a long answer by TCP. */
	return (p->names ? add_port(p, "53") : 0);
}

struct profile *
profile_new(const struct conf *conf)
{
	struct profile *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->state_dir = conf->state_dir;
	p->unix_sockets = conf->control_socket != NULL;
	if (add_all(p, conf) == -1) {
		profile_free(p);
		return (NULL);
	}
	return (p);
}

void
profile_free(struct profile *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->ndirs; i++)
		free(p->dirs[i].path);
	free(p->dirs);
	for (i = 0; i < p->nsockets; i++) {
		free(p->sockets[i].path);
		if (p->sockets[i].dir != -1)
			(void)close(p->sockets[i].dir);
	}
	free(p->sockets);
	free(p->ports);
	free(p);
}

int
profile_add_link(struct profile *p, const char *path)
{
	struct walk w = { .real = "/", .links = CONF_SYMLINKS_IGNORE };
	struct stat st;
	char *slash;

	errno = ENAMETOOLONG; /* unless a system call tells more */
	switch (walk_along(&w, path)) {
	case STEP_THERE:
		break;
	case STEP_MISSING:
		return (-1);
	case STEP_REFUSED:
		errno = ELOOP;
		return (-1);
	}
	if (lstat(w.real, &st) == -1)
		return (-1);
	if (!S_ISDIR(st.st_mode)) {
		slash = strrchr(w.real, '/');
		slash[slash == w.real ? 1 : 0] = '\0';
	}
	return (add_dir(p, w.real));
}

static const struct profile_dir *
find_dir(const struct profile *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->ndirs; i++)
		if (strcmp(p->dirs[i].path, path) == 0)
			return (&p->dirs[i]);
	return (NULL);
}

/* Whether a directory that was missing exists now, and path below does not. */
static bool
is_nearer(const struct profile *before, const char *path)
{
	size_t i, len;

	for (i = 0; i < before->ndirs; i++) {
		len = strlen(before->dirs[i].path);
		if (before->dirs[i].ino == 0 &&
		    strncmp(path, before->dirs[i].path, len) == 0 &&
		    path[len] == '/')
			return (true);
	}
	return (false);
}

/* The configuration has the same sockets, in the same order. */
static const char *
differing_socket(const struct profile *before, const struct profile *now)
{
	const struct profile_socket *s, *was;
	size_t i;

	for (i = 0; i < now->nsockets && i < before->nsockets; i++) {
		s = &now->sockets[i];
		was = &before->sockets[i];
		if (s->ino != 0 &&
		    (s->dev != was->dev || s->ino != was->ino ||
			strcmp(s->path, was->path) != 0))
			return (s->path);
	}
	return (NULL);
}

const char *
profile_difference(const struct profile *before, const struct profile *now)
{
	const struct profile_dir *d, *was;
	size_t i;

	for (i = 0; i < now->ndirs; i++) {
		d = &now->dirs[i];
		if (d->ino == 0 && is_nearer(before, d->path))
			return (d->path);
		if (d->ino == 0)
			continue;
		was = find_dir(before, d->path);
		if (was == NULL || was->dev != d->dev || was->ino != d->ino)
			return (d->path);
	}
	return (differing_socket(before, now));
}
