/*
 * Goal: the file that begins like another one is found among many, by every
 * name that it may have had, and of several the one that fits best.
 */
#include "lib/print_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL ((off_t)INT64_MAX)

static int who[8];

static struct print_index_key
key(const char *name, const char *text, off_t size, size_t nth)
{
	struct print_index_key k = { .name = name, .size = size, .nth = nth };

	fingerprint_of(&k.print, text, strlen(text));
	return (k);
}

static struct print_index_query
query(const char *name, const char *text)
{
	return ((struct print_index_query) { .name = name,
	    .head = (const uint8_t *)text,
	    .len = strlen(text),
	    .most = ALL });
}

static void
add(struct print_index *k, struct print_index_key at, int *p)
{
	assert_int_equal(print_index_add(k, &at, p), 0);
}

static void *
find(struct print_index *k, const char *name, const char *text)
{
	struct print_index_query q = query(name, text);

	return (print_index_find(k, &q));
}

static void
one_is_found_by_name_and_beginning(void **state)
{
	struct print_index *k = print_index_new();

	(void)state;
	assert_null(find(k, "a", "text"));
	add(k, key("a", "one", 3, 0), &who[0]);
	add(k, key("a", "two", 3, 1), &who[1]);
	add(k, key("b", "one", 3, 2), &who[2]);
	assert_ptr_equal(find(k, "a", "one and more"), &who[0]);
	assert_ptr_equal(find(k, "a", "two"), &who[1]);
	assert_ptr_equal(find(k, "b", "one"), &who[2]);
	assert_null(find(k, "b", "two"));
	assert_null(find(k, "c", "one"));
	assert_null(find(k, "", "one"));
	assert_null(find(k, "a", "on"));
	assert_null(find(k, "a", ""));
	print_index_free(k);
}

static void
the_longest_beginning_counts(void **state)
{
	struct print_index *k = print_index_new();

	(void)state;
	add(k, key("a", "o", 9, 0), &who[0]);
	add(k, key("a", "one tw", 9, 1), &who[1]);
	add(k, key("a", "one", 9, 2), &who[2]);
	assert_ptr_equal(find(k, "a", "one two"), &who[1]);
	assert_ptr_equal(find(k, "a", "one t"), &who[2]);
	assert_ptr_equal(find(k, "a", "ox"), &who[0]);
	print_index_free(k);
}

static void
an_empty_file_is_never_found(void **state)
{
	const struct print_index_key unknown = { .name = "a", .size = 9 };
	struct print_index *k = print_index_new();

	(void)state;
	add(k, key("a", "", 0, 0), &who[0]);
	add(k, unknown, &who[1]);
	assert_null(find(k, "a", ""));
	assert_null(find(k, "a", "one"));
	print_index_free(k);
}

/* Its head is of no octets, and so is that of another. */
static void
what_begins_with_nuls_is_found_by_that(void **state)
{
	struct print_index *k = print_index_new();

	(void)state;
	add(k, key("a", "", 9, 0), &who[0]);
	add(k, key("a", "one", 9, 1), &who[1]);
	assert_ptr_equal(find(k, "a", ""), &who[0]);
	assert_ptr_equal(find(k, "a", "one"), &who[1]);
	assert_null(find(k, "a", "two"));
	print_index_free(k);
}

static void
the_size_is_in_the_range(void **state)
{
	struct print_index *k = print_index_new();
	struct print_index_query q = query("a", "one");

	(void)state;
	add(k, key("a", "one", 10, 0), &who[0]);
	add(k, key("a", "one", 20, 1), &who[1]);
	add(k, key("a", "one", 20, 2), &who[2]);
	add(k, key("a", "one", 30, 3), &who[3]);
	/* Others beside them do not count. */
	add(k, key("a", "on", 15, 4), &who[4]);
	add(k, key("b", "one", 15, 5), &who[5]);
	print_index_del(k, &(struct print_index_key) { .name = "c" });
	assert_ptr_equal(print_index_find(k, &q), &who[0]);
	q.largest = true;
	assert_ptr_equal(print_index_find(k, &q), &who[3]);
	q.most = 29;
	assert_ptr_equal(print_index_find(k, &q), &who[1]);
	q.least = 11;
	q.most = 19;
	assert_ptr_equal(print_index_find(k, &q), &who[4]);
	q.largest = false;
	assert_ptr_equal(print_index_find(k, &q), &who[4]);
	q.most = 20;
	assert_ptr_equal(print_index_find(k, &q), &who[1]);
	q.least = 31;
	q.most = ALL;
	assert_null(print_index_find(k, &q));
	q.largest = true;
	assert_null(print_index_find(k, &q));
	q.least = 0;
	q.most = 9;
	assert_null(print_index_find(k, &q));
	print_index_free(k);
}

