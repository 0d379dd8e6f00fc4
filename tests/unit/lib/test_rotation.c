/*
 * Goal: the names that logrotate, newsyslog and their like give are known for
 * what they are, other names are left alone, and the older of two is told.
 */
#include "lib/rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const rotated[][2] = {
	{ "app.log.1", "app.log" },
	{ "app.log.12.gz", "app.log" },
	{ "app.log.0.xz", "app.log" },
	{ "app.log.gz", "app.log" },
	{ "app.log.old", "app.log" },
	{ "app.log-20261124", "app.log" },
	{ "app.log-20261124.zst", "app.log" },
	{ "app.log-2026-11-24T18:00:01Z", "app.log" },
	{ "app.log_2026.11.24-18", "app.log" },
	{ "app-20261124.log", "app.log" },
	{ "app.1.log.gz", "app.log" },
	{ "messages.0", "messages" },
	{ "app.log.1.2", "app.log.1" },
	{ ".hidden.1", ".hidden" },
};

static const char *const others[][2] = {
	{ "app.log", "app.log" },
	{ "app.log2", "app.log" },
	{ "app.log.", "app.log" },
	{ "app.log-", "app.log" },
	{ "app.log.bak", "app.log" },
	{ "app.log.error", "app.log" },
	{ "app.log.1a", "app.log" },
	{ "application.log", "app.log" },
	{ "app-error.log", "app.log" },
	{ "app.logs.1", "app.log" },
	{ "other.log.1", "app.log" },
	{ "ap", "app.log" },
	{ "", "app.log" },
	{ "app", "app.log" },
	{ ".log", "app.log" },
};

static void
names_of_rotation_are_known(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rotated) / sizeof(rotated[0]); i++)
		if (!rotation_is_of(rotated[i][0], rotated[i][1]))
			fail_msg("%s", rotated[i][0]);
}

static void
other_names_are_left_alone(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (rotation_is_of(others[i][0], others[i][1]))
			fail_msg("%s", others[i][0]);
}

