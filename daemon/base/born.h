/*
 * born.h - when a file was made, where the file system remembers it.
 */
#ifndef BASE_BORN_H
#define BASE_BORN_H

#include <sys/types.h>

#include <stdint.h>

/*
 * Nanoseconds of the time of day, or 0: it does not, or path is not that of the
 * inode, or not any more.  See statx(2).
 */
int64_t	born_ns(const char *path, ino_t);

/* The same of an open file, whatever its name is by now. */
int64_t	born_open_ns(int fd);

#endif
