/*
 * Goal: whatever files, includes, comments and macros a configuration is made
 * of, each line of the text that libconfuse gets is traced back to the line
 * that the user wrote, and what libconfuse would misread is refused in words.
 */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/read.h"
#include "daemon/conf/text.h"

static const struct conf_pair pairs[] = { { "host", "one.example.com" },
	{ "odd",
	    "a\"b\\c${d}\n\x01"
	    "1" },
	{ "host", "siem.example.com" } };
static const struct conf_pairs macros = { pairs,
	sizeof(pairs) / sizeof(pairs[0]) };

static char dir[64];

static void
put_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static struct conf_text *
read_bytes(const char *bytes, size_t n, struct reason *why)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/main.conf", dir);
	return (conf_read_bytes(path, bytes, n, &macros, why));
}

static struct conf_text *
accepted(const char *bytes)
{
	struct reason why = { "" };
	struct conf_text *t = read_bytes(bytes, strlen(bytes), &why);

	if (t == NULL)
		fail_msg("%s", why.text);
	return (t);
}

/* where: "main.conf:3: ", counted from dir. */
static void
assert_refused(
    const char *bytes, size_t n, const char *where, const char *words)
{
	struct reason why = { "" };
	char begin[512];

	assert_null(read_bytes(bytes, n, &why));
	snprintf(begin, sizeof(begin), "%s/%s", dir, where);
	if (strncmp(why.text, begin, strlen(begin)) != 0 ||
	    strstr(why.text, words) == NULL)
		fail_msg(
		    "\"%s\" is not \"%s\" and \"%s\"", why.text, begin, words);
	assert_null(read_bytes(bytes, n, NULL));
}

static void
refused(const char *bytes, const char *where, const char *words)
{
	assert_refused(bytes, strlen(bytes), where, words);
}

/* Asserts that the one line with word in it is from where. */
static void
assert_from(
    const struct conf_text *t, const char *word, const char *file, int number)
{
	const char *at = strstr(t->bytes, word);
	struct conf_line line;
	char path[256];
	int n = 1;

	assert_non_null(at);
	for (const char *p = t->bytes; p < at; p++)
		n += *p == '\n';
	line = conf_text_where(t, n);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	assert_string_equal(line.origin, path);
	assert_int_equal(line.number, number);
}

static void
comments_of_all_kinds_become_blanks_and_keep_the_lines(void **state)
{
	struct conf_text *t = accepted("# one\n// two\n/* three\n four **/ a=1"
				       " /*x*/\nb = '#' # no\nc = 2");

	(void)state;
	assert_string_equal(t->bytes, " \n \n\n  a=1  \nb = '#'  \nc = 2");
	assert_from(t, "a=1", "main.conf", 4);
	assert_from(t, "b =", "main.conf", 5);
	assert_from(t, "c =", "main.conf", 6);
	conf_text_free(t);
}

static void
a_url_without_quotes_is_no_comment(void **state)
{
	struct conf_text *t = accepted("url = tcp://h:514 // c");

	(void)state;
	assert_string_equal(t->bytes, "url = tcp://h:514  ");
	conf_text_free(t);
}

static void
lines_ending_in_cr_lf_and_a_byte_order_mark_are_fine(void **state)
{
	struct conf_text *t = accepted("\xef\xbb\xbf"
				       "a = 1\r\nb = 2\r\n");

	(void)state;
	assert_string_equal(t->bytes, "a = 1\nb = 2\n");
	conf_text_free(t);
}

static void
a_macro_is_replaced_by_the_last_definition(void **state)
{
	struct conf_text *t = accepted("url = \"tcp://${host}:514\"");

	(void)state;
	assert_string_equal(t->bytes, "url = \"tcp://siem.example.com:514\"");
	conf_text_free(t);
}

static void
nothing_in_the_value_of_a_macro_is_special(void **state)
{
	struct conf_text *t = accepted("a = \"${odd}\"");

	(void)state;
	assert_string_equal(t->bytes, "a = \"a\\\"b\\\\c\\${d}\\x0a\\x011\"");
	conf_text_free(t);
}

static void
a_macro_falls_back_on_the_environment(void **state)
{
	struct conf_text *t;

	(void)state;
	setenv("CONF_TEST", "e", 1);
	t = accepted("a = \"${CONF_TEST}\"");
	assert_string_equal(t->bytes, "a = \"e\"");
	conf_text_free(t);
	unsetenv("CONF_TEST");
	refused("\na = \"${CONF_TEST}\"", "main.conf:2: ",
	    "${CONF_TEST} is not set: give -D CONF_TEST=value");
}

