#include "daemon/follow/handover.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/array.h"

struct giving {
	int (*give)(void *, const struct handover_file *);
	void *arg;
};

static off_t
least_acked(const struct file *t)
{
	const struct stream *s;
	off_t least = t->size;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.acked < least)
			least = s->cursor.acked;
	return (least);
}

static void
say_lost(const struct file *t)
{
	off_t from = least_acked(t);

	if (from >= t->size)
		return;
	log_warnx("%s: %lld bytes at %lld are lost, but for a copy: a file "
		  "without a name cannot be found again",
	    file_path(t).text, (long long)(t->size - from), (long long)from);
}

/* Whether the file can be read by its descriptor, for a destination. */
static bool
is_open(const struct file *t)
{
	return (t->known && t->fd != -1 && t->streams != NULL);
}

/*
 * Whether the next worker finds the file: by its name, or as a rotated one in
 * a directory in which a source means files, as a start searches no others.
 */
static bool
is_easy_to_find(const struct file *t)
{
	struct stat st;

	return (t->place != NULL && (!t->rotated || t->place->told) &&
	    stat(file_path(t).text, &st) == 0 && st.st_dev == t->dev &&
	    st.st_ino == t->ino);
}

/* Also a file that has a name may lose it before the next worker has looked. */
static void
give_one(const struct file *t, const struct giving *g)
{
	struct handover_file f = { .fd = t->fd,
		.quiet = file_table_now(t->all) - t->changed };

	if (!is_open(t) || (streams_are_done(t) && is_easy_to_find(t)))
		return;
	if (g->give(g->arg, &f) == 0)
		return;
	log_warn(
	    "%s: cannot be handed over to the next worker", file_path(t).text);
	if (t->place == NULL)
		say_lost(t);
}

/*
 * Files that follow each other are given together, the first to be sent first.
 */
static void
give_chain(struct file *t, void *arg)
{
	if (t->before != NULL)
		return;
	for (; t != NULL; t = t->behind)
		give_one(t, arg);
}

static void
lose(struct file *t, void *arg)
{
	(void)arg;
	if (is_open(t) && !streams_are_done(t) && t->place == NULL)
		say_lost(t);
}

void
handover_give(struct file_table *ts,
    int (*give)(void *, const struct handover_file *), void *arg)
{
	struct giving g = { give, arg };

	file_table_walk(ts, give_chain, &g);
}

/*
 * Whether the file was deleted under the name of a log.  Of a rotated file
 * there may be a compressed one, which the next start knows by this one's
 * record.
 */
static bool
had_own_name(const struct file *t)
{
	const char *path = file_old_path(t);

	return (path == NULL || strcmp(strrchr(path, '/') + 1, t->name) == 0);
}

static void
end(struct file *t, void *arg)
{
	struct file_table *ts = arg;
	struct stream *s;
	struct stat st;

	if (!is_open(t) || t->place != NULL || t->held != NULL ||
	    t->compression != INFLATE_NONE || fstat(t->fd, &st) == -1)
		return;
	if (st.st_nlink > 0)
		for (s = t->streams; s != NULL; s = s->next)
			checkpointer_mark(
			    file_table_checkpointer(ts), &s->mark);
	else if (st.st_size == t->size && streams_are_done(t) &&
	    had_own_name(t))
		follow_finish(t);
}

void
handover_end(struct file_table *ts)
{
	file_table_walk(ts, end, ts);
}

void
handover_say_lost(struct file_table *ts)
{
	file_table_walk(ts, lose, NULL);
}

int
handover_add(struct handover *h, const struct handover_file *f)
{
	struct handover_file *grown;

	if ((grown = array_more(h->files, h->n, sizeof(*grown))) == NULL) {
		(void)close(f->fd);
		errno = ENOMEM;
		return (-1);
	}
	h->files = grown;
	h->files[h->n++] = *f;
	return (0);
}

void
handover_clear(struct handover *h)
{
	while (h->n > 0)
		(void)close(h->files[--h->n].fd);
	free(h->files);
	h->files = NULL;
}
