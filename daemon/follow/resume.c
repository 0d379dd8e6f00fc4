#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/decode.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

#define READ_AGAIN 3 /* times, where the disk fails */
#define SEEK_AGAIN 3 /* times, where a copy could not be looked for */

/* The file as which a copy was found.  Takes found. */
static struct tail *
tail_of_copy(struct tail *now, const struct fingerprint *print,
    const struct tail_copy_found *found)
{
	struct path_text path;
	struct tail *t;

	t = tails_find(now->all, found->st.st_dev, found->st.st_ino);
	if (t != NULL || (t = tail_alloc(now->all, found->name)) == NULL) {
		(void)close(found->fd);
		free(found->name);
		return (t);
	}
	follow_know(t, &found->st);
	tail_set_origin(t, tail_origin(now, &path));
	if (tail_at(found->place, found->name) == NULL)
		follow_enter(t, found->place, found->name);
	else
		free(found->name);
	tails_opened(t, found->fd);
	t->print = *print;
	t->size = found->st.st_size;
	t->rotated = true;
	tails_stats(t->all)->files++;
	tails_stats(t->all)->found++;
	return (t);
}

static void
say_no_copy(const struct tail *now, const struct checkpoint_record *rec)
{
	if (rec->offset > 0 && strcmp(rec->path, tail_path(now).text) == 0)
		say_notice(tail_path(now).text,
		    "is another file than the one of which %lld "
		    "bytes were sent, and no copy of that is here: it "
		    "is sent from its beginning",
		    (long long)rec->offset);
}

static bool
find_copy(const struct tail_copy *wanted, struct tail_copy_found *found)
{
	enum tail_copy_result result;
	unsigned n = 0;

	do
		result = tail_copy_find(wanted, found);
	while ((result == TAIL_COPY_UNKNOWN || result == TAIL_COPY_CHANGING) &&
	    n++ < SEEK_AGAIN);
	return (result == TAIL_COPY_FOUND);
}

/* The file was truncated while nobody looked: what it was goes on in a copy. */
static void
resume_in_copy(
    struct tail *now, struct route *r, const struct checkpoint_record *rec)
{
	struct path_text real;
	struct tail_copy wanted = { .all = now->all,
		.place = now->place,
		.name = strrchr(rec->path, '/') + 1,
		.real = tail_real(now, &real),
		.print = rec->print,
		.least = rec->offset,
		.dev = now->dev,
		.ino = now->ino,
		.begun = now->begun,
		.since_ns =
		    ledger_since_record(tails_ledger(now->all), rec->time) };
	struct tail_copy_found found;
	struct tail *copy;
	struct stat st;

	if (stat(tail_path(now).text, &st) == 0)
		wanted.uid = st.st_uid;
	if (rec->nguards > 0)
		wanted.guard = rec->guards[0];
	if (now->place == NULL || !find_copy(&wanted, &found)) {
		say_no_copy(now, rec);
		return;
	}
	/* It may only begin as the file did, up to the guard. */
	if (wanted.guard.at > 0 && wanted.guard.at < wanted.least &&
	    line_ends_at(found.fd, wanted.least) == 0)
		wanted.least = wanted.guard.at;
	if ((copy = tail_of_copy(now, &wanted.print, &found)) == NULL ||
	    tail_stream_to(copy, r->dest) != NULL ||
	    tail_add_stream(copy, r, wanted.least) == -1)
		return;
	stream_guard_load(copy->streams, rec);
	say_info(tail_path(copy).text,
	    "is the copy of a truncated file: the rest is read there");
	tail_follows(now, copy);
	tails_time(copy);
}

static bool
is_rotated_from(const struct tail *t, const char *path)
{
	return (place_holds(t->place, path) && !rotation_is_packed(t->name) &&
	    rotation_is_of(t->name, strrchr(path, '/') + 1));
}

