/*
 * Goal: the loop never waits for the disk unless it asks to, hears of every job
 * once, and of what failed in any case.
 */
#include "daemon/checkpoint/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/store.h"

/* The disk: a sync takes an octet of the pipe, if it is told to. */
static int gate[2];
static atomic_bool hangs, fails;

int fdatasync(int);

int
fdatasync(int fd)
{
	char octet;

	(void)fd;
	if (hangs && read(gate[0], &octet, 1) != 1)
		abort();
	errno = EIO;
	return (fails ? -1 : 0);
}

static char dir[64];
static int dirfd = -1;
static struct ev_loop *loop;
static struct checkpoint_file file;
static struct checkpoint_writer *writer;
static struct checkpoint_batch batch;
static unsigned told;
static struct checkpoint_result result;

static void
on_done(void *arg, const struct checkpoint_result *r)
{
	assert_ptr_equal(arg, &told);
	result = *r;
	told++;
}

static int
prepare(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/test_writer.XXXXXX");
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(dirfd, -1);
	assert_int_equal(pipe(gate), 0);
	hangs = fails = false;
	told = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	checkpoint_file_init(&file, dirfd);
	file.headless = true;
	writer = checkpoint_writer_new(loop, &file, on_done, &told);
	assert_non_null(writer);
	return (0);
}

static int
with_thread(void **state)
{
	return (prepare(state) | checkpoint_writer_start(writer));
}

static int
clean(void **state)
{
	(void)state;
	checkpoint_writer_free(writer);
	checkpoint_file_fini(&file);
	checkpoint_batch_free(&batch);
	ev_loop_destroy(loop);
	(void)close(gate[0]);
	(void)close(gate[1]);
	(void)unlinkat(dirfd, "checkpoint", 0);
	(void)close(dirfd);
	assert_int_equal(rmdir(dir), 0);
	return (0);
}

static void
add_record(const char *path)
{
	struct checkpoint_record rec = { .kind = CHECKPOINT_FILE,
		.dest = "siem",
		.dev = 1,
		.inode = 1,
		.path = path };

	assert_int_equal(checkpoint_batch_reserve(&batch), 0);
	checkpoint_batch_add(&batch, &rec);
}

static void
give(const struct checkpoint_job *job)
{
	checkpoint_writer_give(writer, job);
}

static void
let_go(void)
{
	assert_int_equal(write(gate[1], "x", 1), 1);
}

/* Whether the text is in the file. */
static bool
has(const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_RDONLY);
	char buf[4096];
	ssize_t n;

	if (fd == -1)
		return (false);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	(void)close(fd);
	buf[n] = '\0';
	return (strstr(buf, text) != NULL);
}

static void
the_loop_goes_on_while_the_disk_hangs(void **state)
{
	const struct checkpoint_job job = {
		.append = &batch, .sync = true, .tell = true
	};

	(void)state;
	hangs = true;
	add_record("/a");
	give(&job);
	assert_false(checkpoint_writer_collect(writer));
	(void)ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(told, 0);
	let_go();
	while (told == 0)
		(void)ev_run(loop, EVRUN_ONCE);
	assert_null(result.sync.what);
	assert_int_equal(result.stats.syncs, 1);
	assert_true(has("checkpoint", "/a"));
	assert_true(checkpoint_writer_collect(writer));
	assert_int_equal(told, 1);
}

static void
what_nobody_waits_for_is_told_when_somebody_looks(void **state)
{
	const struct checkpoint_job job = { .append = &batch, .sync = true };

	(void)state;
	hangs = true;
	add_record("/a");
	give(&job);
	/* It is not done: from now on somebody waits. */
	assert_false(checkpoint_writer_collect(writer));
	let_go();
	while (told == 0)
		(void)ev_run(loop, EVRUN_ONCE);
	give(&job);
	let_go();
	checkpoint_writer_wait(writer);
	assert_int_equal(told, 2);
	checkpoint_writer_wait(writer);
	assert_int_equal(told, 2);
}

static void
what_failed_is_told_unasked(void **state)
{
	const struct checkpoint_job job = { .append = &batch, .sync = true };

	(void)state;
	fails = true;
	add_record("/a");
	give(&job);
	while (told == 0)
		(void)ev_run(loop, EVRUN_ONCE);
	assert_string_equal(result.sync.what, "checkpoint: fdatasync");
	assert_int_equal(result.sync.error, EIO);
	assert_true(result.stats.suspect);
	assert_null(result.append.what);
}

static void
a_file_written_anew_has_what_is_appended_meanwhile(void **state)
{
	struct checkpoint_batch nothing = { 0 };
	struct checkpoint_job job = { .append = &batch };

	(void)state;
	add_record("/old");
	give(&job);
	checkpoint_writer_wait(writer);
	checkpoint_batch_clear(&batch);
	add_record("/live");
	job = (struct checkpoint_job) {
		.append = &nothing, .begin = true, .add = &batch
	};
	give(&job);
	checkpoint_writer_wait(writer);
	assert_true(has("checkpoint.new", "/live"));
	checkpoint_batch_clear(&batch);
	add_record("/more");
	job = (struct checkpoint_job) {
		.append = &batch, .add = &nothing, .finish = true
	};
	give(&job);
	checkpoint_writer_wait(writer);
	assert_null(result.renewal.what);
	assert_false(has("checkpoint", "/old"));
	assert_true(has("checkpoint", "/live"));
	assert_true(has("checkpoint", "/more"));
}

static void
it_ends_when_its_job_is_done(void **state)
{
	const struct checkpoint_job job = { .append = &batch };

	(void)state;
	add_record("/a");
	give(&job);
	checkpoint_writer_free(writer);
	writer = NULL;
	assert_int_equal(told, 0);
	assert_true(has("checkpoint", "/a"));
}

static void
without_a_thread_it_does_the_same(void **state)
{
	struct checkpoint_job job = { .append = &batch, .sync = true };

	(void)state;
	add_record("/a");
	give(&job);
	assert_int_equal(told, 0);
	(void)ev_run(loop, EVRUN_ONCE);
	assert_int_equal(told, 1);
	assert_true(has("checkpoint", "/a"));
	give(&job);
	assert_true(checkpoint_writer_collect(writer));
	give(&job);
	checkpoint_writer_wait(writer);
	assert_int_equal(told, 3);
	(void)ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(told, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, with_thread, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_loop_goes_on_while_the_disk_hangs),
		TEST(what_nobody_waits_for_is_told_when_somebody_looks),
		TEST(what_failed_is_told_unasked),
		TEST(a_file_written_anew_has_what_is_appended_meanwhile),
		TEST(it_ends_when_its_job_is_done),
		cmocka_unit_test_setup_teardown(
		    without_a_thread_it_does_the_same, prepare, clean),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
