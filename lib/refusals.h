/*
 * refusals.h - how often a receiver refused which message.
 *
 * A receiver answers in any order, so several messages can be refused in turns:
 * each is counted by itself.  Pure: no I/O, no clock.
 */
#ifndef REFUSALS_H
#define REFUSALS_H

#include <sys/types.h>

#include <stddef.h>

struct refusals;			/* opaque */

/*
 * Remembers max messages, the last that were refused.  Returns NULL with
 * ENOMEM.  Free with refusals_free(), NULL is fine.
 */
struct refusals	*refusals_new(size_t max);
void	refusals_free(struct refusals *);

/*
 * The message that begins at octet at of a file is refused.  Returns how often
 * it was by now.
 */
unsigned	refusals_add(struct refusals *, dev_t, ino_t, off_t at);

/* All that was refused has been settled. */
void	refusals_clear(struct refusals *);

#endif
