/*
 * Goal: a line that went round a syslog daemon again and again is known by its
 * headers, whatever daemon wrote them; nothing that a program writes is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/echo.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
nested(const char *line, const char *app_name)
{
	return (echo_is_nested((const uint8_t *)line, strlen(line), app_name));
}

/* Writes so many headers, whose # is another digit in each, and a text. */
static const char *
go_round(const char *header, int rounds)
{
	static char line[4096];
	char *p = line;

	for (int i = 0; i < rounds; i++)
		for (const char *h = header; *h != '\0'; h++)
			*p++ = *h == '#' ? (char)('0' + i) : *h;
	memcpy(p, "the text", sizeof("the text"));
	return (line);
}

/* Of rsyslog, syslog-ng and syslogd, old and new, with and without procid. */
static const char *const headers[] = {
	"Nov 26 20:00:0# web1 nginx: ",
	"Nov 26 20:00:0# web1 nginx[77]: ",
	"Nov 26 20:00:0# nginx nginx[77]: ",
	"Nov 26 20:00:0# nginx-1.example.com nginx: ",
	"2026-11-26T20:00:00.00000#+00:00 web1 nginx: ",
	"<133>1 2026-11-26T20:00:0#.000000+00:00 web1 nginx 77 - - ",
	"2026-11-26T20:00:0#+01:00 nginx.nginx nginx: ",
};

static void
four_headers_are_nested_and_three_are_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		assert_false(nested(go_round(headers[i], 0), "nginx"));
		assert_false(nested(go_round(headers[i], 1), "nginx"));
		assert_false(
		    nested(go_round(headers[i], ECHO_ROUNDS - 1), "nginx"));
		assert_true(nested(go_round(headers[i], ECHO_ROUNDS), "nginx"));
		assert_true(nested(go_round(headers[i], 9), "nginx"));
	}
}

static void
the_headers_of_others_do_not_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		assert_false(nested(go_round(headers[i], 9), "ngin"));
		assert_false(nested(go_round(headers[i], 9), "inx"));
		assert_false(nested(go_round(headers[i], 9), "apache"));
	}
}

/* The tag has "_" where the name of the application has what ends a tag. */
static void
a_name_is_known_though_its_tag_is_written_otherwise(void **state)
{
	(void)state;
	assert_true(
	    nested(go_round("Nov 26 20:00:0# h java_web: ", 5), "java:web"));
	assert_false(nested(go_round("Nov 26 20:00:0# h x: ", 5), ":"));
}

static void
what_programs_write_is_not_nested(void **state)
{
	static const char *const lines[] = { "", "x",
		"x: x: x: x: x: x: x: ", "x=1 x=2 x=3 x=4 x=5 x=6",
		"10:00:00 x 1 x 2 x 3 x 4 x 5 x 6",
		"10:00:00 x: 10:00:00 y: 10:00:00 x: 10:00:00 y: x",
		"x 10:00:00 x 10:00:01 x 10:00:02 x 10:00:03 x 10:00:04",
		"10:00:00 h x: 10:00:01 i x: 10:00:02 j x: 10:00:03 k x: text",
		"10:00:00 h x: 10:00:01 h x: 10:00:02 h x: 10:00:0" };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_false(nested(lines[i], "x"));
}

static void
nothing_is_read_behind_the_line(void **state)
{
	const char *whole = go_round(headers[0], 9);
	size_t n = strlen(headers[0]), i;
	uint8_t part[512];

	(void)state;
	for (i = 0; i < sizeof(part) && i < strlen(whole); i++) {
		memset(part, 'x', sizeof(part));
		memcpy(part, whole, i);
		assert_int_equal(
		    echo_is_nested(part, i, "nginx"), i >= ECHO_ROUNDS * n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_headers_are_nested_and_three_are_not),
		cmocka_unit_test(the_headers_of_others_do_not_count),
		cmocka_unit_test(
		    a_name_is_known_though_its_tag_is_written_otherwise),
		cmocka_unit_test(what_programs_write_is_not_nested),
		cmocka_unit_test(nothing_is_read_behind_the_line),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
