#include "daemon/follow/alike.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "daemon/base/read.h"
#include "daemon/base/sizes.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/rotation.h"

#define BESIDE 16 /* names on either side */
#define GENERATIONS 64 /* names that begin alike */

/*
 * Whether n octets at an offset are the same in both files: 1 or 0, or -1 when
 * they could not be read.
 */
static int
is_same_at(int a, int b, off_t at, size_t n)
{
	uint8_t x[SUSPECT_COMPARED], y[SUSPECT_COMPARED];
	ssize_t nx = read_whole(a, x, n, at), ny = read_whole(b, y, n, at);

	if (nx == -1 || ny == -1)
		return (-1);
	return (nx == (ssize_t)n && ny == (ssize_t)n && memcmp(x, y, n) == 0);
}

/*
 * Whether the first size octets of both files are the same, as far as the
 * beginning and the end of these tell: 1 or 0, or -1 when they could not be
 * read.
 */
static int
is_prefix(int fd, struct file *of, off_t size)
{
	size_t n = size < SUSPECT_COMPARED ? (size_t)size : SUSPECT_COMPARED;
	int b = file_descriptor(of), same;

	if (b == -1)
		return (of->place != NULL ? -1 : 0);
	if ((same = is_same_at(fd, b, 0, n)) != 1)
		return (same);
	return (is_same_at(fd, b, size - (off_t)n, n));
}

/* The name by which a source means the file. */
static const char *
base_of(const struct file *of)
{
	const char *old = file_old_path(of);

	return (old != NULL ? strrchr(old, '/') + 1 : of->name);
}

/*
 * Whether the fingerprint of the other file has more octets than the new file
 * has, which was written to since: then only a comparison of both can tell.
 */
static bool
is_known_longer(const struct alike *h, const struct file *of)
{
	return (h->len > 0 && of->print.len > h->len);
}

/*
 * Whether the new file may be a copy of the other, as far as is known without
 * reading that.
 */
static bool
begins_alike(const struct alike *h, const struct file *of)
{
	if (of == NULL || of == h->t || !of->known || of->spent || of->fresh ||
	    (of->held != NULL && !of->held->is_copy) ||
	    (of->print.len == 0) != (h->len == 0) || of->size == 0 ||
	    of->compression != INFLATE_NONE)
		return (false);
	if (is_known_longer(h, of))
		return (rotation_is_of(h->t->name, base_of(of)));
	if (!fingerprint_matches(&of->print, h->head, h->len))
		return (false);
	return (h->t->size >= GUARD_MAX || h->t->written_ns == of->written_ns ||
	    rotation_is_of(h->t->name, base_of(of)));
}

/*
 * Adds the other file, if the new one may be its copy.  Returns whether there
 * is room for more.
 */
static bool
add(struct alike *h, const struct file *of)
{
	if (begins_alike(h, of)) {
		h->files[h->n].dev = of->dev;
		h->files[h->n++].ino = of->ino;
	}
	return (h->n < ALIKE_MOST);
}

/* Adds files whose names begin with the first n octets of base. */
static void
add_generations(
    struct alike *h, struct names *place, const char *base, size_t n)
{
	char stem[NAME_MAX + 1];
	struct file *t;
	unsigned i = 0;

	(void)strlcpy(stem, base, n + 1 < sizeof(stem) ? n + 1 : sizeof(stem));
	for (t = names_next(place, stem); t != NULL && i < GENERATIONS &&
	     strncmp(t->name, stem, n) == 0 && add(h, t);
	     t = names_next(place, t->name))
		i++;
}

static void
add_beside(struct alike *h)
{
	struct file *t = h->t;
	unsigned n;

	for (n = 0; n < BESIDE && (t = names_prev(t)) != NULL; n++)
		if (!add(h, t))
			return;
	t = h->t;
	for (n = 0; n < BESIDE && (t = names_next(t->place, t->name)) != NULL;
	     n++)
		if (!add(h, t))
			return;
}

static bool
visit(struct names *place, void *arg)
{
	struct alike *h = arg;
	char base[NAME_MAX + 1];
	bool own = place == h->t->place, room = true;
	size_t i;

	for (i = 0; room && rotation_base(h->t->name, i, base, sizeof(base));
	     i++) {
		room = add(h, names_at(place, base));
		if (room && own) {
			add_generations(h, place, base, strlen(base));
			add_generations(h, place, base, strcspn(base, "."));
		}
		room = h->n < ALIKE_MOST;
	}
	if (room && own)
		add_beside(h);
	return (h->n == ALIKE_MOST);
}

int
alike_find(struct alike *h, struct file *t)
{
	const struct file_finder *finder = file_finder(t->all);
	int n;

	memset(h, 0, sizeof(*h));
	h->t = t;
	if (t->place == NULL)
		return (0);
	if ((h->fd = file_descriptor(t)) == -1)
		return (-1);
	if ((n = read_fingerprint_head(h->fd, h->head)) == -1) {
		file_cannot_be_read(t, errno);
		return (-1);
	}
	h->len = (size_t)n;
	if (finder->near == NULL)
		(void)visit(t->place, h);
	else
		finder->near(t->place, visit, h);
	return (0);
}

/*
 * Whether the new file was given the time of the other, as cp -p does.  Two
 * files that were written in the same tick of the clock have the same time,
 * too, but changed last then.
 */
static bool
has_time_of(const struct alike *h, const struct file *of)
{
	struct stat st;

	return (h->t->written_ns == of->written_ns && fstat(h->fd, &st) == 0 &&
	    file_time_was_set(&st));
}

static enum alike_verdict
likeness(const struct alike *h, const struct file *of, bool has_all_sent)
{
	if (has_time_of(h, of))
		return (ALIKE_COPY);
	return (has_all_sent && h->t->size >= GUARD_MAX &&
		    rotation_is_copy_of(h->t->name, base_of(of))
		? ALIKE_COPY
		: ALIKE_LIKE);
}

/*
 * The guard tells what was sent of the other file, which may have been copied
 * over since by the same rotation.  Without it the other file is checked
 * first: it may have been truncated, and go on in the new one, which then has
 * its identity no more.
 */
enum alike_verdict
alike_compare(struct alike *h, size_t i, struct file **with)
{
	struct file *t = h->t, *of;
	struct guard g;
	int all = 0, same;

	of = file_table_find(t->all, h->files[i].dev, h->files[i].ino);
	if (of == NULL)
		return (ALIKE_OTHER);
	*with = of;
	g = streams_newest_guard(of);
	if (g.at > 0 && g.at <= t->size &&
	    (all = read_guard_holds(&g, h->fd)) == -1)
		return (ALIKE_UNKNOWN);
	if (all && g.at == t->size)
		return (likeness(h, of, all));
	file_table_ops(t->all)->check_surely(of);
	if (!t->known)
		return (ALIKE_TAKEN);
	of = file_table_find(t->all, h->files[i].dev, h->files[i].ino);
	if (of == NULL || (same = is_prefix(h->fd, of, t->size)) == 0)
		return (ALIKE_OTHER);
	if (same == -1)
		return (ALIKE_UNKNOWN);
	*with = of;
	return (likeness(h, of, all));
}
