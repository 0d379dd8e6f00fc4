/*
 * The worker's descriptors, and what is done with an open one.
 */
#include "tests/sim/inode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define OFDS 512
#define STREAMS 64

static struct ofd ofds[OFDS];
static struct ofd *table[DESCRIPTORS];

/* A directory that is listed. */
struct stream {
	int fd; /* -1: none */
	unsigned at;
	struct dirent entry;
};
static struct stream streams[STREAMS];

static const int io_errors[] = { EIO, EINTR, 0 };
static const int read_errors[] = { EIO, EINTR, EAGAIN, 0 };
static const int write_errors[] = { EIO, ENOSPC, EDQUOT, EINTR, 0 };
static const int stat_errors[] = { EIO, EINTR, 0 };
static const int dir_errors[] = { EIO, 0 };
static const int fdopendir_errors[] = { ENOMEM, 0 };

struct ofd *
descriptor(int fd)
{
	if (fd < 0 || fd >= DESCRIPTORS || table[fd] == NULL) {
		errno = EBADF;
		return (NULL);
	}
	return (table[fd]);
}

static int
lowest(void)
{
	int fd;

	for (fd = 3; fd < DESCRIPTORS && fd < S.file_limit; fd++)
		if (table[fd] == NULL)
			return (fd);
	errno = EMFILE;
	return (-1);
}

static struct ofd *
new_ofd(int kind)
{
	struct ofd *o = ofds;

	while (o < ofds + OFDS && o->kind != 0)
		o++;
	if (o == ofds + OFDS)
		sim_fail("the simulation has too few open files");
	memset(o, 0, sizeof(*o));
	o->kind = kind;
	o->refs = 1;
	return (o);
}

int
descriptor_open(struct inode *i, int flags)
{
	int fd = lowest();
	struct ofd *o;

	if (fd == -1)
		return (-1);
	o = new_ofd(inode_is_dir(i) ? FD_DIR : FD_FILE);
	o->ino = i;
	o->flags = flags;
	i->refs++;
	i->worker_refs++;
	table[fd] = o;
	return (fd);
}

int
files_new_fd(int kind, void *sock)
{
	int fd = lowest();
	struct ofd *o;

	if (fd == -1)
		return (-1);
	o = new_ofd(kind);
	o->sock = sock;
	table[fd] = o;
	return (fd);
}

void *
files_sock(int fd, int kind)
{
	struct ofd *o = descriptor(fd);

	if (o != NULL && o->kind == kind)
		return (o->sock);
	if (o != NULL)
		errno = ENOTSOCK;
	return (NULL);
}

bool
files_fd_is_free(int fd)
{
	return (fd >= DESCRIPTORS || fd < 0 || table[fd] == NULL);
}

void
descriptor_put(struct ofd *o)
{
	struct inode *i = o->ino;

	if (--o->refs > 0)
		return;
	if (i != NULL) {
		i->refs--;
		i->worker_refs--;
	} else if (o->kind == FD_SOCKET) {
		net_close(o->sock);
	}
	o->kind = 0;
	o->ino = NULL;
	if (i != NULL)
		inode_check(i);
}

struct ofd *
files_hold(int fd)
{
	struct ofd *o = descriptor(fd);

	if (o != NULL)
		o->refs++;
	return (o);
}

/* Into the worker's table; as its own reference. */
int
files_give(struct ofd *o)
{
	int fd = lowest();

	if (fd == -1)
		return (-1);
	table[fd] = o;
	o->refs++;
	return (fd);
}

void
files_release(struct ofd *o)
{
	descriptor_put(o);
}

void
files_drop_descriptors(void)
{
	struct ofd *o;
	int fd;

	for (fd = 0; fd < DESCRIPTORS; fd++)
		if ((o = table[fd]) != NULL) {
			table[fd] = NULL;
			descriptor_put(o);
		}
	for (fd = 0; fd < STREAMS; fd++)
		streams[fd].fd = -1;
}

WRAP(int, close, int fd)
{
	struct ofd *o;

	(void)sim_call("close", NULL);
	if ((o = descriptor(fd)) == NULL)
		sim_fail("close of %d, which is not open", fd);
	table[fd] = NULL;
	watching_closed(fd);
	descriptor_put(o);
	return (0);
}

