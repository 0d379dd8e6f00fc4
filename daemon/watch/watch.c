#include "daemon/watch/watch.h"

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/watch/system.h"
#include "lib/ns.h"

/*
 * After the system lost events, so many directories and files are told in a
 * turn of the loop: any user can make thousands, and others' lines wait.
 */
#define TOLD_AT_ONCE 64

#define SAY_AGAIN 60. /* seconds after which the log has the same once more */
#define STEP 1. /* second: less is no step of the clock */

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static

/* Directories with equal handles are one to the system, under two paths. */
struct watch_dir {
	RB_ENTRY(watch_dir) by_handle;
	TAILQ_ENTRY(watch_dir) entry; /* in dirs, or in deleted */
	struct watch *watch;
	void *owner; /* NULL: deleted */
	uint64_t serial;
	uint64_t round; /* the last in which all were told */
	int handle; /* -1: polled */
	ev_timer poll;
};
RB_HEAD(dirs_by_handle, watch_dir);
TAILQ_HEAD(watch_dirs, watch_dir);

struct watch_file {
	RB_ENTRY(watch_file) by_handle;
	struct watch *watch;
	void *owner;
	int handle;
};
RB_HEAD(files_by_handle, watch_file);

struct watch {
	struct ev_loop *loop;
	const struct watch_ops *ops;
	struct watch_system *system;
	struct dirs_by_handle handles;
	struct files_by_handle files;
	struct watch_dirs dirs;
	struct watch_dirs deleted; /* while something is reported */
	struct watch_stats stats;
	ev_tstamp known_until;
	double known_at; /* the same as clock_steady() */
	uint64_t serial;
	/* While every directory of a lesser serial, and every file, is told: */
	ev_timer rest;
	uint64_t round;
	uint64_t before;
	int next_file; /* its handle, or a later one; -1: all are told */
	unsigned reporting; /* depth: reap at 0 */
	double lost_said; /* when, by clock_steady() */
	bool behind;
	bool said;
};

static int
dir_compare(const struct watch_dir *a, const struct watch_dir *b)
{
	if (a->handle != b->handle)
		return (a->handle < b->handle ? -1 : 1);
	return (a->serial < b->serial ? -1 : a->serial > b->serial);
}

RB_GENERATE_INTERNAL(dirs_by_handle, watch_dir, by_handle, dir_compare, LOCAL)

static int
file_compare(const struct watch_file *a, const struct watch_file *b)
{
	return (a->handle < b->handle ? -1 : a->handle > b->handle);
}

RB_GENERATE_INTERNAL(
    files_by_handle, watch_file, by_handle, file_compare, LOCAL)

static void
on_poll(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct watch_dir *d = timer->data;

	(void)loop;
	(void)revents;
	d->watch->ops->on_dir(d->owner, WATCH_SCAN, NULL, NULL);
}

static void
start_polling(struct watch_dir *d, uint64_t poll_ms)
{
	ev_tstamp every = (double)poll_ms / 1e3;

	ev_timer_init(&d->poll, on_poll, every, every);
	d->poll.data = d;
	ev_timer_start(d->watch->loop, &d->poll);
	d->watch->stats.polled++;
}

static void
say_unwatchable(struct watch *w, const char *path)
{
	if (w->said) {
		log_debug("watch: %s is polled", path);
		return;
	}
	w->said = true;
	if (errno == ENOSPC)
		log_warnx(
		    "watch: %s: the limit of watches is reached: it and "
		    "others are polled; raise fs.inotify.max_user_watches",
		    path);
	else if (errno == EMFILE)
		log_warnx(
		    "watch: %s: no descriptor is left for it: it and others "
		    "are polled; raise openfiles of the login class",
		    path);
	else
		log_warn("watch: %s and maybe others are polled", path);
}

/* That is no want of watches: it went while it was looked at. */
static bool
is_gone(int error)
{
	return (error == ENOENT || error == ENOTDIR || error == ELOOP);
}

