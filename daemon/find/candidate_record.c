#include "daemon/base/read.h"
#include "daemon/find/candidate.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/unmatched.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/decode.h"
#include "lib/ns.h"
#include "lib/rotation.h"

/* A copy may be that much older than the record of its last line, */
#define SLACK_NS INT64_C(10000000000)
/* and only that much where the text is short, or compressed. */
#define SLACK_LITTLE_NS INT64_C(2000000000)

/* How many bytes in front of the offset, or at the beginning, are known. */
static size_t
octets_known(const struct unmatched_record *o)
{
	size_t known = o->rec.print.len;

	if (o->rec.nguards > 0 && known < guard_length(o->guards[0].at))
		known = guard_length(o->guards[0].at);
	return (known);
}

/*
 * Whether c may be a copy that was made after the record was written.  A time
 * that is still to come does not exclude that, unless the clock was set back
 * since, and the record is from after that.
 */
static bool
is_young_enough(const struct candidate *c, const struct unmatched_record *o)
{
	const struct checkpointer *l = c->dir->all->checkpointer;
	int64_t seen = checkpointer_since_record(l, o->rec.time);
	int64_t changed = ns_of(&c->st.st_ctim);

	if (seen != 0 && clock_is_to_come(changed) &&
	    checkpointer_side(l, changed) == CHECKPOINTER_BEFORE)
		return (false);
	seen -= octets_known(o) < GUARD_MAX || c->kind != INFLATE_NONE
	    ? SLACK_LITTLE_NS
	    : SLACK_NS;
	return (changed >= seen);
}

static bool
is_owned_alike(const struct candidate *c, const struct unmatched_record *o)
{
	struct stat st;

	return (c->st.st_uid == 0 || stat(o->rec.path, &st) == -1 ||
	    st.st_uid == c->st.st_uid);
}

/*
 * Two files may have the same short text: then the name has to tell that c is
 * the record's file, rotated.
 */
static bool
is_telling(const struct candidate *c, const struct unmatched_record *o)
{
	const char *base;
	unsigned i;

	if (octets_known(o) >= GUARD_MAX)
		return (true);
	for (i = 0; i < o->nspots; i++) {
		base = o->spots[i].base;
		if (strcmp(c->name, base) == 0 ||
		    rotation_is_of(c->name, base) ||
		    rotation_goes_on(c->name, base))
			return (true);
	}
	return (false);
}

/* The record's file still has its name, and other content: it was truncated. */
static bool
is_cut(const struct candidate *c, const struct unmatched_record *o)
{
	const struct file *t =
	    file_table_find(c->dir->all->file_table, o->rec.dev, o->rec.inode);

	return (t != NULL && t->place == &c->dir->place &&
	    strcmp(t->name, c->base) == 0);
}

/*
 * Whether the bytes in front of the offset prove by themselves that c is the
 * record's file, by its inode, or a copy of that, which was truncated then and
 * still has its name.  Times may say that c is too old: the clock may have been
 * set back, or the device have another number since.  Where the record's file
 * is gone, older files may just begin as it did.
 */
static bool
is_sure(const struct candidate *c, const struct unmatched_record *o)
{
	if (o->rec.nguards == 0 || guard_length(o->guards[0].at) < GUARD_MAX)
		return (false);
	return (c->st.st_ino == o->rec.inode || is_cut(c, o));
}

/* Whether a line ends at the offset: 1 or 0, or -1 where it cannot be read. */
static int
line_ends(const struct candidate *c, off_t offset)
{
	int fd, ends;

	if ((fd = candidate_open(c)) == -1)
		return (-1);
	ends = c->kind == INFLATE_NONE
	    ? read_line_ends_at(fd, offset)
	    : decoder_line_ends_at(fd, c->kind, offset);
	candidate_close(fd);
	return (ends);
}

/*
 * Whether the checkpoint has a record of c itself that reaches farther than
 * this record: then both files only begin alike, with a banner perhaps.
 */
static bool
is_known_as_itself(const struct candidate *c, const struct unmatched_record *o)
{
	const struct checkpoint_record *rec = checkpointer_last(
	    c->dir->all->checkpointer, c->st.st_dev, c->st.st_ino);

	return (rec != NULL && c->kind == INFLATE_NONE &&
	    c->st.st_ino != o->rec.inode && rec->nguards > 0 &&
	    rec->guards[0].at > o->rec.offset &&
	    candidate_holds(c, &rec->guards[0]) == 1);
}

bool
candidate_continues(
    const struct candidate *c, const struct unmatched_record *o, bool known)
{
	bool young = is_young_enough(c, o);
	int held = 1;

	if ((o->rec.print.len == 0 && o->rec.nguards == 0) ||
	    (!young && !known && !is_sure(c, o)) ||
	    (c->kind == INFLATE_NONE && c->st.st_size < o->rec.offset) ||
	    !fingerprint_matches(&o->rec.print, c->head, (size_t)c->head_len) ||
	    !is_telling(c, o) || !is_owned_alike(c, o))
		return (false);
	if (o->rec.nguards > 0)
		held = candidate_holds(c, &o->guards[0]);
	else if (o->rec.offset > 0)
		held = line_ends(c, o->rec.offset);
	return ((young ? held != 0 : held == 1) && !is_known_as_itself(c, o));
}

bool
candidate_is_finished(const struct candidate *c)
{
	const struct checkpoint_record *rec;
	char path[PATH_MAX];
	int64_t born;

	if (c->kind == INFLATE_NONE || dir_path(c->dir, c->name, path) == -1 ||
	    (rec = checkpointer_last(c->dir->all->checkpointer, c->st.st_dev,
		 c->st.st_ino)) == NULL ||
	    !fingerprint_matches(&rec->print, c->head, (size_t)c->head_len))
		return (false);
	/* Otherwise: compression keeps the time of the text's last line. */
	if ((born = born_ns(path, c->st.st_ino)) == 0)
		born = file_written_ns(&c->st);
	return (compressed_is_finished(rec, born));
}

/*
 * Bytes between the guard and the offset are not compared.  Where no line ends
 * at the offset, c may be the same as the record's file only up to the guard.
 */
off_t
candidate_offset(const struct candidate *c, const struct unmatched_record *o)
{
	const struct guard *g = &o->guards[0];

	return (o->rec.nguards > 0 && g->at < o->rec.offset &&
		    line_ends(c, o->rec.offset) == 0
		? g->at
		: o->rec.offset);
}

bool
candidate_is_made_since(
    const struct candidate *c, const struct unmatched_record *o)
{
	char path[PATH_MAX];
	int64_t born;

	if (dir_path(c->dir, c->name, path) == -1 ||
	    (born = born_ns(path, c->st.st_ino)) == 0)
		return (last_look_may_precede(c->dir, &c->st.st_ctim));
	return (born / NS_IN_S >= o->rec.time);
}
