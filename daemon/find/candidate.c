#include "daemon/find/candidate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/read.h"
#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"
#include "daemon/find/retry.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/decode.h"
#include "lib/rotation.h"

struct candidate *
candidate_new(struct dir *d, const char *name, const struct stat *st)
{
	struct candidate *c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->name = strdup(name)) == NULL) {
		free(c);
		return (NULL);
	}
	c->dir = d;
	c->st = *st;
	return (c);
}

void
candidate_free(struct candidate *c)
{
	free(c->name);
	free(c);
}

void
candidate_close(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
}

/* Returns 0 when fd is open for the candidate's file, or -1 with errno. */
static int
check_it(const struct candidate *c, int fd)
{
	unsigned n = 0;
	int is;

	while ((is = known_is_open_as(fd, &c->st)) == -1)
		if (!retry_lookup(c->dir->all, n++))
			return (-1);
	if (is == 1)
		return (0);
	errno = ESTALE;
	return (-1);
}

int
candidate_open(const struct candidate *c)
{
	char path[PATH_MAX];
	unsigned n = 0;
	int fd;

	if (dir_path(c->dir, c->name, path) == -1)
		return (-1);
	do
		fd = opener_open(path,
		    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	while (fd == -1 && retry_lookup(c->dir->all, n++));
	if (fd != -1 && check_it(c, fd) == -1) {
		candidate_close(fd);
		return (-1);
	}
	return (fd);
}

static int
read_head(struct candidate *c)
{
	int fd;

	c->head_len = -1;
	c->kind = INFLATE_NONE;
	if ((fd = candidate_open(c)) == -1)
		return (-1);
	c->head_len = read_fingerprint_head(fd, c->head);
	if (c->head_len > 0 && rotation_is_compressed(c->name))
		c->kind = inflate_kind_of(c->head, (size_t)c->head_len);
	if (c->kind != INFLATE_NONE)
		c->head_len = decoder_read_head(fd, c->kind, c->head);
	candidate_close(fd);
	return (c->head_len == -1 ? -1 : 0);
}

static void
say_unread(const struct candidate *c)
{
	int error = errno;
	char path[PATH_MAX];

	if (dir_path(c->dir, c->name, path) == -1)
		return;
	errno = error;
	say_warn(path,
	    "cannot be read, and is passed over: it may be what a file has "
	    "become while the daemon was down");
}

int
candidate_read_head(struct candidate *c)
{
	unsigned n = 0;

	while (read_head(c) == -1) {
		if (retry_lookup(c->dir->all, n++))
			continue;
		if (retry_may_help(errno))
			return (-1);
		if (errno != ENOENT && errno != ESTALE && c->dir->all->starting)
			say_unread(c);
		return (errno == EACCES || errno == EPERM ? -1 : 0);
	}
	return (0);
}

int
candidate_compare(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a;
	const struct candidate *y = *(struct candidate *const *)b;
	int order;

	if (file_written_ns(&x->st) != file_written_ns(&y->st))
		return (
		    file_written_ns(&x->st) < file_written_ns(&y->st) ? -1 : 1);
	if ((order = strcmp(x->base, y->base)) == 0 &&
	    (order = rotation_compare(x->base, x->name, y->name)) == 0)
		order = strcmp(x->name, y->name);
	return (order);
}

static int
holds_once(const struct candidate *c, const struct guard *g)
{
	int fd, result;

	if ((fd = candidate_open(c)) == -1)
		return (-1);
	result = c->kind == INFLATE_NONE ? read_guard_holds(g, fd)
					 : decoder_has_guard(fd, c->kind, g);
	candidate_close(fd);
	return (result);
}

int
candidate_holds(const struct candidate *c, const struct guard *g)
{
	unsigned n = 0;
	int result;

	if (g->at <= c->head_len)
		return (guard_matches(g, c->head, (size_t)g->at));
	if (c->kind == INFLATE_NONE && c->st.st_size < g->at)
		return (0);
	while (
	    (result = holds_once(c, g)) == -1 && retry_lookup(c->dir->all, n++))
		;
	return (result);
}