struct watch_dir *
watch_add(struct watch *w, const char *path, const struct watch_want *want,
    void *owner)
{
	struct watch_dir *d;
	struct stat st;
	int error;

	if (stat(path, &st) == -1)
		return (NULL);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return (NULL);
	}
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->watch = w;
	d->owner = owner;
	d->serial = w->serial++;
	d->handle = -1;
	if (!want->poll && w->system != NULL) {
		d->handle = watch_system_add(w->system, path, want->data);
		if (d->handle == -1 && is_gone(error = errno)) {
			free(d);
			errno = error;
			return (NULL);
		}
		if (d->handle == -1)
			say_unwatchable(w, path);
	}
	if (d->handle == -1)
		start_polling(d, want->poll_ms);
	else
		RB_INSERT(dirs_by_handle, &w->handles, d);
	TAILQ_INSERT_TAIL(&w->dirs, d, entry);
	w->stats.directories++;
	return (d);
}

/* The first directory of a handle, or what comes behind it in the tree. */
static struct watch_dir *
first_of(struct watch *w, int handle)
{
	struct watch_dir key = { .handle = handle, .serial = 0 };

	return (RB_NFIND(dirs_by_handle, &w->handles, &key));
}

/* Nobody looks at the lists meanwhile. */
static void
reap(struct watch *w)
{
	struct watch_dir *d, *first;

	while ((d = TAILQ_FIRST(&w->deleted)) != NULL) {
		TAILQ_REMOVE(&w->deleted, d, entry);
		if (d->handle != -1) {
			RB_REMOVE(dirs_by_handle, &w->handles, d);
			first = first_of(w, d->handle);
			if (first == NULL || first->handle != d->handle)
				watch_system_del(w->system, d->handle);
		}
		free(d);
	}
}

void
watch_del(struct watch_dir *d)
{
	struct watch *w;

	if (d == NULL)
		return;
	w = d->watch;
	if (d->handle == -1) {
		ev_timer_stop(w->loop, &d->poll);
		w->stats.polled--;
	}
	w->stats.directories--;
	d->owner = NULL;
	TAILQ_REMOVE(&w->dirs, d, entry);
	TAILQ_INSERT_TAIL(&w->deleted, d, entry);
	if (w->reporting == 0)
		reap(w);
}

bool
watch_sees_files(const struct watch *w)
{
	return (w->system == NULL || watch_system_sees_files(w->system));
}

struct watch_file *
watch_file_add(struct watch *w, int fd, const char *path, void *owner)
{
	struct watch_file *f;
	int error;

	if (w->system == NULL) {
		errno = ENOSYS;
		return (NULL);
	}
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	f->watch = w;
	f->owner = owner;
	f->handle = watch_system_add_file(w->system, fd, path);
	if (f->handle != -1 &&
	    RB_INSERT(files_by_handle, &w->files, f) == NULL) {
		w->stats.files++;
		return (f);
	}
	error = f->handle == -1 ? errno : EEXIST;
	free(f);
	errno = error;
	return (NULL);
}

void
watch_file_del(struct watch_file *f)
{
	struct watch *w;

	if (f == NULL)
		return;
	w = f->watch;
	RB_REMOVE(files_by_handle, &w->files, f);
	watch_system_del_file(w->system, f->handle);
	w->stats.files--;
	free(f);
}

bool
watch_file_survives_close(const struct watch_file *f)
{
	return (watch_system_survives_close(f->watch->system));
}

bool
watch_is_polled(const struct watch_dir *d)
{
	return (d->handle == -1);
}

/* By handle: whoever is told may end any watch.  Returns how many were told. */
static unsigned
report_files(struct watch *w, unsigned most)
{
	struct watch_file key, *f;
	unsigned n;

	for (n = 0; n < most && w->next_file != -1; n++) {
		key.handle = w->next_file;
		if ((f = RB_NFIND(files_by_handle, &w->files, &key)) == NULL) {
			w->next_file = -1;
			break;
		}
		w->next_file = f->handle == INT_MAX ? -1 : f->handle + 1;
		w->ops->on_file(f->owner);
	}
	return (n);
}

/*
 * Each is moved to the end before its owner, who may delete any, is told.
 * Returns how many were: as many as may be, unless no other is left.
 */
static unsigned
report_dirs(struct watch *w, unsigned most)
{
	struct watch_dir *d;
	unsigned n;

	for (n = 0; n < most && (d = TAILQ_FIRST(&w->dirs)) != NULL &&
	     d->round != w->round && d->serial < w->before;
	     n++) {
		TAILQ_REMOVE(&w->dirs, d, entry);
		TAILQ_INSERT_TAIL(&w->dirs, d, entry);
		d->round = w->round;
		if (d->handle != -1)
			w->ops->on_dir(d->owner, WATCH_SCAN, NULL, NULL);
	}
	return (n);
}

