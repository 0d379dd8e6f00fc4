/*
 * Goal: a pull makes messages of whole lines, each once and in order, however
 * the file is written and whatever the system's reads return; nothing is sent
 * where what was sent before stands there no more.
 */
#include <sys/stat.h>

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

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/stream/stream.h"
#include "daemon/watch/watch.h"
#include "lib/fingerprint.h"

#define LONGEST 64 /* octets of a message */
#define SCRATCH 512

/* What reads of the file do. */
static size_t most_at_once;
static off_t fails_at; /* no octet from there on can be read; or -1 */

ssize_t
pread(int fd, void *buf, size_t n, off_t at)
{
	if (fails_at != -1 && at >= fails_at) {
		errno = EIO;
		return (-1);
	}
	if (fails_at != -1 && at + (off_t)n > fails_at)
		n = (size_t)(fails_at - at);
	if (n > most_at_once)
		n = most_at_once;
	if (lseek(fd, at, SEEK_SET) == -1)
		return (-1);
	return (read(fd, buf, n));
}

static void
ignore(struct file *t)
{
	(void)t;
}

static void
ignore_opened(struct file *t, int fd)
{
	(void)t;
	(void)fd;
}

static const struct file_ops file_ops = {
	.check = ignore,
	.check_surely = ignore,
	.on_opened = ignore_opened,
	.on_error = ignore,
	.on_drained = ignore,
};

static void
on_stream(struct stream *s, void *dest)
{
	(void)s;
	(void)dest;
}

static const struct route_ops route_ops = { .on_ready = on_stream,
	.on_drop = on_stream };

/* No file here has a watch of its own. */
static const struct watch_ops watch_ops = { NULL, NULL };

static struct conf_source source;
static struct conf_destination to;
static struct ev_loop *loop;
static struct checkpointer *checkpointer;
static struct watch *watch;
static struct file_table *file_table;
static struct compressed_turn turn;
static struct route route;
static struct file *file;
static struct stream *stream;

static char got[65536]; /* every frame that was made */
static size_t ngot;

static int
prepare(void **state)
{
	static char name[] = "s", nothing[] = "";
	const struct file_table_conf conf = { .ops = &file_ops,
		.max_open = 8,
		.look_ms = 1000,
		.scratch = SCRATCH };
	struct file_finder finder;
	struct reason why;
	FILE *tmp = tmpfile();

	(void)state;
	memset(&finder, 0, sizeof(finder));
	most_at_once = SIZE_MAX;
	fails_at = -1;
	ngot = 0;
	source = (struct conf_source) { .name = name,
		.app_name = name,
		.procid = nothing,
		.msgid = nothing,
		.hostname = name,
		.sd = nothing };
	to = (struct conf_destination) { .name = name,
		.format = SYSLOG_RAW,
		.datagram_format = SYSLOG_RAW,
		.oversize = PACK_SPLIT,
		.max_message = LONGEST };
	assert_non_null(loop = ev_loop_new(EVFLAG_AUTO));
	assert_non_null(checkpointer = checkpointer_new(loop, -1, 1000, &why));
	assert_non_null(file_table = file_table_new(loop, checkpointer, &conf));
	assert_non_null(watch = watch_new(loop, &watch_ops));
	finder.watch = watch;
	file_table_set_finder(file_table, &finder);
	assert_int_equal(route_init(&route, &source, &to), 0);
	route.ops = &route_ops;
	route.turn = &turn;
	compressed_turn_init(&turn);
	assert_non_null(file = file_alloc(file_table, "messages"));
	assert_non_null(tmp);
	file_opened(file, dup(fileno(tmp)));
	(void)fclose(tmp);
	assert_non_null(stream = stream_new(file, &route, 0));
	file->streams = stream;
	return (0);
}

static int
clean(void **state)
{
	(void)state;
	file_timer_del(file);
	stream_free(stream);
	file_close(file);
	free(file->name);
	free(file);
	route_fini(&route);
	file_table_free(file_table);
	watch_free(watch);
	checkpointer_free(checkpointer);
	ev_loop_destroy(loop);
	return (0);
}

static void
append(const void *p, size_t n)
{
	off_t end = lseek(file->fd, 0, SEEK_END);

	assert_int_equal(pwrite(file->fd, p, n, end), n);
	file->size = end + (off_t)n;
	stream_wake(stream);
}

static void
append_text(const char *text)
{
	append(text, strlen(text));
}

