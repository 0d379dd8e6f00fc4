/*
 * Goal: what a mark stands for is on disk when it is time, whatever the disk
 * does: full, slow or broken, it costs neither an offset nor a turn of the
 * loop.  The marks are fakes, the disk is a door.
 */
#include "daemon/checkpoint/checkpointer.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/clock.h"

#define DEV 64769
#define FILES 2500 /* more than two slices of a renewal */

/* The disk. */
static atomic_bool is_full, is_broken, hangs, is_hanging;

ssize_t write(int, const void *, size_t);
int fdatasync(int);

ssize_t
write(int fd, const void *p, size_t n)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };
	const struct iovec iov = { u.out, n };

	errno = ENOSPC;
	return (is_full ? -1 : writev(fd, &iov, 1));
}

int
fdatasync(int fd)
{
	(void)fd;
	is_hanging = true;
	while (hangs)
		(void)usleep(1000);
	is_hanging = false;
	errno = EIO;
	return (is_broken ? -1 : 0);
}

/* What is logged. */
static unsigned errors, notices;

void log_errorx(const char *, ...);
void log_notice(const char *, ...);
void log_warn(const char *, ...);

void
log_errorx(const char *fmt, ...)
{
	(void)fmt;
	errors++;
}

void
log_notice(const char *fmt, ...)
{
	(void)fmt;
	notices++;
}

void
log_warn(const char *fmt, ...)
{
	fail_msg("%s", fmt);
}

/* A file that one destination is sent, by its inode. */
struct fake {
	struct checkpoint_mark mark; /* first: see fake_of() */
	ino_t inode;
	off_t acked;
	bool has_no_record;
};

static struct fake fakes[FILES];
static size_t nfakes;
static unsigned walks, gone, closings;

static struct fake *
fake_of(struct checkpoint_mark *m)
{
	return ((struct fake *)(void *)m);
}

static bool
prepare(struct checkpoint_mark *m)
{
	return (!fake_of(m)->has_no_record);
}

static void
describe(struct checkpoint_mark *m, struct checkpoint_record *rec,
    struct checkpoint_room *room)
{
	rec->dest = "siem";
	rec->dev = DEV;
	rec->inode = fake_of(m)->inode;
	rec->offset = fake_of(m)->acked;
	rec->time = clock_wall_s();
	(void)snprintf(room->path.text, sizeof(room->path.text),
	    "/var/log/%ju.log", (uintmax_t)rec->inode);
	rec->path = rec->kind == CHECKPOINT_PAST ? "" : room->path.text;
}

static void
prefetch(struct checkpoint_mark *m)
{
	(void)m;
}

static void
on_gone(struct checkpoint_mark *m)
{
	(void)m;
	gone++;
}

/* Inodes are indexes, from 1 on. */
static bool
walk(void *arg, struct checkpoint_identity *at,
    bool (*visit)(struct checkpoint_mark *, void *), void *to)
{
	size_t i = at->inode == 0 ? 0 : (size_t)at->inode - 1;

	assert_ptr_equal(arg, fakes);
	if (i >= nfakes)
		return (false);
	walks++;
	if (!fakes[i].has_no_record)
		(void)visit(&fakes[i].mark, to);
	at->dev = DEV;
	at->inode = fakes[i].inode + 1;
	return (true);
}

static size_t
count(void *arg)
{
	assert_ptr_equal(arg, fakes);
	return (nfakes);
}

static void
close_some(void *arg)
{
	assert_ptr_equal(arg, fakes);
	closings++;
}

static const struct checkpointer_ops ops = {
	.prepare = prepare,
	.describe = describe,
	.prefetch = prefetch,
	.on_gone = on_gone,
	.walk = walk,
	.count = count,
	.close_some = close_some,
};

static char dir[64];
static int dirfd = -1;
static struct ev_loop *loop;
static struct checkpointer *l;
static unsigned answers;
static char answer[256];