static void
what_is_removed_is_not_found(void **state)
{
	struct print_index *k = print_index_new();
	struct print_index_key a = key("a", "one", 5, 0),
			       b = key("a", "one", 5, 1);

	(void)state;
	add(k, a, &who[0]);
	add(k, b, &who[1]);
	print_index_del(k, &a);
	print_index_del(k, &a);
	assert_ptr_equal(find(k, "a", "one"), &who[1]);
	print_index_del(k, &b);
	assert_null(find(k, "a", "one"));
	print_index_free(k);
}

static void
rotated_it_is_found_by_what_it_was(void **state)
{
	struct print_index *k = print_index_new();
	struct print_index_key a = key("app.log.1.gz", "one", 5, 0);

	(void)state;
	assert_int_equal(print_index_add_rotated(k, &a, &who[0]), 0);
	assert_ptr_equal(find(k, "app.log.1.gz", "one"), &who[0]);
	assert_ptr_equal(find(k, "app.log.1", "one"), &who[0]);
	assert_ptr_equal(find(k, "app.log", "one"), &who[0]);
	assert_null(find(k, "app", "one"));
	print_index_del_rotated(k, &a);
	assert_null(find(k, "app.log.1.gz", "one"));
	assert_null(find(k, "app.log.1", "one"));
	assert_null(find(k, "app.log", "one"));
	print_index_free(k);
}

static void
every_one_of_many_is_found(void **state)
{
	struct print_index *k = print_index_new();
	static int each[20000];
	char text[32];
	size_t i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "%zu %.*s\n", i,
		    (int)(i % 7), "......");
		add(k, key("", text, (off_t)i, i), &each[i]);
	}
	for (i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "%zu %.*s\nmore", i,
		    (int)(i % 7), "......");
		assert_ptr_equal(find(k, "", text), &each[i]);
	}
	print_index_free(k);
}

struct seen {
	size_t n;
	const void *who[2 * PRINT_INDEX_MOST];
	size_t most;
};

static bool
see(void *one, void *arg)
{
	struct seen *s = arg;

	s->who[s->n++] = one;
	return (s->n < s->most);
}

static void
all_that_begin_alike_are_walked(void **state)
{
	struct print_index *k = print_index_new();
	struct print_index_query q = query("a", "one two three");
	struct seen seen = { .most = PRINT_INDEX_MOST };
	static int many[2 * PRINT_INDEX_MOST];
	size_t i;

	(void)state;
	print_index_each(k, &q, see, &seen);
	assert_int_equal(seen.n, 0);
	add(k, key("a", "one two", 30, 0), &who[0]);
	add(k, key("a", "one", 20, 1), &who[1]);
	add(k, key("a", "one", 10, 2), &who[2]);
	add(k, key("a", "two", 10, 3), &who[3]);
	add(k, key("b", "one", 10, 4), &who[4]);
	print_index_each(k, &q, see, &seen);
	assert_int_equal(seen.n, 3);
	/* The longest fingerprint last, equal ones by size. */
	assert_ptr_equal(seen.who[0], &who[2]);
	assert_ptr_equal(seen.who[1], &who[1]);
	assert_ptr_equal(seen.who[2], &who[0]);
	seen = (struct seen) { .most = 2 };
	print_index_each(k, &q, see, &seen);
	assert_int_equal(seen.n, 2);
	q.most = 15;
	seen = (struct seen) { .most = PRINT_INDEX_MOST };
	print_index_each(k, &q, see, &seen);
	assert_int_equal(seen.n, 1);
	for (i = 0; i < 2 * PRINT_INDEX_MOST; i++)
		add(k, key("c", "one", 5, 10 + i), &many[i]);
	q = query("c", "one");
	seen = (struct seen) { .most = 2 * PRINT_INDEX_MOST };
	print_index_each(k, &q, see, &seen);
	assert_int_equal(seen.n, PRINT_INDEX_MOST);
	print_index_free(k);
}

static void
nothing_is_freed_as_nothing(void **state)
{
	(void)state;
	print_index_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_found_by_name_and_beginning),
		cmocka_unit_test(the_longest_beginning_counts),
		cmocka_unit_test(an_empty_file_is_never_found),
		cmocka_unit_test(what_begins_with_nuls_is_found_by_that),
		cmocka_unit_test(the_size_is_in_the_range),
		cmocka_unit_test(what_is_removed_is_not_found),
		cmocka_unit_test(rotated_it_is_found_by_what_it_was),
		cmocka_unit_test(every_one_of_many_is_found),
		cmocka_unit_test(all_that_begin_alike_are_walked),
		cmocka_unit_test(nothing_is_freed_as_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