static void
a_number_in_the_name_may_be_that_of_another_log(void **state)
{
	static const char *const copies[][2] = {
		{ "worker.log.1", "worker.log" },
		{ "worker.log.old", "worker.log" },
		{ "worker.log-20261126", "worker.log" },
		{ "worker-20261126.log", "worker.log" },
		{ "worker-2026-11-26.log", "worker.log" },
		{ "worker.log.2.gz", "worker.log" },
	};
	static const char *const logs[][2] = {
		{ "worker-2.log", "worker.log" },
		{ "worker.2.log", "worker.log" },
		{ "worker-12.log", "worker.log" },
		{ "worker.log", "worker.log" },
		{ "worker.log.key", "worker.log" },
		{ "server.key", "worker.log" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
		if (!rotation_is_copy_of(copies[i][0], copies[i][1]))
			fail_msg("%s", copies[i][0]);
	for (i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
		if (rotation_is_copy_of(logs[i][0], logs[i][1]))
			fail_msg("%s", logs[i][0]);
}

static void
names_of_compressed_files_are_known(void **state)
{
	(void)state;
	assert_true(rotation_is_compressed("app.log.1.gz"));
	assert_true(rotation_is_compressed("app.log.zst"));
	assert_true(rotation_is_compressed("app.log-20261124.xz"));
	assert_false(rotation_is_compressed("app.log.1"));
	assert_false(rotation_is_compressed("app.log.1.bz2"));
	assert_false(rotation_is_compressed(".gz"));
	assert_false(rotation_is_compressed("gz"));
	assert_false(rotation_is_compressed(""));
}

static bool
has_base(const char *name, const char *base)
{
	char found[64];
	size_t i;

	for (i = 0; rotation_base(name, i, found, sizeof(found)); i++) {
		/* Whatever is offered is a base. */
		assert_true(rotation_is_of(name, found));
		if (strcmp(found, base) == 0)
			return (true);
	}
	return (false);
}

static void
every_base_is_among_those_offered(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rotated) / sizeof(rotated[0]); i++)
		if (!has_base(rotated[i][0], rotated[i][1]))
			fail_msg("%s", rotated[i][0]);
	assert_false(has_base("app.log", "app"));
}

static void
a_base_that_does_not_fit_is_not_offered(void **state)
{
	char base[8];

	(void)state;
	assert_true(rotation_base("app.log.1", 0, base, sizeof(base)));
	assert_string_equal(base, "app.log");
	assert_false(rotation_base("apps.log.1", 0, base, sizeof(base)));
}

static void
what_ends_as_no_mark_does_has_no_base(void **state)
{
	static const char *const names[] = { "a", ".", "..", ".1", "app.log",
		"app.old1x", "app-1a", "app-1a.log", "old", "1.2x", "-1.x" };
	char base[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(rotation_base(names[i], 0, base, sizeof(base)));
	assert_true(rotation_base("app.old.1", 0, base, sizeof(base)));
	assert_string_equal(base, "app.old");
	assert_true(rotation_base("app.old.1", 1, base, sizeof(base)));
	assert_string_equal(base, "app");
	assert_true(rotation_base("app.old.1", 2, base, sizeof(base)));
	assert_string_equal(base, "app.1");
	assert_false(rotation_base("app.old.1", 3, base, sizeof(base)));
}

static void
higher_numbers_are_older(void **state)
{
	(void)state;
	assert_true(rotation_compare("l", "l.2", "l.1") < 0);
	assert_true(rotation_compare("l", "l.9", "l.10") > 0);
	assert_true(rotation_compare("l", "l.10.gz", "l.2") < 0);
	assert_int_equal(rotation_compare("l", "l.1", "l.1.gz"), 0);
}

static void
earlier_dates_are_older(void **state)
{
	(void)state;
	assert_true(rotation_compare("l", "l-20261123", "l-20261124.gz") < 0);
	assert_true(rotation_compare("l", "l-20261124.1", "l-20261124") > 0);
	assert_true(
	    rotation_compare("a.log", "a-20261124.log", "a-20251124.log") > 0);
}

static void
the_base_is_the_youngest(void **state)
{
	(void)state;
	assert_true(rotation_compare("l", "l", "l.1") > 0);
	assert_true(rotation_compare("l", "l-20261124", "l") < 0);
	assert_int_equal(rotation_compare("l", "l", "l"), 0);
}

static void
names_that_do_not_tell_are_equal(void **state)
{
	(void)state;
	assert_int_equal(rotation_compare("l", "l.1", "l-20261124"), 0);
	assert_int_equal(rotation_compare("l", "l-20261124", "l.20261123"), 0);
	assert_int_equal(rotation_compare("l", "other", "l.1"), 0);
}

static void
rotation_goes_on_to_the_next_name(void **state)
{
	(void)state;
	assert_true(rotation_goes_on("app.log.4", "app.log.3"));
	assert_true(rotation_goes_on("app.2.log", "app.1.log"));
	assert_false(rotation_goes_on("app.log.3", "app.log.4"));
	assert_false(rotation_goes_on("app.log.1", "app.log"));
	assert_false(rotation_goes_on("app.log", "app.log.1"));
	assert_false(rotation_goes_on("app.log.2", "db.log.1"));
	assert_false(rotation_goes_on("app.log.2", "app.log-20261124"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_rotation_are_known),
		cmocka_unit_test(other_names_are_left_alone),
		cmocka_unit_test(
		    a_number_in_the_name_may_be_that_of_another_log),
		cmocka_unit_test(names_of_compressed_files_are_known),
		cmocka_unit_test(every_base_is_among_those_offered),
		cmocka_unit_test(a_base_that_does_not_fit_is_not_offered),
		cmocka_unit_test(what_ends_as_no_mark_does_has_no_base),
		cmocka_unit_test(higher_numbers_are_older),
		cmocka_unit_test(earlier_dates_are_older),
		cmocka_unit_test(the_base_is_the_youngest),
		cmocka_unit_test(names_that_do_not_tell_are_equal),
		cmocka_unit_test(rotation_goes_on_to_the_next_name),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
