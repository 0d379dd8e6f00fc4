#include "daemon/find/scan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/entry.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/listing.h"
#include "daemon/find/match.h"
#include "daemon/find/missed_file.h"
#include "daemon/find/missed_rename.h"
#include "daemon/find/retry.h"
#include "daemon/find/tree.h"
#include "daemon/follow/follow.h"
#include "lib/pattern.h"

#define DIR_COSTS 16 /* entries: its watch, and opening it */
/*
 * Where only scans tell of names, a scan begins anew so often when names have
 * changed: a file may have had no name that the listing met.
 */
#define BEGUN_MOST 2

/* Whether the directory has left the tree, and the scan was freed. */
static bool
is_over(const struct sources *ss, const struct scan_job *job)
{
	return (ss->scans.now != job);
}

/*
 * Examines one entry.  A new file may have been renamed before that: only one
 * that is followed then is known to the next scan.  After a turn of others,
 * lstat(2) of the listing is out of date.
 */
static void
examine_listed(struct dir *d, struct scan *s, struct listed *e)
{
	const struct scan_job *job = &d->job;
	struct sources *ss = d->all;

	if (e->was != NULL)
		missed_rename_guess(d, e->name, e->was, e->st.st_ino);
	else if (s->split)
		entry_examine(d, e->name);
	else
		entry_examine_found(d, e->name, &e->st);
	if (!is_over(ss, job) && e->is_new && missed_needs_scans(d) &&
	    file_table_find(ss->file_table, e->st.st_dev, e->st.st_ino) != NULL)
		missed_note(&s->followed, e->st.st_ino);
	listing_free_entry(e);
}

/* Examines what was listed, oldest first. */
static bool
examine_all_listed(struct dir *d, struct scan *s)
{
	const struct scan_job *job = &d->job;
	struct sources *ss = d->all;

	while (!RB_EMPTY(&s->entries)) {
		if (!scan_queue_take(&ss->scans, 1))
			return (false);
		examine_listed(d, s, listing_take(s));
		if (is_over(ss, job))
			return (false);
	}
	return (true);
}

/* Examines files whose names were not listed: they have lost them. */
static bool
examine_unlisted(struct dir *d, struct scan *s)
{
	struct file *t = names_next(&d->place, s->unseen);
	const struct scan_job *job = &d->job;
	struct sources *ss = d->all;

	while (t != NULL) {
		if (!scan_queue_take(&ss->scans, 1))
			return (false);
		(void)strlcpy(s->unseen, t->name, sizeof(s->unseen));
		if (t->seen == d->scan) {
			t = RB_NEXT(names_by_name, &d->place.names, t);
			continue;
		}
		entry_examine(d, s->unseen);
		if (is_over(ss, job))
			return (false);
		t = names_next(&d->place, s->unseen);
	}
	return (true);
}

/* Whether a match before the nth has the same literal name. */
static bool
is_named_before(const struct dir *d, size_t n, const char *name)
{
	const struct pattern_part *part;
	size_t i;

	for (i = 0; i < n; i++) {
		part = match_part(&d->matches[i]);
		if (part->kind == PATTERN_LITERAL &&
		    strcmp(part->text, name) == 0)
			return (true);
	}
	return (false);
}

/*
 * Examines literal names of patterns: that needs no right to list the
 * directory.
 */
static bool
examine_literals(struct dir *d, const struct scan *s)
{
	const struct scan_job *job = &d->job;
	const struct pattern_part *part;
	struct sources *ss = d->all;
	size_t i, n = d->nmatches;

	for (i = 0; i < n; i++) {
		part = match_part(&d->matches[i]);
		if (part->kind != PATTERN_LITERAL || (s->listed && !d->said) ||
		    is_named_before(d, i, part->text))
			continue;
		entry_examine(d, part->text);
		if (is_over(ss, job))
			return (false);
	}
	return (true);
}

static bool
examine_links(struct dir *d, struct scan *s)
{
	const struct scan_job *job = &d->job;
	struct sources *ss = d->all;

	while (scan_queue_take(&ss->scans, 1)) {
		if (!entry_examine_next_link(d, &s->link))
			return (examine_literals(d, s));
		if (is_over(ss, job))
			return (false);
	}
	return (false);
}

/* Whether names changed since the listing began, and no event tells of it. */
static bool
is_to_begin_anew(const struct dir *d, const struct scan *s)
{
	struct stat now;

	if (s->stage > STAGE_UNLISTED || !s->split || s->begun >= BEGUN_MOST ||
	    !missed_needs_scans(d))
		return (false);
	return (stat(dir_display(d), &now) == -1 ||
	    !names_is_same(&d->place, &now) ||
	    file_written_ns(&now) != file_written_ns(&s->st));
}

