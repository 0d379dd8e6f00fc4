/*
 * Goal: a pattern means what glob(7) says and no more, everything that would
 * silently match nothing is refused in words, and no glob takes for ever.
 */
#include "lib/pattern.h"

#include <fnmatch.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct pattern *
parsed(const char *path)
{
	struct reason why = { "" };
	struct pattern *p;

	if ((p = pattern_new(path, &why)) == NULL)
		fail_msg("%s: %s", path, why.text);
	return (p);
}

static void
assert_part(
    const struct pattern *p, size_t i, enum pattern_kind kind, const char *text)
{
	assert_true(i < pattern_length(p));
	assert_int_equal(pattern_part(p, i)->kind, kind);
	assert_string_equal(pattern_part(p, i)->text, text);
}

static void
assert_refused(const char *path, const char *words)
{
	struct reason why = { "" };

	assert_null(pattern_new(path, &why));
	if (strstr(why.text, words) == NULL)
		fail_msg("%s: \"%s\" does not say: %s", path, why.text, words);
	assert_null(pattern_new(path, NULL));
}

static bool
part_matches(const char *glob, const char *name)
{
	char path[512];
	struct pattern *p;
	bool yes;

	(void)snprintf(path, sizeof(path), "/%s/x", glob);
	p = parsed(path);
	assert_int_equal(pattern_length(p), 2);
	yes = pattern_part_matches(pattern_part(p, 0), name);
	pattern_free(p);
	return (yes);
}

static void
a_path_is_cut_at_its_slashes(void **state)
{
	struct pattern *p = parsed("/srv/**/logs/*.log");

	(void)state;
	assert_int_equal(pattern_length(p), 4);
	assert_part(p, 0, PATTERN_LITERAL, "srv");
	assert_part(p, 1, PATTERN_ANY_DEPTH, "**");
	assert_part(p, 2, PATTERN_LITERAL, "logs");
	assert_part(p, 3, PATTERN_GLOB, "*.log");
	pattern_free(p);
	pattern_free(NULL);
}

static void
what_is_repeated_or_says_nothing_counts_once(void **state)
{
	struct pattern *p = parsed("//a/./**//**/./**/b");

	(void)state;
	assert_int_equal(pattern_length(p), 3);
	assert_part(p, 0, PATTERN_LITERAL, "a");
	assert_part(p, 1, PATTERN_ANY_DEPTH, "**");
	assert_part(p, 2, PATTERN_LITERAL, "b");
	pattern_free(p);
}

static void
a_quoted_glob_character_is_a_literal(void **state)
{
	struct pattern *p = parsed("/a\\*b/\\[x]/\\\\/c\\?d*/\\**");

	(void)state;
	assert_int_equal(pattern_length(p), 5);
	assert_part(p, 0, PATTERN_LITERAL, "a*b");
	assert_part(p, 1, PATTERN_LITERAL, "[x]");
	assert_part(p, 2, PATTERN_LITERAL, "\\");
	assert_part(p, 3, PATTERN_GLOB, "c\\?d*");
	assert_part(p, 4, PATTERN_GLOB, "\\**");
	assert_true(pattern_part_matches(pattern_part(p, 3), "c?dx"));
	assert_false(pattern_part_matches(pattern_part(p, 3), "cxdx"));
	assert_true(pattern_part_matches(pattern_part(p, 4), "*x"));
	assert_false(pattern_part_matches(pattern_part(p, 4), "x"));
	pattern_free(p);
}

static void
names_are_octets(void **state)
{
	struct pattern *p = parsed("/\xff\xfe/\xc3?");

	(void)state;
	assert_part(p, 0, PATTERN_LITERAL, "\xff\xfe");
	assert_true(pattern_part_matches(pattern_part(p, 1), "\xc3\xa4"));
	assert_true(pattern_part_matches(pattern_part(p, 1), "\xc3\xff"));
	assert_false(pattern_part_matches(pattern_part(p, 1), "\xc3"));
	pattern_free(p);
}

static void
what_would_match_nothing_is_refused_in_words(void **state)
{
	(void)state;
	assert_refused("", "is relative");
	assert_refused("var/log/*", "paths begin with \"/\"");
	assert_refused("/var/log/", "write \"/var/log/*\" in quotes");
	assert_refused("/", "write \"/*\" in quotes");
	assert_refused("/var/log/.", "write \"/var/log/*\" in quotes");
	assert_refused("/.", "write \"/*\" in quotes");
	assert_refused("/var/**", "write \"/var/**/*\"");
	assert_refused("/**", "write \"/**/*\"");
	assert_refused("/var/../log", "has a \"..\"");
	assert_refused("/var/..", "has a \"..\"");
	assert_refused("/var/\\.\\./log", "has a \"..\"");
	assert_refused("/var/\\.", "has a \".\"");
	assert_refused("/var/a**b", "inside a name");
	assert_refused("/var/**.log", "inside a name");
	assert_refused("/var/***/x", "inside a name");
	assert_refused("/var/a\\/b", "quotes nothing");
	assert_refused("/var/a\\", "quotes nothing");
}

