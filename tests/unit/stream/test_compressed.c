/*
 * Goal: of the compressed files on their way to one destination one is decoded
 * at a time; when that ends, the next one that can be read is woken, and none
 * waits for ever.
 */
#include "daemon/stream/compressed.h"

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
#include <zlib.h>

#include "daemon/file/table.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

#define FILES 4

static char text[] = "a line of a log that was rotated\n";

static struct file_table_stats stats;
static struct compressed_turn turn;
static struct route route;
static struct file file_table[FILES];
static struct stream streams[FILES];
static struct stream *woken[16];
static size_t nwoken;
static FILE *tmp;

/* The rest of the daemon. */

uint8_t *
file_table_scratch(struct file_table *all, size_t *size)
{
	(void)all;
	*size = 4096;
	return (NULL);
}

struct file_table_stats *
file_table_stats(struct file_table *all)
{
	(void)all;
	return (&stats);
}

struct path_text
file_path(const struct file *t)
{
	(void)t;
	return ((struct path_text) { "/var/log/messages.1.gz" });
}

bool
streams_are_drained(const struct file *t)
{
	return (t->streams->is_drained);
}

bool
streams_are_done(const struct file *t)
{
	return (t->streams->cursor.acked >= t->size);
}

static void
on_ready(struct stream *s, void *dest)
{
	(void)dest;
	woken[nwoken++] = s;
}

static const struct route_ops ops = { .on_ready = on_ready };

static void
put_packed(void)
{
	uint8_t packed[256];
	z_stream z;

	memset(&z, 0, sizeof(z));
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	z.next_in = (void *)text;
	z.avail_in = sizeof(text) - 1;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	assert_int_equal(
	    pwrite(fileno(tmp), packed, z.total_out, 0), z.total_out);
}

static int
prepare(void **state)
{
	size_t i;

	(void)state;
	assert_non_null(tmp = tmpfile());
	put_packed();
	memset(&stats, 0, sizeof(stats));
	compressed_turn_init(&turn);
	route = (struct route) { .ops = &ops, .turn = &turn };
	nwoken = 0;
	for (i = 0; i < FILES; i++) {
		file_table[i] = (struct file) { .fd = fileno(tmp),
			.compression = INFLATE_GZIP,
			.streams = &streams[i] };
		streams[i] =
		    (struct stream) { .file = &file_table[i], .route = &route };
	}
	return (0);
}

static int
clean(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < FILES; i++)
		compressed_close(&streams[i]);
	return (fclose(tmp));
}

static ssize_t
read_all(size_t i)
{
	uint8_t buf[4096];

	errno = 0;
	return (compressed_read(&streams[i], buf, sizeof(buf), 0));
}

static void
assert_waits(size_t i)
{
	assert_int_equal(read_all(i), -1);
	assert_int_equal(errno, EBUSY);
}

static void
one_is_decoded_and_the_others_wait(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_waits(1);
	assert_waits(2);
	assert_waits(1);
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_int_equal(nwoken, 0);
}

static void
only_the_next_one_is_woken(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_waits(2);
	assert_waits(1);
	compressed_close(&streams[0]);
	assert_int_equal(nwoken, 1);
	assert_ptr_equal(woken[0], &streams[2]);
	/* Whoever comes between is not before it. */
	assert_waits(0);
	assert_waits(1);
	assert_int_equal(read_all(2), sizeof(text) - 1);
	compressed_close(&streams[2]);
	assert_int_equal(nwoken, 2);
	assert_ptr_equal(woken[1], &streams[1]);
}

static void
one_that_is_woken_and_does_not_read_passes_the_turn_on(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_waits(1);
	assert_waits(2);
	compressed_close(&streams[0]);
	compressed_close(&streams[1]);
	assert_int_equal(nwoken, 2);
	assert_ptr_equal(woken[1], &streams[2]);
	assert_int_equal(read_all(2), sizeof(text) - 1);
}

static void
one_that_waits_and_goes_wakes_nobody(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_waits(1);
	assert_waits(2);
	compressed_close(&streams[1]);
	assert_int_equal(nwoken, 0);
	compressed_close(&streams[0]);
	assert_int_equal(nwoken, 1);
	assert_ptr_equal(woken[0], &streams[2]);
}

/* The file of b has to be sent before that of a. */
static void
put_before(size_t b, size_t a)
{
	file_table[a].before = &file_table[b];
	file_table[b].behind = &file_table[a];
	file_table[b].owed = sizeof(text) - 1;
}

static void
one_that_has_to_wait_for_another_file_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_waits(1);
	assert_waits(2);
	put_before(2, 1);
	compressed_close(&streams[0]);
	assert_int_equal(nwoken, 1);
	assert_ptr_equal(woken[0], &streams[2]);
	assert_int_equal(read_all(2), sizeof(text) - 1);
}

static void
one_that_has_to_wait_gives_its_turn_up(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	put_before(1, 0);
	assert_int_equal(read_all(1), sizeof(text) - 1);
	assert_waits(0);
}

static void
the_size_of_the_text_is_known_at_its_end(void **state)
{
	(void)state;
	assert_int_equal(read_all(0), sizeof(text) - 1);
	assert_int_equal(file_table[0].size, sizeof(text) - 1);
	assert_true(file_table[0].text_ended);
	assert_int_equal(stats.damaged, 0);
}

static void
what_is_cut_off_is_said_once_and_only_when_it_stays_so(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(fileno(tmp), 30), 0);
	assert_true(read_all(0) >= 0);
	assert_false(file_table[0].text_ended);
	streams[0].is_drained = true;
	assert_false(compressed_look(&file_table[0], 59.));
	assert_int_equal(stats.damaged, 0);
	streams[0].cursor.sent = streams[0].cursor.acked = file_table[0].size;
	assert_true(compressed_look(&file_table[0], 60.));
	assert_true(compressed_look(&file_table[0], 61.));
	assert_int_equal(stats.damaged, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_is_decoded_and_the_others_wait),
		TEST(only_the_next_one_is_woken),
		TEST(one_that_is_woken_and_does_not_read_passes_the_turn_on),
		TEST(one_that_waits_and_goes_wakes_nobody),
		TEST(one_that_has_to_wait_for_another_file_is_passed_over),
		TEST(one_that_has_to_wait_gives_its_turn_up),
		TEST(the_size_of_the_text_is_known_at_its_end),
		TEST(what_is_cut_off_is_said_once_and_only_when_it_stays_so),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
