#include "daemon/base/read.h"
#include "daemon/find/candidate.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "daemon/base/born.h"
#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/retry.h"
#include "daemon/stream/decode.h"
#include "daemon/stream/streams.h"
#include "lib/print_index.h"
#include "lib/rotation.h"

#define COMPARED 4096 /* bytes at the end of a copy */

/*
 * Whether two files of this size end alike: returns 1 or 0, or -1 with errno.
 */
static int
is_same_end(int a, int b, off_t size)
{
	uint8_t x[COMPARED], y[COMPARED];
	size_t n = size < COMPARED ? (size_t)size : COMPARED;
	off_t at = size - (off_t)n;
	ssize_t nx, ny;

	if ((nx = read_whole(a, x, n, at)) == -1 ||
	    (ny = read_whole(b, y, n, at)) == -1)
		return (-1);
	return (nx == (ssize_t)n && ny == (ssize_t)n && memcmp(x, y, n) == 0);
}

/*
 * Whether t's file has all of the candidate, or of its text where that is
 * compressed.  Returns 1 or 0, or -1 with errno where they cannot be read.
 */
static int
is_part_of(const struct candidate *c, struct file *t)
{
	int fd, is, of = file_descriptor(t);

	if (of == -1) {
		errno = t->error;
		return (t->error != 0 ? -1 : 0);
	}
	if ((fd = candidate_open(c)) == -1)
		return (-1);
	if (c->kind == INFLATE_NONE)
		is = is_same_end(fd, of, c->st.st_size);
	else
		is = decoder_is_part(fd, c->kind, of) != 0;
	candidate_close(fd);
	return (is);
}

static bool
is_part(const struct candidate *c, struct file *t)
{
	unsigned n = 0;
	int is;

	if (c->kind != INFLATE_NONE && t->compression != INFLATE_NONE)
		return (false);
	while ((is = is_part_of(c, t)) == -1 && retry_lookup(c->dir->all, n++))
		;
	return (is == 1);
}

/* The file of which c is a copy, or NULL as long as none was found. */
struct likeness {
	const struct candidate *c;
	struct file *of;
};

/*
 * Whether c was made after the last write to t, which still has the candidate's
 * base.
 */
static bool
is_made_of(const struct candidate *c, const struct file *t)
{
	char path[PATH_MAX];

	return (t->place == &c->dir->place && strcmp(t->name, c->base) == 0 &&
	    dir_path(c->dir, c->name, path) == 0 &&
	    born_ns(path, c->st.st_ino) >= t->written_ns);
}

/*
 * A copy has nothing of its own.  That is not enough, for two logs may say the
 * same.  So a copy also has the time of the file's last write, as set by cp -p;
 * or a name that hardly anything but rotation gives, and then it was made after
 * that write, or it has all that was sent of the file.
 */
static bool
is_copy_of(void *who, void *arg)
{
	struct file *t = who;
	struct likeness *l = arg;
	const struct candidate *c = l->c;
	struct guard g;

	if (t->dev == c->st.st_dev && t->ino == c->st.st_ino)
		return (true);
	g = streams_newest_guard(t);
	if (c->kind != INFLATE_NONE) {
		if (g.at > 0 && candidate_holds(c, &g) == 1 && is_part(c, t))
			l->of = t;
	} else if (is_part(c, t) &&
	    ((file_written_ns(&c->st) == t->written_ns &&
		 file_time_was_set(&c->st)) ||
		(rotation_is_copy_of(c->name, c->base) &&
		    (is_made_of(c, t) ||
			(c->st.st_size >= GUARD_MAX && g.at > 0 &&
			    candidate_holds(c, &g) == 1))))) {
		l->of = t;
	}
	return (l->of == NULL);
}

struct file *
candidate_original(const struct candidate *c, struct print_index *followed)
{
	struct print_index_query q = { .name = c->base,
		.head = c->head,
		.len = (size_t)c->head_len,
		.least = c->kind == INFLATE_NONE ? c->st.st_size : 0,
		.most = CANDIDATE_ANY_SIZE };
	struct likeness l = { .c = c };
	char path[PATH_MAX];

	print_index_each(followed, &q, is_copy_of, &l);
	if (l.of != NULL && dir_path(c->dir, c->name, path) == 0)
		say_info(path, "is a copy of %s: not sent", l.of->name);
	return (l.of);
}
