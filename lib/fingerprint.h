/*
 * fingerprint.h - tells a file from another one.
 *
 * A fingerprint is a hash over the first bytes of a file, as many as it had
 * when it was looked at, at most FINGERPRINT_MAX: a file that grew keeps
 * matching.  As many logs begin alike, it only says which file may be meant.
 * A guard is a hash over the bytes before an offset: it says whether what was
 * read up to there still stands there.
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
	uint64_t	hash;		/* XXH3, 64 bits, of the first len bytes */
	uint32_t	len;		/* 0: an empty file, matches anything */
};

struct guard {
	off_t		at;	/* behind the bytes; 0 or less: none is known */
	uint64_t	hash;	/* XXH3, 64 bits, of guard_length(at) bytes */
};

/* The fingerprint of a file that starts with p[0..n). */
void	fingerprint_of(struct fingerprint *, const void *p, size_t n);

/* Whether a file that starts with p[0..n) is still the one of fp. */
bool	fingerprint_matches(const struct fingerprint *fp, const void *p,
	    size_t n);

/* How many bytes the guard of an offset covers: GUARD_MAX, if there are. */
size_t	guard_length(off_t at);

/*
 * The guard of offset at, before which p[0..n) stands.  It is none where n is
 * less than guard_length(at).
 */
void	guard_of(struct guard *, off_t at, const void *p, size_t n);

/*
 * Whether the guard is known and is that of p[0..n), which stands before its
 * offset.
 */
bool	guard_matches(const struct guard *, const void *p, size_t n);

/*
 * Reads what stands before the guard's offset from fd, with pread(2).  Returns
 * 1 when it is the same, 0 when it is not or the file is shorter, or -1 with
 * errno: then nobody knows.
 */
int	guard_holds(const struct guard *, int fd);

/* Whether a line ends at that offset of fd: returns 1 or 0, or -1 with errno. */
int	line_ends_at(int fd, off_t offset);

/*
 * Returns the octets of p[0..n) without the NULs at their end: some programs
 * write lines over a file of NULs.
 */
size_t	fingerprint_length(const void *p, size_t n);

/*
 * Reads n octets at an offset with pread(2), retried on EINTR and short reads.
 * Returns how many there are, or -1 with errno.
 */
ssize_t	read_whole(int fd, void *buf, size_t n, off_t at);

/*
 * Reads the head of fd, up to FINGERPRINT_MAX octets, as read_whole() does.  Returns its fingerprint_length(), or -1 with errno.
 */
int	fingerprint_head(int fd, uint8_t head[FINGERPRINT_MAX]);

#endif
