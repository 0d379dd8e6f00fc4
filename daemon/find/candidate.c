#include "daemon/find/candidate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/find/unmatched.h"
#include "daemon/sandbox/opener.h"
#include "daemon/stream/compressed.h"
#include "lib/kin.h"
#include "lib/ns.h"
#include "lib/rotation.h"

#define COMPARED 4096 /* octets, at the end of a copy */
/* A copy may be made before the last line comes. */
#define SLACK_NS INT64_C(10000000000)
/* The same of a text that tells little, and of what compression made. */
#define SLACK_LITTLE_NS INT64_C(2000000000)

bool
dir_may_be_since(const struct dir *d, const struct timespec *t)
{
	return (
	    place_side(&d->place, d->all->ledger, ns_of(t)) != LEDGER_BEFORE);
}

struct candidate *
candidate_new(struct dir *d, const char *name, const struct stat *st)
{
	struct candidate *c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->name = strdup(name)) == NULL) {
		free(c);
		return (NULL);
	}
	c->dir = d;
	c->st = *st;
	return (c);
}

void
candidate_free(struct candidate *c)
{
	free(c->name);
	free(c);
}

static void
close_quietly(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
}

/* Whether the file that is open is c: returns 0, or -1 with errno. */
static int
check_it(const struct candidate *c, int fd)
{
	unsigned n = 0;
	int is;

	while ((is = is_open_as(fd, &c->st)) == -1)
		if (!lookup_again(c->dir->all, n++))
			return (-1);
	if (is == 1)
		return (0);
	errno = ESTALE;
	return (-1);
}

/* ESTALE: another file has the name now. */
static int
open_it(const struct candidate *c)
{
	char path[PATH_MAX];
	unsigned n = 0;
	int fd;

	if (dir_path(c->dir, c->name, path) == -1)
		return (-1);
	do
		fd = opener_open(path,
		    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	while (fd == -1 && lookup_again(c->dir->all, n++));
	if (fd != -1 && check_it(c, fd) == -1) {
		close_quietly(fd);
		return (-1);
	}
	return (fd);
}

static int
read_head(struct candidate *c)
{
	int fd;

	c->head_len = -1;
	c->kind = INFLATE_NONE;
	if ((fd = open_it(c)) == -1)
		return (-1);
	c->head_len = fingerprint_head(fd, c->head);
	if (c->head_len > 0 && rotation_is_packed(c->name))
		c->kind = inflate_kind_of(c->head, (size_t)c->head_len);
	if (c->kind != INFLATE_NONE)
		c->head_len = tail_packed_head(fd, c->kind, c->head);
	close_quietly(fd);
	return (c->head_len == -1 ? -1 : 0);
}

static void
say_unread(const struct candidate *c)
{
	int error = errno;
	char path[PATH_MAX];

	if (dir_path(c->dir, c->name, path) == -1)
		return;
	errno = error;
	say_warn(path,
	    "cannot be read, and is passed over: it may be what a file has "
	    "become while the daemon was down");
}

int
candidate_read_head(struct candidate *c)
{
	unsigned n = 0;

	while (read_head(c) == -1) {
		if (lookup_again(c->dir->all, n++))
			continue;
		if (is_no_answer(errno))
			return (-1);
		if (errno != ENOENT && errno != ESTALE && c->dir->all->starting)
			say_unread(c);
		return (errno == EACCES || errno == EPERM ? -1 : 0);
	}
	return (0);
}

int
candidate_compare(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a;
	const struct candidate *y = *(struct candidate *const *)b;
	int order;

	if (written_ns(&x->st) != written_ns(&y->st))
		return (written_ns(&x->st) < written_ns(&y->st) ? -1 : 1);
	if ((order = strcmp(x->base, y->base)) == 0 &&
	    (order = rotation_compare(x->base, x->name, y->name)) == 0)
		order = strcmp(x->name, y->name);
	return (order);
}

/*
 * Whether c has what the guard was made of.  Returns 1 or 0, or -1 where nobody
 * knows.
 */
static int
holds_once(const struct candidate *c, const struct guard *g)
{
	int fd, result;

	if ((fd = open_it(c)) == -1)
		return (-1);
	result = c->kind == INFLATE_NONE ? guard_holds(g, fd)
					 : tail_packed_guard(fd, c->kind, g);
	close_quietly(fd);
	return (result);
}

static int
holds(const struct candidate *c, const struct guard *g)
{
	unsigned n = 0;
	int result;

	if (g->at <= c->head_len)
		return (guard_matches(g, c->head, (size_t)g->at));
	if (c->kind == INFLATE_NONE && c->st.st_size < g->at)
		return (0);
	while (
	    (result = holds_once(c, g)) == -1 && lookup_again(c->dir->all, n++))
		;
	return (result);
}

/* How many octets of what was sent of o, or of its beginning, are known. */
static size_t
octets_known(const struct orphan *o)
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
is_young_enough(const struct candidate *c, const struct orphan *o)
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
is_owned_alike(const struct candidate *c, const struct orphan *o)
{
	struct stat st;

	return (c->st.st_uid == 0 || stat(o->rec.path, &st) == -1 ||
	    st.st_uid == c->st.st_uid);
}

/* A short text may be anybody's: the name has to say that it is this one. */
static bool
is_telling(const struct candidate *c, const struct orphan *o)
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
is_cut(const struct candidate *c, const struct orphan *o)
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
is_sure(const struct candidate *c, const struct orphan *o)
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

	if ((fd = open_it(c)) == -1)
		return (-1);
	ends = c->kind == INFLATE_NONE
	    ? line_ends_at(fd, offset)
	    : tail_packed_line_ends_at(fd, c->kind, offset);
	close_quietly(fd);
	return (ends);
}

