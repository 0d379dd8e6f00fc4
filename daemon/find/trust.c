#include "daemon/find/trust.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/read.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"
#include "daemon/stream/stream.h"
#include "lib/fingerprint.h"

#define ROUNDS 4

/* Whether all who may write to it may read the file. */
static bool
writers_may_read(const struct stat *in, const struct stat *st)
{
	if (in->st_uid != 0 && in->st_uid != geteuid() &&
	    in->st_uid != st->st_uid)
		return (false);
	if ((in->st_mode & S_IWOTH) != 0)
		return (false);
	return ((in->st_mode & S_IWGRP) == 0 ||
	    (in->st_gid == st->st_gid && (st->st_mode & S_IRGRP) != 0));
}

static bool
has_content(
    const struct fingerprint *print, const char *path, const struct stat *st)
{
	uint8_t head[FINGERPRINT_MAX];
	int fd, n = -1;

	fd = open(
	    path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1)
		return (false);
	if (known_is_open_as(fd, st) == 1)
		n = read_fingerprint_head(fd, head);
	(void)close(fd);
	return (n > 0 && print->len > 0 &&
	    fingerprint_matches(print, head, (size_t)n));
}

/* Whether the checkpoint knows the file: it was followed before. */
static bool
was_followed(const struct dir *d, const struct named *n)
{
	const struct checkpoint_record *rec;
	const struct stat *st = n->st;
	const struct source *s;
	char path[PATH_MAX];
	size_t r;
	int len;

	if (checkpointer_path(d->all->checkpointer, st->st_dev, st->st_ino) ==
	    NULL)
		return (false);
	len = snprintf(path, sizeof(path), "%s/%s", n->path, n->name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return (false);
	TAILQ_FOREACH (s, &d->all->sources, entry)
		for (r = 0; r < s->nroutes; r++) {
			rec = checkpointer_find(d->all->checkpointer,
			    s->routes[r]->to->name, st->st_dev, st->st_ino);
			if (rec != NULL && has_content(&rec->print, path, st))
				return (true);
		}
	return (false);
}

/*
 * Whether the file has just this name.  While another name is being removed, a
 * file may be counted one name less for a moment: so the count is taken several
 * times.
 */
static bool
has_one_name(const struct named *n)
{
	struct stat st;
	unsigned i;
	int fd;

	fd = open(n->path[0] == '\0' ? "/" : n->path,
	    O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return (false);
	if (fstat(fd, &st) == -1 || st.st_dev != n->in->st_dev ||
	    st.st_ino != n->in->st_ino) {
		(void)close(fd);
		return (false);
	}
	for (i = 0; i < ROUNDS; i++) {
		(void)sched_yield();
		if (fstatat(fd, n->name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    st.st_dev != n->st->st_dev || st.st_ino != n->st->st_ino ||
		    st.st_nlink != 1)
			break;
	}
	(void)close(fd);
	return (i == ROUNDS);
}

bool
trust_name(const struct dir *d, const struct named *n)
{
	const struct stat *st = n->st;

	return (writers_may_read(n->in, st) ||
	    file_table_find(d->all->file_table, st->st_dev, st->st_ino) !=
		NULL ||
	    (st->st_nlink <= 1 && has_one_name(n)) || was_followed(d, n));
}

bool
trust_own_name(const struct dir *d, const char *name, const struct stat *st)
{
	struct stat in = { .st_dev = d->place.dev,
		.st_ino = d->place.ino,
		.st_uid = d->uid,
		.st_gid = d->gid,
		.st_mode = d->mode };
	struct named n = {
		.path = d->place.path, .name = name, .in = &in, .st = st
	};

	return (trust_name(d, &n));
}
