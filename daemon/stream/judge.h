/*
 * judge.h - tells files whose octets are not to be sent.
 */
#ifndef STREAM_JUDGE_H
#define STREAM_JUDGE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

/*
 * Returns 1 when the file is compressed, as its name or its first octets tell,
 * and holds no lines therefore; which is logged once.  Returns 0 when it is
 * not, or -1 with errno when its first octets could not be read.  p[0..n) was
 * read from fd at offset.
 */
int	stream_is_no_text(struct stream *, int fd, const uint8_t *p, size_t n,
	    off_t offset);

/*
 * Returns whether the receiver writes into the file what is sent of it: such a
 * line would go round for ever, and grow.  Looks at the line of p[0..n), which
 * was read at offset; of a file that had something when the stream began only
 * lines behind that count.  Needs several such lines to be sure; then it is
 * logged, and s->comes_back is set.
 */
bool	stream_comes_back(struct stream *, const uint8_t *p, size_t n,
	    off_t offset);

#endif
