#include "daemon/find/sources.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dangling.h"
#include "daemon/find/dir.h"
#include "daemon/find/entry.h"
#include "daemon/find/inherit.h"
#include "daemon/find/inside.h"
#include "daemon/find/match.h"
#include "daemon/find/missed_rename.h"
#include "daemon/find/mount.h"
#include "daemon/find/near.h"
#include "daemon/find/not_followed.h"
#include "daemon/find/recover.h"
#include "daemon/find/retry.h"
#include "daemon/find/retry_scan.h"
#include "daemon/find/scan.h"
#include "daemon/find/sweep.h"
#include "daemon/find/tree.h"
#include "daemon/find/trust.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/handover.h"
#include "daemon/stream/stream.h"
#include "daemon/watch/mounts.h"

/*
 * Called before anything is sent, when all events of a turn are known, and so
 * all renames.
 */
static void
on_turn(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct sources *ss = prepare->data;

	(void)loop;
	(void)revents;
	scan_queue_turn(&ss->scans);
	missed_rename_follow(ss);
}

/*
 * An event of a file to which a link leads: the link may lead elsewhere by now.
 */
static void
on_linked(struct names *place, const char *name)
{
	char copy[NAME_MAX + 1];

	(void)strlcpy(copy, name, sizeof(copy));
	entry_examine_linked(dir_of(place), copy);
}

static bool
reaches(
    struct names *place, const char *name, struct names *was, const char *of)
{
	return (match_same_source(dir_of(place), name, dir_of(was), of));
}

static bool
means(struct names *place, const char *name)
{
	return (match_file(dir_of(place), name));
}

static bool
trusts(struct names *place, const char *name, const struct stat *st,
    struct names *was, const char *of)
{
	return (trust_own_name(dir_of(place), name, st) ||
	    match_trusted(dir_of(was), of, TRUST_UNSAFE_NAME));
}

static bool
is_undecided(struct names *place)
{
	return (retry_is_undecided(dir_of(place)));
}

static void
scan_again(struct names *place)
{
	retry_dir(dir_of(place));
}

static struct names *
place_of(void *arg, const char *path)
{
	const char *name;
	struct dir *d = dir_of_path(arg, path, &name);

	return (d != NULL ? &d->place : NULL);
}

static bool
is_blind(void *arg, const char *path)
{
	struct sources *ss = arg;
	struct names *place;

	if (ss->nretries > 0 || !scan_queue_is_empty(&ss->scans))
		return (true);
	place = path != NULL ? place_of(ss, path) : NULL;
	return (place != NULL && dir_of(place)->said);
}

static bool
is_starting(void *arg)
{
	const struct sources *ss = arg;

	return (ss->starting);
}

/* An event of a file that has a watch of its own. */
static void
on_file(void *file)
{
	struct file *t = file;

	t->doubtful = true;
	if (t->linked && t->place != NULL)
		on_linked(t->place, t->name);
	else
		follow_check(t);
}

static void
handle(
    struct dir *d, enum watch_event event, const char *name, const char *from)
{
	struct file *t;

	switch (event) {
	case WATCH_DATA:
		if ((t = names_at(&d->place, name)) != NULL) {
			t->doubtful = true;
			follow_check_written(t);
		} else if (match_file(d, name))
			entry_examine(d, name);
		break;
	case WATCH_NAME:
		missed_rename_note(d, name, from);
		entry_examine(d, name);
		entry_examine_links(d, name);
		break;
	case WATCH_SCAN:
		scan_missed(d);
		break;
	case WATCH_GONE:
		entry_dir_gone(d);
		break;
	}
}

static void
on_dir(void *dir, enum watch_event event, const char *name, const char *from)
{
	struct dir *d = dir;
	struct sources *ss = d->all;

	handle(d, event, name, from);
	scan_some(ss);
}

struct sources *
sources_new(struct ev_loop *loop, struct file_table *file_table,
    struct checkpointer *checkpointer, const struct sources_ops *ops)
{
	static const struct watch_ops watch_ops = {
		.on_dir = on_dir,
		.on_file = on_file,
	};
	struct file_finder finder;
	struct sources *ss;

