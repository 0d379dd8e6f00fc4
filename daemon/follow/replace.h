/*
 * replace.h - a file at whose path there is another one now.
 *
 * rsync(1), an editor, sed -i, or a move to another disk put a file in place of
 * the log that has all of it, or most.  What was sent of the one is not sent
 * again of the other.
 */
#ifndef FOLLOW_REPLACE_H
#define FOLLOW_REPLACE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "lib/fingerprint.h"

struct place;
struct tail;

enum tail_replacement {
	TAIL_REPLACED,			/* the file goes on in the other */
	TAIL_REPLACED_IN_PART,		/* the other is new, but behind from->at
					   there is only what was not sent */
	TAIL_CANNOT_TELL,		/* it could not be read, or the name is
					   another's by now: look again */
	TAIL_NOT_REPLACED		/* it has nothing to do with it */
};

/*
 * was had the name in place, or lost its directory and had the same path; now
 * there is the file that st describes, which nobody follows.  from->at is 0 but
 * where it is replaced in part.
 */
enum tail_replacement	tail_replaced(struct tail *was, struct place *,
			    const char *name, const struct stat *st,
			    struct guard *from);

/* The new file begins at from->at, for every destination. */
void	tail_begin_from(struct tail *, const struct guard *from);

#endif
