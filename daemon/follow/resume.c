#include "daemon/base/read.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <string.h>

#include "daemon/base/born.h"
#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/follow/verdict.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/rotation.h"

static void
say_back(const struct file *t, const struct checkpoint_record *rec, off_t at)
{
	say_notice(file_path(t).text,
	    "%lld bytes of it were sent to %s, and not all of them "
	    "stand in it any more, as after a loss of power: goes on at "
	    "%lld, where they do",
	    (long long)rec->offset, rec->dest, (long long)at);
}

/* Takes the record for the file, if there is one. */
static bool
take(struct file *t, const struct route *r, struct checkpoint_record *rec)
{
	struct checkpointer *l = file_table_checkpointer(t->all);
	struct checkpoint_record now = {
		.dest = r->to->name,
		.dev = t->dev,
		.inode = t->ino,
	};
	struct path_text path;

	if (checkpointer_take(l, now.dest, now.dev, now.inode, rec))
		return (true);
	if (t->place == NULL)
		return (false);
	path = file_path(t);
	now.path = path.text;
	if (!checkpointer_take_moved(l, &now, rec))
		return (false);
	say_info(file_path(t).text, "its device has another number now");
	return (true);
}

/* The record of an empty file tells nothing of what the file has now. */
static bool
is_of_nothing(const struct checkpoint_record *rec)
{
	return (rec->print.len == 0 && rec->nguards == 0 && rec->offset == 0);
}

/*
 * Returns where to go on by the record.  *same is set to whether it is the
 * very file of the checkpoint.
 */
static off_t
resume(struct file *t, struct route *r, int fd,
    const struct checkpoint_record *rec, bool *same)
{
	struct stat st;
	off_t offset;

	switch (verdict_of(t, r, fd, rec, &offset)) {
	case VERDICT_LATER:
		/*
		 * A file without a name can only have been handed over, open.
		 */
		*same = t->place == NULL;
		t->print = rec->print;
		t->met = t->unproven = true;
		/* Another file of the checkpoint may have become this one. */
		if (t->place != NULL && file_table_is_starting(t->all))
			checkpointer_give_back(file_table_checkpointer(t->all));
		return (offset);
	case VERDICT_BACK:
		say_back(t, rec, offset);
		/* FALLTHROUGH */
	case VERDICT_SAME:
		*same = t->met = true;
		t->was_empty = is_of_nothing(rec);
		return (offset);
	case VERDICT_LIKELY:
		t->met = strcmp(rec->path, file_path(t).text) == 0;
		t->was_empty = is_of_nothing(rec);
		return (offset);
	case VERDICT_OTHER:
		break;
	}
	t->met = false;
	/* The file may have been truncated between the look at it and this. */
	if (fd != -1 && t->streams == NULL && fstat(fd, &st) == 0)
		t->size = st.st_size;
	if (file_table_is_starting(t->all))
		checkpointer_give_back(file_table_checkpointer(t->all));
	else
		follow_resume_in_copy(t, r, rec);
	return (0);
}

/* What the checkpoint says of the file: nothing where it is not known. */
struct known_as {
	bool known;
	bool no_memory; /* for the stream */
	struct fingerprint print;
};

/*
 * A file that was compared has the fingerprint that the checkpoint says, also
 * where it cannot be read once more, or was truncated since: by that its copy
 * is known.  Where what was sent still stands in it, its head may be another.
 */
static void
update_print(struct file *t, int fd, const struct known_as *was)
{
	struct guard sent;

	if (!was->known || !t->met || t->print.len > 0 || t->print.hash != 0 ||
	    was->print.len > t->size) {
		(void)streams_update_print(t, fd);
		return;
	}
	t->print = was->print;
	if (streams_update_print(t, fd))
		return;
	sent = streams_newest_guard(t);
	if (sent.at > 0 && read_guard_holds(&sent, fd) == 1) {
		t->print = (struct fingerprint) { 0 };
		(void)streams_update_print(t, fd);
	}
}