	if ((ss = calloc(1, sizeof(*ss))) == NULL)
		return (NULL);
	TAILQ_INIT(&ss->sources);
	TAILQ_INIT(&ss->renamed);
	RB_INIT(&ss->dirs);
	RB_INIT(&ss->ids);
	RB_INIT(&ss->links);
	ss->file_table = file_table;
	ss->checkpointer = checkpointer;
	ss->ops = *ops;
	finder = (struct file_finder) { .look = on_linked,
		.near = sources_near,
		.means = means,
		.reaches = reaches,
		.trusts = trusts,
		.is_blind = is_blind,
		.is_undecided = is_undecided,
		.again = scan_again,
		.place_of = place_of,
		.is_starting = is_starting,
		.arg = ss };
	if ((ss->watch = watch_new(loop, &watch_ops)) == NULL) {
		free(ss);
		return (NULL);
	}
	finder.watch = ss->watch;
	file_table_set_finder(file_table, &finder);
	ss->loop = loop;
	ev_prepare_init(&ss->turn, on_turn);
	dangling_init(ss, entry_examine);
	not_followed_init(ss);
	retry_start(ss);
	scan_init(ss);
	ev_set_priority(&ss->turn, EV_MAXPRI);
	ss->turn.data = ss;
	ev_prepare_start(loop, &ss->turn);
	return (ss);
}

void
sources_free(struct sources *ss)
{
	struct source *s;
	struct dir *d;

	if (ss == NULL)
		return;
	while ((d = dir_from(ss, "")) != NULL)
		tree_remove(d);
	dangling_end(ss);
	mounts_free(ss->mounts);
	sweep_stop(ss);
	not_followed_end(ss);
	retry_end(ss);
	scan_end(ss);
	while ((s = TAILQ_FIRST(&ss->sources)) != NULL) {
		TAILQ_REMOVE(&ss->sources, s, entry);
		free(s->routes);
		free(s);
	}
	watch_free(ss->watch);
	ev_prepare_stop(ss->loop, &ss->turn);
	free(ss);
}

int
sources_add(struct sources *ss, const struct conf_source *conf,
    struct route *const *routes, size_t n)
{
	struct source *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (-1);
	if ((s->routes = calloc(n, sizeof(struct route *))) == NULL) {
		free(s);
		return (-1);
	}
	memcpy(s->routes, routes, n * sizeof(struct route *));
	s->nroutes = n;
	s->conf = conf;
	TAILQ_INSERT_TAIL(&ss->sources, s, entry);
	return (0);
}

void
sources_avoid(struct sources *ss, int fd)
{
	struct stat st;

	if (ss->navoided == SOURCE_AVOIDED || fstat(fd, &st) == -1 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return;
	ss->avoided[ss->navoided++] =
	    (struct identity) { st.st_dev, st.st_ino };
}

void
sources_on_pause(struct sources *ss, void (*pause)(void *), void *arg)
{
	ss->pause = pause;
	ss->pause_arg = arg;
}

/* From now on a new file is read from its beginning. */
static void
end_start(struct sources *ss)
{
	struct source *s;
	size_t r;

	ss->starting = false;
	ss->waits = 0;
	TAILQ_FOREACH (s, &ss->sources, entry)
		for (r = 0; r < s->nroutes; r++)
			checkpointer_see(ss->checkpointer,
			    s->routes[r]->to->name, s->conf->name);
}

int
sources_start(struct sources *ss, const struct handover_file *files, size_t n)
{
	struct source *s;
	struct stat st;
	struct dir *root;
	struct match match;
	size_t i, r;

	if (stat("/", &st) == -1 ||
	    (root = tree_add(ss, NULL, "", &st)) == NULL)
		return (-1);
	ss->starting = true;
	file_table_reserve(ss->file_table, (unsigned)n);
	TAILQ_FOREACH (s, &ss->sources, entry) {
		for (r = 0; r < s->nroutes; r++)
			s->routes[r]->fresh = s->conf->start_at_end &&
			    !checkpointer_has_seen(ss->checkpointer,
				s->routes[r]->to->name, s->conf->name);
		for (i = 0; i < s->conf->npatterns; i++) {
			match = (struct match) { .source = s,
				.pattern = s->conf->patterns[i] };
			if (match_add(root, &match) == -1)
				return (-1);
		}
	}
	/*
	 * Before the first scan, so that what is mounted later is examined
	 * again.
	 */
	mount_begin(ss);
	scan_with_more(root);
	scan_all(ss);
	for (i = 0; i < n; i++) {
		sources_pause(ss);
		file_table_reserve(ss->file_table, (unsigned)(n - i - 1));
		sources_inherit(ss, &files[i]);
	}
	sources_recover(ss);
	end_start(ss);
	sweep_start(ss);
	return (0);
}

void
sources_hide(struct sources *ss, bool (*hides)(void *, const char *), void *arg)
{
	struct dir *d;

	for (d = dir_from(ss, ""); d != NULL; d = dir_next(d))
		d->hidden = hides(arg, dir_display(d));
}

void
sources_watch_stats(const struct sources *ss, struct watch_stats *stats)
{
	watch_stats(ss->watch, stats);
}