/* Ends at a random place, as the system may. */
static size_t
shorter(size_t n)
{
	if (n <= 1 || S.final || S.fault_rate == 0 ||
	    (rng_next(&S.calls) & 0xffff) >= S.fault_rate * 4)
		return (n);
	n = 1 + rng_below(&S.calls, (unsigned)n - 1);
	sim_say("  short: %zu octets", n);
	return (n);
}

static ssize_t
get(struct ofd *o, void *p, size_t n, off_t at)
{
	struct inode *i = o->ino;

	if (o->kind != FD_FILE) {
		errno = EISDIR;
		return (-1);
	}
	if (at >= (off_t)i->len)
		return (0);
	if (n > i->len - (size_t)at)
		n = i->len - (size_t)at;
	n = shorter(n);
	i->read = true;
	if (i->known == 0 && inode_is_meant(i))
		i->known = S.now;
	memcpy(p, i->data + at, n);
	if (S.calls_shown)
		sim_say("  %zu octets of %llu at %lld", n,
		    (unsigned long long)i->number, (long long)at);
	return ((ssize_t)n);
}

WRAP(ssize_t, pread64, int fd, void *p, size_t n, off_t at)
{
	struct ofd *o;

	if (sim_call("pread", read_errors) != 0)
		return (-1);
	return ((o = descriptor(fd)) == NULL ? -1 : get(o, p, n, at));
}

WRAP(ssize_t, read, int fd, void *p, size_t n)
{
	struct ofd *o;
	ssize_t got;

	if (sim_call("read", io_errors) != 0)
		return (-1);
	if ((o = descriptor(fd)) == NULL)
		return (-1);
	got = get(o, p, n, o->pos);
	if (got > 0)
		o->pos += got;
	return (got);
}

WRAP(ssize_t, write, int fd, const void *p, size_t n)
{
	struct ofd *o;

	if (fd <= STDERR_FILENO) {
		/* What is logged; it changes nothing. */
		if (S.verbose)
			(void)fwrite(p, 1, n, stderr);
		return ((ssize_t)n);
	}
	if (sim_call("write", write_errors) != 0)
		return (-1);
	if ((o = descriptor(fd)) == NULL)
		return (-1);
	n = shorter(n);
	if (o->flags & O_APPEND)
		o->pos = (off_t)o->ino->len;
	files_write(o->ino, (size_t)o->pos, p, n);
	o->pos += (off_t)n;
	return ((ssize_t)n);
}

WRAP(int, fsync, int fd)
{
	struct ofd *o;

	if (sim_call("fsync", dir_errors) != 0)
		return (-1);
	if ((o = descriptor(fd)) != NULL && o->kind == FD_FILE)
		inode_sync(o->ino);
	return (o == NULL ? -1 : 0);
}

WRAP(int, fdatasync, int fd)
{
	return (__wrap_fsync(fd));
}

/* All that is not behind the end counts as data. */
WRAP(off_t, lseek64, int fd, off_t at, int whence)
{
	struct ofd *o;
	off_t size;

	if (sim_call("lseek", NULL) != 0 || (o = descriptor(fd)) == NULL)
		return (-1);
	size = (off_t)o->ino->len;
	if ((whence == SEEK_DATA || whence == SEEK_HOLE) && at >= size) {
		errno = ENXIO;
		return (-1);
	}
	if (whence == SEEK_HOLE)
		return (size);
	if (whence != SEEK_DATA && whence != SEEK_SET)
		sim_fail("lseek %d is not simulated", whence);
	o->pos = at;
	return (at);
}

static void
fill(const struct inode *i, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_dev = 0x801;
	st->st_ino = i->number;
	st->st_mode = i->mode;
	st->st_nlink = i->links;
	st->st_uid = i->uid;
	st->st_size = (off_t)i->len;
	st->st_blocks = (blkcnt_t)((i->len + 511) / 512);
	st->st_blksize = 4096;
	st->st_mtim.tv_sec = i->mtime / NS_S;
	st->st_mtim.tv_nsec = i->mtime % NS_S;
	st->st_ctim.tv_sec = i->ctime / NS_S;
	st->st_ctim.tv_nsec = i->ctime % NS_S;
	st->st_atim = st->st_mtim;
}