/* Where the record of another destination says that it is the very file. */
static off_t
behind_known(const struct file *t, const struct checkpoint_record *rec)
{
	off_t at = streams_newest_guard(t).at;

	return (rec->nguards > 0 && at <= rec->offset ? at : 0);
}

/*
 * The same of a file that no source means by its name: it would not be sent as
 * a new one.  Takes the record then.
 */
static bool
goes_back(struct file *t, const struct route *r, struct checkpoint_record *rec,
    bool met, off_t *offset)
{
	/*
	 * A file that was handed over open has lost nothing with the host's
	 * power.
	 */
	if (verdict_is_of_a_rest(rec) || t->fd == -1 || t->place == NULL ||
	    (!met && !verdict_has_lost_end(t, t->fd, rec)))
		return (false);
	*offset = met ? behind_known(t, rec) : 0;
	/* The record was given back. */
	if (file_table_is_starting(t->all) && !take(t, r, rec))
		return (false);
	if (rec->offset > *offset)
		say_back(t, rec, *offset);
	t->met = true;
	/* No guard of the record holds any more. */
	rec->nguards = 0;
	return (true);
}

/*
 * Makes the stream as the checkpoint says.  Returns NULL where the checkpoint
 * does not know the file, or there is no memory; *was says which.
 */
static struct stream *
resume_stream(struct file *t, struct route *r, int fd, bool only_same,
    struct known_as *was)
{
	struct checkpoint_record rec;
	struct stream *s;
	bool same = false, met = t->streams != NULL && t->met && !t->unproven;
	off_t offset;

	was->no_memory = false;
	if (!(was->known = take(t, r, &rec)))
		return (NULL);
	/*
	 * The record of an empty file has nothing but its inode.  Once another
	 * file has that, the record is of no file: a later start could not
	 * tell any more.
	 */
	if (is_of_nothing(&rec) && verdict_is_made_since(t, &rec)) {
		checkpointer_end(file_table_checkpointer(t->all), &rec);
		was->known = false;
		return (NULL);
	}
	was->print = rec.print;
	/*
	 * The file's next record is to have the path to which a link led, too.
	 */
	if (t->place == NULL && rec.real != NULL)
		file_set_real(t, rec.real);
	offset = resume(t, r, fd, &rec, &same);
	/* Where it could not be read, the next read tells. */
	if (only_same && !same && !(t->met && t->unproven))
		same = goes_back(t, r, &rec, met, &offset);
	if (only_same && !same) {
		/*
		 * The record stays for a later try, where the file could not
		 * be read now, and for find/, which may find the file by a
		 * name that tells more.
		 */
		if (rec.offset == 0 || (t->met && t->error != 0))
			checkpointer_give_back(file_table_checkpointer(t->all));
		return (NULL);
	}
	if ((s = follow_link_stream(t, r, offset)) == NULL) {
		checkpointer_give_back(file_table_checkpointer(t->all));
		was->no_memory = true;
		return (NULL);
	}
	t->only_rest = t->place == NULL && verdict_is_of_a_rest(&rec);
	/* What is known of octets that it has lost does not hold any more. */
	while (
	    offset < rec.offset && rec.nguards > 0 && rec.guards->at > offset) {
		rec.guards++;
		rec.nguards--;
	}
	if (t->met)
		stream_guard_load(s, &rec);
	if (t->met && rec.dev != t->dev)
		checkpointer_end(file_table_checkpointer(t->all), &rec);
	return (s);
}

/* The first route decides which set of open files the file is in. */
static int
open_for(struct file *t, const struct route *r)
{
	if (t->fd == -1 && t->streams == NULL)
		t->open_set = r->open_set;
	return (file_descriptor(t));
}

/*
 * Whether the record says that nothing is left of the file, since before it
 * got the name that it has.
 */
