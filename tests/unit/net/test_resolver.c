/*
 * Goal: an address as text and localhost are known without a question to the
 * DNS; and whatever is asked, the answer comes from the loop, once, and not
 * after it was cancelled.
 */
#include "daemon/net/resolver.h"

#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct answer {
	unsigned times;
	char text[128]; /* the addresses, a space behind each */
	uint32_t ttl; /* of the last one */
};

static struct ev_loop *loop;

static void
on_host(void *arg, const struct address *list, size_t n, const char *error)
{
	struct answer *a = arg;
	size_t i;

	a->times++;
	assert_int_equal(n == 0, error != NULL);
	for (i = 0; i < n; i++) {
		(void)strlcat(
		    a->text, address_text(&list[i]).text, sizeof(a->text));
		(void)strlcat(a->text, " ", sizeof(a->text));
		a->ttl = list[i].ttl;
	}
}

static struct resolver_question *
ask(const char *host, struct answer *a)
{
	struct resolver_question *q;

	memset(a, 0, sizeof(*a));
	q = resolver_ask_host(
	    &(struct resolver_how) { loop, 1000 }, host, "514", on_host, a);
	assert_non_null(q);
	/* The caller has the question before it has the answer. */
	assert_int_equal(a->times, 0);
	return (q);
}

static void
assert_known(const char *host, const char *text)
{
	struct answer a;

	(void)ask(host, &a);
	ev_run(loop, 0);
	assert_int_equal(a.times, 1);
	assert_string_equal(a.text, text);
	assert_true(a.ttl == ADDRESS_ALWAYS);
}

static void
an_address_as_text_counts_for_ever(void **state)
{
	(void)state;
	assert_known("192.0.2.1", "192.0.2.1:514 ");
	assert_known("2001:db8::1", "[2001:db8::1]:514 ");
}

static void
localhost_is_known(void **state)
{
	(void)state;
	assert_known("localhost", "127.0.0.1:514 [::1]:514 ");
	assert_known("LocalHost.", "127.0.0.1:514 [::1]:514 ");
	assert_known("siem.localhost", "127.0.0.1:514 [::1]:514 ");
}

static void
a_question_that_was_cancelled_has_no_answer(void **state)
{
	struct answer a;

	(void)state;
	resolver_cancel(NULL);
	resolver_cancel(ask("192.0.2.1", &a));
	resolver_cancel(ask("localhost", &a));
	ev_sleep(0.02);
	ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(a.times, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_as_text_counts_for_ever),
		cmocka_unit_test(localhost_is_known),
		cmocka_unit_test(a_question_that_was_cancelled_has_no_answer),
	};

	loop = ev_default_loop(0);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
