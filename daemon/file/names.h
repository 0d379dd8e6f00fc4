/*
 * names.h - the names that files have in one directory, or had until lately.
 *
 * Only keeps them: what follows when a file gets a name or loses it, and which
 * file is sent before which, is for follow/ to say.
 */
#ifndef FILE_NAMES_H
#define FILE_NAMES_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/checkpoint/checkpointer.h"

struct place;
struct tail;

RB_HEAD(tail_names, tail);
TAILQ_HEAD(tail_list, tail);

/* A file that had a name and lost it: a former holder of the name. */
struct leaver {
	RB_ENTRY(leaver)	 by_name;
	struct tail		*tail;
	struct place		*place;		/* where it had the name; or the
						   one of tails_homeless() */
	const char		*name;		/* stands behind the leaver */
	uint64_t		 nth;		/* of those that left place */
};
RB_HEAD(leavers, leaver);

/* A directory as its files see it; find/ has one in each of its own. */
struct place {
	char			*path;		/* "" for the root */
	dev_t			 dev;
	ino_t			 ino;
	struct tail_names	 names;
	struct leavers		 leavers;	/* by name, the oldest first */
	uint64_t		 nleft;
	bool			 told;		/* events tell of writes */
	bool			 polled;	/* all is looked at by time */
	int64_t			 since_ns;	/* see place_unseen_since() */
};

int	tail_compare_names(const struct tail *, const struct tail *);
RB_PROTOTYPE(tail_names, tail, by_name, tail_compare_names)
int	leaver_compare(const struct leaver *, const struct leaver *);
RB_PROTOTYPE(leavers, leaver, by_name, leaver_compare)

/*
 * Begins a directory without files.  Takes path, allocated; st is of the
 * directory.
 */
void	place_init(struct place *, char *path, const struct stat *st);

/*
 * Frees the path.  No file may have a name in the directory any more, nor be
 * remembered for one: follow_directory_gone() sees to that.
 */
void	place_fini(struct place *);

/* Whether st, which the directory's path led to, is that directory still. */
bool	place_is_same(const struct place *, const struct stat *st);

/*
 * Opens the directory to be listed; closedir(3) is the caller's.  Returns NULL
 * with errno, which is ESTALE where another directory, or a link to one, has
 * its path now: by that a user could pass off a file of others as one in there.
 */
DIR	*place_list(const struct place *);

/*
 * Whether a name may have come, gone or changed in a directory while it was
 * listed: then a file that was renamed may have been met by neither name.  The
 * list was begun at began; before and after are the directory's st_mtim at the
 * begin and at the end.  All in nanoseconds of the time of day; the clock of a
 * file system has ticks.
 */
bool	place_was_changing(int64_t before, int64_t after, int64_t began);

/*
 * When a daemon looked at all of the directory last, before this start, in
 * nanoseconds of the time of day: ledger_look_ns(), or a time before that where
 * later starts could not look at it.  Returns 0 for a first start.
 */
int64_t	place_unseen_since(const struct place *, const struct ledger *);

/* As ledger_side() says of ns, but by that time. */
enum ledger_side	place_side(const struct place *, const struct ledger *,
			    int64_t ns);

/*
 * No daemon could look at all of the directory since then.  Of several times
 * the earliest counts; 0 says nothing.
 */
void	place_is_unseen_since(struct place *, int64_t since_ns);

/* Whether path is the directory's path, a slash, and one name more. */
bool	place_holds(const struct place *, const char *path);

/* Returns the file called name, or NULL. */
struct tail	*tail_at(struct place *, const char *name);

/* Returns the file whose name comes next behind name in order, or NULL. */
struct tail	*tail_behind(struct place *, const char *name);

/* Returns the file in the same directory whose name comes before, or NULL. */
struct tail	*tail_before_name(struct tail *);

/*
 * Returns the first file that lost name and is remembered for it, or NULL; and
 * the next that lost the same name.
 */
struct leaver	*place_leaver(struct place *, const char *name);
struct leaver	*leaver_next(struct leaver *);

/*
 * The file, which had no name, has this one.  Takes name, allocated.  No other
 * file may have it: follow_enter() sees to that.
 */
void	place_enter(struct tail *, struct place *, char *name);

/*
 * Remembers that the file was called place/name, and no other name that it had
 * before.  Copies name; without memory the file is remembered for none.
 */
void	tail_was(struct tail *, struct place *, const char *name);

/* The file is not remembered for a name any more. */
void	place_unleave(struct tail *);

/* A file waits for so many of those before it, at the most. */
#define TAIL_WAITS_FOR	8

#endif
