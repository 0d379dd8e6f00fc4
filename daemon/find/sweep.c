#include "daemon/find/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/entry.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"
#include "daemon/find/retry.h"
#include "daemon/find/retry_scan.h"
#include "daemon/find/scan.h"
#include "daemon/find/tree.h"
#include "daemon/sandbox/opener.h"

/*
 * Events are hints, and some never come: for what is written through a mapping
 * or another link, for what another host does, for what is mounted where the
 * system does not tell.  So every file is examined once in a PERIOD, BATCH
 * files at a time.  That should cost at most a thousandth of a processor: there
 * is no more than one batch in EVERY seconds, and above 12,000 files a sweep
 * takes longer.
 *
 * Where a file sends events only while it is open, nothing else examines the
 * others: then the sweep begins anew as soon as it is through.
 */
#define PERIOD 60.
#define EVERY 1.
#define BATCH 200

static bool
has_changed(const struct dir *d, int fd, const struct file *t)
{
	char path[PATH_MAX];
	struct stat st;

	if (fd != -1)
		return (fstatat(fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    !known_is_at_rest(t, fd, &st));
	return (dir_path(d, t->name, path) == -1 || lstat(path, &st) == -1 ||
	    !known_is_unchanged(t, &st));
}

/* Where the sweep is: in d, behind this name; with "" in front of all. */
static void
remember(struct sources *ss, const struct dir *d, const char *name)
{
	ss->sweep_serial = d->serial;
	(void)strlcpy(ss->sweep_path, d->place.path, sizeof(ss->sweep_path));
	(void)strlcpy(ss->sweep_name, name, sizeof(ss->sweep_name));
}

/* The directory that the sweep is in, or NULL where that has left the tree. */
static struct dir *
remembered(struct sources *ss)
{
	struct dir *d = dir_find(ss, ss->sweep_path);

	return (d != NULL && d->serial == ss->sweep_serial ? d : NULL);
}

/* Examines at most so many files of d, behind sweep_name.  Returns how many. */
static unsigned
sweep_files(struct dir *d, unsigned most)
{
	struct sources *ss = d->all;
	struct file *t;
	unsigned n = 0;
	int fd;

	fd = opener_open(dir_display(d), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t = names_next(&d->place, ss->sweep_name);
	for (; t != NULL && n < most; n++) {
		if (has_changed(d, fd, t) || n + 1 == most) {
			remember(ss, d, t->name);
			entry_examine(d, ss->sweep_name);
			t = names_next(&d->place, ss->sweep_name);
		} else {
			t = RB_NEXT(names_by_name, &d->place.names, t);
		}
	}
	if (fd != -1)
		(void)close(fd);
	return (n);
}

void
sweep_dir(struct dir *d)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int rc;

	if (dir_is_hidden(d))
		return;
	rc = stat(dir_display(d), &st);
	if (rc == -1 || !names_is_same(&d->place, &st)) {
		if (d->parent == NULL) {
			if (rc == 0 || !retry_may_help(errno))
				entry_dir_gone(d);
			return;
		}
		/* Examining frees d, and its path. */
		(void)strlcpy(
		    name, strrchr(d->place.path, '/') + 1, sizeof(name));
		entry_examine(d->parent, name);
		return;
	}
	if (dir_is_idle(d)) {
		tree_remove(d);
		return;
	}
	if (scan_is_midway(d))
		return;
	/* The system may have a watch for it by now. */
	if (d->place.polled && !tree_wants_polling(d))
		tree_watch(d);
	if (d->said || d->dangles || file_written_ns(&st) != d->listed_ns ||
	    (d->passed > 0 && !watch_sees_files(d->all->watch)))
		retry_scan(d);
}

/*
 * The directory behind that one, which the sweep enters; or NULL at the end:
 * then the next one is the first.
 */
static struct dir *
sweep_on(struct sources *ss)
{
	struct dir *d = remembered(ss), *next;

	next = d != NULL ? dir_next(d) : dir_from(ss, ss->sweep_path);
	if (next != NULL) {
		remember(ss, next, "");
		return (next);
	}
	ss->sweep_serial = 0;
	ss->sweep_path[0] = '\0';
	return (NULL);
}

/* Whether there are files that send no events. */
static bool
has_untold(const struct sources *ss)
{
	struct watch_stats stats;

	if (watch_sees_files(ss->watch))
		return (false);
	watch_stats(ss->watch, &stats);
	return (ss->passed > 0 ||
	    stats.files < file_table_stats(ss->file_table)->files);
}

/* Sets the timer for the next batch, when n files were examined just now. */
static void
set_pace(struct sources *ss, uint64_t n)
{
	uint64_t all =
	    ss->ndirs + file_table_stats(ss->file_table)->files + ss->passed;
	uint64_t batches = 1 + all / BATCH, done = 1 + n / (BATCH + 1);
	ev_tstamp every = PERIOD / (double)batches;
	ev_tstamp least = EVERY * (double)done;

	if (every < least)
		every = least;
	ss->sweep_rest = every;
	/* A file that is closed meanwhile sends no events. */
	ss->sweep.repeat = watch_sees_files(ss->watch) ? every : least;
}

/* Whether it is too early for the next batch. */
static bool
is_at_rest(struct sources *ss)
{
	ss->sweep_rest -= ss->sweep.repeat;
	return (ss->sweep_rest > 0 && !has_untold(ss));
}

/* Examines a batch of files and directories. */
static void
sweep(struct sources *ss)
{
	struct dir *d;
	uint64_t n = 0;

	ss->by_time = true;
	while (n < BATCH) {
		if ((d = remembered(ss)) != NULL) {
			n += sweep_files(d, (unsigned)(BATCH - n));
			if (n >= BATCH)
				break;
		}
		if ((d = sweep_on(ss)) == NULL)
			break;
		n += 1 + d->passed;
		sweep_dir(d);
	}
	ss->by_time = false;
	scan_some(ss);
	set_pace(ss, n);
	ev_timer_again(ss->loop, &ss->sweep);
}

static void
on_sweep(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	if (!is_at_rest(timer->data))
		sweep(timer->data);
}

void
sweep_start(struct sources *ss)
{
	ev_timer_init(&ss->sweep, on_sweep, 0., PERIOD);
	ss->sweep.data = ss;
	set_pace(ss, 0);
	ev_timer_again(ss->loop, &ss->sweep);
}

void
sweep_stop(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->sweep);
}
