/*
 * read.h - reads parts of a file, with pread(2).
 */
#ifndef BASE_READ_H
#define BASE_READ_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "lib/fingerprint.h"

/*
 * Reads n octets at an offset; goes on after EINTR and short reads.  Returns
 * how many there are, less at the end of the file; or -1 with errno.
 */
ssize_t	read_whole(int fd, void *buf, size_t n, off_t at);

/*
 * Reads the head of a file, up to FINGERPRINT_MAX octets.  Returns its
 * fingerprint_length(), or -1 with errno.
 */
int	read_fingerprint_head(int fd, uint8_t head[FINGERPRINT_MAX]);

/*
 * Whether the file has before the guard's offset what the guard is of: returns
 * 1; 0 if not, or if the file is shorter; or -1 with errno.
 */
int	read_guard_holds(const struct guard *, int fd);

/*
 * Whether a line ends at the offset: returns 1 or 0, or -1 with errno.
 */
int	read_line_ends_at(int fd, off_t offset);

#endif