static void
single_quotes_and_a_backslash_keep_a_macro_as_it_is(void **state)
{
	struct conf_text *t = accepted("a = '${x}'\nb = \"\\${x} $ $x\"");

	(void)state;
	assert_string_equal(t->bytes, "a = '${x}'\nb = \"\\${x} $ $x\"");
	conf_text_free(t);
}

static void
a_broken_macro_is_refused(void **state)
{
	(void)state;
	refused("a = \"${\"", "main.conf:1: ", "write ${name}");
	refused("a = \"${}\"", "main.conf:1: ", "write ${name}");
	refused("a = \"${1a}\"", "main.conf:1: ", "write ${name}");
	refused("a = \"${a-b}\"", "main.conf:1: ", "write ${name}");
	refused("a = \"${a", "main.conf:1: ", "write ${name}");
}

static void
an_included_file_stands_in_the_text_with_its_own_lines(void **state)
{
	struct conf_text *t;

	(void)state;
	put_file("inc.conf", "# c\nb = 2");
	t = accepted("a = 1\ninclude(\"inc.conf\") c = 3\nd = 4\n");
	assert_from(t, "a = 1", "main.conf", 1);
	assert_from(t, "b = 2", "inc.conf", 2);
	assert_from(t, "c = 3", "main.conf", 2);
	assert_from(t, "d = 4", "main.conf", 3);
	conf_text_free(t);
}

static void
an_include_counts_from_the_file_it_stands_in(void **state)
{
	struct conf_text *t;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/sub[1]", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file("sub[1]/outer.conf", "include('*.inc')");
	put_file("sub[1]/b.inc", "b = 2");
	put_file("sub[1]/a.inc", "a = 1");
	put_file("sub[1]/.c.inc", "hidden = 1");
	t = accepted("include('sub[1]/outer.conf')");
	assert_null(strstr(t->bytes, "a = 1"));
	conf_text_free(t);
	put_file("direct.conf", "include(\"sub\\\\[1]/outer.conf\")");
	t = accepted("include(direct.conf)");
	assert_from(t, "a = 1", "sub[1]/a.inc", 1);
	assert_from(t, "b = 2", "sub[1]/b.inc", 1);
	assert_true(strstr(t->bytes, "a = 1") < strstr(t->bytes, "b = 2"));
	assert_null(strstr(t->bytes, "hidden"));
	conf_text_free(t);
}

static void
an_include_may_hold_a_macro_and_be_absolute(void **state)
{
	struct conf_text *t;

	(void)state;
	put_file("abs.conf", "z = 9");
	setenv("CONF_TEST", dir, 1);
	t = accepted("source x { include ( \"${CONF_TEST}/abs.conf\" ) }");
	assert_from(t, "z = 9", "abs.conf", 1);
	conf_text_free(t);
	unsetenv("CONF_TEST");
}

static void
an_include_glob_without_match_is_fine_but_a_missing_file_is_not(void **state)
{
	(void)state;
	conf_text_free(accepted("include(\"none/*.conf\")"));
	conf_text_free(accepted("include(\"*.none\")"));
	refused("\n\ninclude(\"none.conf\")",
	    "main.conf:3: ", "none.conf: No such file or directory");
	refused("include(\".\")", "main.conf:1: ", "Is a directory");
}

static void
errors_in_an_included_file_name_it_and_its_line(void **state)
{
	(void)state;
	put_file("bad.conf", "/*\n*/ a = \"x\nb = 2");
	refused("include(\"bad.conf\")", "bad.conf:2: ", "not closed");
	put_file("brace.conf", "source a {\n b = 1\n");
	refused("include(\"brace.conf\")\n}", "brace.conf:1: ", "never closed");
	put_file("extra.conf", "}");
	refused("source a {\ninclude(\"extra.conf\")",
	    "extra.conf:1: ", "closes nothing");
}

static void
include_loops_and_endless_depth_are_refused(void **state)
{
	char name[32], text[64];

	(void)state;
	put_file("loop1.conf", "\ninclude(\"loop2.conf\")");
	put_file("loop2.conf", "include(\"./loop1.conf\")");
	refused("include(\"loop1.conf\")", "loop2.conf:1: ", "loop");
	for (int i = 2; i < CONF_READ_DEPTH; i++) {
		snprintf(name, sizeof(name), "deep%d.conf", i);
		snprintf(text, sizeof(text), "include(\"deep%d.conf\")", i + 1);
		put_file(name, text);
	}
	snprintf(name, sizeof(name), "deep%d.conf", CONF_READ_DEPTH);
	put_file(name, "a = 1");
	conf_text_free(accepted("include(deep2.conf)"));
	put_file(name, "include(bad.conf)");
	refused("include(deep2.conf)", name, "nested too deep");
}

