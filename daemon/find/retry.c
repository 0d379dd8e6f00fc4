#include "daemon/find/retry.h"

#include <errno.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/file/table.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"

#define SOON .1 /* seconds */
#define LATER 10. /* where it fails again and again */

#define UNDECIDED                                                              \
	60. /* seconds, until files that are undecided count as new            \
	     */

#define AT_ONCE 3 /* attempts */
#define WAIT_MS 10 /* between more attempts, at a start */
#define WAITS 200

void
retry_init(struct sources *ss, void (*on_time)(EV_P_ ev_timer *, int))
{
	TAILQ_INIT(&ss->retries);
	ss->waits = WAITS;
	ss->retry_wait = SOON;
	ss->decided_at = clock_steady() + UNDECIDED;
	ev_timer_init(&ss->retry_timer, on_time, SOON, 0.);
	ss->retry_timer.data = ss;
}

void
retry_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->retry_timer);
}

static void
add(struct dir *d, bool first)
{
	struct sources *ss = d->all;

	if (ss->starting)
		d->unrecovered = true;
	else
		last_look_failed(d);
	if (d->retry && !first)
		return;
	retry_cancel(d);
	d->retry = true;
	ss->nretries++;
	if (first) {
		/* before any file of it is sent */
		TAILQ_INSERT_HEAD(&ss->retries, d, retry_entry);
		ss->nlate++;
	} else {
		TAILQ_INSERT_TAIL(&ss->retries, d, retry_entry);
	}
	if (ev_is_active(&ss->retry_timer))
		return;
	ev_timer_set(&ss->retry_timer, ss->retry_wait, 0.);
	ev_timer_start(ss->loop, &ss->retry_timer);
}

void
retry_dir(struct dir *d)
{
	add(d, false);
}

void
retry_dir_first(struct dir *d)
{
	if (d->all->late)
		add(d, true);
}

void
retry_later(struct sources *ss)
{
	if (TAILQ_EMPTY(&ss->retries)) {
		ss->retry_wait = SOON;
		return;
	}
	ss->retry_wait *= 2;
	if (ss->retry_wait > LATER)
		ss->retry_wait = LATER;
	ev_timer_set(&ss->retry_timer, ss->retry_wait, 0.);
	ev_timer_start(ss->loop, &ss->retry_timer);
}

void
retry_cancel(struct dir *d)
{
	if (!d->retry)
		return;
	d->retry = false;
	TAILQ_REMOVE(&d->all->retries, d, retry_entry);
	d->all->nretries--;
}

bool
retry_may_help(int error)
{
	return (error != ENOENT && error != ENOTDIR && error != ELOOP &&
	    error != ESTALE && error != EACCES && error != EPERM &&
	    error != ENAMETOOLONG && error != ENXIO);
}

bool
retry_lookup(struct sources *ss, unsigned n)
{
	const struct timespec wait = { .tv_nsec = WAIT_MS * 1000000L };
	int error = errno;

	if (!retry_may_help(error))
		return (false);
	if (file_out_of_descriptors(error))
		(void)file_table_close_some(ss->file_table);
	if (n >= AT_ONCE) {
		if (!ss->starting || ss->waits == 0) {
			errno = error;
			return (false);
		}
		ss->waits--;
		(void)nanosleep(&wait, NULL);
		sources_pause(ss);
	}
	errno = error;
	return (true);
}

DIR *
retry_list(struct dir *d)
{
	unsigned n = 0;
	DIR *handle;

	while ((handle = names_list(&d->place)) == NULL &&
	    retry_lookup(d->all, n++))
		;
	return (handle);
}

void
sources_pause(void *arg)
{
	struct sources *ss = arg;
	int error = errno;

	if (ss->starting && !ss->late && ss->pause != NULL)
		ss->pause(ss->pause_arg);
	errno = error;
}