/* One pull, after which the cursor moves as when a destination takes it. */
static enum pull_result
pull_into(size_t room, uint64_t most)
{
	uint8_t out[4096];
	struct pull p = {
		.out = out, .room = room, .wire = WIRE_NEWLINE, .most = most
	};
	enum pull_result result = stream_pull(stream, &p);

	assert_true(room <= sizeof(out) && p.made <= room);
	assert_true(ngot + p.made < sizeof(got));
	memcpy(got + ngot, out, p.made);
	ngot += p.made;
	got[ngot] = '\0';
	assert_true(p.end >= stream->cursor.sent);
	stream->cursor.sent = p.end;
	return (result);
}

static void
pull_all(void)
{
	unsigned n = 0;

	while (pull_into(4096, 0) != PULL_DRAINED)
		assert_true(n++ < 1000);
	assert_true(stream->is_drained);
}

/* All that was sent since the last call. */
static void
assert_sent(const char *want)
{
	got[ngot] = '\0';
	assert_string_equal(got, want);
	ngot = 0;
}

static void
a_line_is_sent_when_its_newline_is_there(void **state)
{
	(void)state;
	append_text("one\ntwo\nthr");
	pull_all();
	assert_sent("one\ntwo\n");
	assert_int_equal(stream->cursor.sent, 8);
	append_text("ee\n\nfour");
	pull_all();
	assert_sent("three\n\n");
	append_text("\r\n");
	pull_all();
	assert_sent("four\n");
	pull_all();
	assert_sent("");
}

static void
a_rest_is_sent_when_it_counts_as_a_line(void **state)
{
	(void)state;
	append_text("one\nrest");
	stream->flush = true;
	pull_all();
	assert_sent("one\nrest\n");
	assert_false(stream->flush);
	/* The newline that comes behind it is no empty line. */
	append_text("\nnext\n");
	pull_all();
	assert_sent("next\n");
}

static void
a_line_longer_than_the_buffer_is_sent_in_parts(void **state)
{
	char line[5 * SCRATCH + 1], want[6 * SCRATCH];
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < sizeof(line) - 1; i++) {
		line[i] = want[n++] = (char)('a' + i % 26);
		if (i % LONGEST == LONGEST - 1)
			want[n++] = '\n';
	}
	memcpy(want + n, "next\n", 6);
	line[i] = '\n';
	append(line, sizeof(line));
	append_text("next\n");
	pull_all();
	assert_sent(want);
}

static void
a_line_that_is_cut_is_sent_when_its_end_is_found(void **state)
{
	char line[5 * SCRATCH], want[LONGEST + 8];

	(void)state;
	route.style.oversize = PACK_TRUNCATE;
	memset(line, 'x', sizeof(line));
	append_text("first\n");
	append(line, sizeof(line));
	pull_all();
	assert_sent("first\n");
	assert_int_equal(stream->cursor.sent, 6);
	append_text("\nlast\n");
	pull_all();
	memset(want, 'x', LONGEST);
	memcpy(want + LONGEST, "\nlast\n", 7);
	assert_sent(want);
	assert_int_equal(stream->cursor.sent, file->size);
}

static void
nuls_before_a_line_are_passed_over_and_counted(void **state)
{
	const char nuls[3 * SCRATCH] = { '\0' };

	(void)state;
	append_text("before\n");
	append(nuls, sizeof(nuls));
	append_text("after\n");
	pull_all();
	assert_sent("before\nafter\n");
	assert_int_equal(
	    file_table_stats(file_table)->hole_bytes, sizeof(nuls));
}

static void
a_line_that_is_written_over_nuls_is_sent(void **state)
{
	const char nuls[2 * SCRATCH] = { '\0' };

	(void)state;
	append_text("before\n");
	append(nuls, sizeof(nuls));
	pull_all();
	assert_sent("before\n");
	assert_int_equal(stream->cursor.sent, 7);
	assert_true(stream->only_nuls);
	assert_int_equal(pwrite(file->fd, "over\n", 5, 7), 5);
	stream_wake(stream);
	pull_all();
	assert_sent("over\n");
	assert_int_equal(file_table_stats(file_table)->hole_bytes, 0);
}

static void
what_stands_before_an_error_is_sent_and_the_rest_waits(void **state)
{
	char head[FINGERPRINT_MAX];

	(void)state;
	/* Every pull compares the head of a file of which nothing was sent. */
	memset(head, '-', sizeof(head));
	head[sizeof(head) - 1] = '\n';
	append(head, sizeof(head));
	pull_all();
	ngot = 0;
	append_text("one\ntwo\nthree\n");
	fails_at = FINGERPRINT_MAX + 10;
	/* Half of a line is no line, though the file would end there. */
	stream->flush = true;
	pull_all();
	assert_sent("one\ntwo\n");
	assert_true(file->unread);
	assert_int_equal(file->error, EIO);
	fails_at = -1;
	stream_wake(stream);
	pull_all();
	assert_sent("three\n");
	assert_false(file->unread);
	assert_int_equal(file->error, 0);
}

