/*
 * fingerprint.h - tells a file from another one.
 *
 * A fingerprint is a hash over the first bytes of a file, as many as it had
 * then, FINGERPRINT_MAX at most: a file that grew still matches.  Many logs
 * begin alike, so a match only says which file it may be.  A guard is a hash
 * over the bytes before an offset: a match says that the file still has there
 * what was read.  Pure: base/read.h reads the files.
 */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_MAX	1024
#define GUARD_MAX	256

struct fingerprint {
	uint64_t	hash;		/* XXH3, 64 bits, of len bytes */
	uint32_t	len;		/* 0: an empty file, matches anything */
};

struct guard {
	off_t		at;	/* behind the bytes; 0 or less: none is known */
	uint64_t	hash;	/* XXH3, 64 bits, of guard_length(at) bytes */
};

/* The fingerprint of a file that starts with p[0..n). */
void	fingerprint_of(struct fingerprint *, const void *p, size_t n);

/* Whether a file that starts with p[0..n) matches fp. */
bool	fingerprint_matches(const struct fingerprint *fp, const void *p,
	    size_t n);

/* How many bytes the guard of an offset covers: up to GUARD_MAX. */
size_t	guard_length(off_t at);

/*
 * Makes the guard of the offset at, of a file that has p[0..n) before it.
 * Where n is less than guard_length(at), the guard matches nothing.
 */
void	guard_of(struct guard *, off_t at, const void *p, size_t n);

/* Whether a file that has p[0..n) before the guard's offset matches it. */
bool	guard_matches(const struct guard *, const void *p, size_t n);

/*
 * Returns how many octets of p[0..n) to take a fingerprint of: NULs at the end
 * do not count, as some programs write lines over a file of NULs.
 */
size_t	fingerprint_length(const void *p, size_t n);

#endif
