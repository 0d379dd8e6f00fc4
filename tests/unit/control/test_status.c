/*
 * Goal: what the daemon tells of itself is JSON, whatever bytes the names of
 * files have and whether there is anything to tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/control/status.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"

static struct ev_loop *loop;
static struct status_view view;

static int
set_up(void **state)
{
	static const struct file_table_conf conf = {
		.ops = &follow_ops, .max_open = 8, .scratch = 1000
	};

	(void)state;
	assert_non_null(loop = ev_loop_new(EVFLAG_AUTO));
	view = (struct status_view) { .started = 1. };
	assert_non_null(view.file_table = file_table_new(loop, NULL, &conf));
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	file_table_free(view.file_table);
	ev_loop_destroy(loop);
	return (0);
}

/* Puts the pieces together, which must be one object. */
static json_t *
read_all(unsigned wanted)
{
	struct status_writer *w = status_writer_new(&view, wanted);
	static char all[65536];
	const char *piece;
	size_t n, len = 0;
	json_t *j;

	assert_non_null(w);
	while ((piece = status_writer_next(w, &n)) != NULL) {
		assert_true(len + n <= sizeof(all));
		memcpy(all + len, piece, n);
		len += n;
	}
	status_writer_free(w);
	j = json_loadb(all, len, 0, NULL);
	assert_non_null(j);
	return (j);
}

static void
lose(char *path, off_t at)
{
	const struct file_table_loss loss = {
		.path = path, .at = at, .bytes = 7, .how = "deleted"
	};

	file_table_lose(view.file_table, &loss);
}

static void
a_daemon_without_files_says_so(void **state)
{
	json_t *j =
	    read_all(STATUS_FILES | STATUS_SOURCES | STATUS_DESTINATIONS);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(j, "files")), 0);
	assert_int_equal(json_array_size(json_object_get(j, "losses")), 0);
	assert_true(json_is_array(json_object_get(j, "destinations")));
	assert_null(json_object_get(j, "counters"));
	json_decref(j);
}

static void
a_name_of_any_bytes_is_text(void **state)
{
	char path[] = "/var/log/\"\\\n\xff.log";
	json_t *j, *loss;

	(void)state;
	lose(path, 3);
	j = read_all(STATUS_FILES);
	loss = json_array_get(json_object_get(j, "losses"), 0);
	assert_string_equal(json_string_value(json_object_get(loss, "path")),
	    "/var/log/\"\\\n\\xff.log");
	json_decref(j);
}

static void
the_last_losses_are_told_the_latest_first(void **state)
{
	char path[] = "/a";
	json_t *j, *list;
	off_t at;

	(void)state;
	for (at = 0; at < FILE_TABLE_LOSSES + 3; at++)
		lose(path, at);
	j = read_all(STATUS_FILES);
	list = json_object_get(j, "losses");
	assert_int_equal(json_array_size(list), FILE_TABLE_LOSSES);
	assert_int_equal(json_integer_value(json_object_get(
			     json_array_get(list, 0), "offset")),
	    FILE_TABLE_LOSSES + 2);
	json_decref(j);
}

static void
a_sum_of_nothing_is_zero(void **state)
{
	struct status_sum sum;

	(void)state;
	memset(&sum, 0xff, sizeof(sum));
	status_sum(&view, &sum);
	assert_int_equal(sum.files, 0);
	assert_int_equal(sum.behind, 0);
	assert_int_equal(sum.destinations, 0);
	assert_int_equal(sum.away, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_daemon_without_files_says_so),
		TEST(a_name_of_any_bytes_is_text),
		TEST(the_last_losses_are_told_the_latest_first),
		TEST(a_sum_of_nothing_is_zero),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
