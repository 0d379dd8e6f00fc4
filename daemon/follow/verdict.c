#include "daemon/follow/verdict.h"

#include <sys/stat.h>

#include <errno.h>
#include <string.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/base/read.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/stream/decode.h"
#include "daemon/stream/stream.h"
#include "lib/ns.h"
#include "lib/rotation.h"

#define READ_AGAIN 3 /* times, where the disk fails */

static bool
is_rotated_from(const struct file *t, const char *path)
{
	return (names_holds(t->place, path) &&
	    !rotation_is_compressed(t->name) &&
	    rotation_is_of(t->name, strrchr(path, '/') + 1));
}

/*
 * Whether rotation made the name of the file from that in the record; or from
 * the one that it had behind a link, or after an earlier rotation, if it has
 * not that still.
 */
static bool
was_called(const struct file *t, const struct checkpoint_record *rec)
{
	return (t->place != NULL &&
	    (is_rotated_from(t, rec->path) ||
		(rec->real != NULL &&
		    (strcmp(rec->real, file_path(t).text) == 0 ||
			is_rotated_from(t, rec->real)))));
}

/*
 * Whether the record is of the text of a file that is compressed.  Returns 1 or
 * 0, or -1 with errno where it cannot be read.
 */
static int
is_text_of(struct file *t, const struct route *r, int fd,
    const struct checkpoint_record *rec)
{
	uint8_t head[FINGERPRINT_MAX], text[FINGERPRINT_MAX];
	enum inflate_kind kind;
	int n;

	if (!r->source->compressed || rec->print.len == 0)
		return (0);
	if ((n = read_fingerprint_head(fd, head)) == -1)
		return (-1);
	if ((kind = inflate_kind_of(head, (size_t)n)) == INFLATE_NONE)
		return (0);
	if ((n = decoder_read_head(fd, kind, text)) == -1)
		return (-1);
	if (!fingerprint_matches(&rec->print, text, (size_t)n) ||
	    (rec->nguards > 0 &&
		decoder_has_guard(fd, kind, &rec->guards[0]) == 0))
		return (0);
	file_set_compressed(t, kind, &rec->print);
	t->size = rec->offset + 1;
	return (1);
}

/* Whether t has a name that rotation gives after the one in path. */
static bool
has_later_name(const struct file *t, const char *path)
{
	return (t->place != NULL && names_holds(t->place, path) &&
	    !rotation_is_compressed(t->name) &&
	    rotation_goes_on(t->name, strrchr(path, '/') + 1));
}

/*
 * Whether the inode was this file's when the record was written, as the time
 * tells at which it was made.  Where both are of one second, a file that was
 * rotated further tells the same.  A record of a time to come tells nothing; a
 * file that was made before the clock was set back was there behind that.
 */
static bool
was_there(const struct file *t, const struct checkpoint_record *rec)
{
	struct path_text buf;
	const char *real = file_real(t, &buf);
	int64_t born;

	born = born_ns(real != NULL ? real : file_path(t).text, t->ino);
	if (born == 0 || rec->time > clock_wall_s())
		return (false);
	if (clock_is_to_come(born) &&
	    checkpointer_side(file_table_checkpointer(t->all), born) ==
		CHECKPOINTER_BEFORE)
		return (true);
	born /= NS_IN_S;
	return (born < rec->time ||
	    (born == rec->time && has_later_name(t, rec->path)));
}

/*
 * Compares by the fingerprint, as the record has no guard: nothing was sent,
 * or an older version wrote it.
 */
static enum verdict
compare_print(const struct file *t, int fd, const struct checkpoint_record *rec)
{
	uint8_t head[FINGERPRINT_MAX];
	int n;

	if ((n = read_fingerprint_head(fd, head)) == -1)
		return (VERDICT_LATER);
	if (!fingerprint_matches(&rec->print, head, (size_t)n) ||
	    rec->offset > t->size)
		return (VERDICT_OTHER);
	if (rec->print.len > 0)
		return (VERDICT_SAME);
	/* A record of a rest, or of NULs, tells of no file that has a name. */
	return (rec->offset > 0 && t->place != NULL &&
		    !(n == 0 && was_there(t, rec))
		? VERDICT_OTHER
		: VERDICT_LIKELY);
}

/*
 * Compares by the guards, and sets *offset to where the newest that holds says
 * to go on.  What was sent behind that is not compared, but ended with a line.
 */
