#include "world.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define MAX_FD 65536

static struct fake_world *world; /* shared with the test; NULL: none */
static int (*real_clock)(clockid_t, struct timespec *);
static bool in_worker;
static uint64_t calls;
static bool is_log[MAX_FD]; /* by descriptor: below the directory */

/* What the linker makes of --wrap: the function, and ours in its place. */
#define WRAP(type, name, ...)                                                  \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__)

WRAP(int64_t, born_ns, const char *, ino_t);
WRAP(int64_t, born_open_ns, int);
WRAP(int, fstat64, int, struct stat *);
WRAP(int, lstat64, const char *, struct stat *);
WRAP(int, stat64, const char *, struct stat *);
WRAP(int, fstatat64, int, const char *, struct stat *, int);
WRAP(int, openat64, int, const char *, int, ...);
WRAP(int, open64, const char *, int, ...);
WRAP(DIR *, opendir, const char *);
WRAP(DIR *, fdopendir, int);
WRAP(struct dirent *, readdir64, DIR *);
WRAP(ssize_t, pread64, int, void *, size_t, off_t);

static void
on_fork(void)
{
	in_worker = true;
}

static void __attribute__((__constructor__)) enter_world(void)
{
	const char *path = getenv("TESLACOIL_WORLD");
	void *map;
	int fd;

	*(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
	if (path == NULL ||
	    (fd = __real_open64(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	map = mmap(
	    NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED || pthread_atfork(NULL, NULL, on_fork) != 0)
		abort();
	world = map;
}

/*
 * The clock.  It is defined and not wrapped, so that libraries get it, too.
 */

static int64_t
offset_at(int64_t t)
{
	int64_t offset = 0;
	uint32_t i;

	for (i = 0; world != NULL && i < world->jumps; i++)
		if (t >= world->jump[i].at)
			offset = world->jump[i].offset;
	return (offset);
}

static void
shift(struct timespec *ts)
{
	int64_t t = ts->tv_sec * SECOND + ts->tv_nsec;

	t += offset_at(t);
	ts->tv_sec = t / SECOND;
	ts->tv_nsec = t % SECOND;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	if (real_clock == NULL)
		*(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
	if (real_clock(id, ts) == -1)
		return (-1);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		shift(ts);
	return (0);
}

time_t
time(time_t *t)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (-1);
	if (t != NULL)
		*t = ts.tv_sec;
	return (ts.tv_sec);
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (-1);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return (0);
}

/*
 * What fails.
 */

static uint64_t
dice(void)
{
	uint64_t x = world->seed + ++calls * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31);
}

/* The test does something in the meantime. */
static void
wait_for_test(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	while (*(volatile uint32_t *)&world->nth != 0)
		(void)nanosleep(&ms, NULL);
}

/* The same where the test says which call fails, and how. */
static bool
is_nth(void)
{
	uint32_t n = ++world->seen;

	if (n < world->nth || n - world->nth >= world->times)
		return (false);
	world->failed++;
	if (world->error == 0) {
		wait_for_test();
		return (false);
	}
	errno = (int)world->error;
	return (true);
}

/* Sets errno, to one of the first so many. */
static bool
fails(enum fake_world_call call, size_t errors)
{
	static const int list[] = { EIO, ENOMEM, EINTR, EACCES, EMFILE,
		ENFILE };
	uint64_t x;

	if (world == NULL || !in_worker || (world->calls & (uint32_t)call) == 0)
		return (false);
	if (world->nth != 0)
		return (is_nth());
	if (world->rate == 0)
		return (false);
	x = dice();
	if ((x & 0xffff) >= world->rate)
		return (false);
	world->failed++;
	errno = list[(x >> 16) % errors];
	return (true);
}

#define FOR_READ 3
#define FOR_NAME 4
#define FOR_OPEN 6

static bool
is_below(int dirfd, const char *path)
{
	size_t len;

	if (world == NULL)
		return (false);
	if (path[0] != '/')
		return (dirfd >= 0 && dirfd < MAX_FD && is_log[dirfd]);
	len = strlen(world->below);
	return (len > 0 && strncmp(path, world->below, len) == 0);
}

static bool
is_log_fd(int fd)
{
	return (fd >= 0 && fd < MAX_FD && is_log[fd]);
}

static int
note(int fd, bool below)
{
	if (fd >= 0 && fd < MAX_FD)
		is_log[fd] = below;
	return (fd);
}

/* The rule of a sandbox is no look-up. */
static bool
open_fails(int dirfd, const char *path, int flags)
{
	return (is_below(dirfd, path) && (flags & O_PATH) == 0 &&
	    fails(FAKE_WORLD_OPEN, FOR_OPEN));
}

int
__wrap_openat64(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (open_fails(dirfd, path, flags))
		return (-1);
	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return (note(
	    __real_openat64(dirfd, path, flags, mode), is_below(dirfd, path)));
}

int
__wrap_open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (open_fails(AT_FDCWD, path, flags))
		return (-1);
	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return (
	    note(__real_open64(path, flags, mode), is_below(AT_FDCWD, path)));
}

DIR *
__wrap_opendir(const char *path)
{
	bool below = is_below(AT_FDCWD, path);
	DIR *dir;

	if (below && fails(FAKE_WORLD_OPENDIR, FOR_OPEN))
		return (NULL);
	if ((dir = __real_opendir(path)) != NULL)
		(void)note(dirfd(dir), below);
	return (dir);
}

DIR *
__wrap_fdopendir(int fd)
{
	if (is_log_fd(fd) && fails(FAKE_WORLD_OPENDIR, FOR_READ))
		return (NULL);
	return (__real_fdopendir(fd));
}

struct dirent *
__wrap_readdir64(DIR *dir)
{
	if (is_log_fd(dirfd(dir)) && fails(FAKE_WORLD_READDIR, FOR_READ))
		return (NULL);
	return (__real_readdir64(dir));
}

ssize_t
__wrap_pread64(int fd, void *buf, size_t n, off_t at)
{
	off_t left;

	if (is_log_fd(fd) && fails(FAKE_WORLD_READ, FOR_READ))
		return (-1);
	if (is_log_fd(fd) && world->bad != 0) {
		left = (off_t)world->bad - at;
		if (left <= 0) {
			world->failed++;
			errno = EIO;
			return (-1);
		}
		if ((off_t)n > left)
			n = (size_t)left;
	}
	return (__real_pread64(fd, buf, n, at));
}

/* The file as it is in this world. */
static int
seen(int rc, struct stat *st)
{
	if (rc == -1 || world == NULL)
		return (rc);
	st->st_dev += world->device;
	shift(&st->st_mtim);
	shift(&st->st_ctim);
	return (0);
}

int64_t
__wrap_born_ns(const char *path, ino_t ino)
{
	int64_t born = __real_born_ns(path, ino);

	return (born == 0 ? 0 : born + offset_at(born));
}

int64_t
__wrap_born_open_ns(int fd)
{
	int64_t born = __real_born_open_ns(fd);

	return (born == 0 ? 0 : born + offset_at(born));
}

int
__wrap_fstat64(int fd, struct stat *st)
{
	if (is_log_fd(fd) && fails(FAKE_WORLD_FSTAT, FOR_READ))
		return (-1);
	return (seen(__real_fstat64(fd, st), st));
}

int
__wrap_stat64(const char *path, struct stat *st)
{
	if (is_below(AT_FDCWD, path) && fails(FAKE_WORLD_STAT, FOR_NAME))
		return (-1);
	return (seen(__real_stat64(path, st), st));
}

int
__wrap_lstat64(const char *path, struct stat *st)
{
	if (is_below(AT_FDCWD, path) && fails(FAKE_WORLD_STAT, FOR_NAME))
		return (-1);
	return (seen(__real_lstat64(path, st), st));
}

int
__wrap_fstatat64(int dirfd, const char *path, struct stat *st, int flags)
{
	if (is_below(dirfd, path) && fails(FAKE_WORLD_STAT, FOR_NAME))
		return (-1);
	return (seen(__real_fstatat64(dirfd, path, st, flags), st));
}
