/*
 * log_text.h - a temporary file and the text of a log that it may have, for
 * tests of what stands at an offset.  A test includes it once; it needs cmocka.
 */
#ifndef LOG_TEXT_H
#define LOG_TEXT_H

#include <sys/types.h>

#include <string.h>
#include <unistd.h>

#include "lib/fingerprint.h"

static char text[200000];	/* the lines, len octets */
static size_t len;
static int fd;			/* the file */

/* Returns the offset behind so many lines of the text. */
static inline off_t
end_of(unsigned lines)
{
	const char *p = text;

	for (; lines > 0; lines--)
		p = strchr(p, '\n') + 1;
	return (p - text);
}

/* Returns the guard of what stands before the offset at of the text. */
static inline struct guard
guard_before(off_t at)
{
	struct guard g;
	size_t n = guard_length(at);

	guard_of(&g, at, text + at - (off_t)n, n);
	return (g);
}

/* Lets the file have the n octets p, and no more. */
static inline void
put(const void *p, size_t n)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, p, n, 0), n);
}

#endif