static enum verdict
compare_guards(const struct file *t, int fd,
    const struct checkpoint_record *rec, off_t *offset)
{
	int holds, ends = 1;
	unsigned i;

	for (i = 0; i < rec->nguards; i++) {
		if ((holds = read_guard_holds(&rec->guards[i], fd)) == -1)
			return (VERDICT_LATER);
		if (!holds)
			continue;
		if (i == 0 && rec->guards[0].at < rec->offset &&
		    (ends = read_line_ends_at(fd, rec->offset)) == -1)
			return (VERDICT_LATER);
		if (i == 0 && rec->offset <= t->size && ends == 1)
			return (VERDICT_SAME);
		*offset = rec->guards[i].at < rec->offset ? rec->guards[i].at
							  : rec->offset;
		return (VERDICT_BACK);
	}
	return (VERDICT_OTHER);
}

bool
verdict_is_made_since(const struct file *t, const struct checkpoint_record *rec)
{
	const struct checkpointer *l = file_table_checkpointer(t->all);
	int64_t born;

	if (t->place == NULL || checkpointer_is_first(l))
		return (false);
	born = born_ns(file_path(t).text, t->ino);
	if (born == 0 || names_side(t->place, l, born) != CHECKPOINTER_SINCE)
		return (false);
	/*
	 * Both times may be of one second, where the file system counts
	 * seconds.
	 */
	return (checkpointer_side(l, born - 1) == CHECKPOINTER_SINCE ||
	    born / NS_IN_S > rec->time);
}

/*
 * Whether the file was made after the record was written, if nobody set the
 * clock.
 */
static bool
is_younger(const struct file *t, const struct checkpoint_record *rec)
{
	int64_t born = born_ns(file_path(t).text, t->ino);

	return (born != 0 && born / NS_IN_S > rec->time);
}

/*
 * Whether the record has enough to tell the file by: another file that got the
 * inode may begin alike for a line or two.  Of such a short text the file must
 * have the name of the record, or one that rotation gives, or be older than
 * the record.  A file that no source means may also have a banner, and must
 * not be younger.
 */
static bool
is_telling(const struct file *t, const struct checkpoint_record *rec)
{
	const struct file_finder *finder = file_finder(t->all);
	size_t known = rec->print.len;

	if (t->place == NULL)
		return (true);
	if (!finder->means(t->place, t->name))
		return (!verdict_is_made_since(t, rec) &&
		    (was_called(t, rec) || !is_younger(t, rec)));
	if (rec->nguards > 0 && known < guard_length(rec->guards[0].at))
		known = guard_length(rec->guards[0].at);
	return (known >= GUARD_MAX ||
	    strcmp(rec->path, file_path(t).text) == 0 || was_called(t, rec) ||
	    was_there(t, rec));
}

bool
verdict_is_of_a_rest(const struct checkpoint_record *rec)
{
	return (rec->print.len == 0 && rec->print.hash == 0 && rec->offset > 0);
}

enum verdict
verdict_of(struct file *t, struct route *r, int fd,
    const struct checkpoint_record *rec, off_t *offset)
{
	enum verdict v;
	unsigned n = 0;
	int text;

	*offset = rec->offset;
	if (verdict_is_of_a_rest(rec) && t->place != NULL)
		return (VERDICT_OTHER);
	/* Where nothing was sent, content tells too little. */
	if (rec->offset == 0 && verdict_is_made_since(t, rec))
		return (VERDICT_OTHER);
	if (fd == -1)
		return (VERDICT_LATER);
	do {
		v = rec->nguards > 0 ? compare_guards(t, fd, rec, offset)
				     : compare_print(t, fd, rec);
		/*
		 * A compressed file has the record of nothing that was there
		 * before it.
		 */
		text = v == VERDICT_OTHER && !is_younger(t, rec)
		    ? is_text_of(t, r, fd, rec)
		    : 0;
		if (text == -1)
			v = VERDICT_LATER;
	} while (v == VERDICT_LATER && n++ < READ_AGAIN);
	if (v == VERDICT_LATER)
		file_cannot_be_read(t, errno);
	if (text == 1)
		return (VERDICT_SAME);
	/* A file without a name can only have been handed over, open. */
	if (v == VERDICT_LIKELY && (t->place == NULL || was_called(t, rec)))
		return (VERDICT_SAME);
	return (v != VERDICT_LATER && !is_telling(t, rec) ? VERDICT_OTHER : v);
}

bool
verdict_has_lost_end(
    const struct file *t, int fd, const struct checkpoint_record *rec)
{
	uint8_t head[FINGERPRINT_MAX];
	unsigned i;
	int n;

	for (i = 0; i < rec->nguards; i++)
		if (rec->guards[i].at <= t->size)
			return (false);
	if ((rec->nguards == 0 && rec->print.len <= t->size) ||
	    !was_there(t, rec) || (n = read_fingerprint_head(fd, head)) == -1)
		return (false);
	/* With less than the fingerprint has, only the name tells. */
	return ((size_t)n >= rec->print.len ? rec->print.len > 0 &&
		    fingerprint_matches(&rec->print, head, (size_t)n)
					    : was_called(t, rec));
}
