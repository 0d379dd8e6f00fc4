/*
 * handover.h - open files without a name, from one worker to the next.
 *
 * A file that was deleted, or moved to where nobody looks, can be read on only
 * by who has it open.  The worker that ends gives such files to the monitor,
 * with a packet for each, and the next one inherits them.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <sys/types.h>

#include <stddef.h>

struct tails;

#define HANDOVER_MOST	64	/* files; others are lost, and that is said */

/* Sends each by channel with the packet p. */
void	handover_give(struct tails *, int channel, const void *p, size_t n);

/* There is no next one: says what nobody will read. */
void	handover_say_lost(struct tails *);

/*
 * As recv(2) of a packet that is there; *fd is the descriptor that came with
 * it, which is the caller's, or -1.
 */
ssize_t	handover_recv(int channel, void *p, size_t n, int *fd);

#endif
