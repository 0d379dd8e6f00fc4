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

/* A copy may be made before the last line comes. */
#define SLACK_NS INT64_C(10000000000)
/* The same of a text that tells little, and of what compression made. */
#define SLACK_LITTLE_NS INT64_C(2000000000)

/* How many octets of what was sent of o, or of its beginning, are known. */
static size_t
octets_known(const struct unmatched_record *o)
{
	size_t known = o->rec.print.len;

	if (o->rec.nguards > 0 && known < guard_length(o->guards[0].at))
		known = guard_length(o->guards[0].at);
	return (known);
}

/*
 * Whether c can be a copy that was made of o since it was looked at last.  A
 * time that is still to come says nothing, unless that is one of before the
 * clock was set back, and o was looked at behind that.
 */
static bool
is_young_enough(const struct candidate *c, const struct unmatched_record *o)
{
	const struct ledger *l = c->dir->all->ledger;
	int64_t seen = ledger_since_record(l, o->rec.time);
	int64_t changed = ns_of(&c->st.st_ctim);

	if (seen != 0 && clock_is_to_come(changed) &&
	    ledger_side(l, changed) == LEDGER_BEFORE)
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

/* A short text may be anybody's: the name has to say that it is this one. */
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

/* The file of the record is where it was, and has something else now. */
static bool
is_cut(const struct candidate *c, const struct unmatched_record *o)
{
	const struct tail *t =
	    tails_find(c->dir->all->tails, o->rec.dev, o->rec.inode);

	return (t != NULL && t->place == &c->dir->place &&
	    strcmp(t->name, c->base) == 0);
}

/*
 * Whether what stands before the offset tells by itself that c is a copy of a
 * file that was truncated, with its name, or with its inode that it is the
 * file: by the clock it may be too old, as that may have been set back, and a
 * file may have moved long ago on a device that has another number now.  If the
 * file is not there any more, older ones may just begin as it did.
 */
static bool
is_sure(const struct candidate *c, const struct unmatched_record *o)
{
	if (o->rec.nguards == 0 || guard_length(o->guards[0].at) < GUARD_MAX)
		return (false);
	return (c->st.st_ino == o->rec.inode || is_cut(c, o));
}

/* Returns 1 or 0, or -1 where nobody knows. */
static int
line_ends(const struct candidate *c, off_t offset)
{
	int fd, ends;

	if ((fd = candidate_open(c)) == -1)
		return (-1);
	ends = c->kind == INFLATE_NONE
	    ? line_ends_at(fd, offset)
	    : tail_packed_line_ends_at(fd, c->kind, offset);
	candidate_close(fd);
	return (ends);
}

/*
 * Whether the checkpoint knows more of c, as the file that it is, than what
 * stands in the orphan, too: both may begin with a banner.
 */
static bool
is_known_as_itself(const struct candidate *c, const struct unmatched_record *o)
{
	const struct checkpoint_record *rec =
	    ledger_last(c->dir->all->ledger, c->st.st_dev, c->st.st_ino);

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
	    (rec = ledger_last(
		 c->dir->all->ledger, c->st.st_dev, c->st.st_ino)) == NULL ||
	    !fingerprint_matches(&rec->print, c->head, (size_t)c->head_len))
		return (false);
	/* Where that is not known, it was written last when its text was. */
	if ((born = born_ns(path, c->st.st_ino)) == 0)
		born = written_ns(&c->st);
	return (tail_packed_is_finished(rec, born));
}

/*
 * What was acknowledged behind the guard is not compared.  Where no line ends
 * there, c may only begin like the orphan, up to the guard.
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
