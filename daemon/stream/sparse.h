/*
 * sparse.h - holes in files: octets that were never written.
 */
#ifndef STREAM_SPARSE_H
#define STREAM_SPARSE_H

#include <sys/types.h>

/*
 * The first offset, not before at, that is not in a hole, as far as the system
 * tells; at where it does not; -1 when there is nothing but a hole.
 */
off_t	tail_hole_end(int fd, off_t at);

/*
 * The offset, not above at, behind which there is nothing but a hole up to at,
 * as far as the system tells; at where it does not.  Costs a few system calls,
 * however large the hole is.
 */
off_t	tail_data_end(int fd, off_t at);

#endif
