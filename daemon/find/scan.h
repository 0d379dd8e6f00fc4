/*
 * scan.h - a scan of one directory: listing.c lists it, and
 * scan.c looks at what was found, each a part at a time.
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

/* What a scan found, to be looked at oldest first. */
struct listed {
	RB_ENTRY(listed) by_time;
	uint64_t nth;
	char *name;
	char *was; /* the name it was found by, or NULL */
	struct stat st;
	bool is_new; /* a source means the name, and nobody had it */
};
RB_HEAD(entries, listed);

enum stage {
	STAGE_LIST,
	STAGE_LOOK, /* at what was listed */
	STAGE_UNSEEN, /* at files whose names the listing did not meet */
	STAGE_LINKS, /* into it, and at names that patterns have */
	STAGE_END
};

/* A scan that is midway: other events may come between two parts of it. */
struct scan {
	enum stage stage;
	DIR *handle; /* while it is listed */
	struct stat st; /* of the directory, before that */
	time_t began;
	unsigned begun; /* how often */
	unsigned failures;
	unsigned parts;
	bool split; /* others had turns since it was begun to list it */
	bool kept_open; /* meanwhile, and counted for that */
	bool listed; /* all of it is, not only what patterns name */
	bool widened; /* patterns came since the scan before */
	bool by_time;
	uint64_t nlisted;
	struct entries entries;
	struct missed missed; /* by the listing, */
	struct missed followed; /* and by the looks */
	char unseen[NAME_MAX + 1]; /* the last name that was tried */
	struct link_cursor link;
};

/* Takes the oldest out of it, or returns NULL. */
struct listed	*listing_take(struct scan *);

/* It was taken out of the tree. */
void	listed_free(struct listed *);

/* Begins to list it, or begins anew.  Where it cannot be listed that is said. */
void	listing_begin(struct dir *, struct scan *);

/* Lists what the part has room for.  Returns whether that is all there is. */
bool	listing_go_on(struct dir *, struct scan *);

/* All of it is listed. */
void	listing_end(struct dir *, struct scan *);

/* Nobody looks any more at what it has listed. */
void	listing_drop(struct dir *, struct scan *);

#endif