static void
an_unclosed_bracket_is_refused(void **state)
{
	const char *bad[] = { "/[", "/a[b", "/[!", "/[^", "/[]", "/[!]",
		"/[a\\]", "/[a\\", "/[[:alpha:]", "/[[:alpha", "/[[.",
		"/[[=a=]", "/[a/]", "/x/[a/b]" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], "without its \"]\"");
}

static void
brackets_match_as_glob_says(void **state)
{
	(void)state;
	assert_true(part_matches("[abc]", "b"));
	assert_false(part_matches("[abc]", "d"));
	assert_true(part_matches("[!abc]", "d"));
	assert_true(part_matches("[]]", "]"));
	assert_true(part_matches("[!]]", "x"));
	assert_false(part_matches("[!]]", "]"));
	assert_true(part_matches("[[:digit:]]x", "7x"));
	assert_true(part_matches("[a\\]]", "]"));
	assert_true(part_matches("[a-c][*?]", "b*"));
	assert_true(part_matches("[**]", "*"));
	assert_true(part_matches("]", "]"));
}

static void
a_leading_dot_is_matched_only_by_a_dot(void **state)
{
	(void)state;
	assert_false(part_matches("*", ".hidden"));
	assert_false(part_matches("?hidden", ".hidden"));
	assert_false(part_matches("[.]hidden", ".hidden"));
	assert_true(part_matches(".*", ".hidden"));
	assert_true(part_matches("a*", "a.b"));
	assert_true(part_matches("**", "dir"));
	assert_false(part_matches("**", ".git"));
	assert_true(part_matches(".git", ".git"));
}

static void
dot_and_dot_dot_are_never_matched(void **state)
{
	(void)state;
	assert_false(part_matches(".*", "."));
	assert_false(part_matches(".*", ".."));
	assert_false(part_matches(".?", ".."));
	assert_false(part_matches("**", ".."));
	assert_true(part_matches(".*", "..."));
}

static void
a_literal_is_compared_whole(void **state)
{
	(void)state;
	assert_true(part_matches("a.b", "a.b"));
	assert_false(part_matches("a.b", "a.bc"));
	assert_false(part_matches("a.b", "axb"));
	assert_false(part_matches("a.b", "A.B"));
}

static void
an_exclusion_without_slash_looks_at_the_last_component(void **state)
{
	(void)state;
	assert_true(pattern_excludes("*.gz", "/var/log/a.gz"));
	assert_false(pattern_excludes("*.gz", "/var/log.gz/a"));
	assert_true(pattern_excludes("a", "a"));
	assert_true(pattern_excludes("a[0-9]", "/x/a7"));
	assert_false(pattern_excludes("*.gz", "/var/log/.a.gz"));
	assert_false(pattern_excludes("", "/var/log/a"));
}

static void
an_exclusion_with_slash_looks_at_the_whole_path(void **state)
{
	(void)state;
	assert_true(pattern_excludes("/var/log/*.gz", "/var/log/a.gz"));
	assert_false(pattern_excludes("/var/*.gz", "/var/log/a.gz"));
	assert_false(pattern_excludes("/var/log", "/var/log/a.gz"));
	assert_false(pattern_excludes("/var/log/a/b", "/var/log/a"));
	assert_false(pattern_excludes("log/*.gz", "/var/log/a.gz"));
	assert_false(pattern_excludes("log/*.gz", "/log/a.gz"));
	assert_true(pattern_excludes("/var//log/./a", "/var/log/a"));
	assert_true(pattern_excludes("/v\\*r/a", "/v*r/a"));
	assert_false(pattern_excludes("/v\\*r/a", "/var/a"));
}