static void
on_written(void *arg, const char *error)
{
	assert_ptr_equal(arg, &answers);
	answers++;
	(void)strlcpy(answer, error != NULL ? error : "", sizeof(answer));
}

static void
start(uint64_t interval_ms)
{
	struct reason why = { "" };

	if ((l = checkpointer_new(loop, dirfd, interval_ms, &why)) == NULL)
		fail_msg("%s", why.text);
	checkpointer_serve(l, &ops, fakes);
	checkpointer_on_written(l, on_written, &answers);
}

static int
set_up(void **state)
{
	size_t i;

	(void)state;
	(void)strlcpy(dir, "/tmp/test_checkpointer.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(dirfd, -1);
	is_full = is_broken = hangs = false;
	errors = notices = walks = gone = closings = answers = 0;
	memset(fakes, 0, sizeof(fakes));
	for (i = 0; i < FILES; i++)
		fakes[i].inode = i + 1;
	nfakes = 2;
	loop = ev_loop_new(EVFLAG_AUTO);
	start(3600000);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	is_full = is_broken = hangs = false;
	checkpointer_free(l);
	ev_loop_destroy(loop);
	(void)unlinkat(dirfd, "checkpoint", 0);
	(void)close(dirfd);
	assert_int_equal(rmdir(dir), 0);
	return (0);
}

static void
acknowledge(size_t i, off_t to)
{
	fakes[i].acked = to;
	checkpointer_mark_acked(l, &fakes[i].mark);
}

/* How many records of that kind are in the file. */
static unsigned
records(const char *kind)
{
	char line[32768], word[64];
	unsigned n = 0;
	int fd = openat(dirfd, "checkpoint", O_RDONLY);
	FILE *f = fd != -1 ? fdopen(fd, "r") : NULL;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*16[0-9a-f] %63s", word) == 1)
			n += strcmp(word, kind) == 0;
	if (f != NULL)
		(void)fclose(f);
	return (n);
}

/* Turns the loop until the file has n such records; it must not take long. */
static void
turn_until(const char *kind, unsigned n)
{
	const double end = clock_steady() + 20.;

	while (records(kind) != n) {
		assert_true(clock_steady() < end);
		ev_run(loop, EVRUN_NOWAIT);
		checkpointer_turn(l);
		(void)usleep(1000);
	}
}

static void
turn_for(double seconds)
{
	const double end = clock_steady() + seconds;

	while (clock_steady() < end) {
		ev_run(loop, EVRUN_NOWAIT);
		checkpointer_turn(l);
		(void)usleep(1000);
	}
}

/* What the next start finds, or -1. */
static off_t
offset_after_restart(size_t i)
{
	struct checkpoint_record rec;

	checkpointer_free(l);
	start(3600000);
	return (checkpointer_take(l, "siem", DEV, fakes[i].inode, &rec)
		? rec.offset
		: -1);
}

static const char *
error_now(void)
{
	struct checkpointer_stats stats;

	checkpointer_stats(l, &stats);
	return (stats.error);
}

static void
what_is_marked_is_found_by_the_next_start(void **state)
{
	(void)state;
	acknowledge(0, 100);
	turn_until("file", 1);
	assert_int_equal(offset_after_restart(0), 100);
	assert_int_equal(offset_after_restart(1), -1);
}

static void
a_mark_is_written_once_however_often_it_is_marked(void **state)
{
	off_t to;

	(void)state;
	turn_until("file", 0);
	for (to = 1; to <= 1000; to++)
		acknowledge(0, to);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(records("file"), 1);
	assert_int_equal(offset_after_restart(0), 1000);
}

static void
where_only_the_offset_moved_a_short_record_is_enough_until_the_sync(
    void **state)
{
	(void)state;
	acknowledge(0, 100);
	assert_int_equal(checkpointer_sync(l), 0);
	acknowledge(0, 200);
	turn_until("past", 1);
	assert_int_equal(records("file"), 1);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(records("file"), 2);
	/* And where more did, it is whole at once. */
	checkpointer_mark(l, &fakes[0].mark);
	turn_until("file", 3);
	assert_int_equal(records("past"), 1);
	assert_int_equal(offset_after_restart(0), 200);
}

static void
a_mark_without_a_record_writes_nothing(void **state)
{
	(void)state;
	fakes[0].has_no_record = true;
	acknowledge(0, 100);
	acknowledge(1, 50);
	turn_until("file", 1);
	assert_int_equal(offset_after_restart(0), -1);
	assert_int_equal(offset_after_restart(1), 50);
}

static void
a_file_that_is_gone_has_no_record_any_more(void **state)
{
	(void)state;
	acknowledge(0, 100);
	acknowledge(1, 50);
	turn_until("file", 2);
	acknowledge(0, 200);
	checkpointer_drop(l, &fakes[0].mark, true);
	checkpointer_drop(l, &fakes[1].mark, false);
	assert_int_equal(gone, 1);
	turn_until("gone", 1);
	assert_int_equal(records("file"), 2);
	assert_int_equal(offset_after_restart(0), -1);
	assert_int_equal(offset_after_restart(1), 50);
}

static void
the_record_of_a_file_that_is_left_can_be_taken_again(void **state)
{
	struct checkpoint_record rec;

	(void)state;
	acknowledge(0, 100);
	checkpointer_leave(l, &fakes[0].mark);
	assert_true(checkpointer_take(l, "siem", DEV, fakes[0].inode, &rec));
	assert_int_equal(rec.offset, 100);
	assert_string_equal(rec.path, "/var/log/1.log");
	assert_false(checkpointer_take(l, "siem", DEV, fakes[0].inode, &rec));
	checkpointer_give_back(l);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(offset_after_restart(0), 100);
}

static void
a_full_disk_costs_no_offset(void **state)
{
	off_t to;

	(void)state;
	acknowledge(0, 1);
	acknowledge(1, 2);
	turn_until("file", 2);
	is_full = true;
	for (to = 3; to < 20; to++) {
		acknowledge(0, to);
		turn_for(.01);
	}
	assert_non_null(error_now());
	assert_non_null(strstr(error_now(), "checkpoint: write: "));
	assert_int_equal(errors, 1);
	assert_int_equal(checkpointer_sync(l), -1);
	is_full = false;
	assert_int_equal(checkpointer_sync(l), 0);
	assert_null(error_now());
	assert_int_equal(notices, 1);
	assert_int_equal(offset_after_restart(0), 19);
	assert_int_equal(offset_after_restart(1), 2);
}

static void
a_slow_disk_holds_up_no_turn_of_the_loop(void **state)
{
	double began;
	off_t to;

	(void)state;
	checkpointer_start(l);
	hangs = true;
	acknowledge(0, 1);
	assert_true(checkpointer_ask(l));
	while (!is_hanging)
		turn_for(.001);
	for (to = 2; to < 50; to++) {
		acknowledge(0, to);
		acknowledge(1, to);
		began = clock_steady();
		ev_run(loop, EVRUN_NOWAIT);
		checkpointer_turn(l);
		assert_true(clock_steady() - began < 2.);
		assert_true(is_hanging);
	}
	assert_int_equal(answers, 0);
	assert_int_equal(records("file"), 1);
	hangs = false;
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(offset_after_restart(0), 49);
	assert_int_equal(offset_after_restart(1), 49);
}

/* The kernel may have dropped what was appended: nothing of it counts. */
static void
after_a_failing_sync_the_file_is_written_anew(void **state)
{
	struct stat before, after;

	(void)state;
	acknowledge(0, 100);
	is_broken = true;
	assert_int_equal(checkpointer_sync(l), -1);
	assert_non_null(strstr(error_now(), "checkpoint: fdatasync: "));
	assert_int_equal(fstatat(dirfd, "checkpoint", &before, 0), 0);
	is_broken = false;
	acknowledge(1, 50);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(fstatat(dirfd, "checkpoint", &after, 0), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_null(error_now());
	assert_int_equal(errors, 1);
	assert_int_equal(notices, 1);
	assert_int_equal(offset_after_restart(0), 100);
	assert_int_equal(offset_after_restart(1), 50);
}

static void
whoever_asks_hears_once_that_it_is_written(void **state)
{
	(void)state;
	acknowledge(0, 100);
	assert_true(checkpointer_ask(l));
	assert_true(checkpointer_ask(l));
	turn_until("file", 1);
	turn_for(.1);
	assert_int_equal(answers, 1);
	assert_string_equal(answer, "");
	is_full = true;
	acknowledge(0, 200);
	assert_true(checkpointer_ask(l));
	turn_for(.1);
	assert_int_equal(answers, 2);
	assert_non_null(strstr(answer, "checkpoint: write: "));
}

static void
a_file_that_was_removed_is_written_anew_with_every_mark(void **state)
{
	size_t i;

	(void)state;
	nfakes = FILES;
	for (i = 0; i < FILES; i++)
		acknowledge(i, (off_t)i);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	acknowledge(0, 7);
	assert_int_equal(checkpointer_sync(l), 0);
	turn_until("file", FILES);
	assert_int_equal(walks, FILES);
	assert_int_equal(offset_after_restart(0), 7);
	assert_int_equal(offset_after_restart(FILES - 1), FILES - 1);
}

/* Between the slices of a renewal the loop turns: what moves meanwhile counts.
 */
static void
what_moves_while_the_file_is_written_anew_is_in_it(void **state)
{
	size_t i;

	(void)state;
	nfakes = FILES;
	for (i = 0; i < FILES; i++)
		acknowledge(i, 1);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	acknowledge(0, 2);
	/* The sync sees that the file was removed. */
	assert_true(checkpointer_ask(l));
	while (walks == 0)
		turn_for(.001);
	assert_true(walks < FILES);
	acknowledge(0, 3);
	acknowledge(FILES - 1, 4);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(offset_after_restart(0), 3);
	assert_int_equal(offset_after_restart(FILES - 1), 4);
}

static void
without_a_descriptor_some_files_are_closed(void **state)
{
	struct rlimit rl, none;

	(void)state;
	acknowledge(0, 100);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	acknowledge(0, 200);
	assert_int_equal(checkpointer_sync(l), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	none = rl;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn_for(.1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_true(closings > 0);
	turn_until("file", 2);
	assert_int_equal(offset_after_restart(0), 200);
}

static void
without_a_directory_nothing_is_kept(void **state)
{
	struct reason why = { "" };
	struct checkpoint_record rec;
	struct checkpointer *none = checkpointer_new(loop, -1, 1000, &why);

	(void)state;
	assert_non_null(none);
	checkpointer_mark(none, &fakes[0].mark);
	assert_false(fakes[0].mark.is_dirty);
	assert_false(checkpointer_ask(none));
	assert_int_equal(checkpointer_sync(none), 0);
	assert_true(checkpointer_is_first(none));
	assert_false(checkpointer_take(none, "siem", DEV, 1, &rec));
	checkpointer_free(none);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_marked_is_found_by_the_next_start),
		CASE(a_mark_is_written_once_however_often_it_is_marked),
		CASE(
		    where_only_the_offset_moved_a_short_record_is_enough_until_the_sync),
		CASE(a_mark_without_a_record_writes_nothing),
		CASE(a_file_that_is_gone_has_no_record_any_more),
		CASE(the_record_of_a_file_that_is_left_can_be_taken_again),
		CASE(a_full_disk_costs_no_offset),
		CASE(a_slow_disk_holds_up_no_turn_of_the_loop),
		CASE(after_a_failing_sync_the_file_is_written_anew),
		CASE(whoever_asks_hears_once_that_it_is_written),
		CASE(a_file_that_was_removed_is_written_anew_with_every_mark),
		CASE(what_moves_while_the_file_is_written_anew_is_in_it),
		CASE(without_a_descriptor_some_files_are_closed),
		CASE(without_a_directory_nothing_is_kept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
