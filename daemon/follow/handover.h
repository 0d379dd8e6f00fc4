/*
 * handover.h - open files, from one worker to the next.
 *
 * A file that was deleted, or moved to where no source looks, can be read on
 * only by a process that has it open.  The worker that ends gives such files to
 * the monitor, one after the other, and the next worker inherits them.
 */
#ifndef FOLLOW_HANDOVER_H
#define FOLLOW_HANDOVER_H

#include <stddef.h>

struct file_table;

/* An open file, and what its descriptor does not tell. */
struct handover_file {
	int	fd;
	double	quiet;			/* seconds without a write */
};

/*
 * Gives every open file that the next worker might not find by its name, or of
 * which something is left to be sent: also files that are read to the end, as
 * long as a program may still write to them.  Of files that follow each other
 * the oldest comes first.  give borrows the descriptor; it returns 0, or -1
 * with errno: then what is lost is said.
 */
void	handover_give(struct file_table *,
	    int (*give)(void *arg, const struct handover_file *), void *arg);

/*
 * There is no next worker, and the last checkpoint is still to be written: a
 * log that was deleted, and that every receiver has all of, ends with this
 * worker, and so does its record; the record of a file that was moved away says
 * that the file was there.
 */
void	handover_end(struct file_table *);

/* Then says what no worker will read. */
void	handover_say_lost(struct file_table *);

/* Files that the monitor keeps for the next worker; begins with zeros. */
struct handover {
	struct handover_file	*files;
	size_t			 n;
};

/*
 * Adds a file, and takes its descriptor, also on failure.  Returns 0, or -1
 * with errno.
 */
int	handover_add(struct handover *, const struct handover_file *);

/* Closes them all, and frees the list. */
void	handover_clear(struct handover *);

#endif
