/*
 * Goal: the header is what RFC 5424 and RFC 3164 receivers parse, whatever
 * strings it is made of, and stamping it changes the time and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/syslog_header.h"

static const struct syslog_fields usual = {
	.format = SYSLOG_RFC5424,
	.facility = 16,
	.severity = 5,
	.hostname = "host.example.com",
	.app_name = "nginx",
	.procid = "-",
	.msgid = "-",
	.sd = "",
};

/* 2026-11-23T22:01:10.123456Z */
static const struct timespec when = { 1795471270, 123456789 };

static void
assert_header(const struct syslog_fields *fields, long gmtoff, const char *want)
{
	struct syslog_header h;
	size_t len;

	assert_int_equal(syslog_header_init(&h, fields), 0);
	len = h.len;
	syslog_header_stamp(&h, &when, gmtoff);
	assert_int_equal(h.len, len);
	assert_int_equal(h.len, strlen(want));
	assert_memory_equal(h.bytes, want, h.len);
	assert_int_equal(h.format, fields->format);
	syslog_header_fini(&h);
}

static void
rfc5424_has_its_fields_in_order(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.procid = "4711";
	f.msgid = "ID47";
	f.sd = "[a@1 b=\"c\"][d@2]";
	assert_header(&f, 3600,
	    "<133>1 2026-11-23T23:01:10.123456+01:00 host.example.com nginx "
	    "4711 ID47 [a@1 b=\"c\"][d@2] ");
}

static void
no_structured_data_is_a_dash(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.facility = f.severity = 0;
	assert_header(&f, 0,
	    "<0>1 2026-11-23T22:01:10.123456+00:00 host.example.com nginx "
	    "- - - ");
}

static void
the_position_element_comes_last_and_is_left_open(void **state)
{
	struct syslog_fields f = usual;
	struct syslog_header h;

	(void)state;
	f.sd = "[a@1 b=\"c\"]";
	f.file = "/var/log/a \"b\\]";
	f.inode = 18446744073709551615u;
	assert_header(&f, 0,
	    "<133>1 2026-11-23T22:01:10.123456+00:00 host.example.com nginx "
	    "- - [a@1 b=\"c\"][position@32473 "
	    "file=\"/var/log/a \\\"b\\\\\\]\" "
	    "inode=\"18446744073709551615\" offset=\"");
	f.sd = "";
	f.file = "x";
	f.inode = 1;
	assert_header(&f, 0,
	    "<133>1 2026-11-23T22:01:10.123456+00:00 host.example.com nginx "
	    "- - [position@32473 file=\"x\" inode=\"1\" offset=\"");
	assert_int_equal(syslog_header_init(&h, &f), 0);
	assert_true(h.position);
	syslog_header_fini(&h);
}

static void
a_file_name_of_any_bytes_becomes_text(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.file = "\xff\n\xc3\xa9";
	assert_header(&f, 0,
	    "<133>1 2026-11-23T22:01:10.123456+00:00 host.example.com nginx "
	    "- - [position@32473 file=\"\xef\xbf\xbd#012\xc3\xa9\" inode=\"0\""
	    " offset=\"");
}

static void
fields_keep_within_their_lengths(void **state)
{
	struct syslog_fields f = usual;
	char big[400], want[600];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	f.hostname = f.app_name = f.procid = f.msgid = big;
	(void)snprintf(want, sizeof(want),
	    "<133>1 2026-11-23T22:01:10.123456+00:00 %.255s %.48s %.128s "
	    "%.32s - ",
	    big, big, big, big);
	assert_header(&f, 0, want);
}

static void
characters_that_are_not_allowed_become_underscores(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.hostname = "my host";
	f.app_name = "a\nb\xc3\xa9\x7f";
	f.procid = "[]\":";
	f.msgid = "\t";
	assert_header(&f, 0,
	    "<133>1 2026-11-23T22:01:10.123456+00:00 my_host a_b___ []\": _ "
	    "- ");
}

static void
empty_fields_become_dashes(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.hostname = f.app_name = f.procid = f.msgid = "";
	assert_header(
	    &f, 0, "<133>1 2026-11-23T22:01:10.123456+00:00 - - - - - ");
}

static void
rfc3164_has_a_tag(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.format = SYSLOG_RFC3164;
	assert_header(
	    &f, 3600, "<133>Nov 23 23:01:10 host.example.com nginx: ");
	f.procid = "4711";
	assert_header(
	    &f, 3600, "<133>Nov 23 23:01:10 host.example.com nginx[4711]: ");
	f.procid = "";
	assert_header(
	    &f, 3600, "<133>Nov 23 23:01:10 host.example.com nginx: ");
}

static void
the_local_format_is_that_of_syslog_3(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.format = SYSLOG_LOCAL;
	f.file = "/var/log/x";
	assert_header(&f, 3600, "<133>Nov 23 23:01:10 nginx: ");
	f.procid = "4711";
	assert_header(&f, 3600, "<133>Nov 23 23:01:10 nginx[4711]: ");
	f.app_name = "";
	f.procid = "-";
	assert_header(&f, 3600, "<133>Nov 23 23:01:10 -: ");
}

