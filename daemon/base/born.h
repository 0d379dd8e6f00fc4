/*
 * born.h - when a file was made, where the file system remembers it.
 */
#ifndef BASE_BORN_H
#define BASE_BORN_H

#include <sys/types.h>

#include <stdint.h>

/*
 * Returns when the file at path was made, in nanoseconds of the wall clock; or
 * 0 where the file system does not know, or path is not that of the inode any
 * more.  See statx(2).
 */
int64_t	born_ns(const char *path, ino_t);

/* The same of the file that is open as fd. */
int64_t	born_open_ns(int fd);

#endif
