/*
 * Goal: a tree keeps sections, options and values in the order in which they
 * come, each with its place, and a message says where and about which section.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/conf/tree.h"

static struct conf_line
line(int number)
{
	struct conf_line where = { "f", number };

	return (where);
}

static struct conf_section *
add(struct conf_section *parent, const char *kind, const char *title,
    int number)
{
	struct conf_section *s =
	    conf_tree_new(parent, kind, title, line(number));

	assert_non_null(s);
	return (s);
}

static void
values_of_an_option_stay_in_their_order_with_their_places(void **state)
{
	struct conf_section *root = add(NULL, "", NULL, 9);
	const struct conf_setting *found;
	char text[] = "b";

	(void)state;
	assert_int_equal(conf_tree_add(root, "list", "a", line(1)), 0);
	assert_int_equal(conf_tree_add(root, "other", "x", line(2)), 0);
	assert_int_equal(conf_tree_add(root, "list", text, line(3)), 0);
	text[0] = 'z';
	found = conf_tree_find(root, "list");
	assert_non_null(found);
	assert_int_equal(found->nvalues, 2);
	assert_string_equal(found->values[0].text, "a");
	assert_int_equal(found->values[0].where.number, 1);
	assert_string_equal(found->values[1].text, "b");
	assert_int_equal(found->values[1].where.number, 3);
	assert_null(conf_tree_find(root, "lis"));
	conf_tree_free(root);
	conf_tree_free(NULL);
}

static void
an_option_without_values_is_where_its_section_begins(void **state)
{
	struct conf_section *root = add(NULL, "", NULL, 9);
	struct conf_section *s = add(root, "source", "s", 4);

	(void)state;
	assert_int_equal(conf_tree_add(s, "paths", "/a", line(6)), 0);
	assert_int_equal(conf_tree_add(s, "paths", "/b", line(7)), 0);
	assert_int_equal(conf_tree_where(s, "paths").number, 6);
	assert_int_equal(conf_tree_where(s, "severity").number, 4);
	assert_int_equal(conf_tree_where(root, "user").number, 9);
	conf_tree_free(root);
}

static void
sections_of_one_kind_follow_each_other(void **state)
{
	struct conf_section *root = add(NULL, "", NULL, 9);
	const struct conf_section *one, *two;

	(void)state;
	add(root, "destination", "d", 1);
	add(root, "source", "a", 2);
	add(add(root, "destination", "e", 3), "source", "inner", 4);
	add(root, "source", "b", 5);
	one = conf_tree_next(root, "source", NULL);
	assert_non_null(one);
	assert_string_equal(one->title, "a");
	two = conf_tree_next(root, "source", one);
	assert_non_null(two);
	assert_string_equal(two->title, "b");
	assert_null(conf_tree_next(root, "source", two));
	assert_null(conf_tree_next(root, "tls", NULL));
	conf_tree_free(root);
}

static void
a_message_names_the_section_where_there_is_a_line(void **state)
{
	struct conf_section *root = add(NULL, "", NULL, 9);
	struct conf_section *d = add(root, "destination", "d\n", 1);
	struct conf_section *tls = add(d, "tls", NULL, 2);
	struct reason why;

	(void)state;
	assert_int_equal(conf_tree_fail(root, line(3), &why, "%d", 1), -1);
	assert_string_equal(why.text, "f:3: 1");
	assert_int_equal(conf_tree_fail(d, line(3), &why, "x\x1b"), -1);
	assert_string_equal(why.text, "f:3: destination \"d?\": x?");
	assert_int_equal(conf_tree_fail(tls, line(3), &why, "x"), -1);
	assert_string_equal(why.text, "f:3: tls: x");
	assert_int_equal(conf_tree_fail(d, line(0), &why, "x"), -1);
	assert_string_equal(why.text, "f: x");
	assert_int_equal(conf_tree_fail(d, line(3), NULL, "x"), -1);
	conf_tree_free(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    values_of_an_option_stay_in_their_order_with_their_places),
		cmocka_unit_test(
		    an_option_without_values_is_where_its_section_begins),
		cmocka_unit_test(sections_of_one_kind_follow_each_other),
		cmocka_unit_test(
		    a_message_names_the_section_where_there_is_a_line),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
