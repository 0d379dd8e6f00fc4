#include "daemon/tail_inside.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/place.h"
#include "daemon/stream.h"
#include "daemon/tail_copy.h"
#include "daemon/tail_packed.h"
#include "daemon/tails.h"
#include "lib/rotation.h"

/* The file as whose copy fd and name were found.  Takes both. */
static struct tail *
tail_of_copy(
    struct tail *now, const struct fingerprint *print, int fd, char *name)
{
	struct tail *t;
	struct stat st;

	if (fstat(fd, &st) == -1)
		goto fail;
	if ((t = tails_find(now->all, st.st_dev, st.st_ino)) != NULL) {
		(void)close(fd);
		free(name);
		return (t);
	}
	if ((t = tail_alloc(now->all, name)) == NULL)
		goto fail;
	tails_know(t, &st);
	tail_set_origin(t, tail_origin(now));
	if (tail_at(now->place, name) == NULL)
		place_enter(t, now->place, name);
	else
		free(name);
	tails_opened(t, fd);
	t->print = *print;
	t->size = st.st_size;
	t->rotated = true;
	tails_stats(t->all)->files++;
	tails_stats(t->all)->found++;
	return (t);
fail:
	(void)close(fd);
	free(name);
	return (NULL);
}

/* The file was truncated while nobody looked: what it was goes on in a copy. */
static void
resume_in_copy(
    struct tail *now, struct route *r, const struct checkpoint_record *rec)
{
	struct tail_copy wanted = { .print = rec->print,
		.least = rec->offset,
		.dev = now->dev,
		.ino = now->ino,
		.all = NULL };
	struct tail *copy;
	char *name;
	int fd;

	if (now->place == NULL ||
	    (fd = tail_copy_open(&wanted, now->place, &name)) == -1) {
		if (strcmp(rec->path, tail_path(now)) == 0)
			log_notice("%s: is another file than the one that was "
				   "sent up to %lld, of which no copy is here",
			    tail_path(now), (long long)rec->offset);
		return;
	}
	if ((copy = tail_of_copy(now, &wanted.print, fd, name)) == NULL ||
	    tail_stream_to(copy, r->dest) != NULL ||
	    tail_add_stream(copy, r, wanted.least) == -1)
		return;
	log_info("%s: is the copy of a truncated file: the rest is read there",
	    tail_path(copy));
	tail_follows(now, copy);
	tails_time(copy);
}

/*
 * Whether rotation gave it its name when it was called path, while nobody
 * looked.
 */
static bool
was_called(const struct tail *t, const char *path)
{
	return (tails_is_starting(t->all) && t->place != NULL &&
	    place_holds(t->place, path) && !rotation_is_packed(t->name) &&
	    rotation_is_of(t->name, strrchr(path, '/') + 1));
}

/* Whether the record is of the text of a file that is compressed. */
static bool
is_text_of(struct tail *t, const struct route *r, int fd, const uint8_t *head,
    size_t n, const struct checkpoint_record *rec)
{
	enum inflate_kind kind = inflate_kind_of(head, n);
	uint8_t text[FINGERPRINT_MAX];
	int len;

	if (kind == INFLATE_NONE || !r->source->compressed ||
	    rec->print.len == 0)
		return (false);
	len = tail_packed_head(fd, kind, text);
	if (!fingerprint_matches(&rec->print, text, (size_t)len))
		return (false);
	tail_set_packed(t, kind, &rec->print);
	t->size = rec->offset + 1;
	return (true);
}

/*
 * Where to go on by the checkpoint, or -1 where it does not know the file.
 * *same is whether it is the very file of the checkpoint.
 */
static off_t
recorded_offset(struct tail *t, struct route *r, int fd, bool *same)
{
	struct checkpoint_record rec;
	uint8_t head[FINGERPRINT_MAX];
	int n;

	*same = false;
	if (!ledger_take(
		tails_ledger(t->all), r->to->name, t->dev, t->ino, &rec))
		return (-1);
	/* An empty file may be another that got its inode. */
	t->met = rec.print.len > 0 || strcmp(rec.path, tail_path(t)) == 0;
	if (fd == -1 || (n = fingerprint_head(fd, head)) == -1) {
		/* To be compared when it can be read. */
		t->print = rec.print;
		return (rec.offset);
	}
	if (fingerprint_matches(&rec.print, head, (size_t)n) &&
	    rec.offset <= t->size) {
		/*
		 * Of an empty file only the name can tell, or that it was
		 * handed over: nothing else leads to one without a name.
		 */
		*same = rec.print.len > 0 || t->place == NULL ||
		    was_called(t, rec.path);
		if (*same || t->met)
			return (rec.offset);
	}
	if (is_text_of(t, r, fd, head, (size_t)n, &rec)) {
		*same = true;
		return (rec.offset);
	}
	t->met = false;
	if (tails_is_starting(t->all))
		ledger_give_back(tails_ledger(t->all));
	else
		resume_in_copy(t, r, &rec);
	return (0);
}

/* The first route decides with which others the file shares descriptors. */
static int
open_for(struct tail *t, const struct route *r)
{
	if (t->fd == -1 && t->streams == NULL)
		t->open_set = r->open_set;
	return (tail_fd(t));
}

int
tail_rejoin(struct tail *t, struct route *r)
{
	int fd = open_for(t, r);
	off_t offset;
	bool same;

	if (fd == -1 || tail_stream_to(t, r->dest) != NULL)
		return (0);
	offset = recorded_offset(t, r, fd, &same);
	if (!same)
		return (0);
	(void)tail_update_print(t, fd);
	return (tail_add_stream(t, r, offset));
}

/*
 * Whether the receiver has all of the file, and nothing has happened to it
 * since the checkpoint said so: then there is nothing to open it for.
 */
static bool
is_settled(struct tail *t, const struct route *r)
{
	const struct checkpoint_record *rec;

	if (!t->settled)
		return (false);
	rec = ledger_find(tails_ledger(t->all), r->to->name, t->dev, t->ino);
	return (rec != NULL && rec->offset == t->size &&
	    (rec->print.len > 0 || t->size == 0) &&
	    strcmp(rec->path, tail_path(t)) == 0);
}

static int
join_settled(struct tail *t, struct route *r)
{
	struct checkpoint_record rec;
	struct stream *s;

	if (!ledger_take(
		tails_ledger(t->all), r->to->name, t->dev, t->ino, &rec) ||
	    (s = tail_link_stream(t, r, rec.offset)) == NULL)
		return (-1);
	t->print = rec.print;
	t->met = true;
	s->is_drained = true;
	return (0);
}

int
tail_join(struct tail *t, struct route *r, bool from_end)
{
	const struct stream *other = tail_stream_to(t, r->dest);
	off_t offset;
	bool same, at_end = false;
	int fd;

	if (other != NULL) {
		if (other->route != r)
			log_debug("%s: source %s sends it to %s already",
			    tail_path(t), other->route->source->name,
			    r->to->name);
		return (0);
	}
	if (is_settled(t, r))
		return (join_settled(t, r));
	fd = open_for(t, r);
	offset = recorded_offset(t, r, fd, &same);
	if (offset == -1) {
		offset = from_end && fd != -1 ? tail_last_line(t, fd) : 0;
		at_end = from_end && fd == -1;
	}
	if (fd != -1)
		(void)tail_update_print(t, fd);
	if (tail_add_stream(t, r, offset) == -1)
		return (-1);
	t->streams->from_end = at_end;
	return (0);
}
