#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/sizes.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/inside.h"
#include "daemon/stream/sparse.h"
#include "daemon/stream/streams.h"

/*
 * The system may read less than there is: that is not the end of the file.
 * Returns what there is up to an error, which *error tells, or -1.
 */
static ssize_t
read_plain(
    const struct file *t, uint8_t *buf, size_t size, off_t at, int *error)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = pread(t->fd, buf + got, size - got, at + (off_t)got);
		if (n > 0)
			got += (size_t)n;
	} while ((n == -1 && errno == EINTR) ||
	    (n > 0 && got < size && at + (off_t)got < t->size));
	if (n == -1)
		*error = errno;
	return (got > 0 ? (ssize_t)got : n);
}

ssize_t
stream_read(struct stream *s, uint8_t *buf, size_t size, off_t at)
{
	int error = 0;
	ssize_t n;

	if (s->file->compression == INFLATE_NONE)
		n = read_plain(s->file, buf, size, at, &error);
	else if ((n = compressed_read(s, buf, size, at)) == -1)
		error = errno;
	if (error != 0 && (n != -1 || (error != EAGAIN && error != EBUSY)))
		streams_read_failed(s->file, error);
	else if (n != -1 && s->file->unread)
		streams_can_be_read(s->file);
	return (n);
}

size_t
stream_text_length(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == '\0')
		n--;
	return (n);
}

off_t
stream_behind_nuls(struct stream *s, uint8_t *buf, size_t size, off_t from)
{
	off_t at = from;
	ssize_t n, i;

	while (at - from < STREAM_NULS_TURN) {
		if (s->file->compression == INFLATE_NONE &&
		    (at = sparse_hole_end(s->file->fd, at)) == -1)
			return (-1);
		if ((n = stream_read(s, buf, size, at)) <= 0)
			return (-1);
		for (i = 0; i < n && buf[i] == '\0'; i++)
			continue;
		at += i;
		if (i < n)
			break;
	}
	return (at);
}

off_t
stream_find_newline(struct stream *s, uint8_t *buf, size_t size)
{
	const uint8_t *nl;
	size_t turn = 0;
	ssize_t n;
	off_t end;

	while (turn < STREAM_SCAN_TURN) {
		if ((n = stream_read(s, buf, size, s->scanned)) <= 0)
			return (-1);
		if ((nl = memchr(buf, '\n', (size_t)n)) != NULL)
			return (s->scanned + (nl - buf) + 1);
		end = s->scanned + n;
		s->scanned += (off_t)stream_text_length(buf, (size_t)n);
		/* Over NULs that nothing follows the line may be written. */
		if (s->scanned < end &&
		    (end = stream_behind_nuls(s, buf, size, s->scanned)) == -1)
			return (-1);
		s->scanned = end;
		turn += (size_t)n;
	}
	return (0);
}
