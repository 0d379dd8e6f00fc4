/*
 * fingerprint.h - tells a file from the next one that got its inode.
 *
 * A hash over the first bytes of a file, as many as it had when it was looked
 * at, at most FINGERPRINT_MAX.  A file that grew keeps matching.
 */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_MAX	1024

struct fingerprint {
	uint64_t	hash;		/* XXH3, 64 bits, of the first len bytes */
	uint32_t	len;		/* 0: an empty file, matches anything */
};

/* The fingerprint of a file that starts with p[0..n). */
void	fingerprint_of(struct fingerprint *, const void *p, size_t n);

/* Whether a file that starts with p[0..n) is still the one of fp. */
bool	fingerprint_matches(const struct fingerprint *fp, const void *p,
	    size_t n);

/*
 * Returns the octets of p[0..n) without the NULs at their end: some programs
 * write lines over a file of NULs.
 */
size_t	fingerprint_length(const void *p, size_t n);

/*
 * Reads the head of fd with pread(2), up to FINGERPRINT_MAX octets, retried on
 * EINTR and short reads.  Returns its fingerprint_length(), or -1 with errno.
 */
int	fingerprint_head(int fd, uint8_t head[FINGERPRINT_MAX]);

#endif
