/*
 * disk.h - the checkpoint's file on disk: to append to it, to sync
 * it, and to write it anew.
 *
 * These functions wait for the disk and touch nothing but the file.  So one
 * thread can call them while another works with the records in memory, see
 * store.h.  They do not lock: one call at a time.
 *
 * While the file is written anew, what is appended goes to both files.  So a
 * record that was appended is never older than one that was added before it.
 *
 * Functions that fail return -1 with errno, and *what says what they did, as in
 * "checkpoint: write".
 */
#ifndef CHECKPOINT_DISK_H
#define CHECKPOINT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/atomic_file.h"

#define CHECKPOINT_NAME "checkpoint"
/*
 * The first line of every version.  A version that changes the records has to
 * change their checksum too: a damaged first line is told from another
 * version's by the records behind it.
 */
#define CHECKPOINT_MAGIC "teslacoil-checkpoint "
#define CHECKPOINT_HEADER CHECKPOINT_MAGIC "1"

struct checkpoint_batch;

struct checkpoint_file_stats {
	uint64_t	bytes;		/* written */
	uint64_t	record_bytes;	/* loaded or written, of */
	uint64_t	records;	/* so many records that are whole */
	uint64_t	syncs;
	uint64_t	failures;
	uint64_t	size;		/* of the file, after the last sync */
	bool		removed;	/* somebody has removed it: what is
					   appended, nobody will read */
	bool		suspect;	/* a sync failed: the kernel may have
					   dropped what was appended, so the
					   file has to be written anew */
};

struct checkpoint_file {		/* embedded by struct checkpoint */
	int	dirfd;
	int	fd;			/* to append to; -1: not open yet */
	struct atomic_file new;		/* while it is written anew */
	int	error;			/* errno of the sync that failed */
	int	new_error;		/* why writing it anew was given up */
	bool	headless;		/* it is empty */
	bool	torn;			/* its end may not be that of a line */
	bool	unsynced;		/* appended to since the last sync */
	bool	unnamed;		/* its name may not be on disk */
	struct checkpoint_file_stats stats;
};

/* dirfd is borrowed. */
void	checkpoint_file_init(struct checkpoint_file *, int dirfd);

/* Closes it, and removes what was written anew and not finished. */
void	checkpoint_file_fini(struct checkpoint_file *);

/* Removes what a process that was killed had written anew. */
void	checkpoint_file_clean(struct checkpoint_file *);

/* Opens it to append to, and creates it.  Returns 0, or -1 with errno. */
int	checkpoint_file_open(struct checkpoint_file *);

/*
 * Appends the records.  When that fails, some of them may be in the file; the
 * next ones begin on a line of their own.
 */
int	checkpoint_file_append(struct checkpoint_file *,
	    const struct checkpoint_batch *, const char **what);

/*
 * Brings what was appended to disk, and its first line, even if nothing was
 * appended.  When that fails, the file is suspect: it fails again until the
 * file was written anew.
 */
int	checkpoint_file_sync(struct checkpoint_file *, const char **what);

/*
 * Writes the file anew, beside it: begin; add what counts, in as many batches
 * as that takes; finish, which syncs it and renames it over the old one.  When
 * one of them fails, it is given up, and the old file goes on.
 */
int	checkpoint_file_begin(struct checkpoint_file *, const char **what);
int	checkpoint_file_add(struct checkpoint_file *,
	    const struct checkpoint_batch *, const char **what);
int	checkpoint_file_finish(struct checkpoint_file *, const char **what);
void	checkpoint_file_give_up(struct checkpoint_file *);

#endif
