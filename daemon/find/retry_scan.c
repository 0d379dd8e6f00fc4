#include "daemon/find/retry_scan.h"

#include "daemon/base/clock.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/link.h"
#include "daemon/find/recover.h"
#include "daemon/find/retry.h"
#include "daemon/find/scan.h"
#include "daemon/find/tree.h"
#include "daemon/find/unmatched.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/streams.h"

/*
 * While late is set, scans work as at a start, without waiting: what is found
 * is a file that was there then, or what one has become.
 */
static void
set_late(struct sources *ss, bool late)
{
	ss->late = ss->starting = late;
}

/* Files that waited for what became of others may be sent now. */
static void
wake_undecided(struct dir *d)
{
	struct file *t;

	RB_FOREACH (t, names_by_name, &d->place.names)
		streams_wake_undecided(t);
}

static void
scan_late(struct dir *d)
{
	struct sources *ss = d->all;

	set_late(ss, true);
	scan_later(d);
	scan_all(ss);
	recover_late(d);
	last_look_note(d);
	wake_undecided(d);
	order_names(&d->place);
	link_order(d);
	set_late(ss, false);
}

/* Takes the first directory of the list, which is to be scanned now. */
static struct dir *
next_again(struct sources *ss)
{
	struct dir *d;

	if ((d = TAILQ_FIRST(&ss->retries)) == NULL)
		return (NULL);
	retry_cancel(d);
	if (d->place.polled && !tree_wants_polling(d))
		tree_watch(d);
	return (d);
}

void
retry_scan(struct dir *d)
{
	struct sources *ss = d->all;
	unsigned n = ss->nlate;

	if (!d->unrecovered) {
		scan_later(d);
		return;
	}
	scan_late(d);
	/*
	 * Directories that it has found are scanned next, before any file is
	 * sent.
	 */
	for (; n != ss->nlate && (d = next_again(ss)) != NULL; n++)
		scan_late(d);
}

static void
scan_all_again(struct sources *ss)
{
	unsigned n = ss->nretries;
	struct dir *d;

	/* Directories in which a look fails once more come behind these. */
	for (; n > 0 && (d = next_again(ss)) != NULL; n--)
		retry_scan(d);
	scan_some(ss);
	if (TAILQ_EMPTY(&ss->retries))
		unmatched_forget(ss);
	retry_later(ss);
}

static void
on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	scan_all_again(timer->data);
}

void
retry_start(struct sources *ss)
{
	retry_init(ss, on_again);
}

bool
retry_is_undecided(struct dir *d)
{
	const struct sources *ss = d->all;

	if (!d->unrecovered || !d->retry || clock_steady() >= ss->decided_at)
		return (false);
	/*
	 * Which records a directory misses that was found late is not known
	 * yet.
	 */
	return (!d->started ||
	    (ss->unmatched != NULL && unmatched_are_missed(ss->unmatched, d)));
}