/*
 * Whether rotation gave it its name, of the one by which the record has it; or
 * of the one that it had, behind a link or rotated, if it has not that still.
 */
static bool
was_called(const struct tail *t, const struct checkpoint_record *rec)
{
	return (t->place != NULL &&
	    (is_rotated_from(t, rec->path) ||
		(rec->real != NULL &&
		    (strcmp(rec->real, tail_path(t).text) == 0 ||
			is_rotated_from(t, rec->real)))));
}

/*
 * Whether the record is of the text of a file that is compressed.  Returns 1 or
 * 0, or -1 with errno where it cannot be read.
 */
static int
is_text_of(struct tail *t, const struct route *r, int fd,
    const struct checkpoint_record *rec)
{
	uint8_t head[FINGERPRINT_MAX], text[FINGERPRINT_MAX];
	enum inflate_kind kind;
	int n;

	if (!r->source->compressed || rec->print.len == 0)
		return (0);
	if ((n = fingerprint_head(fd, head)) == -1)
		return (-1);
	if ((kind = inflate_kind_of(head, (size_t)n)) == INFLATE_NONE)
		return (0);
	if ((n = tail_packed_head(fd, kind, text)) == -1)
		return (-1);
	if (!fingerprint_matches(&rec->print, text, (size_t)n) ||
	    (rec->nguards > 0 &&
		tail_packed_guard(fd, kind, &rec->guards[0]) == 0))
		return (0);
	tail_set_packed(t, kind, &rec->print);
	t->size = rec->offset + 1;
	return (1);
}

/* What a record says of the file that has its device and inode now. */
enum verdict {
	VERDICT_SAME, /* the very file */
	VERDICT_BACK, /* the same, but it has less of what was sent */
	VERDICT_LATER, /* it cannot be read now: the next read tells */
	VERDICT_LIKELY, /* nothing speaks against it but that it is short */
	VERDICT_OTHER
};

/* Whether t has a name that rotation gives after the one in path. */
static bool
has_later_name(const struct tail *t, const char *path)
{
	return (t->place != NULL && place_holds(t->place, path) &&
	    !rotation_is_packed(t->name) &&
	    rotation_goes_on(t->name, strrchr(path, '/') + 1));
}

/*
 * Whether the inode was this file's when the record was written, as the time
 * tells at which it was made.  Where both are of one second, a file that was
 * rotated further tells the same.  A record of a time to come tells nothing; a
 * file that was made before the clock was set back was there behind that.
 */
static bool
was_there(const struct tail *t, const struct checkpoint_record *rec)
{
	struct path_text buf;
	const char *real = tail_real(t, &buf);
	int64_t born;

	born = born_ns(real != NULL ? real : tail_path(t).text, t->ino);
	if (born == 0 || rec->time > clock_wall_s())
		return (false);
	if (clock_is_to_come(born) &&
	    ledger_side(tails_ledger(t->all), born) == LEDGER_BEFORE)
		return (true);
	born /= NS_IN_S;
	return (born < rec->time ||
	    (born == rec->time && has_later_name(t, rec->path)));
}

/*
 * A record of before guards, or one of which nothing was sent: the fingerprint
 * is all that tells.
 */
static enum verdict
compare_print(const struct tail *t, int fd, const struct checkpoint_record *rec)
{
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if ((n = fingerprint_head(fd, head)) == -1)
		return (VERDICT_LATER);
	if (!fingerprint_matches(&rec->print, head, (size_t)n) ||
	    rec->offset > t->size)
		return (VERDICT_OTHER);
	if (rec->print.len > 0)
		return (VERDICT_SAME);
	/* Of a rest, which has no name, or of NULs: it tells of no other. */
	return (rec->offset > 0 && t->place != NULL &&
		    !(n == 0 && was_there(t, rec))
		? VERDICT_OTHER
		: VERDICT_LIKELY);
}

/*
 * *offset is set to where the newest guard that holds says to go on.  What was
 * sent behind it is not compared: but it ended with a line.
 */
