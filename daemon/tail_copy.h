/*
 * tail_copy.h - finds the copy that copytruncate(8) rotation left.
 */
#ifndef TAIL_COPY_H
#define TAIL_COPY_H

struct place;
struct tail;

/*
 * Looks in place for a regular file that holds what old held before it was
 * truncated: the same fingerprint, and at least as long as what was sent.
 * Returns a descriptor and sets *name (free with free(3)), or -1.
 */
int	tail_copy_open(const struct tail *old, const struct place *place,
	    char **name);

#endif
