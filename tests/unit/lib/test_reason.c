/*
 * Goal: a reason always ends in a NUL inside its structure, says what printf(3)
 * would, and lets its caller fail in the same statement.
 */
#include "lib/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
it_says_what_printf_says_and_fails(void **state)
{
	struct reason r;

	(void)state;
	assert_int_equal(reason_set(&r, "%s: line %d", "conf", 7), -1);
	assert_string_equal(r.text, "conf: line 7");
	assert_int_equal(reason_set(&r, "later"), -1);
	assert_string_equal(r.text, "later");
}

static void
nobody_has_to_ask_why(void **state)
{
	(void)state;
	assert_int_equal(reason_set(NULL, "%d", 1), -1);
}

static void
a_long_reason_is_cut_to_what_fits(void **state)
{
	struct {
		struct reason r;
		char after[8];
	} s;
	char word[2000];

	(void)state;
	memset(&s, 'z', sizeof(s));
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(reason_set(&s.r, "x%s", word), -1);
	assert_int_equal(strlen(s.r.text), sizeof(s.r.text) - 1);
	assert_int_equal(s.r.text[0], 'x');
	assert_memory_equal(s.after, "zzzzzzzz", 8);
}

static void
what_is_added_follows_behind_a_comma(void **state)
{
	struct reason r = { "" };

	(void)state;
	assert_int_equal(reason_add(&r, 0, "no %s", "capabilities"), 0);
	assert_string_equal(r.text, "no capabilities");
	assert_int_equal(reason_add(&r, -1, "ABI %d", 4), -1);
	assert_string_equal(r.text, "no capabilities, ABI 4");
	assert_int_equal(reason_add(NULL, 7, "%d", 1), 7);
}

static void
what_is_added_is_cut_to_what_fits(void **state)
{
	struct {
		struct reason r;
		char after[8];
	} s;
	size_t full = sizeof(s.r.text) - 1, n;
	char word[2000];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	for (n = full - 4; n <= full; n++) {
		memset(&s, 'z', sizeof(s));
		assert_int_equal(reason_set(&s.r, "%.*s", (int)n, word), -1);
		assert_int_equal(reason_add(&s.r, 0, "%s", word), 0);
		assert_in_range(strlen(s.r.text), full - 1, full);
		assert_memory_equal(s.r.text, word, n);
		assert_memory_equal(s.after, "zzzzzzzz", 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_printf_says_and_fails),
		cmocka_unit_test(nobody_has_to_ask_why),
		cmocka_unit_test(a_long_reason_is_cut_to_what_fits),
		cmocka_unit_test(what_is_added_follows_behind_a_comma),
		cmocka_unit_test(what_is_added_is_cut_to_what_fits),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
