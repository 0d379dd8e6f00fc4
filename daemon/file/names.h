/*
 * names.h - the names that files have in one directory, and what comes of
 * them: the file that had a name before is sent before the one that has it.
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

/* A file that had a name and lost it. */
struct leaver {
	RB_ENTRY(leaver)	 by_name;
	struct tail		*tail;
	struct place		*place;		/* where it had the name; or the
						   one of tails_homeless() */
	const char		*name;		/* behind it */
	uint64_t		 nth;		/* to leave place */
};
RB_HEAD(leavers, leaver);

/* A directory as its files see it; owned by who looks at it. */
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

/* Takes path, which st is of. */
void	place_init(struct place *, char *path, const struct stat *st);

/* Whether st, what its path led to, is of that directory still. */
bool	place_is_same(const struct place *, const struct stat *st);

/*
 * Opens it to be listed.  Returns NULL with errno, which is ESTALE where
 * another directory, or a link to one, has taken its place: by that anybody
 * could pass off a file of others as one in there.
 */
DIR	*place_list(const struct place *);

/*
 * Whether a name may have come, gone or changed while a directory was listed,
 * from began on: then a file that was renamed may not have been met by either
 * name.  before and after are when its names changed last, asked for before and
 * after that.  A clock of a file system has ticks.  All in nanoseconds of the
 * time of day.
 */
bool	place_was_changing(int64_t before, int64_t after, int64_t began);

/*
 * When somebody looked at all of it last, before this start: ledger_look_ns(),
 * or a time before that where starts before this one could not.  Returns 0 for
 * a first start.
 */
int64_t	place_unseen_since(const struct place *, const struct ledger *);

/* As ledger_side(), by that time. */
enum ledger_side	place_side(const struct place *, const struct ledger *,
			    int64_t ns);

/* The earlier one counts; 0: nothing is known. */
void	place_is_unseen_since(struct place *, int64_t since_ns);

/* Whether path is that of an entry of it. */
bool	place_holds(const struct place *, const char *path);

/* The file called name, or NULL. */
struct tail	*tail_at(struct place *, const char *name);

/* The file whose name comes next in order after name, or NULL. */
struct tail	*tail_behind(struct place *, const char *name);

/* The file whose name comes before that of one, in its directory, or NULL. */
struct tail	*tail_before_name(struct tail *);

/* The first of those that left name, or NULL; and: the next of them. */
struct leaver	*place_leaver(struct place *, const char *name);
struct leaver	*leaver_next(struct leaver *);

/*
 * The file, which had no name, has this one; takes name.  No other file may
 * have it: follow_enter() sees to that.
 */
void	place_enter(struct tail *, struct place *, char *name);

/* It is no longer remembered as the last to have had a name. */
void	place_unleave(struct tail *);

/* The file was called place/name when it was last followed. */
void	tail_was(struct tail *, struct place *, const char *name);

/* What waits for files before it waits for so many, at the most. */
#define TAIL_WAITS_FOR	8

/* Frees what it has, but not its files: it holds none, and nobody left it. */
void	place_fini(struct place *);

#endif
