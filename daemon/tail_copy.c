#include "daemon/tail_copy.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/opener.h"
#include "daemon/place.h"
#include "daemon/tail.h"
#include "daemon/tails.h"

static bool
is_newer(const struct timespec *a, const struct timespec *b)
{
	return (a->tv_sec > b->tv_sec ||
	    (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec));
}

static bool
is_copy(int fd, const struct tail_copy *old)
{
	uint8_t head[FINGERPRINT_MAX];
	struct stat st;
	int n;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size < old->least)
		return (false);
	n = fingerprint_head(fd, head);
	return (n != -1 && fingerprint_matches(&old->print, head, (size_t)n));
}

/* A file that is followed is no copy, unless it is held for being one. */
static bool
is_followed(struct tails *all, const struct stat *st)
{
	const struct tail *t;

	return (all != NULL &&
	    (t = tails_find(all, st->st_dev, st->st_ino)) != NULL &&
	    t->held == NULL);
}

static int
try_entry(int dirfd, const struct place *place, const char *name,
    const struct tail_copy *old)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode) || st.st_size < old->least ||
	    (st.st_dev == old->dev && st.st_ino == old->ino) ||
	    is_followed(old->all, &st))
		return (-1);
	fd = opener_open_in(dirfd, place->path, name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 || is_copy(fd, old))
		return (fd);
	(void)close(fd);
	return (-1);
}

int
tail_copy_open(const struct tail_copy *old, const struct place *place,
    char **name)
{
	const struct dirent *e;
	struct timespec newest = { 0, 0 };
	struct stat st;
	DIR *dir;
	char *copy;
	int best = -1, fd;

	if (old->print.len == 0)
		return (-1);
	if ((dir = place_list(place)) == NULL)
		return (-1);
	*name = NULL;
	while ((e = readdir(dir)) != NULL) {
		if ((fd = try_entry(dirfd(dir), place, e->d_name, old)) ==
		    -1)
			continue;
		if (fstat(fd, &st) == -1 ||
		    (best != -1 && !is_newer(&st.st_mtim, &newest)) ||
		    (copy = strdup(e->d_name)) == NULL) {
			(void)close(fd);
			continue;
		}
		if (best != -1)
			(void)close(best);
		free(*name);
		best = fd;
		*name = copy;
		newest = st.st_mtim;
	}
	(void)closedir(dir);
	return (best);
}
