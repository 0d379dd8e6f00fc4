/*
 * A file system whose clock is coarse, for tests on Linux: times of files are
 * multiples of TESLACOIL_TICK_MS, 10 by default as on OpenBSD, so that what is
 * written within one of them cannot be told by the time.
 *
 * For a program that is linked with --wrap for the functions here.
 */
#include <sys/stat.h>

#include <stdlib.h>

/* What the linker makes of --wrap: the function, and ours in its place. */
#define WRAP(name, ...)                                                        \
	int __real_##name(__VA_ARGS__);                                        \
	int __wrap_##name(__VA_ARGS__)

WRAP(lstat64, const char *, struct stat *);
WRAP(stat64, const char *, struct stat *);
WRAP(fstat64, int, struct stat *);
WRAP(fstatat64, int, const char *, struct stat *, int);

static void
round_down(struct timespec *t, long long tick_ns)
{
	long long ns = t->tv_sec * 1000000000LL + t->tv_nsec;

	ns -= ns % tick_ns;
	t->tv_sec = (time_t)(ns / 1000000000);
	t->tv_nsec = (long)(ns % 1000000000);
}

static int
coarsen(int result, struct stat *st)
{
	const char *tick = getenv("TESLACOIL_TICK_MS");
	long long ms = tick == NULL ? 10 : strtoll(tick, NULL, 10);

	if (result == -1)
		return (-1);
	round_down(&st->st_mtim, ms * 1000000);
	round_down(&st->st_ctim, ms * 1000000);
	return (0);
}

int
__wrap_lstat64(const char *path, struct stat *st)
{
	return (coarsen(__real_lstat64(path, st), st));
}

int
__wrap_stat64(const char *path, struct stat *st)
{
	return (coarsen(__real_stat64(path, st), st));
}

int
__wrap_fstat64(int fd, struct stat *st)
{
	return (coarsen(__real_fstat64(fd, st), st));
}

int
__wrap_fstatat64(int fd, const char *path, struct stat *st, int flags)
{
	return (coarsen(__real_fstatat64(fd, path, st, flags), st));
}
