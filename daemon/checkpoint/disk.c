#include "daemon/checkpoint/disk.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/checkpoint/batch.h"

#define NAME CHECKPOINT_NAME
#define NAME_NEW "checkpoint.new"

void
checkpoint_file_init(struct checkpoint_file *f, int dirfd)
{
	memset(f, 0, sizeof(*f));
	f->dirfd = dirfd;
	f->fd = f->new.fd = -1;
}

void
checkpoint_file_fini(struct checkpoint_file *f)
{
	checkpoint_file_give_up(f);
	if (f->fd != -1)
		(void)close(f->fd);
	f->fd = -1;
}

void
checkpoint_file_clean(struct checkpoint_file *f)
{
	(void)unlinkat(f->dirfd, NAME_NEW, 0);
}

static int
failed(struct checkpoint_file *f, const char **what, const char *did)
{
	f->stats.failures++;
	*what = did;
	return (-1);
}

static int
put(struct checkpoint_file *f, int fd, const char *text, size_t len)
{
	if (atomic_file_write(fd, text, len) == -1)
		return (-1);
	f->stats.bytes += len;
	return (0);
}

static int
put_batch(struct checkpoint_file *f, int fd, const struct checkpoint_batch *b)
{
	if (put(f, fd, b->text, b->len) == -1)
		return (-1);
	f->stats.record_bytes += b->len - b->past_len;
	f->stats.records += b->records - b->past;
	return (0);
}

static int
put_header(struct checkpoint_file *f, int fd)
{
	return (put(f, fd, CHECKPOINT_HEADER "\n", sizeof(CHECKPOINT_HEADER)));
}

int
checkpoint_file_open(struct checkpoint_file *f)
{
	f->fd = openat(f->dirfd, NAME,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0640);
	return (f->fd == -1 ? -1 : 0);
}

static int
append(struct checkpoint_file *f, const struct checkpoint_batch *b)
{
	if (f->torn && put(f, f->fd, "\n", 1) == -1)
		return (-1);
	/* If not all is written, the file ends within a line. */
	f->torn = f->unsynced = true;
	if (f->headless && put_header(f, f->fd) == -1)
		return (-1);
	f->headless = false;
	if (put_batch(f, f->fd, b) == -1)
		return (-1);
	f->torn = false;
	return (0);
}

int
checkpoint_file_append(struct checkpoint_file *f,
    const struct checkpoint_batch *b, const char **what)
{
	if (f->fd == -1 && checkpoint_file_open(f) == -1)
		return (failed(f, what, NAME ": open"));
	if (append(f, b) == -1)
		return (failed(f, what, NAME ": write"));
	/* The next add or finish of the new file fails by that, and says so. */
	if (f->new.fd != -1 && put_batch(f, f->new.fd, b) == -1)
		checkpoint_file_give_up(f);
	return (0);
}

static int
sync_dir(struct checkpoint_file *f)
{
	if (atomic_file_sync_dir(f->dirfd) == -1)
		return (-1);
	f->unnamed = false;
	return (0);
}

static void
look(struct checkpoint_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) == -1)
		return;
	f->stats.size = (uint64_t)st.st_size;
	f->stats.removed = st.st_nlink == 0;
}

int
checkpoint_file_sync(struct checkpoint_file *f, const char **what)
{
	const struct checkpoint_batch nothing = { 0 };

	if (f->headless && checkpoint_file_append(f, &nothing, what) == -1)
		return (-1);
	if (!f->stats.suspect && f->unsynced && fdatasync(f->fd) == -1) {
		f->stats.suspect = true;
		f->error = errno;
	}
	if (f->stats.suspect) {
		errno = f->error;
		return (failed(f, what, NAME ": fdatasync"));
	}
	if (!f->unsynced && !f->unnamed)
		return (0);
	if (f->unnamed && sync_dir(f) == -1)
		return (failed(f, what, "fsync"));
	f->unsynced = false;
	f->stats.syncs++;
	look(f);
	return (0);
}

void
checkpoint_file_give_up(struct checkpoint_file *f)
{
	if (f->new.fd == -1)
		return;
	f->new_error = errno;
	atomic_file_abandon(&f->new);
}

static int
renewal_failed(struct checkpoint_file *f, const char **what, const char *did)
{
	checkpoint_file_give_up(f);
	return (failed(f, what, did));
}

int
checkpoint_file_begin(struct checkpoint_file *f, const char **what)
{
	checkpoint_file_give_up(f);
	if (atomic_file_open(&f->new, f->dirfd, NAME, O_APPEND) == -1)
		return (failed(f, what, NAME_NEW ": open"));
	if (put_header(f, f->new.fd) == -1)
		return (renewal_failed(f, what, NAME_NEW ": write"));
	return (0);
}

int
checkpoint_file_add(struct checkpoint_file *f, const struct checkpoint_batch *b,
    const char **what)
{
	/* An append could not be written to the new file, and gave it up. */
	if (f->new.fd == -1)
		errno = f->new_error;
	if (f->new.fd == -1 || put_batch(f, f->new.fd, b) == -1)
		return (renewal_failed(f, what, NAME_NEW ": write"));
	return (0);
}

/* The new file has the name; its descriptor is the one to append to. */
static void
adopt(struct checkpoint_file *f, int fd)
{
	if (f->fd != -1)
		(void)close(f->fd);
	f->fd = fd;
	f->torn = f->headless = f->unsynced = f->stats.suspect = false;
	f->unnamed = true;
}

int
checkpoint_file_finish(struct checkpoint_file *f, const char **what)
{
	const struct checkpoint_batch nothing = { 0 };
	int fd;

	if (checkpoint_file_add(f, &nothing, what) == -1)
		return (-1);
	if (fsync(f->new.fd) == -1)
		return (renewal_failed(f, what, NAME_NEW ": fsync"));
	if (atomic_file_replace(&f->new, &fd) == -1)
		return (renewal_failed(f, what, NAME_NEW ": rename"));
	adopt(f, fd);
	look(f);
	/* Without that a power loss may bring the old file back. */
	if (sync_dir(f) == -1)
		return (failed(f, what, "fsync"));
	f->stats.syncs++;
	return (0);
}
