#include <errno.h>
#include <unistd.h>

#include "daemon/stream/sparse.h"

#define STEP ((off_t)1024 * 1024)

off_t
sparse_hole_end(int fd, off_t at)
{
	off_t data = lseek(fd, at, SEEK_DATA);

	if (data == -1)
		return (errno == ENXIO ? -1 : at);
	return (data);
}

/* The first offset of data in fd, not before from; to where there is none. */
static off_t
data_within(int fd, off_t from, off_t to)
{
	off_t at = lseek(fd, from, SEEK_DATA);

	if (at == -1)
		return (errno == ENXIO ? to : from);
	return (at < to ? at : to);
}

off_t
sparse_data_end(int fd, off_t at)
{
	off_t step = STEP, from = at, data = at, to = at, middle, hole;

	/* First by steps that double, then by halves. */
	while (from > 0 && data == at) {
		to = from;
		from = at > step ? at - step : 0;
		data = data_within(fd, from, at);
		step *= 2;
	}
	if (data == at)
		return (0);
	while (to - data > STEP) {
		middle = data + (to - data) / 2;
		from = data_within(fd, middle, to);
		if (from < to)
			data = from;
		else
			to = middle;
	}
	/* The rest piece by piece. */
	while ((hole = lseek(fd, data, SEEK_HOLE)) != -1 && hole < to &&
	    (from = data_within(fd, hole, to)) < to)
		data = from;
	return (hole == -1 || hole > at ? at : hole);
}
