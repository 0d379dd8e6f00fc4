/*
 * rotation.h - what rotation makes of the name of a log file.
 *
 * app.log becomes app.log.1 or app.log-20261124, also app-20261124.log and
 * app.log.old, any of them with the ending of a compressed file.  Names are
 * those of entries of a directory, without a slash.  Pure.
 */
#ifndef ROTATION_H
#define ROTATION_H

#include <stdbool.h>
#include <stddef.h>

/* Whether rotation may have given name to a file that was called base. */
bool	rotation_is_of(const char *name, const char *base);

/*
 * The same where hardly anything else than rotation gives such names: a mark
 * behind the whole base, or a date in it.  worker-2.log, beside worker.log, may
 * as well be the log of a second worker.
 */
bool	rotation_is_copy_of(const char *name, const char *base);

/* Whether the name ends as that of a compressed file that can be read. */
bool	rotation_is_compressed(const char *name);

/*
 * Writes into base, which has size octets, the nth name, from 0, that a file
 * called name may have had before it was rotated.  Returns false when there is
 * no nth, or it does not fit.
 */
bool	rotation_base(const char *name, size_t nth, char *base, size_t size);

/*
 * Compares the ages that two names tell of files that were called base; base
 * itself is the youngest.  Returns less than 0 when a is older than b, more
 * when it is younger, 0 when the names do not tell.
 */
int	rotation_compare(const char *base, const char *a, const char *b);

/*
 * Whether both names are of one base, and rotation gives name to an older file
 * than was.
 */
bool	rotation_goes_on(const char *name, const char *was);

#endif
