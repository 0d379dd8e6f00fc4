#include "daemon/sandbox/profile.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf/conf.h"

#define MOST_LINKS 40 /* one behind the other, as the system has it */

bool
needs_have(const struct needs *n, const char *path)
{
	size_t i, len;

	for (i = 0; i < n->ndirs; i++) {
		len = strlen(n->dirs[i].path);
		/* "/" has all. */
		if (len == 1 ||
		    (strncmp(path, n->dirs[i].path, len) == 0 &&
			(path[len] == '/' || path[len] == '\0')))
			return (true);
	}
	return (false);
}

/* Returns 1 when it is new, 0 when n has it, -1 with errno. */
static int
add_dir(struct needs *n, const char *path)
{
	struct needs_dir *grown;
	struct stat st;

	if (needs_have(n, path))
		return (0);
	grown = reallocarray(n->dirs, n->ndirs + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	n->dirs = grown;
	grown += n->ndirs;
	memset(grown, 0, sizeof(*grown));
	if ((grown->path = strdup(path)) == NULL)
		return (-1);
	if (stat(path, &st) == 0) {
		grown->dev = st.st_dev;
		grown->ino = st.st_ino;
	}
	n->ndirs++;
	return (1);
}

/* What a step along a path has met. */
enum step {
	STEP_THERE,
	STEP_MISSING, /* it is appended all the same */
	STEP_REFUSED /* a link that the source does not follow */
};

struct walk {
	char real[PATH_MAX]; /* so far, without links in it */
	enum conf_symlinks links;
	unsigned left; /* links that may be met yet */
};

static enum step walk_along(struct walk *, const char *path);

/* As the worker judges a link: else any user could widen the sandbox. */
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

/* The last part names files: it is never a directory. */
static int
add_pattern(struct needs *n, const struct pattern *p, enum conf_symlinks links)
{
	struct walk w = { .real = "/", .links = links, .left = MOST_LINKS };
	const struct pattern_part *part;
	enum step step = STEP_THERE;
	size_t i;

	for (i = 0; step == STEP_THERE && i + 1 < pattern_length(p); i++) {
		part = pattern_part(p, i);
		if (part->kind != PATTERN_LITERAL)
			break;
		step = walk_step(&w, part->text);
	}
	if (step == STEP_REFUSED)
		return (0);
	return (add_dir(n, w.real) == -1 ? -1 : 0);
}

static int
add_port(struct needs *n, const char *text)
{
	uint16_t port = (uint16_t)strtoul(text, NULL, 10), *grown;
	size_t i;

	for (i = 0; i < n->nports; i++)
		if (n->ports[i] == port)
			return (0);
	grown = reallocarray(n->ports, n->nports + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	n->ports = grown;
	n->ports[n->nports++] = port;
	return (0);
}

/* The path without links in it; the socket itself may be missing. */
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
add_socket(struct needs *n, const char *path)
{
	struct needs_socket *grown;
	char real[PATH_MAX];
	struct stat st;

	grown = reallocarray(n->sockets, n->nsockets + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	n->sockets = grown;
	grown += n->nsockets;
	memset(grown, 0, sizeof(*grown));
	resolve_socket(path, real);
	if ((grown->path = strdup(real)) == NULL)
		return (-1);
	n->nsockets++;
	strrchr(real, '/')[1] = '\0';
	grown->dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if ((grown->dir != -1 ? fstat(grown->dir, &st) : stat(real, &st)) ==
	    0) {
		grown->dev = st.st_dev;
		grown->ino = st.st_ino;
	}
	return (0);
}

/* A zone in an address is looked up by a datagram socket, too. */
static bool
is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return (inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1);
}

static int
add_url(struct needs *n, const struct conf_url *url, const struct conf_tls *tls)
{
	switch (url->scheme) {
	case CONF_STDOUT:
		return (0);
	case CONF_UNIX:
		n->unix_sockets = n->unix_dests = true;
		return (add_socket(n, url->path));
	case CONF_UDP:
		n->names = n->datagrams = true;
		return (0);
	case CONF_TLS:
	case CONF_RELP_TLS:
		n->system_ca |=
		    tls->verify && tls->ca.p == NULL && tls->nfingerprints == 0;
		break;
	case CONF_TCP:
	case CONF_RELP:
		break;
	}
	n->names = true;
	n->datagrams |= url->srv || !is_address(url->host);
	if (url->srv) {
		n->any_port = true;
		return (0);
	}
	return (add_port(n, url->port));
}

static int
add_all(struct needs *n, const struct conf *conf)
{
	const struct conf_destination *d;
	const struct conf_source *s;
	size_t i;

	TAILQ_FOREACH (s, &conf->sources, entry)
		for (i = 0; i < s->npatterns; i++)
			if (add_pattern(n, s->patterns[i], s->symlinks) == -1)
				return (-1);
	TAILQ_FOREACH (d, &conf->destinations, entry) {
		n->binds |= d->bind != NULL;
		for (i = 0; i < d->nurls; i++)
			if (add_url(n, &d->urls[i], &d->tls) == -1)
				return (-1);
	}
	/* A server of names answers by TCP what is long. */
	return (n->names ? add_port(n, "53") : 0);
}

struct needs *
needs_new(const struct conf *conf)
{
	struct needs *n;

	if ((n = calloc(1, sizeof(*n))) == NULL)
		return (NULL);
	n->state_dir = conf->state_dir;
	n->unix_sockets = conf->control_socket != NULL;
	if (add_all(n, conf) == -1) {
		needs_free(n);
		return (NULL);
	}
	return (n);
}

void
needs_free(struct needs *n)
{
	size_t i;

	if (n == NULL)
		return;
	for (i = 0; i < n->ndirs; i++)
		free(n->dirs[i].path);
	free(n->dirs);
	for (i = 0; i < n->nsockets; i++) {
		free(n->sockets[i].path);
		if (n->sockets[i].dir != -1)
			(void)close(n->sockets[i].dir);
	}
	free(n->sockets);
	free(n->ports);
	free(n);
}

int
needs_add_link(struct needs *n, const char *path)
{
	char real[PATH_MAX], *slash;
	struct stat st;

	if (realpath(path, real) == NULL || stat(real, &st) == -1)
		return (-1);
	if (!S_ISDIR(st.st_mode)) {
		slash = strrchr(real, '/');
		slash[slash == real ? 1 : 0] = '\0';
	}
	return (add_dir(n, real));
}

static const struct needs_dir *
find_dir(const struct needs *n, const char *path)
{
	size_t i;

	for (i = 0; i < n->ndirs; i++)
		if (strcmp(n->dirs[i].path, path) == 0)
			return (&n->dirs[i]);
	return (NULL);
}

/* Something that was missing is there now, and path in it is not. */
static bool
is_nearer(const struct needs *before, const char *path)
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
differing_socket(const struct needs *before, const struct needs *now)
{
	const struct needs_socket *s, *was;
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
needs_differ(const struct needs *before, const struct needs *now)
{
	const struct needs_dir *d, *was;
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