WRAP(int, fstat64, int fd, struct stat *st)
{
	struct ofd *o;

	if (sim_call("fstat", stat_errors) != 0 || (o = descriptor(fd)) == NULL)
		return (-1);
	if (o->ino == NULL)
		memset(st, 0, sizeof(*st));
	else
		fill(o->ino, st);
	return (0);
}

static int
stat_at(struct inode *from, const char *path, struct stat *st, bool follow)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	if ((i = inode_at(from, path, follow, &dir, name)) == NULL)
		return (-1);
	fill(i, st);
	return (0);
}

WRAP(int, stat64, const char *path, struct stat *st)
{
	if (sim_call("stat", stat_errors) != 0)
		return (-1);
	return (stat_at(NULL, path, st, true));
}

WRAP(int, lstat64, const char *path, struct stat *st)
{
	if (sim_call("lstat", stat_errors) != 0)
		return (-1);
	return (stat_at(NULL, path, st, false));
}

WRAP(int, fstatat64, int fd, const char *path, struct stat *st, int flags)
{
	struct ofd *o = NULL;

	if (sim_call("fstatat", stat_errors) != 0 ||
	    (fd != AT_FDCWD && (o = descriptor(fd)) == NULL))
		return (-1);
	return (stat_at(o == NULL ? NULL : o->ino, path, st,
	    (flags & AT_SYMLINK_NOFOLLOW) == 0));
}

WRAP(int, statx, int fd, const char *path, int flags, unsigned mask,
    struct statx *st)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];
	struct ofd *o = NULL;

	(void)mask;
	if (sim_call("statx", stat_errors) != 0 ||
	    ((flags & AT_EMPTY_PATH) != 0 && (o = descriptor(fd)) == NULL))
		return (-1);
	i = o != NULL ? o->ino
		      : inode_at(NULL, path, (flags & AT_SYMLINK_NOFOLLOW) == 0,
			    &dir, name);
	if (i == NULL)
		return (-1);
	memset(st, 0, sizeof(*st));
	st->stx_mask = STATX_BTIME | STATX_INO;
	st->stx_ino = i->number;
	st->stx_btime.tv_sec = i->btime / NS_S;
	st->stx_btime.tv_nsec = (uint32_t)(i->btime % NS_S);
	return (0);
}

/* DIR is the system's own: a pointer to it is all that anybody sees. */
static DIR *
handle_of(struct stream *s)
{
	return ((DIR *)(void *)s);
}

static struct stream *
stream_of(DIR *d)
{
	return ((struct stream *)(void *)d);
}

WRAP(DIR *, fdopendir, int fd)
{
	struct stream *s = streams;
	struct ofd *o;

	if (sim_call("fdopendir", fdopendir_errors) != 0 ||
	    (o = descriptor(fd)) == NULL)
		return (NULL);
	if (o->kind != FD_DIR) {
		errno = ENOTDIR;
		return (NULL);
	}
	while (s < streams + STREAMS && s->fd > 0)
		s++;
	if (s == streams + STREAMS)
		sim_fail("the simulation has too few directory streams");
	s->fd = fd;
	s->at = 0;
	return (handle_of(s));
}

WRAP(struct dirent *, readdir64, DIR *handle)
{
	struct stream *s = stream_of(handle);
	struct ofd *o = descriptor(s->fd);
	struct inode *dir = o->ino;
	struct entry *e;

	if (sim_call("readdir", dir_errors) != 0)
		return (NULL);
	while (s->at < dir->nentries) {
		e = &dir->entries[s->at++];
		if (e->ino == NULL)
			continue;
		(void)strlcpy(
		    s->entry.d_name, e->name, sizeof(s->entry.d_name));
		s->entry.d_ino = e->ino->number;
		s->entry.d_type = DT_UNKNOWN;
		if ((e->ino->number & 1) == 0)
			s->entry.d_type = (unsigned char)IFTODT(e->ino->mode);
		return (&s->entry);
	}
	return (NULL);
}

WRAP(int, closedir, DIR *handle)
{
	struct stream *s = stream_of(handle);
	int fd = s->fd;

	s->fd = -1;
	return (__wrap_close(fd));
}

WRAP(void, rewinddir, DIR *handle)
{
	stream_of(handle)->at = 0;
}

WRAP(int, dirfd, DIR *handle)
{
	return (stream_of(handle)->fd);
}
