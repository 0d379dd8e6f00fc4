#include <fcntl.h>

#include "daemon/base/walk_open.h"

int
walk_open(int dir, const char *name)
{
	return (openat(dir, name,
	    O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}