static enum verdict
compare_guards(const struct tail *t, int fd,
    const struct checkpoint_record *rec, off_t *offset)
{
	int holds, ends = 1;
	unsigned i;

	for (i = 0; i < rec->nguards; i++) {
		if ((holds = guard_holds(&rec->guards[i], fd)) == -1)
			return (VERDICT_LATER);
		if (!holds)
			continue;
		if (i == 0 && rec->guards[0].at < rec->offset &&
		    (ends = line_ends_at(fd, rec->offset)) == -1)
			return (VERDICT_LATER);
		if (i == 0 && rec->offset <= t->size && ends == 1)
			return (VERDICT_SAME);
		*offset = rec->guards[i].at < rec->offset ? rec->guards[i].at
							  : rec->offset;
		return (VERDICT_BACK);
	}
	return (VERDICT_OTHER);
}

/*
 * Whether the file was made after a daemon before this one looked at its
 * directory last, so that the record cannot be of it; some files may have been
 * followed there since, and their records are younger.  A time to come tells
 * nothing.
 */
static bool
is_made_since(const struct tail *t, const struct checkpoint_record *rec)
{
	const struct ledger *l = tails_ledger(t->all);
	int64_t born;

	if (t->place == NULL || ledger_is_first(l))
		return (false);
	born = born_ns(tail_path(t).text, t->ino);
	if (born == 0 || place_side(t->place, l, born) != LEDGER_SINCE)
		return (false);
	/* Both may be of one second, where a file system counts these. */
	return (ledger_side(l, born - 1) == LEDGER_SINCE ||
	    born / NS_IN_S > rec->time);
}

/* Whether it was made after the record was written, if nobody set the clock. */
static bool
is_younger(const struct tail *t, const struct checkpoint_record *rec)
{
	int64_t born = born_ns(tail_path(t).text, t->ino);

	return (born != 0 && born / NS_IN_S > rec->time);
}

/*
 * Another file that got the inode may begin alike for a line or two: such a
 * short one has to have the name of the record, or one that rotation gives, or
 * to be older than the record; and one that no source means, not to be younger,
 * as it may also have a banner.
 */
static bool
is_telling(const struct tail *t, const struct checkpoint_record *rec)
{
	const struct tails_finder *finder = tails_finder(t->all);
	size_t known = rec->print.len;

	if (t->place == NULL)
		return (true);
	if (!finder->means(t->place, t->name))
		return (!is_made_since(t, rec) &&
		    (was_called(t, rec) || !is_younger(t, rec)));
	if (rec->nguards > 0 && known < guard_length(rec->guards[0].at))
		known = guard_length(rec->guards[0].at);
	return (known >= GUARD_MAX ||
	    strcmp(rec->path, tail_path(t).text) == 0 || was_called(t, rec) ||
	    was_there(t, rec));
}

/*
 * Whether the record is of the rest of a file that was replaced: only its
 * descriptor led to it.  Such a file has no fingerprint at all; that of a file
 * which begins with NULs, being of no octets, has their hash.
 */
static bool
is_of_a_rest(const struct checkpoint_record *rec)
{
	return (rec->print.len == 0 && rec->print.hash == 0 && rec->offset > 0);
}