/*
 * Whether the checkpoint knows more of c, as the file that it is, than what
 * stands in the orphan, too: both may begin with a banner.
 */
static bool
is_known_as_itself(const struct candidate *c, const struct orphan *o)
{
	const struct checkpoint_record *rec =
	    ledger_last(c->dir->all->ledger, c->st.st_dev, c->st.st_ino);

	return (rec != NULL && c->kind == INFLATE_NONE &&
	    c->st.st_ino != o->rec.inode && rec->nguards > 0 &&
	    rec->guards[0].at > o->rec.offset &&
	    holds(c, &rec->guards[0]) == 1);
}

bool
candidate_continues(
    const struct candidate *c, const struct orphan *o, bool known)
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
		held = holds(c, &o->guards[0]);
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
candidate_offset(const struct candidate *c, const struct orphan *o)
{
	const struct guard *g = &o->guards[0];

	return (o->rec.nguards > 0 && g->at < o->rec.offset &&
		    line_ends(c, o->rec.offset) == 0
		? g->at
		: o->rec.offset);
}

/* The ends of two files: returns 1 or 0, or -1 with errno. */
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
 * Whether c and the file of t are the same, up to the end of c; or the text of
 * c, where that is compressed.  Returns 1 or 0, or -1 with errno where they
 * could not be read.
 */
static int
is_part_of(const struct candidate *c, struct tail *t)
{
	int fd, is, of = tail_fd(t);

	if (of == -1) {
		errno = t->error;
		return (t->error != 0 ? -1 : 0);
	}
	if ((fd = open_it(c)) == -1)
		return (-1);
	if (c->kind == INFLATE_NONE)
		is = is_same_end(fd, of, c->st.st_size);
	else
		is = tail_packed_is_part(fd, c->kind, of) != 0;
	close_quietly(fd);
	return (is);
}

static bool
is_part(const struct candidate *c, struct tail *t)
{
	unsigned n = 0;
	int is;

	if (c->kind != INFLATE_NONE && t->packed != INFLATE_NONE)
		return (false);
	while ((is = is_part_of(c, t)) == -1 && lookup_again(c->dir->all, n++))
		;
	return (is == 1);
}

/* The copy of which file c is, as far as it was looked for. */
struct likeness {
	const struct candidate *c;
	struct tail *of;
};

/*
 * Whether c was made behind the last write to t, which still has the name from
 * which rotation made that of c.
 */
