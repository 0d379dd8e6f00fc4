#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/inside.h"
#include "daemon/file/table.h"
#include "daemon/sandbox/opener.h"
#include "daemon/watch/watch.h"

#define LOOKED_AT 64 /* files, for one to close */
#define AT_ONCE 16 /* closed when the process has no descriptor left */

#define OPEN_AGAIN 3 /* times, at once */

int
file_table_add_set(struct file_table *ts, unsigned max_open)
{
	struct open_set *set, **grown;

	grown =
	    reallocarray(ts->sets, ts->nsets + 1, sizeof(struct open_set *));
	if (grown == NULL)
		return (-1);
	ts->sets = grown;
	if ((set = calloc(1, sizeof(*set))) == NULL)
		return (-1);
	TAILQ_INIT(&set->opened);
	set->most = max_open == 0 ? UINT_MAX : max_open;
	ts->sets[ts->nsets] = set;
	return ((int)ts->nsets++);
}

static struct open_set *
set_of(const struct file *t)
{
	return (t->all->sets[t->open_set]);
}

static bool
needs_watch(const struct file *t)
{
	if (t->place == NULL)
		return (true);
	return (!t->place->polled &&
	    (!t->place->told || t->linked || t->many_links || t->mounted ||
		!watch_sees_files(t->all->finder.watch)));
}

/*
 * How many files may be open: the watches of directories have descriptors,
 * too.
 */
static unsigned
most_open(const struct file_table *ts)
{
	unsigned taken = watch_descriptors(ts->finder.watch) + ts->reserved;

	return (ts->conf.max_open > taken ? ts->conf.max_open - taken : 1);
}

/* Whether the file can be opened without another being closed for it. */
static bool
has_room(const struct file *t)
{
	return (t->all->stats.open < most_open(t->all) &&
	    set_of(t)->n < set_of(t)->most);
}

/* Returns whether the file has a watch now. */
static bool
begin_watch(struct file *t)
{
	/* Where the watch needs a descriptor, opening begins it. */
	if (t->fd == -1 && !watch_sees_files(t->all->finder.watch) &&
	    has_room(t))
		(void)file_descriptor(t);
	if (t->watch == NULL)
		t->watch = watch_file_add(
		    t->all->finder.watch, t->fd, file_path(t).text, t);
	return (t->watch != NULL);
}

void
file_end_watch(struct file *t)
{
	watch_file_del(t->watch);
	t->watch = NULL;
}

bool
file_watch(struct file *t)
{
	bool began = false, needed = t->known && needs_watch(t);

	if (!needed)
		file_end_watch(t);
	else if (t->watch == NULL && (t->fd != -1 || t->place != NULL))
		began = begin_watch(t);
	t->untold = needed && t->watch == NULL &&
	    watch_sees_files(t->all->finder.watch);
	if (t->untold)
		file_timer_add(t);
	return (began);
}

/*
 * The watch begins before the file is read: nothing is written between the
 * two.
 */
static void
watch_descriptor(struct file *t)
{
	if (t->watch == NULL && t->known && needs_watch(t) &&
	    !watch_sees_files(t->all->finder.watch))
		t->watch = watch_file_add(
		    t->all->finder.watch, t->fd, file_path(t).text, t);
}

void
file_close(struct file *t)
{
	if (t->fd == -1)
		return;
	if (t->watch != NULL && !watch_file_survives_close(t->watch))
		file_end_watch(t);
	(void)close(t->fd);
	t->fd = -1;
	TAILQ_REMOVE(&set_of(t)->opened, t, opened);
	set_of(t)->n--;
	t->all->stats.open--;
}

/*
 * Closes a file that has lost its name and that every receiver has all of: it
 * was open only in case a program still writes to it.  Deleted files come
 * first.  Of the others few are looked at: they may be many.
 */
static bool
close_nameless(struct file_table *ts, const struct open_set *set, bool deleted)
{
	unsigned looked = 0;
	struct file *t;

	TAILQ_FOREACH (t, &ts->timed, timed) {
		if (++looked > LOOKED_AT)
			break;
		if (t->fd == -1 || t->place != NULL || set_of(t) != set ||
		    t->deleted != deleted || !ts->conf.ops->is_done(t))
			continue;
		file_close(t);
		file_timer_last(t);
		return (true);
	}
	return (false);
}

/*
 * Whether all lines that the file is known to have were read, and no read
 * failed.
 */
static bool
was_read(const struct file *t)
{
	return (
	    t->undrained == 0 && t->error == 0 && !t->suspect && t->sure == 0);
}

static bool
can_be_read(const struct file *t)
{
	return (t->error == 0);
}

static bool
is_any(const struct file *t)
{
	(void)t;
	return (true);
}

/*
 * Closes a file for which is_so holds, that has a name and was not used for
 * long.  Files that were read come first: one that is closed may be deleted
 * before it is opened again.
 */
