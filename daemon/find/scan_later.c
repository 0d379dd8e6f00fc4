#include "daemon/find/scan.h"

#include <stdlib.h>

#include "daemon/find/inside.h"
#include "daemon/find/listing.h"
#include "daemon/find/retry.h"

void
scan_free(struct dir *d)
{
	struct scan *s = d->scanning;

	listing_drop(d, s);
	free(s);
	d->scanning = NULL;
	d->missing = false;
}

void
scan_abandon(struct dir *d)
{
	d->unsure |= d->was_unsure;
	d->widened |= d->scanning->widened;
	d->by_event |= !d->scanning->by_time;
	if (d->missing)
		d->missed_ns = d->missing_ns;
	d->missed |= d->missing;
	scan_free(d);
}

void
scan_some(struct sources *ss)
{
	scan_queue_run(&ss->scans);
}

void
scan_all(struct sources *ss)
{
	scan_queue_finish(&ss->scans, sources_pause);
}

bool
scan_is_midway(const struct dir *d)
{
	return (d->scanning != NULL);
}

void
scan_later(struct dir *d)
{
	struct sources *ss = d->all;

	d->by_event |= !ss->by_time;
	if (d->scanning != NULL && ss->starting && ss->scans.now != &d->job)
		scan_abandon(d);
	if (d->scanning != NULL)
		d->rescan = true;
	else if (ss->starting)
		scan_queue_add_urgent(&ss->scans, &d->job);
	else
		scan_queue_add(&ss->scans, &d->job);
}

void
scan_with_more(struct dir *d)
{
	d->widened = d->unwatched = true;
	scan_later(d);
}

void
scan_cancel(struct dir *d)
{
	if (d->scanning != NULL)
		scan_free(d);
	scan_queue_del(&d->all->scans, &d->job);
}

void
scan_missed(struct dir *d)
{
	/* A polled directory is scanned by the next poll soon enough. */
	if (d->place.polled && scan_is_midway(d))
		return;
	if (!d->missed)
		d->missed_ns =
		    (int64_t)(watch_known_until(d->all->watch) * 1e9);
	d->missed = true;
	scan_later(d);
}
