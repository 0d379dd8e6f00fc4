/*
 * inside.h - what the parts of find/ share: the sources, the tree of their
 * directories, and what is known of each directory.
 *
 * From the lowest to the highest; a part calls only parts of lines before it:
 *
 *	dir, near		one directory, and the tree of them
 *	last_look, retry	what could not be looked at
 *	match, routes		what patterns mean there; who gets a file
 *	not_followed		which files are not followed, and why
 *	known			whether a file is the one that is followed
 *	link, walk, trust	links, and who may have planted them
 *	missed_file, missed_rename	files that no event told of
 *	candidate, unmatched	what files of the checkpoint have become
 *	listing, scan_later	lists a directory; the queue of directories
 *	dangling		links that lead nowhere
 *	tree			adds, watches and removes directories
 *	entry			what one name leads to
 *	scan			all names of a directory
 *	recover, inherit	what happened while the daemon was down
 *	retry_scan, sweep, mount	when to look again
 *	sources			the face; events
 */
#ifndef FIND_INSIDE_H
#define FIND_INSIDE_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/scan_queue.h"
#include "daemon/file/names.h"
#include "daemon/find/sources.h"
#include "daemon/watch/watch.h"
#include "lib/idset.h"

struct mounts;
struct pattern;

/* A source of the configuration. */
struct source {
	TAILQ_ENTRY(source)	 entry;
	const struct conf_source *conf;		/* borrowed */
	struct route		**routes;	/* to its destinations */
	size_t			 nroutes;
};

/* A file or directory that is never followed, see sources_avoid(). */
struct identity {
	dev_t		dev;
	ino_t		ino;
};
#define SOURCE_AVOIDED	4

/* A pattern matches the path of a directory: its part names entries there. */
struct match {
	struct source		*source;
	const struct pattern	*pattern;
	size_t			 part;
	int			 depth;		/* directories that ** took */
};

/* Whether to trust the way by which a name leads to a file. */
enum trust {
	TRUST_PLAIN,		/* the name itself */
	TRUST_SAFE_LINK,	/* a link that nobody could have planted */
	TRUST_UNSAFE_LINK,	/* a link that somebody may have planted */
	TRUST_UNSAFE_NAME	/* a hard link that somebody may have made */
};

/* Defined where they are used. */
struct not_followed;
RB_HEAD(not_followed_names, not_followed);

struct link;
RB_HEAD(link_names, link);
RB_HEAD(link_targets, link);

struct missed_rename;
TAILQ_HEAD(missed_renames, missed_rename);
RB_HEAD(rename_names, missed_rename);

struct taken;
RB_HEAD(taken_files, taken);

struct dangling;
TAILQ_HEAD(dangling_list, dangling);
RB_HEAD(dangling_names, dangling);

/* A directory of the tree: a pattern reaches it, or a link leads into it. */
struct dir {
	RB_ENTRY(dir)		 by_path;
	RB_ENTRY(dir)		 by_id;
	uint64_t		 serial;	/* no other ever had it */
	struct names		 place;		/* path, identity, its files */
	struct sources		*all;
	struct dir		*parent;	/* NULL: root, or for links */
	char			*real;		/* without links, or NULL */
	struct match		*matches;
	size_t			 nmatches;

	/* Who may write to it, by the last look. */
	uid_t			 uid;
	gid_t			 gid;
	mode_t			 mode;

	/* watching */
	struct watch_dir	*watch;		/* NULL: there is none */
	bool			 unwatched;	/* watch anew before a scan */
	bool			 hidden;	/* see sources_hide() */

	/* link.c */
	unsigned		 nlinks;	/* in it, to followed files */
	struct link_targets	 targets;	/* links to files in it */
	uint64_t		 ordered;	/* by this link_order() */

	/* scans */
	struct scan_job		 job;		/* in the queue */
	struct scan		*scanning;	/* midway, or NULL */
	bool			 rescan;	/* once that is at its end */
	bool			 by_event;	/* one asked for the scan */
	bool			 widened;	/* by patterns since the last */
	bool			 said;		/* that it cannot be listed */
	bool			 disordered;	/* new file, rotation's name */
	uint32_t		 scan;		/* how often it was listed */
	int64_t			 listed_ns;	/* st_mtime then, or -1 */
	unsigned		 passed;	/* files left alone: too old */