static void
an_include_that_is_written_wrong_is_refused(void **state)
{
	(void)state;
	refused("include \"x\"", "main.conf:1: ", "include(\"/etc/");
	refused("include = \"x\"", "main.conf:1: ", "include(\"/etc/");
	refused("include(\"x\"", "main.conf:1: ", "include(\"/etc/");
	refused("include(\"\")", "main.conf:1: ", "include(\"/etc/");
	refused("include(", "main.conf:1: ", "include(\"/etc/");
	refused("include(\"x)", "main.conf:1: ", "not closed");
}

static void
a_word_that_libconfuse_would_misread_must_be_quoted(void **state)
{
	(void)state;
	refused("paths = /var/log/*.log",
	    "main.conf:1: ", "/var/log/*.log must stand in quotes");
	refused("paths = /*.log", "main.conf:1: ", "glob must stand in quotes");
	refused("paths = {\n/*/log }",
	    "main.conf:2: ", "glob must stand in quotes");
	refused(
	    "paths = /a/b#c", "main.conf:1: ", "/a/b# must stand in quotes");
	refused("a = ${x}", "main.conf:1: ", "quotes");
	refused("a|b = 1", "main.conf:1: ", "quotes");
	refused("? = 1", "main.conf:1: ", "quotes");
	refused("a = 1;", "main.conf:1: ", "\";\" is not needed");
	refused("a += 1", "main.conf:1: ", "\"+=\" is not known");
}

static void
a_string_ends_on_its_line(void **state)
{
	struct conf_text *t = accepted("a = \"x\\\n y\"\nb = 'p\\\nq'\nc = 1");

	(void)state;
	assert_from(t, "c = 1", "main.conf", 5);
	conf_text_free(t);
	refused("\na = \"x\nb = \"y\"", "main.conf:2: ", "\" is missing");
	refused("a = 'x", "main.conf:1: ", "' is missing");
	refused("a = 'x\\'", "main.conf:1: ", "' is missing");
	refused("a = \"x\\", "main.conf:1: ", "");
	refused("a = \"\\\n\\\nx", "main.conf:1: ", "\" is missing");
}

static void
a_backslash_that_would_vanish_is_refused(void **state)
{
	static const char *const good[] = { "\\\\", "\\\"", "\\n", "\\t",
		"\\x41", "\\xf", "\\101", "\\1", "\\$", "\\'", "\\377" };
	static const char *const bad[] = { "\\d", "\\[", "\\0", "\\x00", "\\xg",
		"\\400", "\\1234", "\\8", "\\ ", "\\." };
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "a = \"%s\"", good[i]);
		conf_text_free(accepted(text));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "a = \"%s\"", bad[i]);
		refused(text, "main.conf:1: ", "backslash");
		snprintf(text, sizeof(text), "a = '%s'", bad[i]);
		conf_text_free(accepted(text));
	}
}

static void
what_is_not_text_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("a = 1\n\0", 7, "main.conf:2: ", "0x00");
	refused("# \x1b[31m", "main.conf:1: ", "0x1b");
	refused("a\rb", "main.conf:1: ", "0x0d");
	refused("\n\n\"\x7f\"", "main.conf:3: ", "0x7f");
}

static void
an_open_comment_or_brace_is_refused_where_it_begins(void **state)
{
	(void)state;
	refused("a = 1\n/* b\nc *", "main.conf:2: ", "\"*/\" is missing");
	refused("source x {\nstructured_data y {\n}\n",
	    "main.conf:1: ", "never closed");
	refused("\na = {\n\"b\"", "main.conf:2: ", "never closed");
	refused("source x {\n}\n}", "main.conf:3: ", "closes nothing");
	refused("a = \"b\" \"c\"",
	    "main.conf:1: ", "\"c\" stands where a name belongs");
}

static void
a_section_gets_the_mark_that_tells_its_line(void **state)
{
	struct conf_text *t = accepted("source x\n{ a = {} }");

	(void)state;
	assert_string_equal(t->bytes,
	    "source x\n{ " CONF_TEXT_OPENED " = " CONF_TEXT_OPENED
	    "  a = {} }");
	assert_false(t->malformed);
	conf_text_free(t);
}

static void
a_statement_that_is_not_well_formed_ends_the_text(void **state)
{
	static const char *const bad[] = { "a b c d", "{ }", "a = , b = 1",
		"a = { b c }", "= 1", "a = { { } }", "a ( b )", "a = }", "a",
		"a =", "source x" };
	struct conf_text *t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t = accepted(bad[i]);
		assert_true(t->malformed);
		conf_text_free(t);
	}
}