static bool
is_finished(struct file *t, const struct route *r)
{
	const struct checkpoint_record *rec;

	if (t->place == NULL || !rotation_is_compressed(t->name) ||
	    (rec = checkpointer_find(file_table_checkpointer(t->all),
		 r->to->name, t->dev, t->ino)) == NULL)
		return (false);
	return (
	    compressed_is_finished(rec, born_ns(file_path(t).text, t->ino)));
}

int
follow_rejoin(struct file *t, struct route *r)
{
	struct known_as was;
	struct stream *s;
	int fd;

	if (is_finished(t, r))
		return (0);
	fd = open_for(t, r);
	if (fd == -1 || streams_find(t, r->dest) != NULL)
		return (0);
	if ((s = resume_stream(t, r, fd, true, &was)) == NULL)
		return (was.no_memory ? -1 : 0);
	update_print(t, fd, &was);
	follow_begin_stream(s);
	return (0);
}

/*
 * Whether the receiver has all of the file, and nothing has happened to it
 * since the checkpoint said so: then there is nothing to open it for.
 */
static bool
is_settled(struct file *t, const struct route *r)
{
	const struct checkpoint_record *rec;

	if (!t->settled)
		return (false);
	rec = checkpointer_find(
	    file_table_checkpointer(t->all), r->to->name, t->dev, t->ino);
	return (rec != NULL && rec->offset == t->size &&
	    (rec->print.len > 0 || t->size == 0) &&
	    strcmp(rec->path, file_path(t).text) == 0);
}

static int
join_settled(struct file *t, struct route *r)
{
	struct checkpoint_record rec;
	struct stream *s;

	if (!checkpointer_take(file_table_checkpointer(t->all), r->to->name,
		t->dev, t->ino, &rec))
		return (-1);
	if ((s = follow_link_stream(t, r, rec.offset)) == NULL) {
		checkpointer_give_back(file_table_checkpointer(t->all));
		return (-1);
	}
	t->print = rec.print;
	t->met = true;
	stream_guard_load(s, &rec);
	stream_set_drained(s, true);
	return (0);
}

int
follow_join(struct file *t, struct route *r, bool from_end)
{
	const struct stream *other = streams_find(t, r->dest);
	struct stream *s;
	off_t offset = 0;
	struct known_as was;
	int fd;

	if (other != NULL) {
		if (other->route != r)
			log_debug("%s: source %s sends it to %s already",
			    file_path(t).text, other->route->source->name,
			    r->to->name);
		return (0);
	}
	if (is_settled(t, r))
		return (join_settled(t, r));
	fd = open_for(t, r);
	s = resume_stream(t, r, fd, false, &was);
	/* It is joined by its record when there is memory again. */
	if (was.no_memory)
		return (-1);
	if (!was.known && from_end && fd != -1)
		offset = streams_last_line(t, fd);
	if (s == NULL && (s = follow_link_stream(t, r, offset)) == NULL)
		return (-1);
	s->from_end = !was.known && from_end && fd == -1;
	if (fd != -1)
		update_print(t, fd, &was);
	follow_begin_stream(s);
	return (0);
}

static struct stream *
stream_to(struct file *t, const char *dest)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, dest) == 0)
			return (s);
	return (NULL);
}

bool
follow_seek_sent(struct file *t, const struct checkpoint_record *rec)
{
	struct stream *s = stream_to(t, rec->dest);
	struct guard sent;
	int fd;

	if (s == NULL || s->cursor.sent > 0 || rec->nguards == 0 ||
	    t->compression != INFLATE_NONE || (fd = file_descriptor(t)) == -1)
		return (false);
	sent = rec->guards[0];
	if ((sent.at = follow_seek_guard(t, fd, t->size, &sent)) <= 0)
		return (false);
	say_notice(file_path(t).text,
	    "has what was sent of the file that it was to %s: goes "
	    "on behind that, at %lld",
	    rec->dest, (long long)sent.at);
	s->cursor.sent = s->cursor.acked = sent.at;
	stream_guard_set(s, &sent);
	checkpointer_mark(file_table_checkpointer(t->all), &s->mark);
	return (true);
}