static enum verdict
compare(struct tail *t, struct route *r, int fd,
    const struct checkpoint_record *rec, off_t *offset)
{
	enum verdict v;
	unsigned n = 0;
	int text;

	*offset = rec->offset;
	if (is_of_a_rest(rec) && t->place != NULL)
		return (VERDICT_OTHER);
	/* Of one of which nothing was sent, content tells too little. */
	if (rec->offset == 0 && is_made_since(t, rec))
		return (VERDICT_OTHER);
	if (fd == -1)
		return (VERDICT_LATER);
	do {
		v = rec->nguards > 0 ? compare_guards(t, fd, rec, offset)
				     : compare_print(t, fd, rec);
		/* What compression made has the record of nothing before it. */
		text = v == VERDICT_OTHER && !is_younger(t, rec)
		    ? is_text_of(t, r, fd, rec)
		    : 0;
		if (text == -1)
			v = VERDICT_LATER;
	} while (v == VERDICT_LATER && n++ < READ_AGAIN);
	if (v == VERDICT_LATER)
		tail_cannot_be_read(t, errno);
	if (text == 1)
		return (VERDICT_SAME);
	/* Without a name, it can only have been handed over, open. */
	if (v == VERDICT_LIKELY && (t->place == NULL || was_called(t, rec)))
		return (VERDICT_SAME);
	return (v != VERDICT_LATER && !is_telling(t, rec) ? VERDICT_OTHER : v);
}

static void
say_back(const struct tail *t, const struct checkpoint_record *rec, off_t at)
{
	say_notice(tail_path(t).text,
	    "%lld bytes of it were sent to %s, and not all of them "
	    "stand in it any more, as after a loss of power: goes on at "
	    "%lld, where they do",
	    (long long)rec->offset, rec->dest, (long long)at);
}

/* Takes the record for the file, if there is one. */
static bool
take(struct tail *t, const struct route *r, struct checkpoint_record *rec)
{
	struct ledger *l = tails_ledger(t->all);
	struct checkpoint_record now = {
		.dest = r->to->name,
		.dev = t->dev,
		.inode = t->ino,
	};
	struct path_text path;

	if (ledger_take(l, now.dest, now.dev, now.inode, rec))
		return (true);
	if (t->place == NULL)
		return (false);
	path = tail_path(t);
	now.path = path.text;
	if (!ledger_take_moved(l, &now, rec))
		return (false);
	say_info(tail_path(t).text, "its device has another number now");
	return (true);
}

/* The record of an empty file tells nothing of what the file has now. */
static bool
is_of_nothing(const struct checkpoint_record *rec)
{
	return (rec->print.len == 0 && rec->nguards == 0 && rec->offset == 0);
}

/*
 * Where to go on by the record.  *same is whether it is the very file of the
 * checkpoint.
 */