static void
a_section_may_do_without_a_name(void **state)
{
	struct conf_text *t = accepted("a { b = 1 c { } }\nd \"e\" { f { } }");

	(void)state;
	assert_false(t->malformed);
	assert_string_equal(t->bytes,
	    "a { ? = ?  b = 1 c { ? = ?  } }\nd \"e\" { ? = ?  f { ? = ?  "
	    "} }");
	conf_text_free(t);
}

static void
a_file_that_cannot_be_read_is_named_with_the_reason(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_null(conf_read("/nonexistent/t.conf", NULL, &why));
	assert_string_equal(
	    why.text, "/nonexistent/t.conf: No such file or directory");
	assert_null(conf_read(dir, NULL, &why));
	assert_non_null(strstr(why.text, ": Is a directory"));
	assert_null(conf_read("/dev/zero", NULL, &why));
	assert_string_equal(why.text, "/dev/zero: File too large");
}

static void
many_lines_are_all_traced_back(void **state)
{
	enum {
		LINES = 5000
	};
	struct conf_text *t;
	char *bytes = malloc(LINES + 8);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, '\n', LINES);
	memcpy(bytes + LINES, "a = 1", 6);
	t = accepted(bytes);
	assert_from(t, "a = 1", "main.conf", LINES + 1);
	assert_int_equal(conf_text_where(t, 0).number, 1);
	assert_int_equal(conf_text_where(t, LINES + 9).number, LINES + 1);
	conf_text_free(t);
	free(bytes);
}

static void
a_message_never_carries_control_characters(void **state)
{
	struct conf_line line = { "f\n", 7 };
	struct reason why;

	(void)state;
	assert_int_equal(conf_line_fail(line, &why, "%s", "a\x1b[1m"), -1);
	assert_string_equal(why.text, "f?:7: a?[1m");
	line.number = 0;
	assert_int_equal(conf_line_fail(line, &why, "b"), -1);
	assert_string_equal(why.text, "f?: b");
	assert_int_equal(conf_line_fail(line, NULL, "b"), -1);
}

static int
make_dir(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/test_conf_text.XXXXXX", sizeof(dir));
	return (mkdtemp(dir) == NULL ? -1 : 0);
}

static int
remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return (system(command));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    comments_of_all_kinds_become_blanks_and_keep_the_lines),
		cmocka_unit_test(a_url_without_quotes_is_no_comment),
		cmocka_unit_test(
		    lines_ending_in_cr_lf_and_a_byte_order_mark_are_fine),
		cmocka_unit_test(a_macro_is_replaced_by_the_last_definition),
		cmocka_unit_test(nothing_in_the_value_of_a_macro_is_special),
		cmocka_unit_test(a_macro_falls_back_on_the_environment),
		cmocka_unit_test(
		    single_quotes_and_a_backslash_keep_a_macro_as_it_is),
		cmocka_unit_test(a_broken_macro_is_refused),
		cmocka_unit_test(
		    an_included_file_stands_in_the_text_with_its_own_lines),
		cmocka_unit_test(an_include_counts_from_the_file_it_stands_in),
		cmocka_unit_test(an_include_may_hold_a_macro_and_be_absolute),
		cmocka_unit_test(
		    an_include_glob_without_match_is_fine_but_a_missing_file_is_not),
		cmocka_unit_test(
		    errors_in_an_included_file_name_it_and_its_line),
		cmocka_unit_test(include_loops_and_endless_depth_are_refused),
		cmocka_unit_test(an_include_that_is_written_wrong_is_refused),
		cmocka_unit_test(
		    a_word_that_libconfuse_would_misread_must_be_quoted),
		cmocka_unit_test(a_string_ends_on_its_line),
		cmocka_unit_test(a_backslash_that_would_vanish_is_refused),
		cmocka_unit_test(what_is_not_text_is_refused_with_its_line),
		cmocka_unit_test(
		    an_open_comment_or_brace_is_refused_where_it_begins),
		cmocka_unit_test(a_section_gets_the_mark_that_tells_its_line),
		cmocka_unit_test(
		    a_statement_that_is_not_well_formed_ends_the_text),
		cmocka_unit_test(a_section_may_do_without_a_name),
		cmocka_unit_test(
		    a_file_that_cannot_be_read_is_named_with_the_reason),
		cmocka_unit_test(many_lines_are_all_traced_back),
		cmocka_unit_test(a_message_never_carries_control_characters),
	};

	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
