#include "daemon/find/recover_inside.h"

#include <limits.h>
#include <string.h>

#include "daemon/base/say.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/former.h"
#include "daemon/find/inside.h"
#include "daemon/find/retry.h"
#include "daemon/find/unmatched.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "lib/print_index.h"
#include "lib/rotation.h"

/* The record that most likely goes on in a candidate. */
struct choice {
	const struct candidate *c;
	bool unsent; /* of records of which nothing was sent, or of others */
	bool made; /* of those that were written before c was made */
	bool early; /* of those whose own file can be read */
	struct unmatched_record *best;
};

/*
 * Where several records fit, the one of which the most was sent is the
 * likeliest.  Of a compressed file's text the length is not known: then the one
 * of which the least was sent, for rather too much is sent than too little.
 */
static bool
is_likelier(const struct choice *x, const struct unmatched_record *o)
{
	const struct unmatched_record *than = x->best;

	if (than == NULL)
		return (true);
	if ((o->rec.nguards > 0) != (than->rec.nguards > 0))
		return (o->rec.nguards > 0);
	if (o->rec.print.len != than->rec.print.len)
		return (o->rec.print.len > than->rec.print.len);
	if (x->c->kind == INFLATE_NONE || o->rec.nguards > 0)
		return (o->rec.offset > than->rec.offset);
	return (o->rec.offset < than->rec.offset);
}

/*
 * Whether the record may go on in c by the directory that c is in.  Where that
 * is in the tree only for links into it, other files are there, too: c has to
 * have a name to which a link leads or led.
 */
static bool
may_be_there_as(const struct unmatched_record *o, const struct candidate *c)
{
	unsigned i;

	if (c->dir->nmatches > 0 || c->base[0] != '\0')
		return (true);
	for (i = 0; i < o->nspots; i++)
		if (o->spots[i].dir == c->dir &&
		    strcmp(o->spots[i].base, c->name) == 0)
			return (true);
	return (false);
}

/* Whether c has the name of the record's file, or one that rotation gives. */
static bool
is_called_alike(const struct candidate *c, const struct unmatched_record *o)
{
	unsigned i;

	for (i = 0; i < o->nspots; i++)
		if (o->spots[i].dir == c->dir &&
		    strcmp(o->spots[i].base, c->name) == 0)
			return (true);
	return (c->base[0] != '\0');
}

bool
recover_is_unread(const struct file *t)
{
	return (t->suspect || (t->error != 0 && retry_may_help(t->error)));
}

/*
 * The record's own file is there, and cannot be read yet: it may still be the
 * same.
 */
static bool
may_be_there(const struct unmatched_record *o, struct file_table *file_table)
{
	const struct file *t =
	    file_table_find(file_table, o->rec.dev, o->rec.inode);

	return (t != NULL && recover_is_unread(t));
}

static bool
choose(void *who, void *arg)
{
	struct unmatched_record *o = who;
	struct choice *x = arg;

	sources_pause(x->c->dir->all);
	if (x->early && may_be_there(o, x->c->dir->all->file_table))
		return (true);
	if ((o->rec.offset == 0) == x->unsent && is_likelier(x, o) &&
	    may_be_there_as(o, x->c) &&
	    (!x->unsent || is_called_alike(x->c, o)) &&
	    (!x->made || candidate_is_made_since(x->c, o)) &&
	    candidate_continues(x->c, o, false))
		x->best = o;
	return (true);
}

struct unmatched_record *
recover_find(
    const struct recovery *h, const struct candidate *c, bool unsent, bool made)
{
	struct choice x = {
		.c = c, .unsent = unsent, .made = made, .early = h->early
	};
	struct print_index_query q = { .name = "",
		.head = c->head,
		.most = c->kind == INFLATE_NONE ? c->st.st_size
						: CANDIDATE_ANY_SIZE };
	char base[NAME_MAX + 1];
	size_t i;

	sources_pause(h->dir->all);
	if (c->head_len < 0)
		return (NULL);
	q.len = (size_t)c->head_len;
	if (c->base[0] == '\0') {
		unmatched_each(h->os, &q, choose, &x);
		return (x.best);
	}
	q.name = base;
	for (i = 0; rotation_base(c->name, i, base, sizeof(base)); i++)
		print_index_each(h->missing, &q, choose, &x);
	return (x.best);
}

static void
adopt(struct candidate *c, struct unmatched_record *o)
{
	const struct former was = { .dir = o->spots[0].dir,
		.base = o->spots[0].base,
		.trust = TRUST_PLAIN };
	struct stream *s;
	struct file *t;
	off_t offset;

	if ((t = former_follow(c, &was)) == NULL)
		return;
	offset = candidate_offset(c, o);
	o->found = true;
	c->is_told = true;
	for (s = t->streams; s != NULL; s = s->next)
		if (strcmp(s->route->to->name, o->rec.dest) == 0) {
			s->cursor.sent = s->cursor.acked = offset;
			stream_guard_load(s, &o->rec);
		}
	if (c->kind != INFLATE_NONE && t->size <= offset)
		t->size = offset + 1;
	if (o->rec.nguards > 0 || o->rec.offset == 0)
		say_info(file_path(t).text, "has what was %s: goes on at %lld",
		    o->rec.path, (long long)offset);
	else
		say_notice(file_path(t).text,
		    "begins like what was %s: goes on at %lld, as "
		    "nothing more is known of that",
		    o->rec.path, (long long)offset);
}

/*
 * The record's file goes on in c for every destination that has a record of it.
 */
static void
adopt_file(struct recovery *h, struct candidate *c, struct unmatched_record *o)
{
	for (o = unmatched_first(o); o != NULL; o = unmatched_next(o)) {
		if (o->tried || !candidate_continues(c, o, true))
			continue;
		unmatched_try(h->os, o, h->dir, h->missing);
		adopt(c, o);
	}
}

void
recover_adopt_sent(struct recovery *h)
{
	struct unmatched_record *o;
	size_t i;

	for (i = h->n; i-- > 0;)
		if ((o = recover_find(h, h->list[i], false, false)) != NULL)
			adopt_file(h, h->list[i], o);
}

/*
 * Where nothing was sent, only the beginning tells, and other files may begin
 * alike.  So files that were made after the record come first, then files that
 * are followed anyway, then files that may have been sent long ago.
 */
enum turn {
	TURN_MADE,
	TURN_FOLLOWED,
	TURN_REST,
	TURNS
};

/* A file that is followed anyway is sent from its beginning. */
static void
adopt_unsent_file(struct recovery *h, struct candidate *c, enum turn turn)
{
	bool followed = c->used ||
	    file_table_find(
		c->dir->all->file_table, c->st.st_dev, c->st.st_ino) != NULL;
	struct unmatched_record *o;

	if (c->is_told || followed != (turn == TURN_FOLLOWED) ||
	    (o = recover_find(h, c, true, turn == TURN_MADE)) == NULL)
		return;
	if (turn != TURN_FOLLOWED) {
		adopt_file(h, c, o);
		return;
	}
	for (o = unmatched_first(o); o != NULL; o = unmatched_next(o))
		if (!o->tried && o->rec.offset == 0) {
			unmatched_try(h->os, o, h->dir, h->missing);
			o->found = true;
		}
}

void
recover_adopt_unsent(struct recovery *h)
{
	enum turn turn;
	size_t i;

	if (!unmatched_have_unsent(h->os))
		return;
	for (turn = 0; turn < TURNS; turn++)
		for (i = h->n; i-- > 0;)
			adopt_unsent_file(h, h->list[i], turn);
}