static void
a_rfc3164_tag_cannot_break_parsing(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.format = SYSLOG_RFC3164;
	f.app_name = "a b:c[d]/e.f-01234567890123456789012345678901234567";
	f.procid = "1]: x";
	assert_header(&f, 0,
	    "<133>Nov 23 22:01:10 host.example.com "
	    "a_b_c_d_/e.f-01234567890123456789012345678901234[1___x]: ");
}

static void
other_formats_have_no_position(void **state)
{
	struct syslog_fields f = usual;
	struct syslog_header h;

	(void)state;
	f.file = "/var/log/x";
	f.format = SYSLOG_RFC3164;
	assert_int_equal(syslog_header_init(&h, &f), 0);
	assert_false(h.position);
	assert_null(strstr(h.bytes, "position"));
	syslog_header_fini(&h);
	f.format = SYSLOG_LOCAL;
	assert_int_equal(syslog_header_init(&h, &f), 0);
	assert_false(h.position);
	syslog_header_fini(&h);
	f.format = SYSLOG_RAW;
	assert_int_equal(syslog_header_init(&h, &f), 0);
	assert_false(h.position);
	syslog_header_fini(&h);
}

static void
a_raw_header_is_empty_also_when_stamped(void **state)
{
	struct syslog_fields f = usual;

	(void)state;
	f.format = SYSLOG_RAW;
	assert_header(&f, 3600, "");
}

static void
a_header_can_be_freed_twice(void **state)
{
	struct syslog_header h;

	(void)state;
	assert_int_equal(syslog_header_init(&h, &usual), 0);
	syslog_header_fini(&h);
	assert_null(h.bytes);
	syslog_header_fini(&h);
}

static void
assert_time(enum syslog_format format, time_t t, long nsec, long gmtoff,
    const char *want)
{
	struct syslog_fields f = usual;
	struct timespec ts = { t, nsec };
	struct syslog_header h;

	f.format = format;
	assert_int_equal(syslog_header_init(&h, &f), 0);
	/* Two stamps: the first must leave nothing behind. */
	syslog_header_stamp(&h, &when, -45296);
	syslog_header_stamp(&h, &ts, gmtoff);
	assert_memory_equal(h.bytes + h.time_at, want, strlen(want));
	assert_int_equal(h.bytes[h.time_at + strlen(want)], ' ');
	syslog_header_fini(&h);
}

static void
the_offset_is_numeric_and_signed(void **state)
{
	(void)state;
	assert_time(
	    SYSLOG_RFC5424, 0, 0, 0, "1970-01-01T00:00:00.000000+00:00");
	assert_time(SYSLOG_RFC5424, 0, 999999999, -5 * 3600,
	    "1969-12-31T19:00:00.999999-05:00");
	assert_time(SYSLOG_RFC5424, 951782400, 1000, 20700,
	    "2000-02-29T05:45:00.000001+05:45");
	assert_time(SYSLOG_RFC5424, 951782400, 999, -12600,
	    "2000-02-28T20:30:00.000000-03:30");
	/* Seconds cannot be told in the offset, so not in the time either. */
	assert_time(
	    SYSLOG_RFC5424, 0, 0, 1172, "1970-01-01T00:19:00.000000+00:19");
	assert_time(
	    SYSLOG_RFC5424, 60, 0, -59, "1970-01-01T00:01:00.000000+00:00");
}

static void
rfc3164_pads_the_day_with_a_space(void **state)
{
	(void)state;
	assert_time(SYSLOG_RFC3164, 0, 0, 0, "Jan  1 00:00:00");
	assert_time(SYSLOG_LOCAL, 0, 0, -3600, "Dec 31 23:00:00");
	assert_time(SYSLOG_RFC3164, 0, 0, -3600, "Dec 31 23:00:00");
	assert_time(SYSLOG_RFC3164, 951782400, 0, 3600, "Feb 29 01:00:00");
}

static void
facilities_are_known_by_name_and_number(void **state)
{
	static const char *const names[] = { "kern", "user", "mail", "daemon",
		"auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
		"ftp", "ntp", "security", "console", "clock", "local0",
		"local1", "local2", "local3", "local4", "local5", "local6",
		"local7" };
	char decimal[8];

	(void)state;
	for (int i = 0; i < 24; i++) {
		assert_int_equal(syslog_facility(names[i]), i);
		(void)snprintf(decimal, sizeof(decimal), "%d", i);
		assert_int_equal(syslog_facility(decimal), i);
	}
	assert_int_equal(syslog_facility("LOCAL3"), 19);
}

static void
severities_are_known_by_name_and_number(void **state)
{
	(void)state;
	assert_int_equal(syslog_severity("emerg"), 0);
	assert_int_equal(syslog_severity("panic"), 0);
	assert_int_equal(syslog_severity("alert"), 1);
	assert_int_equal(syslog_severity("crit"), 2);
	assert_int_equal(syslog_severity("err"), 3);
	assert_int_equal(syslog_severity("error"), 3);
	assert_int_equal(syslog_severity("warning"), 4);
	assert_int_equal(syslog_severity("warn"), 4);
	assert_int_equal(syslog_severity("notice"), 5);
	assert_int_equal(syslog_severity("info"), 6);
	assert_int_equal(syslog_severity("debug"), 7);
	assert_int_equal(syslog_severity("0"), 0);
	assert_int_equal(syslog_severity("7"), 7);
}

