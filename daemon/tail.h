/*
 * tail.h - the files that are followed, each by its identity.
 *
 * A file is a device, an inode and a fingerprint, not a path.  It may be
 * renamed, lose its name, or be truncated: a truncated file is a new one at
 * the same place, and what it was before goes on in its copy where there is
 * one.  Descriptors are a cache: a file that was read to its end may be closed
 * and is opened again when it changes.
 */
#ifndef TAIL_H
#define TAIL_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/fingerprint.h"

struct ledger;
struct route;
struct stream;
struct tail;

RB_HEAD(tail_names, tail);
TAILQ_HEAD(tail_list, tail);

RB_PROTOTYPE(tail_names, tail, by_name, tail_compare_names)

/* A directory as its files see it; owned by who looks at it. */
struct place {
	char			*path;		/* "" for the root */
	struct tail_names	 names;
	struct tail_list	 leavers;	/* had a name here and lost it */
};

struct tail {
	RB_ENTRY(tail)		 by_id;
	RB_ENTRY(tail)		 by_name;
	TAILQ_ENTRY(tail)	 opened;	/* least recently used first */
	TAILQ_ENTRY(tail)	 timed;
	TAILQ_ENTRY(tail)	 left;
	struct tails		*all;
	struct place		*place;		/* NULL: no name any more */
	char			*name;		/* the last one */
	struct place		*left_place;	/* where it is a leaver, and */
	char			*left_name;	/* the name it had */
	struct stream		*streams;	/* owned list */
	struct tail		*before;	/* had the name before, and is
						   to be sent first */
	struct tail		*behind;
	dev_t			 dev;
	ino_t			 ino;
	struct fingerprint	 print;
	off_t			 size;		/* as last seen */
	int64_t			 written_ns;	/* st_mtim as last seen */
	ev_tstamp		 changed;	/* when it was last seen to grow */
	int			 fd;
	int			 error;		/* why it cannot be read, or 0 */
	bool			 known;		/* in the tree by identity */
	bool			 is_timed;
	bool			 linked;	/* reached by a symbolic link */
	bool			 rotated;	/* lost the name it was found by */
	bool			 deleted;
	uint32_t		 seen;		/* for who scans its place */
};

struct tails_stats {
	uint64_t	files;
	uint64_t	streams;
	uint64_t	open;
	uint64_t	rotations;
	uint64_t	truncations;
	uint64_t	lost_bytes;	/* truncated or deleted before read */
	uint64_t	found;		/* files ever followed */
};

struct tails_conf {
	unsigned	max_open;	/* descriptors for files */
	uint64_t	look_ms;	/* how often timed files are looked at */
	size_t		scratch;	/* octets to read at once */
};

/* Returns NULL with errno.  loop and ledger are borrowed. */
struct tails	*tails_new(struct ev_loop *, struct ledger *,
		    const struct tails_conf *);

/* Frees every tail and its streams without touching the ledger. */
void	tails_free(struct tails *);

/* The buffer that every read goes through. */
uint8_t	*tails_scratch(struct tails *, size_t *size);
struct ledger	*tails_ledger(struct tails *);
void	tails_count_stream(struct tails *, int change);
ev_tstamp	tails_now(const struct tails *);
void	tails_stats(const struct tails *, struct tails_stats *);
void	tails_walk(struct tails *, void (*fn)(struct tail *, void *), void *);

/* The file with this identity, or NULL; and by its name in a place. */
struct tail	*tails_find(struct tails *, dev_t, ino_t);
struct tail	*tail_at(struct place *, const char *name);

/*
 * Follows the regular file at place/name that st describes; nothing is read
 * before a route joins.  Returns NULL with errno.
 */
struct tail	*tail_new(struct tails *, struct place *, const char *name,
		    const struct stat *);

/*
 * Sends the file by route: from the checkpoint, or from from_end's meaning of
 * a start.  Does nothing when its destination gets the file already.  Returns
 * 0, or -1 with errno.
 */
int	tail_join(struct tail *, struct route *, bool from_end);

/* Looks at the file itself: grown, truncated, replaced, gone. */
void	tail_check(struct tail *);

/*
 * The file is now called place/name; NULL: it has no name that we know.  The
 * file that gets its old name is sent after it.
 */
void	tail_rename(struct tail *, struct place *, const char *name);

/* The file was called place/name when it was last followed. */
void	tail_was(struct tail *, struct place *, const char *name);

/*
 * The file was called place/name until just now: it is sent before the file
 * that has the name, and after those that had it before.
 */
void	tail_precedes(struct tail *, struct place *, const char *name);

void	place_init(struct place *, char *path);	/* takes path */

/* The directory is gone: its files have no name that we know. */
void	place_fini(struct place *);

/* Returns its descriptor, opened when need be, or -1: nothing to read now. */
int	tail_fd(struct tail *);

/* The last path, in a static buffer. */
const char	*tail_path(const struct tail *);

/* One of its streams has no complete line left. */
void	tail_drained(struct tail *);

#endif
