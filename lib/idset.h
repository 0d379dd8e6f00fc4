/*
 * idset.h - a set of numbers, such as those of inodes.
 *
 * It grows evenly: however many there are, adding one more takes about as long
 * as the copy of the whole at the worst, and never as long as sorting it.
 * Pure: no I/O, no clock.
 */
#ifndef IDSET_H
#define IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero at first. */
struct idset {
	uint64_t	*ids;		/* sorted runs, one for each bit of n, the
					   longest first */
	size_t		 n;
	size_t		 room;		/* as much is there once more, to merge */
};

/* Frees what is in it; it is empty then. */
void	idset_fini(struct idset *);

/* Empties it, and keeps its room. */
void	idset_clear(struct idset *);

/* Adds id, which may be in it.  Returns 0, or -1 with ENOMEM. */
int	idset_add(struct idset *, uint64_t id);

/* Takes id out; it need not be in it. */
void	idset_del(struct idset *, uint64_t id);

bool	idset_has(const struct idset *, uint64_t id);

/* Adds all of from, and ends that.  Returns 0, or -1 with ENOMEM. */
int	idset_move(struct idset *to, struct idset *from);

#endif