static bool
is_made_of(const struct candidate *c, const struct tail *t)
{
	char path[PATH_MAX];

	return (t->place == &c->dir->place && strcmp(t->name, c->base) == 0 &&
	    dir_path(c->dir, c->name, path) == 0 &&
	    born_ns(path, c->st.st_ino) >= t->written_ns);
}

/*
 * A copy has nothing of its own.  That is not enough, for a second log may say
 * the same: it also has the time of the file; or a name that hardly anything
 * but rotation gives, and was made of it, or has all that was sent of that.
 */
static bool
is_copy_of(void *who, void *arg)
{
	struct tail *t = who;
	struct likeness *l = arg;
	const struct candidate *c = l->c;
	struct guard g;

	if (t->dev == c->st.st_dev && t->ino == c->st.st_ino)
		return (true);
	g = tail_newest_guard(t);
	if (c->kind != INFLATE_NONE) {
		if (g.at > 0 && holds(c, &g) == 1 && is_part(c, t))
			l->of = t;
	} else if (is_part(c, t) &&
	    ((written_ns(&c->st) == t->written_ns && is_time_set(&c->st)) ||
		(rotation_is_copy_of(c->name, c->base) &&
		    (is_made_of(c, t) ||
			(c->st.st_size >= GUARD_MAX && g.at > 0 &&
			    holds(c, &g) == 1))))) {
		l->of = t;
	}
	return (l->of == NULL);
}

struct tail *
candidate_original(const struct candidate *c, struct kin *followed)
{
	struct kin_query q = { .name = c->base,
		.head = c->head,
		.len = (size_t)c->head_len,
		.least = c->kind == INFLATE_NONE ? c->st.st_size : 0,
		.most = CANDIDATE_ANY_SIZE };
	struct likeness l = { .c = c };
	char path[PATH_MAX];

	kin_each(followed, &q, is_copy_of, &l);
	if (l.of != NULL && dir_path(c->dir, c->name, path) == 0)
		say_info(path, "is a copy of %s: not sent", l.of->name);
	return (l.of);
}

/* Whether the checkpoint knows that t has had the name that c had. */
static bool
is_known_as(const struct tail *t, const struct candidate *c)
{
	return (t->met && !t->passed_by && t->rotated &&
	    rotation_is_of(t->name, c->base));
}

/*
 * Whether a is the younger one, by name.  An empty one says less than another:
 * the inode of one that the checkpoint knows may be that of any.
 */
static bool
is_younger(const struct tail *a, const struct tail *b, const char *base)
{
	if (b == NULL || (a->size == 0) != (b->size == 0))
		return (b == NULL || a->size > 0);
	return (rotation_compare(base, a->name, b->name) > 0);
}

/*
 * Whether a name is still that of the file which had it at the last look, as
 * what was sent of that tells: no other can have had it since.
 */
static bool
has_what_was_sent(struct tail *t)
{
	return (t != NULL && t->met && !t->rotated && t->size > 0 &&
	    tail_newest_guard(t).at > 0);
}

/*
 * Whether it is younger than all files that are known to have had its name, by
 * when they were written or by their names: the clock was set back, perhaps
 * more than once, so that a younger file may have an older time.  Of one whose
 * time is still to come the name has to tell.  When an empty one was written
 * says nothing, and its inode may be that of any.  If none is known it is as it
 * seems.
 */
static bool
is_behind_known(const struct candidate *c, bool seems)
{
	struct tail *t, *base = tail_at(&c->dir->place, c->base);
	bool by_time = true, by_name = true, is_known = false;
	int order;

	/* Another has its name: the one that had it is gone elsewhere. */
	seems |= base == NULL || !base->met;
	if (has_what_was_sent(base))
		return (false);
	RB_FOREACH (t, tail_names, &c->dir->place.names) {
		if (!is_known_as(t, c) || t->size == 0 || t->was_empty)
			continue;
		is_known = true;
		order = rotation_compare(c->base, c->name, t->name);
		by_name &= order > 0;
		if (clock_is_to_come(written_ns(&c->st)))
			by_time &= order > 0 ||
			    (order == 0 && c->kind == INFLATE_NONE);
		else if (clock_is_to_come(t->written_ns))
			by_time &= order >= 0;
		else
			by_time &= t->written_ns <= written_ns(&c->st);
	}
	return (is_known ? by_time || by_name : seems);
}

