/*
 * tail_copy.h - finds the copy that copytruncate rotation left of a file.
 */
#ifndef TAIL_COPY_H
#define TAIL_COPY_H

#include <sys/types.h>

#include "lib/fingerprint.h"

struct place;
struct tails;

/* What the file was before it was truncated. */
struct tail_copy {
	struct fingerprint	 print;
	off_t			 least;		/* octets that it has */
	dev_t			 dev;		/* of the file: no copy of */
	ino_t			 ino;		/* itself */
	struct tails		*all;		/* no file that is followed, */
};						/* NULL: any */

/*
 * Looks in place for the newest regular file that begins with the same octets
 * and is at least as long.  Returns a descriptor and sets *name (free with free(3)),
 * or -1.
 */
int	tail_copy_open(const struct tail_copy *, const struct place *,
	    char **name);

#endif
