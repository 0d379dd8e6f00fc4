/*
 * rejects.h - how often a receiver has rejected each message.
 *
 * A receiver answers in any order, so several messages can be rejected in
 * turns: each is counted by itself.  Pure: no I/O, no clock.
 */
#ifndef REJECTS_H
#define REJECTS_H

#include <sys/types.h>

#include <stddef.h>

struct rejects;				/* opaque */

/*
 * Makes counters for the max messages that were rejected last.  Returns NULL
 * with ENOMEM.  Free with rejects_free(), NULL is fine.
 */
struct rejects	*rejects_new(size_t max);
void	rejects_free(struct rejects *);

/*
 * Counts a rejection of the message that begins at offset at of the file with
 * this device and inode.  Returns how often the message was rejected so far.
 */
unsigned	rejects_add(struct rejects *, dev_t, ino_t, off_t at);

/* Forgets all messages: the receiver has accepted what it had rejected. */
void	rejects_clear(struct rejects *);

#endif
