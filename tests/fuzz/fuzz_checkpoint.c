/*
 * Goal: no bytes in the checkpoint file make it crash, and what it understood
 * of them survives a compaction unchanged.  The input is loaded as it is, and
 * then with the right checksum before each line, which chance would not find.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/disk.h"
#include "daemon/checkpoint/store.h"

#define MOST_INPUT 100000
#define MOST_FILE (MOST_INPUT * 20)

#define require(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

static char dir[] = "/tmp/fuzz_checkpoint.XXXXXX";
static int dirfd = -1;
static char once[MOST_FILE], twice[MOST_FILE];

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int fsync(int);
int fdatasync(int);

/* No need to wear out a disk. */
int
fsync(int fd)
{
	require(fd >= 0);
	return (0);
}

int
fdatasync(int fd)
{
	require(fd >= 0);
	return (0);
}

static void
clean(void)
{
	(void)unlinkat(dirfd, "checkpoint", 0);
	(void)unlinkat(dirfd, "checkpoint.old", 0);
	(void)rmdir(dir);
}

static void
write_file(const void *p, size_t n)
{
	int fd =
	    openat(dirfd, "checkpoint", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	require(fd != -1);
	require(write(fd, p, n) == (ssize_t)n);
	require(close(fd) == 0);
}

static size_t
read_file(char *p)
{
	int fd = openat(dirfd, "checkpoint", O_RDONLY);
	ssize_t n;

	require(fd != -1);
	n = read(fd, p, MOST_FILE);
	require(n >= 0 && n < MOST_FILE);
	require(close(fd) == 0);
	return ((size_t)n);
}

static void
write_anew(struct checkpoint *cp)
{
	struct checkpoint_file *f = checkpoint_file(cp);
	struct checkpoint_place at = { 0 };
	struct checkpoint_batch b = { 0 };
	const char *what = NULL;
	bool all;

	require(checkpoint_file_begin(f, &what) == 0);
	do {
		all = checkpoint_copy(cp, &at, &b, 16);
		require(all || b.records > 0);
		require(checkpoint_file_add(f, &b, &what) == 0);
		checkpoint_batch_clear(&b);
	} while (!all);
	require(checkpoint_file_finish(f, &what) == 0);
	checkpoint_batch_free(&b);
}

static bool
add_up(const struct checkpoint_record *rec, void *arg)
{
	uint64_t *sum = arg;
	char numbers[256];
	int n;

	require(rec->kind == CHECKPOINT_FILE);
	require(rec->offset >= 0 && rec->time >= 0);
	require(rec->print.len <= FINGERPRINT_MAX);
	n = snprintf(numbers, sizeof(numbers), "%ju %ju %" PRIu64 " %u %jd %jd",
	    (uintmax_t)rec->dev, (uintmax_t)rec->inode, rec->print.hash,
	    rec->print.len, (intmax_t)rec->offset, (intmax_t)rec->time);
	*sum = XXH3_64bits_withSeed(numbers, (size_t)n, *sum);
	*sum = XXH3_64bits_withSeed(rec->dest, strlen(rec->dest), *sum);
	*sum = XXH3_64bits_withSeed(rec->path, strlen(rec->path), *sum);
	return (true);
}

/* Returns the sum over what was loaded, after compacting it. */
static uint64_t
load_and_compact(bool clean_file)
{
	struct checkpoint *cp;
	uint64_t sum = 0;

	require((cp = checkpoint_open(dirfd, NULL)) != NULL);
	require(!clean_file || checkpoint_damaged(cp) == 0);
	checkpoint_sweep(cp, add_up, &sum);
	write_anew(cp);
	checkpoint_close(cp);
	return (sum);
}

static void
check_file(const void *p, size_t n)
{
	uint64_t sum;
	size_t len;

	write_file(p, n);
	sum = load_and_compact(false);
	len = read_file(once);
	require(load_and_compact(true) == sum);
	require(read_file(twice) == len && memcmp(once, twice, len) == 0);
}

static void
check_with_checksums(const uint8_t *in, size_t n)
{
	static char text[MOST_FILE];
	size_t made = 0, line;
	const uint8_t *nl;

	for (; n > 0; in += line, n -= line) {
		nl = memchr(in, '\n', n);
		line = nl == NULL ? n : (size_t)(nl - in) + 1;
		(void)snprintf(text + made, 18, "%016" PRIx64 " ",
		    (uint64_t)XXH3_64bits(in, nl == NULL ? line : line - 1));
		memcpy(text + made + 17, in, line);
		made += 17 + line;
	}
	check_file(text, made);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	if (dirfd == -1) {
		require(mkdtemp(dir) != NULL);
		dirfd = open(dir, O_RDONLY | O_DIRECTORY);
		require(dirfd != -1 && atexit(clean) == 0);
	}
	if (n > MOST_INPUT)
		return (0);
	check_file(in, n);
	check_with_checksums(in, n);
	return (0);
}
