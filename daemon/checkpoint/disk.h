/*
 * disk.h - the checkpoint's file on disk: appends, syncs, writes it anew.
 *
 * These functions wait for the disk and touch nothing but the file.  So one
 * thread can call them while another works with the records in memory, see
 * store.h.  They do not lock: one call at a time.
 *
 * While the file is written anew, what is appended goes to both files.  So a
 * record that was appended is never older than one that was added before it.
 *
 * Functions return 0, or -1 with errno and *what set to the call that failed,
 * such as "checkpoint: write".
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
	bool		removed;	/* the file has no name any more: what
					   is appended, no start will read */
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
	bool	headless;		/* empty: has no first line yet */
	bool	torn;			/* may end within a line */
	bool	unsynced;		/* appended to since the last sync */
	bool	unnamed;		/* the directory is to be synced, too */
	struct checkpoint_file_stats stats;
};

/* dirfd is borrowed. */
void	checkpoint_file_init(struct checkpoint_file *, int dirfd);

/* Closes the file, and removes a new one that was not finished. */
void	checkpoint_file_fini(struct checkpoint_file *);

/* Removes the new file that a process left which was killed. */
void	checkpoint_file_clean(struct checkpoint_file *);

/* Opens or creates the file, to append.  Returns 0, or -1 with errno. */
int	checkpoint_file_open(struct checkpoint_file *);

/*
 * Appends the records, and the first line to a file that has none.  When it
 * fails, some of the records may be in the file; the next append begins on a
 * new line.
 */
int	checkpoint_file_append(struct checkpoint_file *,
	    const struct checkpoint_batch *, const char **what);

/*
 * Syncs what was appended, and the first line, even if nothing was appended.
 * When it fails, the file is suspect: each further sync fails, too, until the
 * file was written anew.
 */
int	checkpoint_file_sync(struct checkpoint_file *, const char **what);

/*
 * Writes a new file: begin; add the records that count, in as many batches as
 * they take; finish, which syncs it, renames it over the old one and syncs the
 * directory.  When one of them fails, the new file is removed, and the old one
 * stays in use.
 */
int	checkpoint_file_begin(struct checkpoint_file *, const char **what);
int	checkpoint_file_add(struct checkpoint_file *,
	    const struct checkpoint_batch *, const char **what);
int	checkpoint_file_finish(struct checkpoint_file *, const char **what);
void	checkpoint_file_give_up(struct checkpoint_file *);

#endif
