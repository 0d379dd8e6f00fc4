/*
 * judge.h - what is in a file that is not to be sent.
 */
#ifndef STREAM_JUDGE_H
#define STREAM_JUDGE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

/*
 * Whether the file is compressed, by its name or its first octets: it holds no
 * lines.  That is said once.  p[0..n), of fd, begin at offset.  Returns 1 or 0,
 * or -1 with errno where the first octets could not be read.
 */
int	stream_is_no_text(struct stream *, int fd, const uint8_t *p, size_t n,
	    off_t offset);

/*
 * Whether what is sent comes back into the file, as the receiver wrote it: such
 * a line would go round for ever, and grow.  One line of a slice is looked at,
 * which begins at offset, and only behind where the file ended when the stream
 * began.  When that is sure it is said, and s->comes_back set.
 */
bool	stream_comes_back(struct stream *, const uint8_t *p, size_t n,
	    off_t offset);

#endif
