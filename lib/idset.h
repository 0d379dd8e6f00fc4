/*
 * idset.h - a set of numbers, such as those of inodes.
 *
 * Adding a number takes, at worst, about as long as copying the whole set, and
 * never as long as sorting it.  Pure: no I/O, no clock.
 */
#ifndef IDSET_H
#define IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded; all zero is an empty set. */
struct idset {
	uint64_t	*ids;		/* sorted runs, one for each bit of n,
					   the longest first */
	size_t		 n;
	size_t		 room;		/* of ids, and as much behind them, to
					   merge runs */
};

/* Frees the memory; the set is empty then. */
void	idset_fini(struct idset *);

/* Empties the set, and keeps its memory. */
void	idset_clear(struct idset *);

/* Adds id, which may be in the set.  Returns 0, or -1 with ENOMEM. */
int	idset_add(struct idset *, uint64_t id);

/* Takes id out, which need not be in the set. */
void	idset_del(struct idset *, uint64_t id);

bool	idset_has(const struct idset *, uint64_t id);

/*
 * Adds all of from to the set, and frees from as idset_fini() does.  Returns 0,
 * or -1 with ENOMEM.
 */
int	idset_move(struct idset *to, struct idset *from);

#endif
