/*
 * sparse.h - holes in files: octets that were never written, read as NULs.
 */
#ifndef STREAM_SPARSE_H
#define STREAM_SPARSE_H

#include <sys/types.h>

/*
 * Returns the first offset of fd, at or behind at, that is not in a hole; -1
 * where there is nothing but a hole up to the end of the file; at where the
 * system does not tell.
 */
off_t	sparse_hole_end(int fd, off_t at);

/*
 * Returns the offset where the hole begins that ends at at; at where no hole
 * ends there, or the system does not tell.  Takes a few system calls, however
 * large the hole is.
 */
off_t	sparse_data_end(int fd, off_t at);

#endif