static void
two_stars_take_any_number_of_directories(void **state)
{
	(void)state;
	assert_true(pattern_excludes("/**/a", "/a"));
	assert_true(pattern_excludes("/**/a", "/x/y/z/a"));
	assert_false(pattern_excludes("/**/a", "/x/y/z/b"));
	assert_true(pattern_excludes("/x/**/a", "/x/a"));
	assert_false(pattern_excludes("/x/**/a", "/y/a"));
	assert_true(pattern_excludes("/x/**", "/x/y/z"));
	assert_false(pattern_excludes("/x/**", "/xy/z"));
	assert_true(pattern_excludes("/**/a/**/b", "/a/a/c/b/b"));
	assert_true(pattern_excludes("/**/**/b", "/b"));
	assert_false(pattern_excludes("/**/b", "/.git/b"));
	assert_true(pattern_excludes("/**/.git/b", "/x/.git/b"));
}

static void
an_exclusion_too_long_for_a_path_excludes_nothing(void **state)
{
	char glob[10000];
	size_t n;

	(void)state;
	memset(glob, 'a', sizeof(glob));
	glob[0] = '/';
	glob[sizeof(glob) - 1] = '\0';
	assert_false(pattern_excludes(glob, glob));
	for (n = 4200; n > 3900; n--) {
		glob[n] = '\0';
		assert_int_equal(pattern_excludes(glob, glob), n < PATH_MAX);
	}
}

/* One by one, with recursion: slow and plainly right. */
static bool
excludes_slowly(char *const *g, char *const *p)
{
	if (*g == NULL)
		return (*p == NULL);
	if (strcmp(*g, "**") == 0) {
		if (excludes_slowly(g + 1, p))
			return (true);
		return (*p != NULL && **p != '.' && excludes_slowly(g, p + 1));
	}
	if (*p == NULL || fnmatch(*g, *p, FNM_PERIOD) != 0)
		return (false);
	return (excludes_slowly(g + 1, p + 1));
}

static void
exclusions_agree_with_trying_every_way(void **state)
{
	static char *const globs[] = { "**", "**", "a", "b", "*", ".h", ".*",
		"?a" };
	static char *const names[] = { "a", "b", "aa", ".h", "a" };
	char *g[8], *p[10], glob[64], path[64];
	uint32_t x = 1, yes = 0;
	size_t i, n;
	int round;

	(void)state;
	for (round = 0; round < 200000; round++) {
		glob[0] = path[0] = '\0';
		x = x * 1664525 + 1013904223;
		for (n = 1 + (x >> 16) % 6, i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			g[i] = globs[(x >> 16) % 8];
			(void)strcat(strcat(glob, "/"), g[i]);
		}
		g[n] = NULL;
		x = x * 1664525 + 1013904223;
		for (n = 1 + (x >> 16) % 8, i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			p[i] = names[(x >> 16) % 5];
			(void)strcat(strcat(path, "/"), p[i]);
		}
		p[n] = NULL;
		if (pattern_excludes(glob, path) != excludes_slowly(g, p))
			fail_msg("%s on %s", glob, path);
		yes += excludes_slowly(g, p);
	}
	/* Neither answer is rare, or the comparison says little. */
	assert_in_range(yes, 10000, 190000);
}

static void
many_stars_do_not_take_for_ever(void **state)
{
	char glob[4000] = "", path[4000] = "";
	clock_t begin = clock();
	int i;

	(void)state;
	for (i = 0; i < 60; i++)
		(void)strcat(glob, "/**/a");
	(void)strcat(glob, "/b");
	for (i = 0; i < 500; i++)
		(void)strcat(path, "/a");
	assert_false(pattern_excludes(glob, path));
	assert_false(pattern_excludes("*a*a*a*a*a*a*a*a*a*a*a*a*b",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_cut_at_its_slashes),
		cmocka_unit_test(what_is_repeated_or_says_nothing_counts_once),
		cmocka_unit_test(a_quoted_glob_character_is_a_literal),
		cmocka_unit_test(names_are_octets),
		cmocka_unit_test(what_would_match_nothing_is_refused_in_words),
		cmocka_unit_test(an_unclosed_bracket_is_refused),
		cmocka_unit_test(brackets_match_as_glob_says),
		cmocka_unit_test(a_leading_dot_is_matched_only_by_a_dot),
		cmocka_unit_test(dot_and_dot_dot_are_never_matched),
		cmocka_unit_test(a_literal_is_compared_whole),
		cmocka_unit_test(
		    an_exclusion_without_slash_looks_at_the_last_component),
		cmocka_unit_test(
		    an_exclusion_with_slash_looks_at_the_whole_path),
		cmocka_unit_test(two_stars_take_any_number_of_directories),
		cmocka_unit_test(
		    an_exclusion_too_long_for_a_path_excludes_nothing),
		cmocka_unit_test(exclusions_agree_with_trying_every_way),
		cmocka_unit_test(many_stars_do_not_take_for_ever),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
