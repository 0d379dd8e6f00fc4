#include <sys/stat.h>

#include <fcntl.h>

#include "daemon/base/born.h"
#include "lib/ns.h"

static int64_t
time_of(const struct statx *st)
{
	return ((st->stx_mask & STATX_BTIME) == 0
		? 0
		: st->stx_btime.tv_sec * NS_IN_S + st->stx_btime.tv_nsec);
}

int64_t
born_ns(const char *path, ino_t ino)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_INO,
		&st) == -1 ||
	    st.stx_ino != ino)
		return (0);
	return (time_of(&st));
}

int64_t
born_open_ns(int fd)
{
	struct statx st;

	return (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) == -1
		? 0
		: time_of(&st));
}
