/*
 * tail_inside.h - a tail as its own parts see it: tail.c looks at the file,
 * tail_resume.c finds where to go on by the checkpoint, and tail_truncate.c
 * goes on where it was truncated.
 */
#ifndef TAIL_INSIDE_H
#define TAIL_INSIDE_H

#include <sys/stat.h>

#include <stdbool.h>

#include "daemon/tail.h"

/* A tail without a place, a file or a stream.  Returns NULL with errno. */
struct tail	*tail_alloc(struct tails *, const char *name);

/* The offset behind the last newline, or 0: where start = "end" begins. */
off_t	tail_last_line(struct tail *, int fd);

/* Its stream to the destination, or NULL. */
const struct stream	*tail_stream_to(const struct tail *, const void *dest);

/* Gives it a stream from offset; and: which is recorded and woken. */
struct stream	*tail_link_stream(struct tail *, struct route *, off_t offset);
int	tail_add_stream(struct tail *, struct route *, off_t offset);

/* The file was truncated: it is a new one, at the same place. */
void	tail_truncated(struct tail *, const struct stat *);

#endif