static off_t
resume(struct tail *t, struct route *r, int fd,
    const struct checkpoint_record *rec, bool *same)
{
	struct stat st;
	off_t offset;

	switch (compare(t, r, fd, rec, &offset)) {
	case VERDICT_LATER:
		/* Without a name it can only have been handed over, open. */
		*same = t->place == NULL;
		t->print = rec->print;
		t->met = t->unproven = true;
		/* It may be what another file has become. */
		if (t->place != NULL && tails_is_starting(t->all))
			ledger_give_back(tails_ledger(t->all));
		return (offset);
	case VERDICT_BACK:
		say_back(t, rec, offset);
		/* FALLTHROUGH */
	case VERDICT_SAME:
		*same = t->met = true;
		t->was_empty = is_of_nothing(rec);
		return (offset);
	case VERDICT_LIKELY:
		t->met = strcmp(rec->path, tail_path(t).text) == 0;
		t->was_empty = is_of_nothing(rec);
		return (offset);
	case VERDICT_OTHER:
		break;
	}
	t->met = false;
	/* It may have been truncated between the look at it and this. */
	if (fd != -1 && t->streams == NULL && fstat(fd, &st) == 0)
		t->size = st.st_size;
	if (tails_is_starting(t->all))
		ledger_give_back(tails_ledger(t->all));
	else
		resume_in_copy(t, r, rec);
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
update_print(struct tail *t, int fd, const struct known_as *was)
{
	struct guard sent;

	if (!was->known || !t->met || t->print.len > 0 || t->print.hash != 0 ||
	    was->print.len > t->size) {
		(void)tail_update_print(t, fd);
		return;
	}
	t->print = was->print;
	if (tail_update_print(t, fd))
		return;
	sent = tail_newest_guard(t);
	if (sent.at > 0 && guard_holds(&sent, fd) == 1) {
		t->print = (struct fingerprint) { 0 };
		(void)tail_update_print(t, fd);
	}
}

/*
 * Whether the host lost power, and the file all that the guards were made of,
 * so that nothing tells for the record and nothing against it: then it is the
 * file of the record where its inode has been nobody else's since and it begins
 * as it did, or has a name that rotation gave it.
 */
static bool
has_lost_end(const struct tail *t, int fd, const struct checkpoint_record *rec)
{
	uint8_t head[FINGERPRINT_MAX];
	unsigned i;
	int n;

	for (i = 0; i < rec->nguards; i++)
		if (rec->guards[i].at <= t->size)
			return (false);
	if ((rec->nguards == 0 && rec->print.len <= t->size) ||
	    !was_there(t, rec) || (n = fingerprint_head(fd, head)) == -1)
		return (false);
	/* With less, only its name tells. */
	return ((size_t)n >= rec->print.len ? rec->print.len > 0 &&
		    fingerprint_matches(&rec->print, head, (size_t)n)
					    : was_called(t, rec));
}

/* Where the record of another destination says that it is the very file. */
static off_t
behind_known(const struct tail *t, const struct checkpoint_record *rec)
{
	off_t at = tail_newest_guard(t).at;

	return (rec->nguards > 0 && at <= rec->offset ? at : 0);
}

/*
 * The same of a file that no source means by its name: nobody would send it as
 * a new one.  The record is taken then.
 */
static bool
goes_back(struct tail *t, const struct route *r, int fd,
    struct checkpoint_record *rec, bool met, off_t *offset)
{
	/* What was handed over open has lost nothing with the host's power. */
	if (is_of_a_rest(rec) || fd == -1 || t->place == NULL ||
	    (!met && !has_lost_end(t, fd, rec)))
		return (false);
	*offset = met ? behind_known(t, rec) : 0;
	/* It was given back. */
	if (tails_is_starting(t->all) && !take(t, r, rec))
		return (false);
	if (rec->offset > *offset)
		say_back(t, rec, *offset);
	t->met = true;
	/* None of them holds any more. */
	rec->nguards = 0;
	return (true);
}

/*
 * The stream by what the checkpoint says, or NULL where it does not know the
 * file, or there is no memory; *was says which.
 */
static struct stream *
resume_stream(struct tail *t, struct route *r, int fd, bool only_same,
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
	 * Of an empty file the inode is all that is known.  Once it is another
	 * file's, the record is of none: a later start could not tell any more.
	 */
	if (is_of_nothing(&rec) && is_made_since(t, &rec)) {
		ledger_end(tails_ledger(t->all), &rec);
		was->known = false;
		return (NULL);
	}
	was->print = rec.print;
	/* Its next record is to say, too, where a link led to it. */
	if (t->place == NULL && rec.real != NULL)
		tail_set_real(t, rec.real);
	offset = resume(t, r, fd, &rec, &same);
	/* Not where it could not be read: the next read tells. */
	if (only_same && !same && !(t->met && t->unproven))
		same = goes_back(t, r, fd, &rec, met, &offset);
	if (only_same && !same) {
		/*
		 * Who could not read it tries again by the record, and so does
		 * who finds it by a name that tells more.
		 */
		if (rec.offset == 0 || (t->met && t->error != 0))
			ledger_give_back(tails_ledger(t->all));
		return (NULL);
	}
	if ((s = tail_link_stream(t, r, offset)) == NULL) {
		ledger_give_back(tails_ledger(t->all));
		was->no_memory = true;
		return (NULL);
	}
	t->only_rest = t->place == NULL && is_of_a_rest(&rec);
	if (t->met)
		stream_guard_load(s, &rec);
	if (t->met && rec.dev != t->dev)
		ledger_end(tails_ledger(t->all), &rec);
	return (s);
}

/* The first route decides with which others the file shares descriptors. */
static int
open_for(struct tail *t, const struct route *r)
{
	if (t->fd == -1 && t->streams == NULL)
		t->open_set = r->open_set;
	return (tail_fd(t));
}

/* Nothing is left of it, since before it got the name that it has. */
static bool
is_finished(struct tail *t, const struct route *r)
{
	const struct checkpoint_record *rec;

	if (t->place == NULL || !rotation_is_packed(t->name) ||
	    (rec = ledger_find(
		 tails_ledger(t->all), r->to->name, t->dev, t->ino)) == NULL)
		return (false);
	return (
	    tail_packed_is_finished(rec, born_ns(tail_path(t).text, t->ino)));
}

int
tail_rejoin(struct tail *t, struct route *r)
{
	struct known_as was;
	struct stream *s;
	int fd;

	if (is_finished(t, r))
		return (0);
	fd = open_for(t, r);
	if (fd == -1 || tail_stream_to(t, r->dest) != NULL)
		return (0);
	if ((s = resume_stream(t, r, fd, true, &was)) == NULL)
		return (was.no_memory ? -1 : 0);
	update_print(t, fd, &was);
	tail_begin_stream(s);
	return (0);
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
	    strcmp(rec->path, tail_path(t).text) == 0);
}

