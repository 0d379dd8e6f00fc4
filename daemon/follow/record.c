#include "daemon/follow/follow.h"

#include <sys/stat.h>

#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"

/*
 * What a truncated file was has no record of its own, but for one that nobody
 * has taken while its copy is looked for.  What may be a copy has none, as it
 * is compared again at the next start; nor has a copy of what was not received.
 * Something may be written into a new file between the look at it and the first
 * read, and was compared with nothing yet.  The same goes for a file of which a
 * start could not tell what it was.
 */
static bool
has_record(struct file *t)
{
	return (t->known && !(t->fresh && t->print.len > 0) &&
	    !streams_are_undecided(t) && suspect_has_record(t));
}

/*
 * Notes when a file was written of which nothing could be read yet: whatever
 * it is called at the next start, or has been compressed to, was not sent.
 */
static void
note_unread(struct file *t, bool unread)
{
	char path[CHECKPOINTER_FILE_MAX];

	if (t->place == NULL || (!unread && !t->deferred))
		return;
	t->deferred = unread && t->written_ns >= NS_IN_S;
	checkpointer_file_path(t->place->path, t->ino, path);
	checkpointer_late(file_table_checkpointer(t->all), path,
	    t->deferred ? t->written_ns : 0);
}

static bool
prepare(struct checkpoint_mark *m)
{
	struct file *t = stream_of_mark(m)->file;

	note_unread(t, streams_are_unread(t));
	if (t->seeking)
		checkpointer_leave(file_table_checkpointer(t->all), m);
	return (has_record(t));
}

static void
on_gone(struct checkpoint_mark *m)
{
	note_unread(stream_of_mark(m)->file, false);
}

static void
prefetch(struct checkpoint_mark *m)
{
	const struct stream *s = stream_of_mark(m);

	__builtin_prefetch(&s->guard);
	__builtin_prefetch(&s->file->held);
	__builtin_prefetch(&s->file->dev);
}

/*
 * The rest of a truncated file that is looked for in a copy: the file has its
 * inode, so this one gets a number that no file has.  How old it is tells of
 * the copy.
 */
static void
be_sought(struct checkpoint_record *rec, const struct file *t)
{
	rec->dev = ~t->dev;
	rec->inode = t->ino ^ (ino_t)t->written_ns;
	rec->time = (time_t)(t->written_ns / NS_IN_S);
}

/*
 * When the file was last known to be there.  Of one that was deleted, what is
 * acknowledged later says nothing of that: it may have been compressed since it
 * was written last, and that may be what the next start finds.
 */
static time_t
last_there(const struct file *t)
{
	const time_t now = clock_wall_s();
	const time_t written = (time_t)(t->written_ns / NS_IN_S);
	struct stat st;

	if (t->place != NULL || t->fd == -1 || fstat(t->fd, &st) == -1 ||
	    st.st_nlink > 0)
		return (now);
	return (written < now ? written : now);
}

static void
describe(struct checkpoint_mark *m, struct checkpoint_record *rec,
    struct checkpoint_room *room)
{
	const struct stream *s = stream_of_mark(m);
	const struct file *t = s->file;
	bool is_past = rec->kind == CHECKPOINT_PAST;

	rec->dest = s->route->to->name;
	rec->dev = t->dev;
	rec->inode = t->ino;
	rec->print = t->print;
	rec->offset = s->cursor.acked;
	rec->time = last_there(t);
	rec->path = is_past ? "" : file_origin(t, &room->path);
	rec->guards = room->guards;
	if (rec->kind != CHECKPOINT_GONE) {
		rec->nguards = stream_guards(s, room->guards);
		rec->real = is_past ? NULL : file_real(t, &room->real);
	}
	if (t->seeking)
		be_sought(rec, t);
}

static bool
walk(void *file_table, struct checkpoint_identity *at,
    bool (*visit)(struct checkpoint_mark *, void *), void *to)
{
	struct file *t = file_table_find_from(file_table, at->dev, at->inode);
	struct stream *s;

	if (t == NULL)
		return (false);
	for (s = t->streams; s != NULL && has_record(t); s = s->next)
		if (!visit(&s->mark, to))
			break;
	at->dev = t->dev;
	at->inode = t->ino + 1;
	return (at->inode != 0 || ++at->dev != 0);
}

static size_t
count(void *file_table)
{
	return (file_table_stats(file_table)->streams);
}

static void
close_some(void *file_table)
{
	(void)file_table_close_some(file_table);
}

void
follow_serve_checkpointer(struct checkpointer *l, struct file_table *file_table)
{
	static const struct checkpointer_ops ops = {
		.prepare = prepare,
		.describe = describe,
		.prefetch = prefetch,
		.on_gone = on_gone,
		.walk = walk,
		.count = count,
		.close_some = close_some,
	};

	checkpointer_serve(l, &ops, file_table);
}
