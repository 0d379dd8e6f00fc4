/*
 * Goal: a UDP receiver that moves to another address is found there, and one
 * that has not moved is left alone, whatever order its addresses come in.
 */
#include "daemon/send/inside.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/base/clock.h"

/* The name's addresses, by their last octet; and the time. */
static const char *answer;
static unsigned asked, moved;
static double now;

double
clock_steady(void)
{
	return (now);
}

void
addresses_init(struct addresses *t, const struct resolver_how *how,
    const struct conf_url *url, addresses_cb *on_address, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->how = *how;
	t->url = url;
	t->on_address = on_address;
	t->arg = arg;
}

static struct address
address(char last, uint32_t ttl)
{
	struct address a = { .ttl = ttl, .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *sin = (struct sockaddr_in *)&a.sa;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl((uint32_t)last);
	return (a);
}

void
addresses_next(struct addresses *t)
{
	struct address a;

	if (answer[t->next_address] == '\0') {
		t->on_address(t->arg, NULL, NULL);
		return;
	}
	a = address(answer[t->next_address++], 60);
	t->on_address(t->arg, &a, NULL);
}

void
addresses_begin(struct addresses *t)
{
	asked++;
	t->next_address = 0;
	addresses_next(t);
}

void
addresses_stop(struct addresses *t)
{
	(void)t;
}

static void
on_resolve(void *arg)
{
	(void)arg;
}

static void
on_moved(void *arg)
{
	(void)arg;
	moved++;
}

static const struct endpoint_env env = { .on_resolve = on_resolve };
static const struct conf_url url;
static struct endpoint_lookup *lookup;

/* In use is the address 'a', whose answer counts for ttl seconds. */
static void
begin(uint32_t ttl)
{
	const struct address a = address('a', ttl);

	now = 1000;
	asked = moved = 0;
	lookup = endpoint_lookup_new(&env, 1000, &url, on_moved, NULL);
	assert_non_null(lookup);
	endpoint_lookup_begin(lookup, &a);
}

static int
tear_down(void **state)
{
	(void)state;
	endpoint_lookup_free(lookup);
	return (0);
}

static void
the_name_is_asked_for_when_the_answer_no_longer_counts(void **state)
{
	(void)state;
	answer = "a";
	begin(30);
	now += 29;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 0);
	now += 1;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 1);
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 1);
	now += 60;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 2);
	assert_int_equal(moved, 0);
}

static void
an_answer_that_counts_for_no_time_is_asked_for_every_five_seconds(void **state)
{
	(void)state;
	answer = "a";
	begin(0);
	now += 4;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 0);
	now += 1;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 1);
}

static void
an_address_that_is_no_name_is_never_asked_for(void **state)
{
	(void)state;
	answer = "b";
	begin(ADDRESS_ALWAYS);
	now += 1e9;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 0);
}

static void
the_address_in_use_may_be_any_of_those_that_are_found(void **state)
{
	(void)state;
	answer = "cba";
	begin(0);
	now += 5;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 1);
	assert_int_equal(moved, 0);
}

static void
a_receiver_with_other_addresses_has_moved(void **state)
{
	(void)state;
	answer = "bc";
	begin(0);
	now += 5;
	endpoint_lookup_again(lookup);
	assert_int_equal(moved, 1);
}

static void
a_name_without_an_answer_leaves_the_address_in_use(void **state)
{
	(void)state;
	answer = "";
	begin(0);
	now += 5;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 1);
	assert_int_equal(moved, 0);
	now += 5;
	endpoint_lookup_again(lookup);
	assert_int_equal(asked, 2);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_name_is_asked_for_when_the_answer_no_longer_counts),
		TEST(
		    an_answer_that_counts_for_no_time_is_asked_for_every_five_seconds),
		TEST(an_address_that_is_no_name_is_never_asked_for),
		TEST(the_address_in_use_may_be_any_of_those_that_are_found),
		TEST(a_receiver_with_other_addresses_has_moved),
		TEST(a_name_without_an_answer_leaves_the_address_in_use),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