static void
unknown_facilities_and_severities_are_refused(void **state)
{
	static const char *const bad[] = { "", " ", "24",
		"99999999999999999999", "-1", "+1", " 1", "1 ", "0x1", "local",
		"local8", "none" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(syslog_facility(bad[i]), -1);
		assert_int_equal(syslog_severity(bad[i]), -1);
	}
	assert_int_equal(syslog_severity("8"), -1);
}

static void
an_sd_id_is_registered_or_has_an_enterprise_number(void **state)
{
	static const char *const good[] = { "origin@32473", "a@1",
		"x@32473.1.2", "origin", "meta", "timeQuality",
		"0123456789012345678901234567@123" };
	static const char *const bad[] = { "", "@1", "a@", "a@b", "a@1.",
		"a@.1", "a@1@2", "a b@1", "a=@1", "a]@1", "a\"@1", "a\n@1",
		"\xc3\xa9@1", "unregistered",
		"01234567890123456789012345678@123" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(syslog_sd_id_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(syslog_sd_id_valid(bad[i]));
}

static void
a_parameter_name_is_32_printable_characters_at_most(void **state)
{
	(void)state;
	assert_true(syslog_sd_name_valid("env"));
	assert_true(syslog_sd_name_valid("e@[!"));
	assert_true(syslog_sd_name_valid("01234567890123456789012345678901"));
	assert_false(syslog_sd_name_valid("012345678901234567890123456789012"));
	assert_false(syslog_sd_name_valid(""));
	assert_false(syslog_sd_name_valid("a b"));
	assert_false(syslog_sd_name_valid("a="));
	assert_false(syslog_sd_name_valid("a]"));
	assert_false(syslog_sd_name_valid("a\""));
	assert_false(syslog_sd_name_valid("\x7f"));
	assert_false(syslog_sd_name_valid("\xc3\xa9"));
}

static void
an_element_escapes_its_values(void **state)
{
	static const char *const params[] = { "env=prod", "q=a\"b\\c]d",
		"e=", "eq=x=y", "bad=\xff\x1b" };
	char *element = syslog_sd_element("o@1", params, 5);

	(void)state;
	assert_non_null(element);
	assert_string_equal(element,
	    "[o@1 env=\"prod\" q=\"a\\\"b\\\\c\\]d\" e=\"\" eq=\"x=y\" "
	    "bad=\"\xef\xbf\xbd#033\"]");
	free(element);
	element = syslog_sd_element("meta", NULL, 0);
	assert_non_null(element);
	assert_string_equal(element, "[meta]");
	free(element);
}

static void
a_long_value_is_kept_whole(void **state)
{
	char param[2003], want[2020];
	const char *params[] = { param };
	char *element;

	(void)state;
	/* Characters of two octets behind one of one: no buffer cuts them. */
	(void)strcpy(param, "v=x");
	for (size_t i = 0; i < 999; i++)
		memcpy(param + 3 + 2 * i, "\xc3\xa9", 3);
	(void)snprintf(want, sizeof(want), "[a@1 v=\"%s\"]", param + 2);
	element = syslog_sd_element("a@1", params, 1);
	assert_non_null(element);
	assert_string_equal(element, want);
	free(element);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5424_has_its_fields_in_order),
		cmocka_unit_test(no_structured_data_is_a_dash),
		cmocka_unit_test(
		    the_position_element_comes_last_and_is_left_open),
		cmocka_unit_test(a_file_name_of_any_bytes_becomes_text),
		cmocka_unit_test(fields_keep_within_their_lengths),
		cmocka_unit_test(
		    characters_that_are_not_allowed_become_underscores),
		cmocka_unit_test(empty_fields_become_dashes),
		cmocka_unit_test(rfc3164_has_a_tag),
		cmocka_unit_test(the_local_format_is_that_of_syslog_3),
		cmocka_unit_test(a_rfc3164_tag_cannot_break_parsing),
		cmocka_unit_test(other_formats_have_no_position),
		cmocka_unit_test(a_raw_header_is_empty_also_when_stamped),
		cmocka_unit_test(a_header_can_be_freed_twice),
		cmocka_unit_test(the_offset_is_numeric_and_signed),
		cmocka_unit_test(rfc3164_pads_the_day_with_a_space),
		cmocka_unit_test(facilities_are_known_by_name_and_number),
		cmocka_unit_test(severities_are_known_by_name_and_number),
		cmocka_unit_test(unknown_facilities_and_severities_are_refused),
		cmocka_unit_test(
		    an_sd_id_is_registered_or_has_an_enterprise_number),
		cmocka_unit_test(
		    a_parameter_name_is_32_printable_characters_at_most),
		cmocka_unit_test(an_element_escapes_its_values),
		cmocka_unit_test(a_long_value_is_kept_whole),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
