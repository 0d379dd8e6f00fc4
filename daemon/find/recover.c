#include "daemon/find/recover.h"

#include <sys/stat.h>

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/recover_inside.h"
#include "daemon/find/retry.h"
#include "daemon/find/scan.h"
#include "daemon/find/unmatched.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/streams.h"

#define AGAIN_MOST 8 /* attempts, while names in the directory change */

/* The time when names in d changed last, in nanoseconds, or -1 with errno. */
static int64_t
names_changed(const struct dir *d)
{
	struct stat st;
	unsigned n = 0;

	while (stat(dir_display(d), &st) == -1)
		if (!retry_lookup(d->all, n++))
			return (-1);
	return (file_written_ns(&st));
}

/* Returns true to be called again: names changed meanwhile. */
static bool
recover_dir_once(struct unmatched *os, struct dir *d)
{
	struct recovery h = { .os = os, .dir = d };
	int64_t before = names_changed(d), after, began = clock_wall_ns();

	if (recover_begin(&h) == 0) {
		recover_list(&h);
		recover_adopt_sent(&h);
		recover_follow_new(&h);
		recover_adopt_unsent(&h);
	}
	recover_end(&h);
	if ((after = names_changed(d)) == -1)
		return (retry_may_help(errno));
	return (h.changing || names_were_changing(before, after, began));
}

static void
recover_dir(struct unmatched *os, struct dir *d)
{
	unsigned n = 0;

	while (recover_dir_once(os, d) && n < AGAIN_MOST) {
		errno = EAGAIN;
		if (!retry_lookup(d->all, n++))
			break;
	}
}

/* Whether all files of d are of the checkpoint, with some content there. */
static bool
is_known(struct dir *d)
{
	struct file *t;

	RB_FOREACH (t, names_by_name, &d->place.names)
		if (!t->met || (t->was_empty && t->size > 0))
			return (false);
	return (true);
}

/*
 * Whether no name in d has changed since the checkpoint was written.  Where the
 * clock was set back, that is not known.
 */
static bool
is_unchanged(struct dir *d)
{
	struct stat st;

	sources_pause(d->all);
	return (stat(dir_display(d), &st) == 0 &&
	    !last_look_may_precede(d, &st.st_mtim) && is_known(d));
}

/* Whether d is in the tree for links into it, and was not listed yet. */
static bool
is_unlisted(const struct dir *d)
{
	return (d->scan == 0 && (d->nmatches == 0 || !RB_EMPTY(&d->targets)));
}

static void
recover(struct sources *ss)
{
	struct unmatched *os;
	struct dir *d;

	recover_enter_dirs(ss);
	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d))
		if (is_unlisted(d) || !is_unchanged(d))
			recover_examine_moved(d);
	scan_all(ss);
	if ((os = unmatched_new(ss)) == NULL)
		return;
	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d))
		if (unmatched_are_missed(os, d) || !is_unchanged(d) ||
		    last_look_has_deferred(d))
			recover_dir(os, d);
	unmatched_end(os, NULL);
	if (ss->nretries > 0)
		ss->unmatched = os;
	else
		unmatched_free(os);
}

static bool
has_unread(struct dir *d)
{
	struct file *t;

	RB_FOREACH (t, names_by_name, &d->place.names)
		if (recover_is_unread(t))
			return (true);
	return (false);
}

/*
 * A file in which no record goes on need not wait for those that cannot be
 * read.
 */
static void
decide_others(struct recovery *h)
{
	const struct candidate *c;
	struct file *t;
	size_t i;

	h->early = false;
	for (i = 0; i < h->n; i++) {
		c = h->list[i];
		t = file_table_find(
		    h->dir->all->file_table, c->st.st_dev, c->st.st_ino);
		if (t != NULL && c->head_len > 0 &&
		    recover_find(h, c, false, false) == NULL)
			streams_decide(t);
	}
}

/*
 * Some files of d cannot be read yet.  In others records may go on: such a file
 * is followed for that before its own name has it sent from the beginning.
 */
static void
recover_early(struct unmatched *os, struct dir *d)
{
	struct recovery h = { .os = os, .dir = d, .early = true };

	if (recover_begin(&h) == 0) {
		recover_list(&h);
		recover_adopt_sent(&h);
		decide_others(&h);
	}
	recover_end(&h);
}

void
recover_late(struct dir *d)
{
	struct sources *ss = d->all;
	struct unmatched *os = d->started ? ss->unmatched : NULL, *own = NULL;

	if (!d->unrecovered || d->retry || d->said)
		return;
	d->unrecovered = has_unread(d);
	if (d->unrecovered)
		retry_dir(d);
	if (checkpointer_is_first(ss->checkpointer))
		return;
	if (os == NULL && (os = own = unmatched_new(ss)) == NULL)
		return;
	if (d->unrecovered)
		recover_early(os, d);
	else
		recover_dir(os, d);
	unmatched_end(os, d);
	if (own != NULL)
		unmatched_free(own);
}

void
sources_recover(struct sources *ss)
{
	struct dir *d;

	if (!checkpointer_is_first(ss->checkpointer))
		recover(ss);
	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d)) {
		sources_pause(ss);
		last_look_note(d);
		order_names(&d->place);
	}
}