const struct tail *
candidate_youngest(const struct candidate *c)
{
	struct place *place = &c->dir->place;
	size_t n = strcspn(c->base, ".");
	const struct tail *youngest = NULL;
	char stem[NAME_MAX + 1];
	struct tail *t;

	memcpy(stem, c->base, n);
	stem[n] = '\0';
	for (t = tail_behind(place, stem);
	     t != NULL && strncmp(t->name, stem, n) == 0;
	     t = RB_NEXT(tail_names, &place->names, t))
		if (is_known_as(t, c) && is_younger(t, youngest, c->base))
			youngest = t;
	return (youngest);
}

/*
 * When it was written last, as far as its times tell.  One that is still to
 * come is none: then when it changed counts, which may be when it got another
 * name; *is_own is whether it was not needed.
 */
static int64_t
last_write(const struct candidate *c, bool *is_own)
{
	const int64_t changed = ns_of(&c->st.st_ctim);
	const int64_t written = written_ns(&c->st);

	*is_own = !clock_is_to_come(written) || clock_is_to_come(changed);
	return (*is_own ? written : changed);
}

/*
 * Of what was sent and compressed before the checkpoint, the time is that of
 * its last line, which came before.
 */
static enum ledger_side
side_of(const struct candidate *c, int64_t written)
{
	return (place_side(&c->dir->place, c->dir->all->ledger,
	    written - (c->kind != INFLATE_NONE)));
}

/* The file that is called as c was, perhaps by a link that leads there. */
static struct tail *
find_base(const struct candidate *c)
{
	struct tail *t = tail_at(&c->dir->place, c->base);
	const char *name;
	struct dir *d;

	if (t != NULL ||
	    (d = dir_link_to(c->dir, c->base, &c->st, &name)) == NULL)
		return (t);
	return (tail_at(&d->place, name));
}

/*
 * A file that was written while the clock was set back has a time of before:
 * where another can have had the name of c since the last look, the names tell.
 * Of one that is compressed its name does not tell that it was not sent.
 */
static bool
is_younger_by_name(const struct candidate *c, const struct tail *youngest)
{
	return (c->kind == INFLATE_NONE && youngest != NULL &&
	    rotation_compare(c->base, c->name, youngest->name) > 0 &&
	    !has_what_was_sent(find_base(c)));
}

/* Where its time says nothing the names tell. */
bool
candidate_is_new(const struct candidate *c, const struct tail *youngest)
{
	const struct ledger *l = c->dir->all->ledger;
	enum ledger_side side;
	bool is_own;

	if (c->is_deferred)
		return (true);
	side = side_of(c, last_write(c, &is_own));
	if (side == LEDGER_BEFORE)
		return (is_younger_by_name(c, youngest));
	if (side == LEDGER_SINCE && is_own)
		return (true);
	return (
	    is_behind_known(c, side == LEDGER_SINCE || !ledger_knows_look(l)));
}

void
candidate_defer(const struct candidate *c)
{
	bool is_own;
	int64_t written = last_write(c, &is_own);

	if (c->is_deferred || side_of(c, written) != LEDGER_BEFORE)
		dir_defer(c->dir, c->st.st_ino, written);
}

void
candidate_undefer(struct candidate *c)
{
	bool is_own;

	c->is_deferred =
	    dir_undefer(c->dir, c->st.st_ino, last_write(c, &is_own));
}

void
candidate_undefer_moved(
    struct candidate *c, bool (*is_there)(ino_t, void *), void *arg)
{
	bool is_own;

	if (!c->is_deferred && c->base[0] != '\0' && c->head_len >= 0)
		c->is_deferred = dir_undefer_moved(
		    c->dir, last_write(c, &is_own), is_there, arg);
}

bool
candidate_is_made_since(const struct candidate *c, const struct orphan *o)
{
	char path[PATH_MAX];
	int64_t born;

	if (dir_path(c->dir, c->name, path) == -1 ||
	    (born = born_ns(path, c->st.st_ino)) == 0)
		return (dir_may_be_since(c->dir, &c->st.st_ctim));
	return (born / NS_IN_S >= o->rec.time);
}
