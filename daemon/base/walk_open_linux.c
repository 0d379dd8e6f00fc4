#include <fcntl.h>

#include "daemon/base/walk_open.h"

/* O_PATH takes no right to list it, as a path that leads through takes none. */
int
walk_open(int dir, const char *name)
{
	return (
	    openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}
