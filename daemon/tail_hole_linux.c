#include <errno.h>
#include <unistd.h>

#include "daemon/tail_hole.h"

off_t
tail_hole_end(int fd, off_t at)
{
	off_t data = lseek(fd, at, SEEK_DATA);

	if (data == -1)
		return (errno == ENXIO ? -1 : at);
	return (data);
}