	/* missed_file.c: by the scan before */
	struct idset		 others;	/* inodes that were there */
	bool			 has_others;	/* all of them */
	bool			 unsure;	/* names changed meanwhile, */
	bool			 was_unsure;	/* and before that scan, too */
	int64_t			 changed_ns;	/* st_mtime then */
	bool			 missed;	/* events were, since a scan; */
	int64_t			 missed_ns;	/* until then none was */
	bool			 missing;	/* the same, of one midway */
	int64_t			 missing_ns;

	/* missed_rename.c */
	struct missed_renames	 renames;	/* in the order of events */
	struct rename_names	 rename_names;
	TAILQ_ENTRY(dir)	 renamed;	/* while there are any */

	/* retry.c, last_look.c */
	TAILQ_ENTRY(dir)	 retry_entry;
	bool			 retry;		/* in that list */
	bool			 started;	/* it was there at the start */
	bool			 unrecovered;	/* files are still looked for */
	struct taken_files	 taken;		/* and were found meanwhile */

	/* not_followed.c, dangling.c */
	unsigned		 nnamed;	/* names that the log has, */
	unsigned		 nunnamed;	/* and has not (last scan) */
	unsigned		 ndangling;	/* links examined by time */
	bool			 dangles;	/* some only by the sweep */
};
RB_HEAD(dirs, dir);
RB_HEAD(dir_ids, dir);
TAILQ_HEAD(dir_list, dir);

struct sources {
	TAILQ_HEAD(, source)	 sources;
	struct ev_loop		*loop;
	struct watch		*watch;
	struct mounts		*mounts;	/* or NULL: none tells */
	struct file_table	*file_table;		/* borrowed */
	struct checkpointer	*checkpointer;	/* borrowed */
	struct sources_ops	 ops;
	ev_prepare		 turn;		/* before anything is sent */
	struct identity		 avoided[SOURCE_AVOIDED];
	size_t			 navoided;

	/* dir.c */
	struct dirs		 dirs;
	struct dir_ids		 ids;
	uint64_t		 serial;	/* the last that was given */
	unsigned		 ndirs;
	uint64_t		 passed;	/* of all directories */

	/* a start, which also finishes later for what it could not look at */
	bool			 starting;
	bool			 late;		/* starting for such a one */
	unsigned		 nlate;		/* directories found so */
	unsigned		 waits;		/* that a start may still do */
	ev_tstamp		 decided_at;	/* files are new from then on */
	void			(*pause)(void *); /* or NULL */
	void			*pause_arg;

	/* what is not looked at yet, or to be looked at again */
	struct scan_queue	 scans;
	unsigned		 nsplit;	/* directories that are open */
	struct dir_list		 retries;
	unsigned		 nretries;
	ev_tstamp		 retry_wait;
	ev_timer		 retry_timer;
	struct unmatched	*unmatched;	/* or NULL: none is left */
	struct dir_list		 renamed;	/* directories with renames */
	bool			 by_time;	/* no event: for dangling.c */

	/* link.c */
	struct link_names	 links;
	uint64_t		 orders;	/* calls of link_order() */

	/* not_followed.c */
	struct not_followed_names not_followed;
	unsigned		 nnamed;	/* in the log, */
	uint64_t		 nunnamed;	/* and not, by now */
	uint64_t		 nsaid;		/* and when that was logged */
	ev_timer		 tell;

	/* dangling.c */
	struct dangling_names	 dangling_names;
	struct dangling_list	 dangling;	/* examined longest ago first */
	unsigned		 ndangling;
	ev_timer		 dangling_timer;
	void			(*on_due)(struct dir *, const char *);

	/* sweep.c */
	ev_timer		 sweep;
	ev_tstamp		 sweep_rest;	/* seconds to the next batch */
	uint64_t		 sweep_serial;	/* in this directory, */
	char			 sweep_path[PATH_MAX];
	char			 sweep_name[NAME_MAX + 1]; /* behind it */
};

#endif
