#include <sys/stat.h>

#include <fcntl.h>

#include "daemon/born.h"
#include "lib/ns.h"

int64_t
born_ns(const char *path, ino_t ino)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW,
		STATX_BTIME | STATX_INO, &st) == -1 ||
	    (st.stx_mask & STATX_BTIME) == 0 || st.stx_ino != ino)
		return (0);
	return (st.stx_btime.tv_sec * NS_IN_S + st.stx_btime.tv_nsec);
}