static void
report_rest(struct watch *w)
{
	unsigned n;

	w->reporting++;
	n = report_dirs(w, TOLD_AT_ONCE);
	n += report_files(w, TOLD_AT_ONCE - n);
	if (--w->reporting == 0)
		reap(w);
	if (n < TOLD_AT_ONCE)
		return;
	ev_timer_set(&w->rest, 0., 0.);
	ev_timer_start(w->loop, &w->rest);
}

static void
on_rest(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	report_rest(timer->data);
}

/* Any user can bring it about as often as he likes. */
static void
say_lost(struct watch *w)
{
	double now = clock_steady();

	if (now < w->lost_said + SAY_AGAIN)
		return;
	w->lost_said = now;
	log_notice("watch: the system lost events: looking at every file");
}

/* Those that were not told yet since the last time are the first. */
static void
report_scan_all(struct watch *w)
{
	w->stats.overflows++;
	say_lost(w);
	w->round++;
	w->before = w->serial;
	w->next_file = 0;
	ev_timer_start(w->loop, &w->rest);
}

static void
report_to_dirs(struct watch *w, int handle, enum watch_event event,
    const char *name, const char *from)
{
	uint64_t serial = w->serial;
	struct watch_dir *d;

	/* Not those that are added by what is reported. */
	for (d = first_of(w, handle);
	     d != NULL && d->handle == handle && d->serial < serial;
	     d = RB_NEXT(dirs_by_handle, &w->handles, d))
		if (d->owner != NULL)
			w->ops->on_dir(d->owner, event, name, from);
}

static void
on_event(struct watch *w, int handle, enum watch_event event, const char *name,
    const char *from)
{
	struct watch_file key = { .handle = handle }, *f;

	w->reporting++;
	w->stats.events++;
	if (handle == -1)
		report_scan_all(w);
	else if ((f = RB_FIND(files_by_handle, &w->files, &key)) != NULL)
		w->ops->on_file(f->owner);
	else if (event != WATCH_DATA || name != NULL)
		report_to_dirs(w, handle, event, name, from);
	if (--w->reporting == 0)
		reap(w);
}

/*
 * When this turn of the loop began.  libev asks for the time of day twice a
 * second only, and may not know yet that it was set.
 */
static ev_tstamp
turn_began(const struct watch *w)
{
	const ev_tstamp began = ev_now(w->loop);
	const ev_tstamp now = (double)clock_wall_ns() / NS_IN_S;

	return (now > began - STEP && now < began + STEP ? began : now);
}

static void
on_read(struct watch *w, bool all)
{
	w->behind = !all;
	/* Of what is lost nobody knows before everything was looked at. */
	if (all && !ev_is_active(&w->rest)) {
		w->known_until = turn_began(w);
		w->known_at = clock_steady();
	}
}

struct watch *
watch_new(struct ev_loop *loop, const struct watch_ops *ops)
{
	static const struct watch_system_ops system_ops = {
		.on_event = on_event,
		.on_read = on_read,
	};
	struct watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->loop = loop;
	w->ops = ops;
	w->known_until = ev_now(loop);
	w->known_at = clock_steady();
	w->lost_said = -SAY_AGAIN;
	ev_timer_init(&w->rest, on_rest, 0., 0.);
	w->rest.data = w;
	TAILQ_INIT(&w->dirs);
	TAILQ_INIT(&w->deleted);
	if ((w->system = watch_system_open(w, loop, &system_ops)) == NULL)
		log_warn("watch: no events from the system, polling");
	return (w);
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->loop, &w->rest);
	watch_system_close(w->system);
	free(w);
}

bool
watch_is_behind(const struct watch *w)
{
	return (w->behind ||
	    (w->system != NULL && watch_system_has_more(w->system)));
}

ev_tstamp
watch_known_until(const struct watch *w)
{
	double at = turn_began(w) - (clock_steady() - w->known_at);

	return (at < w->known_until - STEP ? at : w->known_until);
}

unsigned
watch_descriptors(const struct watch *w)
{
	if (w->system == NULL || watch_system_survives_close(w->system))
		return (0);
	return (w->stats.directories - w->stats.polled);
}

void
watch_stats(const struct watch *w, struct watch_stats *stats)
{
	*stats = w->stats;
}
