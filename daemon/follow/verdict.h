/*
 * verdict.h - whether a record of the checkpoint is of the file that has its
 * device and inode now.
 */
#ifndef FOLLOW_VERDICT_H
#define FOLLOW_VERDICT_H

#include <sys/types.h>

#include <stdbool.h>

struct checkpoint_record;
struct route;
struct file;

enum verdict {
	VERDICT_SAME,		/* the very file */
	VERDICT_BACK,		/* the same, but it has less of what was sent */
	VERDICT_LATER,		/* it cannot be read now: the next read tells */
	VERDICT_LIKELY,		/* only that it is short speaks against it */
	VERDICT_OTHER
};

/*
 * Compares the file, open as fd or -1, with its record for a route.  *offset is
 * set to where to go on in it.
 */
enum verdict	verdict_of(struct file *, struct route *, int fd,
		    const struct checkpoint_record *, off_t *offset);

/*
 * Whether the file was made after a daemon before this one looked at its
 * directory last, so that the record cannot be of it; some files may have been
 * followed there since, and their records are younger.  A time to come tells
 * nothing.
 */
bool	verdict_is_made_since(const struct file *,
	    const struct checkpoint_record *);

/*
 * Whether the record is of the rest of a file that was replaced: only its
 * descriptor led to it.  Such a file has no fingerprint at all; that of a file
 * which begins with NULs, being of no octets, has their hash.
 */
bool	verdict_is_of_a_rest(const struct checkpoint_record *);

/*
 * Whether the host lost power, and the file all that the guards were made of,
 * so that nothing tells for the record and nothing against it: then it is the
 * file of the record where its inode has been nobody else's since and it begins
 * as it did, or has a name that rotation gave it.
 */
bool	verdict_has_lost_end(const struct file *, int fd,
	    const struct checkpoint_record *);

#endif
