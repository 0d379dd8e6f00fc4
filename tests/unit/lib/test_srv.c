/*
 * Goal: servers are tried by priority, and among equals by weight, as RFC 2782
 * has it.
 */
#include "lib/srv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static void
put(struct srv *r, uint16_t priority, uint16_t weight, const char *host)
{
	r->priority = priority;
	r->weight = weight;
	r->port = 514;
	(void)snprintf(r->host, sizeof(r->host), "%s", host);
}

static void
order(struct srv *list, size_t n, uint32_t random)
{
	for (size_t i = 0; i < n; i++)
		srv_choose(list + i, n - i, random);
}

static void
the_lowest_priority_is_first_whatever_the_weight(void **state)
{
	struct srv list[4];

	(void)state;
	for (uint64_t random = 0; random <= UINT32_MAX;
	     random += UINT32_MAX / 7) {
		put(&list[0], 20, 60000, "c");
		put(&list[1], 10, 0, "b");
		put(&list[2], 65535, 1, "d");
		put(&list[3], 0, 0, "a");
		order(list, 4, (uint32_t)random);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(list[i].host[0], "abcd"[i]);
	}
}

static void
nothing_of_a_record_is_mixed_up(void **state)
{
	struct srv list[2];

	(void)state;
	put(&list[0], 2, 7, "two.example.com");
	list[0].port = 2;
	put(&list[1], 1, 8, "one.example.com");
	list[1].port = 1;
	srv_choose(list, 2, 0);
	assert_string_equal(list[0].host, "one.example.com");
	assert_int_equal(list[0].priority, 1);
	assert_int_equal(list[0].weight, 8);
	assert_int_equal(list[0].port, 1);
	assert_string_equal(list[1].host, "two.example.com");
	assert_int_equal(list[1].port, 2);
}

/* How often each of list is first, of rounds evenly spread random numbers. */
static void
count_first(const struct srv *list, size_t n, unsigned *first, unsigned rounds)
{
	struct srv copy[8];

	for (unsigned i = 0; i < rounds; i++) {
		memcpy(copy, list, n * sizeof(*list));
		srv_choose(copy, n,
		    (uint32_t)((((uint64_t)i << 32) + rounds - 1) / rounds));
		for (size_t k = 0; k < n; k++)
			first[k] += strcmp(copy[0].host, list[k].host) == 0;
	}
}

static void
among_equals_the_weight_decides_how_often(void **state)
{
	unsigned first[3] = { 0 };
	struct srv list[3];

	(void)state;
	put(&list[0], 1, 10, "a");
	put(&list[1], 1, 30, "b");
	put(&list[2], 1, 60, "c");
	count_first(list, 3, first, 101);
	/* A number from 0 to 100: both ends count, so the first has one more.
	 */
	assert_int_equal(first[0], 11);
	assert_int_equal(first[1], 30);
	assert_int_equal(first[2], 60);
}

static void
one_without_weight_has_a_small_chance(void **state)
{
	unsigned first[3] = { 0 };
	struct srv list[3];

	(void)state;
	put(&list[0], 1, 60, "a");
	put(&list[1], 1, 0, "b");
	put(&list[2], 1, 40, "c");
	count_first(list, 3, first, 101);
	assert_int_equal(first[0], 60);
	assert_int_equal(first[1], 1);
	assert_int_equal(first[2], 40);
}

static void
without_weights_the_order_is_that_of_the_answer(void **state)
{
	struct srv list[3];

	(void)state;
	put(&list[0], 1, 0, "a");
	put(&list[1], 1, 0, "b");
	put(&list[2], 1, 0, "c");
	order(list, 3, UINT32_MAX);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(list[i].host[0], "abc"[i]);
}

static void
the_greatest_weights_are_no_trouble(void **state)
{
	struct srv list[8];

	(void)state;
	for (size_t i = 0; i < COUNT(list); i++)
		put(&list[i], UINT16_MAX, UINT16_MAX, "x");
	put(&list[7], UINT16_MAX, UINT16_MAX, "last");
	srv_choose(list, 8, UINT32_MAX);
	assert_string_equal(list[0].host, "last");
}

static void
of_none_and_of_one_there_is_no_choice(void **state)
{
	struct srv one;

	(void)state;
	srv_choose(NULL, 0, 1);
	put(&one, 3, 0, "only");
	srv_choose(&one, 1, UINT32_MAX);
	assert_string_equal(one.host, "only");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_lowest_priority_is_first_whatever_the_weight),
		cmocka_unit_test(nothing_of_a_record_is_mixed_up),
		cmocka_unit_test(among_equals_the_weight_decides_how_often),
		cmocka_unit_test(one_without_weight_has_a_small_chance),
		cmocka_unit_test(
		    without_weights_the_order_is_that_of_the_answer),
		cmocka_unit_test(the_greatest_weights_are_no_trouble),
		cmocka_unit_test(of_none_and_of_one_there_is_no_choice),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