static bool
do_stage(struct dir *d, struct scan *s)
{
	switch (s->stage) {
	case STAGE_LIST:
		return (listing_go_on(d, s));
	case STAGE_EXAMINE:
		return (examine_all_listed(d, s));
	case STAGE_UNLISTED:
		return (examine_unlisted(d, s));
	case STAGE_LINKS:
		return (examine_links(d, s));
	case STAGE_END:
		break;
	}
	return (true);
}

static void
end_stage(struct dir *d, struct scan *s)
{
	switch (s->stage) {
	case STAGE_LIST:
		if (is_to_begin_anew(d, s)) {
			listing_begin(d, s);
			return;
		}
		listing_end(d, s);
		break;
	case STAGE_EXAMINE:
		missed_add(d, &s->followed);
		break;
	case STAGE_UNLISTED:
		/*
		 * At a start, the order is made when all directories are
		 * scanned.
		 */
		if (d->disordered && !d->all->starting)
			order_names(&d->place);
		break;
	case STAGE_LINKS:
	case STAGE_END:
		break;
	}
	s->stage++;
}

/* Whether to list the directory, and not only examine literal names. */
static bool
is_to_be_listed(const struct dir *d)
{
	size_t i;

	if (!RB_EMPTY(&d->targets) || !RB_EMPTY(&d->place.names))
		return (true);
	for (i = 0; i < d->nmatches; i++)
		if (match_is_last(&d->matches[i]) ||
		    match_part(&d->matches[i])->kind != PATTERN_LITERAL)
			return (true);
	return (false);
}

/* Returns false where there is nothing to scan. */
static bool
begin_scan(struct dir *d)
{
	struct scan *s;

	(void)scan_queue_take(&d->all->scans, DIR_COSTS);
	/* The watch comes first, so that no change is missed. */
	if (d->unwatched)
		tree_watch(d);
	d->unwatched = d->rescan = false;
	if (dir_is_hidden(d))
		return (false);
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		log_warn("%s", dir_display(d));
		retry_dir(d);
		return (false);
	}
	RB_INIT(&s->entries);
	s->stage = STAGE_LINKS;
	s->listed = is_to_be_listed(d);
	s->widened = d->widened;
	s->by_time = !d->by_event;
	d->scanning = s;
	d->missing = d->missed;
	d->missing_ns = d->missed_ns;
	d->missed = d->widened = d->by_event = d->dangles = false;
	d->was_unsure = d->unsure;
	d->unsure = false;
	if (s->listed)
		listing_begin(d, s);
	return (true);
}

/*
 * Other directories have their turns now.  Returns whether this one may stay
 * open meanwhile.
 */
static bool
keep_open(struct dir *d, struct scan *s)
{
	if (s->handle == NULL || s->kept_open)
		return (true);
	if (d->all->nsplit >= SCAN_OPEN)
		return (false);
	s->kept_open = true;
	d->all->nsplit++;
	return (true);
}

/* Scans a part.  Returns whether the scan is at its end. */
static bool
scan_part(struct dir *d)
{
	const struct scan_job *job = &d->job;
	struct scan *s = d->scanning;
	struct sources *ss = d->all;

	if (is_to_begin_anew(d, s))
		listing_begin(d, s);
	while (s->stage != STAGE_END) {
		if (do_stage(d, s)) {
			end_stage(d, s);
			continue;
		}
		if (is_over(ss, job))
			return (false);
		s->split = true;
		s->parts++;
		if (!keep_open(d, s))
			scan_abandon(d);
		return (false);
	}
	if (s->parts > 0)
		log_debug("%s: was scanned in %u parts", dir_display(d),
		    s->parts + 1);
	scan_free(d);
	return (!d->rescan);
}

static bool
scan_step_of(struct scan_job *job, void *arg)
{
	struct dir *d =
	    (struct dir *)(void *)((char *)job - offsetof(struct dir, job));
	struct sources *ss = arg;
	bool by_time = ss->by_time, done;

	if (d->scanning == NULL && !begin_scan(d))
		return (true);
	ss->by_time = d->scanning->by_time;
	done = scan_part(d);
	ss->by_time = by_time;
	if (done && !ss->starting)
		last_look_note(d);
	return (done);
}

void
scan_init(struct sources *ss)
{
	scan_queue_init(&ss->scans, ss->loop, scan_step_of, ss);
}

void
scan_end(struct sources *ss)
{
	scan_queue_fini(&ss->scans);
}
