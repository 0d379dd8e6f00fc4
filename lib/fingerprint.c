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
guard_length(off_t at)
{
	return (at < GUARD_MAX ? (size_t)(at > 0 ? at : 0) : GUARD_MAX);
}

void
guard_of(struct guard *g, off_t at, const void *p, size_t n)
{
	const uint8_t *octets = p;
	size_t len = guard_length(at);

	*g = (struct guard) { 0, 0 };
	if (len == 0 || n < len)
		return;
	g->at = at;
	g->hash = XXH3_64bits(octets + n - len, len);
}

bool
guard_matches(const struct guard *g, const void *p, size_t n)
{
	struct guard now;

	if (g->at <= 0)
		return (false);
	guard_of(&now, g->at, p, n);
	return (now.at == g->at && now.hash == g->hash);
}

size_t
fingerprint_length(const void *p, size_t n)
{
	const uint8_t *octets = p;

	while (n > 0 && octets[n - 1] == 0)
		n--;
	return (n);
}

ssize_t
read_whole(int fd, void *buf, size_t n, off_t at)
{
	uint8_t *to = buf;
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = pread(fd, to + done, n - done, at + (off_t)done);
		if (got == 0)
			break;
		if (got > 0)
			done += (size_t)got;
		else if (errno != EINTR)
			return (-1);
	}
	return ((ssize_t)done);
}

int
guard_holds(const struct guard *g, int fd)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(g->at);
	ssize_t n;

	if ((n = read_whole(fd, buf, len, g->at - (off_t)len)) == -1)
		return (-1);
	return (guard_matches(g, buf, (size_t)n));
}

int
line_ends_at(int fd, off_t offset)
{
	ssize_t n;
	char c;

	if ((n = read_whole(fd, &c, 1, offset - 1)) == -1)
		return (-1);
	return (n == 1 && c == '\n');
}

int
fingerprint_head(int fd, uint8_t head[FINGERPRINT_MAX])
{
	ssize_t n;

	if ((n = read_whole(fd, head, FINGERPRINT_MAX, 0)) == -1)
		return (-1);
	return ((int)fingerprint_length(head, (size_t)n));
}
