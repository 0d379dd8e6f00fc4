#include "daemon/base/read.h"

#include <errno.h>
#include <unistd.h>

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
read_guard_holds(const struct guard *g, int fd)
{
	uint8_t buf[GUARD_MAX];
	size_t len = guard_length(g->at);
	ssize_t n;

	if ((n = read_whole(fd, buf, len, g->at - (off_t)len)) == -1)
		return (-1);
	return (guard_matches(g, buf, (size_t)n));
}

int
read_line_ends_at(int fd, off_t offset)
{
	ssize_t n;
	char c;

	if ((n = read_whole(fd, &c, 1, offset - 1)) == -1)
		return (-1);
	return (n == 1 && c == '\n');
}

int
read_fingerprint_head(int fd, uint8_t head[FINGERPRINT_MAX])
{
	ssize_t n;

	if ((n = read_whole(fd, head, FINGERPRINT_MAX, 0)) == -1)
		return (-1);
	return ((int)fingerprint_length(head, (size_t)n));
}
