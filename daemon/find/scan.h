/*
 * scan.h - scans of directories: all that the patterns mean in one is examined,
 * oldest first, a part in each turn of the loop.
 *
 * scan_later.c queues directories, listing.c lists one, and scan.c examines
 * what was listed.  Nobody scans a directory while he examines another.
 */
#ifndef FIND_SCAN_H
#define FIND_SCAN_H

#include <sys/stat.h>
#include <sys/tree.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/missed_file.h"

/* An entry of a directory that is to be examined. */
struct listed {
	RB_ENTRY(listed)	 by_time;
	uint64_t		 nth;
	char			*name;
	char			*was;	/* the name it had before, or NULL */
	struct stat		 st;
	bool			 is_new; /* a source means it, nobody had it */
};
RB_HEAD(entries, listed);

enum stage {
	STAGE_LIST,
	STAGE_EXAMINE,		/* what was listed */
	STAGE_UNLISTED,		/* files whose names were not listed */
	STAGE_LINKS,		/* into it, and names of patterns */
	STAGE_END
};

/* A scan that is midway: events may come between two parts of it. */
struct scan {
	enum stage		 stage;
	DIR			*handle; /* while it is listed */
	struct stat		 st;	/* of the directory, before that */
	time_t			 began;
	unsigned		 begun;	/* how often */
	unsigned		 failures;
	unsigned		 parts;
	bool			 split;	/* since it was begun to be listed */
	bool			 kept_open; /* meanwhile, and counted for it */
	bool			 listed; /* all, not only names of patterns */
	bool			 widened; /* by patterns since the last */
	bool			 by_time;
	uint64_t		 nlisted;
	struct entries		 entries;
	struct missed		 missed; /* inodes that were listed, */
	struct missed		 followed; /* and those followed since */
	char			 unseen[NAME_MAX + 1]; /* tried last */
	struct link_cursor	 link;
};

/* The queue, and what scans a part of a directory. */
void	scan_init(struct sources *);
void	scan_end(struct sources *);

/*
 * Queues the directory: it is scanned in the next turns of the loop or, at a
 * start, by the next scan_all().  One that is midway is scanned once more then.
 * Events tell what changes meanwhile; where none tell of names, the scan begins
 * anew.
 */
void	scan_later(struct dir *);

/*
 * The same where patterns go on in it that did not before: watched anew, too.
 */
void	scan_with_more(struct dir *);

/* The same where the system told that names changed, and not which. */
void	scan_missed(struct dir *);

/* Scans as much as this turn may; to be called when an event was handled. */
void	scan_some(struct sources *);

/* Scans all that was queued at a start to its end. */
void	scan_all(struct sources *);

/* Whether a scan of the directory is midway. */
bool	scan_is_midway(const struct dir *);

/* The directory leaves the tree: it is not scanned any more. */
void	scan_cancel(struct dir *);

/*
 * The scan that is midway is at its end; and: it is given up, and begins anew
 * another time.  For scan.c.
 */
void	scan_free(struct dir *);
void	scan_abandon(struct dir *);

#endif