static int
join_settled(struct tail *t, struct route *r)
{
	struct checkpoint_record rec;
	struct stream *s;

	if (!ledger_take(
		tails_ledger(t->all), r->to->name, t->dev, t->ino, &rec))
		return (-1);
	if ((s = tail_link_stream(t, r, rec.offset)) == NULL) {
		ledger_give_back(tails_ledger(t->all));
		return (-1);
	}
	t->print = rec.print;
	t->met = true;
	stream_guard_load(s, &rec);
	stream_set_drained(s, true);
	return (0);
}

int
tail_join(struct tail *t, struct route *r, bool from_end)
{
	const struct stream *other = tail_stream_to(t, r->dest);
	struct stream *s;
	off_t offset = 0;
	struct known_as was;
	int fd;

	if (other != NULL) {
		if (other->route != r)
			log_debug("%s: source %s sends it to %s already",
			    tail_path(t).text, other->route->source->name,
			    r->to->name);
		return (0);
	}
	if (is_settled(t, r))
		return (join_settled(t, r));
	fd = open_for(t, r);
	s = resume_stream(t, r, fd, false, &was);
	/* By its record, when there is memory. */
	if (was.no_memory)
		return (-1);
	if (!was.known && from_end && fd != -1)
		offset = tail_last_line(t, fd);
	if (s == NULL && (s = tail_link_stream(t, r, offset)) == NULL)
		return (-1);
	s->from_end = !was.known && from_end && fd == -1;
	if (fd != -1)
		update_print(t, fd, &was);
	tail_begin_stream(s);
	return (0);
}

static struct stream *
stream_to(struct tail *t, const char *dest)
{
	struct stream *s;

	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, dest) == 0)
			return (s);
	return (NULL);
}

bool
tail_seek_sent(struct tail *t, const struct checkpoint_record *rec)
{
	struct stream *s = stream_to(t, rec->dest);
	struct guard sent;
	int fd;

	if (s == NULL || s->cursor.sent > 0 || rec->nguards == 0 ||
	    t->packed != INFLATE_NONE || (fd = tail_fd(t)) == -1)
		return (false);
	sent = rec->guards[0];
	if ((sent.at = tail_seek_guard(t, fd, t->size, &sent)) <= 0)
		return (false);
	say_notice(tail_path(t).text,
	    "has what was sent of the file that it was to %s: goes "
	    "on behind that, at %lld",
	    rec->dest, (long long)sent.at);
	s->cursor.sent = s->cursor.acked = sent.at;
	stream_guard_set(s, &sent);
	ledger_mark(tails_ledger(t->all), &s->mark);
	return (true);
}