static void
a_file_that_cannot_be_read_at_all_is_unread(void **state)
{
	(void)state;
	append_text("one\n");
	fails_at = 0;
	pull_all();
	assert_sent("");
	assert_true(file->unread);
	assert_int_equal(stream->cursor.sent, 0);
}

static void
short_reads_are_no_end_of_the_file(void **state)
{
	unsigned i;
	char line[32];

	(void)state;
	most_at_once = 7;
	for (i = 0; i < 100; i++) {
		(void)snprintf(line, sizeof(line), "line %u\n", i);
		append_text(line);
	}
	stream->flush = true;
	pull_all();
	for (i = 0; i < 100; i++) {
		(void)snprintf(line, sizeof(line), "line %u\n", i);
		assert_memory_equal(got, line, strlen(line));
		ngot -= strlen(line);
		memmove(got, got + strlen(line), ngot);
	}
	assert_int_equal(ngot, 0);
}

static void
nothing_is_sent_behind_what_was_written_anew(void **state)
{
	(void)state;
	append_text("one\ntwo\n");
	pull_all();
	assert_sent("one\ntwo\n");
	assert_int_equal(stream->guard.at, 8);
	assert_true(stream_is_guarded(stream));
	assert_int_equal(pwrite(file->fd, "TWO", 3, 4), 3);
	append_text("three\n");
	pull_all();
	assert_sent("");
	assert_true(file->suspect);
	assert_int_equal(stream->cursor.sent, 8);
}

static void
what_grew_is_sent_where_all_before_it_stands(void **state)
{
	char line[200];
	unsigned i;

	(void)state;
	memset(line, 'y', sizeof(line));
	line[49] = line[99] = line[199] = '\n';
	for (i = 0; i < 20; i++) {
		append(line, sizeof(line));
		pull_all();
		assert_false(file->suspect);
		assert_int_equal(stream->cursor.sent, file->size);
		assert_int_equal(stream->guard.at, file->size);
	}
}

static void
a_frame_that_does_not_fit_comes_with_the_next_pull(void **state)
{
	(void)state;
	append_text("a line of text\nand another one\n");
	/* pack.h: less than a whole frame may always fail. */
	while (pull_into(pack_room(&route.style), 0) != PULL_DRAINED)
		continue;
	assert_sent("a line of text\nand another one\n");
	append_text("the last\n");
	assert_int_equal(pull_into(4, 0), PULL_NO_ROOM);
	assert_sent("");
	pull_all();
	assert_sent("the last\n");
}

static void
no_more_messages_are_made_than_asked_for(void **state)
{
	(void)state;
	append_text("1\n2\n3\n");
	assert_int_equal(pull_into(4096, 2), PULL_MORE);
	assert_sent("1\n2\n");
	pull_all();
	assert_sent("3\n");
	assert_int_equal(route.messages, 3);
	assert_int_equal(route.bytes, 6);
}

static void
a_file_that_is_suspected_to_be_a_copy_waits(void **state)
{
	(void)state;
	append_text("one\n");
	file->fresh = true;
	assert_int_equal(pull_into(4096, 0), PULL_DRAINED);
	file->fresh = false;
	stream_wake(stream);
	file->held = (struct suspect *)(void *)file;
	assert_int_equal(pull_into(4096, 0), PULL_WAIT);
	file->held = NULL;
	assert_sent("");
	pull_all();
	assert_sent("one\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_sent_when_its_newline_is_there),
		TEST(a_rest_is_sent_when_it_counts_as_a_line),
		TEST(a_line_longer_than_the_buffer_is_sent_in_parts),
		TEST(a_line_that_is_cut_is_sent_when_its_end_is_found),
		TEST(nuls_before_a_line_are_passed_over_and_counted),
		TEST(a_line_that_is_written_over_nuls_is_sent),
		TEST(what_stands_before_an_error_is_sent_and_the_rest_waits),
		TEST(a_file_that_cannot_be_read_at_all_is_unread),
		TEST(short_reads_are_no_end_of_the_file),
		TEST(nothing_is_sent_behind_what_was_written_anew),
		TEST(what_grew_is_sent_where_all_before_it_stands),
		TEST(a_frame_that_does_not_fit_comes_with_the_next_pull),
		TEST(no_more_messages_are_made_than_asked_for),
		TEST(a_file_that_is_suspected_to_be_a_copy_waits),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
