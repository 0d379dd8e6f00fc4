#include "fingerprint.h"

#include <errno.h>
#include <unistd.h>
#include <xxhash.h>

void
fingerprint_of(struct fingerprint *fp, const void *p, size_t n)
{
	if (n > FINGERPRINT_MAX)
		n = FINGERPRINT_MAX;
	fp->hash = XXH3_64bits(p, n);
	fp->len = (uint32_t)n;
}

bool
fingerprint_matches(const struct fingerprint *fp, const void *p, size_t n)
{
	if (fp->len == 0)
		return (true);
	return (n >= fp->len && XXH3_64bits(p, fp->len) == fp->hash);
}

size_t
fingerprint_length(const void *p, size_t n)
{
	const uint8_t *octets = p;

	while (n > 0 && octets[n - 1] == 0)
		n--;
	return (n);
}

int
fingerprint_head(int fd, uint8_t head[FINGERPRINT_MAX])
{
	size_t n = 0;
	ssize_t got;

	while (n < FINGERPRINT_MAX) {
		got = pread(fd, head + n, FINGERPRINT_MAX - n, (off_t)n);
		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
		else if (errno != EINTR)
			return (-1);
	}
	return ((int)fingerprint_length(head, n));
}