static bool
close_named(struct open_set *set, bool (*is_so)(const struct file *))
{
	unsigned looked = 0;
	struct file *t;

	TAILQ_FOREACH (t, &set->opened, opened) {
		if (++looked > LOOKED_AT)
			break;
		if (t->place == NULL || !is_so(t))
			continue;
		file_close(t);
		return (true);
	}
	return (false);
}

static bool
close_read(struct file_table *ts, struct open_set *set)
{
	return (close_nameless(ts, set, true) || close_named(set, was_read) ||
	    close_nameless(ts, set, false));
}

static bool
close_one(struct file_table *ts, struct open_set *set)
{
	return (close_read(ts, set) || close_named(set, can_be_read) ||
	    close_named(set, is_any));
}

static struct open_set *
largest_set(struct file_table *ts)
{
	struct open_set *set = ts->sets[0];
	unsigned i;

	for (i = 1; i < ts->nsets; i++)
		if (ts->sets[i]->n > set->n)
			set = ts->sets[i];
	return (set);
}

static void
make_room(struct file_table *ts, struct open_set *set)
{
	while (set->n >= set->most && close_one(ts, set))
		continue;
	while (
	    ts->stats.open >= most_open(ts) && close_one(ts, largest_set(ts)))
		continue;
}

void
file_table_reserve(struct file_table *ts, unsigned n)
{
	ts->reserved = n;
}

bool
file_out_of_descriptors(int error)
{
	return (error == EMFILE || error == ENFILE);
}

bool
file_table_close_some(struct file_table *ts)
{
	unsigned n = 0;

	while (n < AT_ONCE && close_read(ts, largest_set(ts)))
		n++;
	return (n > 0 || close_named(largest_set(ts), can_be_read));
}

void
file_opened(struct file *t, int fd)
{
	struct open_set *set = set_of(t);

	make_room(t->all, set);
	t->fd = fd;
	t->error = 0;
	TAILQ_INSERT_TAIL(&set->opened, t, opened);
	set->n++;
	t->all->stats.open++;
	watch_descriptor(t);
}

int
file_used(struct file *t)
{
	if (TAILQ_NEXT(t, opened) != NULL) {
		TAILQ_REMOVE(&set_of(t)->opened, t, opened);
		TAILQ_INSERT_TAIL(&set_of(t)->opened, t, opened);
	}
	return (t->fd);
}

void
file_hand_over(struct file *from, struct file *to)
{
	int fd = from->fd;

	TAILQ_REMOVE(&set_of(from)->opened, from, opened);
	set_of(from)->n--;
	from->all->stats.open--;
	from->fd = -1;
	to->open_set = from->open_set;
	file_opened(to, fd);
}

bool
file_error_may_pass(int error)
{
	return (error != EACCES && error != EPERM && error != ENOENT &&
	    error != ELOOP && error != ENXIO);
}

void
file_cannot_be_read(struct file *t, int error)
{
	bool again = file_error_may_pass(error), known = t->error != 0;

	if (t->error != error) {
		errno = error;
		say_warn(file_path(t).text, "cannot be read, will try again %s",
		    again ? "every second" : "when it changes");
	}
	t->error = (uint8_t)error;
	if (!known)
		t->all->conf.ops->on_error(t);
	if (again)
		file_timer_add(t);
}

/*
 * Opens the file that has the path now; st is set to what it is.  Returns -1
 * with errno.
 */
static int
open_once(const struct file *t, struct stat *st)
{
	int error, fd;

	fd = opener_open(file_path(t).text,
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
		(t->linked ? 0 : O_NOFOLLOW));
	if (fd == -1 || fstat(fd, st) == 0)
		return (fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return (-1);
}

/* The same, a few times where the error may pass by itself. */
static int
open_by_path(const struct file *t, struct stat *st)
{
	unsigned n = 0;
	int error, fd;

	while ((fd = open_once(t, st)) == -1 && file_error_may_pass(errno) &&
	    n++ < OPEN_AGAIN) {
		error = errno;
		if (file_out_of_descriptors(error) &&
		    !file_table_close_some(t->all)) {
			errno = error;
			break;
		}
	}
	return (fd);
}

int
file_descriptor(struct file *t)
{
	struct stat st;
	int fd;

	if (t->fd != -1)
		return (file_used(t));
	if (t->place == NULL)
		return (-1);
	if ((fd = open_by_path(t, &st)) == -1) {
		file_cannot_be_read(t, errno);
		return (-1);
	}
	if (st.st_dev != t->dev || st.st_ino != t->ino) {
		/*
		 * Another file has the path: the event that says so is on its
		 * way.
		 */
		(void)close(fd);
		return (-1);
	}
	file_opened(t, fd);
	t->all->conf.ops->on_opened(t, fd);
	return (fd);
}
