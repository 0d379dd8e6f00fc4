/*
 * alike.h - the files of which a new one may be a copy.
 *
 * Those are the files that are followed and begin like the new one, from whose
 * name rotation may have made its own, or whose names stand beside it; in its
 * directory and those near it.
 */
#ifndef FOLLOW_ALIKE_H
#define FOLLOW_ALIKE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "lib/fingerprint.h"

struct file;

#define ALIKE_MOST	16		/* files that begin alike */

/* What a new file is compared with. */
struct alike {
	struct file		*t;		/* the new file, */
	int			 fd;		/* by which it is open, */
	uint8_t			 head[FINGERPRINT_MAX];	/* and its head */
	size_t			 len;
	struct {
		dev_t		 dev;
		ino_t		 ino;
	} files[ALIKE_MOST];			/* that begin alike */
	size_t			 n;
};

enum alike_verdict {
	ALIKE_OTHER,		/* the new file has something of its own */
	ALIKE_UNKNOWN,		/* one of the two could not be read */
	ALIKE_LIKE,		/* it has nothing of its own */
	ALIKE_COPY,		/* and is a copy for good */
	ALIKE_TAKEN		/* the other has just gone on in it */
};

/* Returns 0, or -1 when the new file could not be read. */
int	alike_find(struct alike *, struct file *);

/*
 * Compares the new file with files[i], which is checked before where that may
 * say more, and may then go on in the new one: ALIKE_TAKEN.  *with is set to
 * that file, but where it is followed no more.
 */
enum alike_verdict	alike_compare(struct alike *, size_t i,
			    struct file **with);

#endif
