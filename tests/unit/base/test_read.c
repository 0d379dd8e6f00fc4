/*
 * Goal: a part of a file is read whole whatever pread(2) does on the way, and
 * an error is never taken for an answer.
 */
#include "daemon/base/read.h"

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t bytes[4096];

/* Stands in for the system's: the file is bytes[0..size). */
static struct {
	size_t size;
	size_t most;
	int interrupts;
	int error;
} disk;

ssize_t pread(int, void *, size_t, off_t);

ssize_t
pread(int fd, void *buf, size_t n, off_t at)
{
	assert_int_equal(fd, 77);
	assert_true(at >= 0);
	if (disk.interrupts > 0) {
		disk.interrupts--;
		errno = EINTR;
		return (-1);
	}
	if (disk.error != 0) {
		errno = disk.error;
		return (-1);
	}
	if ((size_t)at >= disk.size)
		return (0);
	if (n > disk.size - (size_t)at)
		n = disk.size - (size_t)at;
	if (n > disk.most)
		n = disk.most;
	memcpy(buf, bytes + at, n);
	return ((ssize_t)n);
}

static int
prepare(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
	memset(&disk, 0, sizeof(disk));
	disk.most = SIZE_MAX;
	return (0);
}

static void
the_head_is_read_whole_in_any_pieces(void **state)
{
	const size_t pieces[] = { 1, 3, 100, 1023, 1024, 5000 };
	uint8_t head[FINGERPRINT_MAX];
	size_t i;

	(void)state;
	disk.size = sizeof(bytes);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		memset(head, 0, sizeof(head));
		disk.most = pieces[i];
		disk.interrupts = 3;
		assert_int_equal(
		    read_fingerprint_head(77, head), FINGERPRINT_MAX);
		assert_memory_equal(head, bytes, FINGERPRINT_MAX);
		assert_int_equal(disk.interrupts, 0);
	}
}

static void
nuls_at_the_end_of_the_head_do_not_count(void **state)
{
	uint8_t head[FINGERPRINT_MAX], saved[10];

	(void)state;
	/* A line that is written over them is no other file. */
	memcpy(saved, bytes + 5, sizeof(saved));
	memset(bytes + 5, 0, sizeof(saved));
	disk.size = 15;
	disk.most = 100;
	assert_int_equal(read_fingerprint_head(77, head), 5);
	memcpy(bytes + 5, saved, sizeof(saved));
}

static void
a_short_file_has_a_short_head(void **state)
{
	uint8_t head[FINGERPRINT_MAX];

	(void)state;
	assert_int_equal(read_fingerprint_head(77, head), 0);
	disk.size = 5;
	disk.most = 2;
	assert_int_equal(read_fingerprint_head(77, head), 5);
	assert_memory_equal(head, bytes, 5);
}

static void
an_error_is_handed_up(void **state)
{
	uint8_t head[FINGERPRINT_MAX];

	(void)state;
	disk.size = 5;
	disk.interrupts = 1;
	disk.error = EIO;
	errno = 0;
	assert_int_equal(read_fingerprint_head(77, head), -1);
	assert_int_equal(errno, EIO);
}

static void
a_guard_is_of_what_stands_before_its_offset(void **state)
{
	struct guard g;

	(void)state;
	disk.size = 4096;
	guard_of(&g, 1000, bytes, 1000);
	assert_int_equal(g.at, 1000);
	assert_int_equal(read_guard_holds(&g, 77), 1);
	bytes[1000 - GUARD_MAX - 1]++;
	bytes[1000]++;
	assert_int_equal(read_guard_holds(&g, 77), 1);
	bytes[1000 - GUARD_MAX]++;
	assert_int_equal(read_guard_holds(&g, 77), 0);
	bytes[1000 - GUARD_MAX]--;
	bytes[999]++;
	assert_int_equal(read_guard_holds(&g, 77), 0);
}

static void
a_guard_near_the_beginning_is_of_all_there_is(void **state)
{
	struct guard g;

	(void)state;
	disk.size = 4096;
	guard_of(&g, 3, bytes, 3);
	assert_int_equal(read_guard_holds(&g, 77), 1);
	bytes[0]++;
	assert_int_equal(read_guard_holds(&g, 77), 0);
}

static void
a_shorter_file_does_not_hold_the_guard_and_an_error_says_nothing(void **state)
{
	struct guard g;

	(void)state;
	guard_of(&g, 1000, bytes, 1000);
	disk.size = 999;
	assert_int_equal(read_guard_holds(&g, 77), 0);
	disk.size = 1000;
	disk.error = EIO;
	assert_int_equal(read_guard_holds(&g, 77), -1);
	assert_int_equal(errno, EIO);
}

static void
a_line_ends_where_a_newline_stands_before_the_offset(void **state)
{
	(void)state;
	disk.size = 100;
	bytes[99] = '\n';
	bytes[98] = 'x';
	assert_int_equal(read_line_ends_at(77, 100), 1);
	assert_int_equal(read_line_ends_at(77, 99), 0);
	assert_int_equal(read_line_ends_at(77, 101), 0);
	disk.error = EIO;
	assert_int_equal(read_line_ends_at(77, 100), -1);
	assert_int_equal(errno, EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    the_head_is_read_whole_in_any_pieces, prepare),
		cmocka_unit_test_setup(
		    nuls_at_the_end_of_the_head_do_not_count, prepare),
		cmocka_unit_test_setup(a_short_file_has_a_short_head, prepare),
		cmocka_unit_test_setup(an_error_is_handed_up, prepare),
		cmocka_unit_test_setup(
		    a_guard_is_of_what_stands_before_its_offset, prepare),
		cmocka_unit_test_setup(
		    a_guard_near_the_beginning_is_of_all_there_is, prepare),
		cmocka_unit_test_setup(
		    a_shorter_file_does_not_hold_the_guard_and_an_error_says_nothing,
		    prepare),
		cmocka_unit_test_setup(
		    a_line_ends_where_a_newline_stands_before_the_offset,
		    prepare),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
