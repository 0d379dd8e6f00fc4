/*
 * handover.h - open files, from one worker to the next.
 *
 * A file that was deleted, or moved to where nobody looks, can be read on only
 * by who has it open.  The worker that ends gives such files to the monitor,
 * one after the other, and the next worker inherits them.
 */
#ifndef FOLLOW_HANDOVER_H
#define FOLLOW_HANDOVER_H

#include <stddef.h>

struct tails;

/* A file, and what the descriptor does not tell of it. */
struct handover_file {
	int	fd;
	double	quiet;			/* seconds without a write */
};

/*
 * Gives every open file that the next worker might not find by its name, or of
 * which something is left to be sent: also those that are read to the end, as
 * long as somebody may still write to them.  Of files that follow each other
 * the oldest comes first.  give borrows the descriptor; it returns 0, or -1
 * with errno, and then what is lost is said.
 */
void	handover_give(struct tails *,
	    int (*give)(void *arg, const struct handover_file *), void *arg);

/*
 * There is no next one.  Before the last checkpoint is written: a log that was
 * deleted, and that every receiver has all of, ends with this worker, and so
 * does its record; of a file that was moved away the record says that it was
 * there.  And then: says what nobody will read.
 */
void	handover_end(struct tails *);
void	handover_say_lost(struct tails *);

/* Files that are kept for the next worker; begins with zeros. */
struct handover {
	struct handover_file	*files;
	size_t			 n;
	size_t			 room;
};

/* Takes the descriptor.  Returns 0, or -1 with errno: then it is closed. */
int	handover_add(struct handover *, const struct handover_file *);

/* Closes them all. */
void	handover_clear(struct handover *);

#endif
