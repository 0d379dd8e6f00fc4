/*
 * batch.h - records as text, on their way to the checkpoint's file.
 *
 * Pure.
 */
#ifndef CHECKPOINT_BATCH_H
#define CHECKPOINT_BATCH_H

#include <stdbool.h>
#include <stddef.h>

struct checkpoint_record;

struct checkpoint_batch {		/* embedded; all zero is an empty one */
	char	*text;
	size_t	 len;
	size_t	 size;			/* of the memory at text */
	size_t	 records;
	size_t	 past;			/* how many are a CHECKPOINT_PAST, */
	size_t	 past_len;		/* and their octets */
};

/* Whether the batch has most records, or a megabyte of text. */
bool	checkpoint_batch_is_full(const struct checkpoint_batch *, size_t most);

/* Makes room for one more record.  Returns 0, or -1 with ENOMEM. */
int	checkpoint_batch_reserve(struct checkpoint_batch *);

/* Adds a valid record, for which checkpoint_batch_reserve() made room. */
void	checkpoint_batch_add(struct checkpoint_batch *,
	    const struct checkpoint_record *);

/* Empties it; up to 256 KB of its memory are kept for what is added next. */
void	checkpoint_batch_clear(struct checkpoint_batch *);

/* Empties it, and frees its memory. */
void	checkpoint_batch_free(struct checkpoint_batch *);

#endif
