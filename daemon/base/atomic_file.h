/*
 * atomic_file.h - writes a file beside the one that it replaces.
 *
 * Readers see the old file or the new one, never a part.  After a power loss
 * the new one is there only if the caller synced it before the rename, and the
 * directory behind it.
 */
#ifndef BASE_ATOMIC_FILE_H
#define BASE_ATOMIC_FILE_H

#include <stddef.h>

struct atomic_file {
	int		 dirfd;		/* borrowed */
	int		 fd;		/* to write to; -1: none is begun */
	const char	*name;		/* borrowed; "NAME.new" is written */
};

/*
 * Creates NAME.new, empty, with mode 0640 less the umask.  flags: those of
 * open(2) besides, such as O_APPEND.  Returns 0, or -1 with errno.
 */
int	atomic_file_open(struct atomic_file *, int dirfd, const char *name,
	    int flags);

/*
 * Renames NAME.new to NAME.  keep NULL: closes it before; else *keep becomes
 * the descriptor, which the caller owns.  Returns 0, or -1 with errno: then
 * NAME.new is removed.
 */
int	atomic_file_replace(struct atomic_file *, int *keep);

/* Closes and removes NAME.new, if one is begun.  Keeps errno. */
void	atomic_file_abandon(struct atomic_file *);

/* Writes all n octets to fd.  Returns 0, or -1 with errno. */
int	atomic_file_write(int fd, const void *, size_t n);

/*
 * Brings renames in the directory to disk, as far as its file system can.
 * Returns 0, or -1 with errno.
 */
int	atomic_file_sync_dir(int dirfd);

#endif
