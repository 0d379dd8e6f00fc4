/*
 * source_inside.h - sources as their own parts see them: source_use.c knows
 * what the patterns mean, source_dir.c keeps the tree of directories,
 * source_look.c looks at one name, source_scan.c at all of a directory,
 * source_recover.c at what happened before the start to what source_orphan.c
 * lists, source_stray.c follows what was renamed before anybody looked,
 * source_inherit.c goes on with what the worker before had open,
 * source_await.c looks at dangling links by time, and source_sweep.c at all of
 * it, slowly.
 */
#ifndef SOURCE_INSIDE_H
#define SOURCE_INSIDE_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/place.h"
#include "daemon/source.h"
#include "daemon/watch.h"

struct pattern;
struct pattern_part;

struct source {
	TAILQ_ENTRY(source) entry;
	const struct conf_source *conf;
	struct route **routes;
	size_t nroutes;
};

struct identity {
	dev_t dev;
	ino_t ino;
};
#define SOURCE_AVOIDED 4

/* A pattern reaches a directory: its part names entries there. */
struct use {
	struct source *source;
	const struct pattern *pattern;
	size_t part;
	int depth; /* directories that ** took */
};

/* How a name leads to what it names. */
enum reach {
	REACH_PLAIN, /* by itself */
	REACH_SAFE_LINK, /* by a link that nobody could have planted */
	REACH_UNSAFE_LINK
};

/* A name of which was said that it is not followed. */
struct told {
	TAILQ_ENTRY(told) entry;
	char *name;
};

struct stray;
TAILQ_HEAD(strays, stray);

struct awaited;
TAILQ_HEAD(awaited_list, awaited);

struct dir {
	RB_ENTRY(dir) by_path;
	struct place place;
	struct sources *all;
	struct dir *parent;
	struct watch_dir *watch;
	struct use *uses;
	size_t nuses;
	bool said; /* that it cannot be read */
	bool hidden; /* see sources_hide() */
	uint32_t scan;
	int64_t listed_ns; /* its st_mtime then, or -1 */
	struct strays strays;
	TAILQ_HEAD(, told) told;
};
RB_HEAD(dirs, dir);
int	dir_compare(const struct dir *, const struct dir *);
RB_PROTOTYPE(dirs, dir, by_path, dir_compare)

struct sources {
	TAILQ_HEAD(, source) sources;
	struct dirs dirs;
	unsigned ndirs;
	struct ev_loop *loop;
	struct watch *watch;
	struct tails *tails;
	struct ledger *ledger;
	ev_prepare turn;
	struct identity avoided[SOURCE_AVOIDED];
	size_t navoided;
	struct awaited_list awaited;
	ev_timer await;
	ev_timer sweep;
	struct dir *sweep_dir; /* the sweep is here, NULL: at the start, */
	char sweep_name[NAME_MAX + 1]; /* behind this name; "": in front */
	bool by_time; /* what is looked at now: no news for awaited */
	struct sources_ops ops;
	bool starting;
	bool strayed; /* some directory has strays */
};

/* source_use.c: what patterns mean */

bool	use_is_last(const struct use *);
bool	use_matches(const struct use *, const char *name);
const struct pattern_part	*use_part(const struct use *);

/*
 * Adds a use, and what follows from a ** that takes no directory.  Returns
 * whether it is new.
 */
bool	dir_append_use(struct dir *, const struct use *);

/* Whether some source means the file, or goes on in the directory, name. */
bool	dir_means_file(const struct dir *, const char *name);
bool	dir_means_dir(const struct dir *, const char *name);

/* The same for one use; and whether its source wants what a link leads to. */
bool	use_means(const struct use *, const struct dir *, const char *name);
bool	use_goes_on(const struct use *, const char *name);
bool	use_follows(const struct use *, enum reach);

/* Whether some source means name, reached like this, as a file or directory. */
bool	dir_follows(const struct dir *, const char *name, enum reach);

/* Sends the file by the routes of every source that means name in dir. */
void	dir_join_routes(struct tail *, const struct dir *, const char *name,
	    enum reach);

/* Sends it by the routes of the path it had, where it is the same file. */
void	sources_rejoin_routes(struct tail *, struct sources *,
	    const char *origin);

/* source_dir.c: the tree of directories */

/* parent is NULL for the root only.  Returns NULL: it was logged. */
struct dir	*dir_new(struct sources *, struct dir *parent, const char *path,
		    const struct stat *);

/* Frees it and all below; its files go on without a name. */
void	dir_free(struct dir *);

/* The same where the system says that it is gone. */
void	dir_gone(struct dir *);

/* A pattern goes on in it: watches and scans it where that is new. */
void	dir_add_use(struct dir *, const struct use *);

/* Watches it for every use; may be called again. */
void	dir_watch(struct dir *);

/* Whether some source wants no events from the system. */
bool	dir_is_to_be_polled(const struct dir *);

struct dir	*dir_find(struct sources *, const char *path);
struct dir	*dir_of(struct place *);

/* The path to show, or to open. */
const char	*dir_display(const struct dir *);

/* Returns a static buffer, or NULL when the path is too long. */
const char	*dir_path_in(const struct dir *, const char *name);

/* Whether it is hidden: then it was told that something may have changed. */
bool	dir_is_hidden(const struct dir *);

/* Whether it is the directory of st, or below it: a loop of links. */
bool	dir_is_inside(const struct dir *, const struct stat *);

/* Whether nothing was said of this name yet; and: it is forgotten. */
bool	dir_say_once(struct dir *, const char *name);
void	dir_unsay(struct dir *, const char *name);

/*
 * Visits a directory, those below it and those below its parent, until visit
 * returns true; not many of them.  See tails_finder.
 */
void	sources_near(struct place *, bool (*visit)(struct place *, void *),
	    void *to);

/* source_look.c, source_scan.c */

/* What is there under this name now?  May free directories below. */
void	dir_look(struct dir *, const char *name);

/* The same where lstat(2) has just found it. */
void	dir_look_at(struct dir *, const char *name, const struct stat *);

/* The same for all that the patterns mean in it, oldest first. */
void	dir_scan(struct dir *);

/* Whether a file of it, by what lstat(2) says of the name, has not changed. */
bool	dir_is_as_seen(const struct tail *, const struct stat *);

/* source_recover.c */

/* At the end of the start: what became of the files of the checkpoint. */
void	sources_recover(struct sources *);

/* source_inherit.c */

/*
 * A file without a name that the worker before had open as fd goes on.  Takes
 * fd.
 */
void	sources_inherit(struct sources *, int fd);

/* source_stray.c */

/* Events in their order: name was from before; NULL: it came, or left. */
void	dir_note_rename(struct dir *, const char *name, const char *from);

/* When all events of a turn are known. */
void	sources_follow_strays(struct sources *);
void	strays_clear(struct dir *);

/* source_await.c */

void	awaited_init(struct sources *);

/* A link that leads nowhere: what it leads to may be on its way. */
void	dir_await(struct dir *, const char *name);
void	awaited_clear(struct dir *);

/* source_sweep.c */

void	sweep_start(struct sources *);
void	sweep_stop(struct sources *);

/* The directory is about to go. */
void	sweep_leave(struct dir *);

#endif
