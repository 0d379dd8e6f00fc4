/*
 * Goal: the addresses of a url come one after the other, over all hosts of a
 * service, whatever of them cannot be resolved; and one whose connection did
 * not last is passed over, but never to leave nothing.
 *
 * The resolver is one of ours: a name is answered when the test says so.
 */
#include "daemon/net/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/conf/conf.h"

/* The question that is asked, if one is. */
struct resolver_question {
	char name[SRV_HOST];
	char port[8];
	resolver_host_cb *on_host;
	resolver_service_cb *on_service;
	void *arg;
};
static struct resolver_question *asked;
static unsigned cancelled;
static bool fails; /* there is no memory for a question */

static struct resolver_question *
ask(const char *name, void *arg)
{
	assert_null(asked);
	if (fails) {
		errno = ENOMEM;
		return (NULL);
	}
	assert_non_null(asked = calloc(1, sizeof(*asked)));
	(void)strlcpy(asked->name, name, sizeof(asked->name));
	asked->arg = arg;
	return (asked);
}

struct resolver_question *
resolver_ask_host(const struct resolver_how *how, const char *host,
    const char *port, resolver_host_cb *on_done, void *arg)
{
	struct resolver_question *q = ask(host, arg);

	(void)how;
	if (q == NULL)
		return (NULL);
	(void)strlcpy(q->port, port, sizeof(q->port));
	q->on_host = on_done;
	return (q);
}

struct resolver_question *
resolver_ask_service(const struct resolver_how *how, const char *name,
    resolver_service_cb *on_done, void *arg)
{
	struct resolver_question *q = ask(name, arg);

	(void)how;
	if (q != NULL)
		q->on_service = on_done;
	return (q);
}

void
resolver_cancel(struct resolver_question *q)
{
	if (q == NULL)
		return;
	assert_ptr_equal(q, asked);
	asked = NULL;
	cancelled++;
	free(q);
}

static struct resolver_question
take_question(const char *name)
{
	struct resolver_question q;

	assert_non_null(asked);
	assert_string_equal(asked->name, name);
	q = *asked;
	free(asked);
	asked = NULL;
	return (q);
}

/* Each letter of hosts is an address of the host: its last octet. */
static void
answer_host(const char *name, const char *port, const char *hosts)
{
	struct resolver_question q = take_question(name);
	struct address list[RESOLVER_MAX];
	struct sockaddr_in sin = { .sin_family = AF_INET };
	size_t n;

	assert_string_equal(q.port, port);
	memset(list, 0, sizeof(list));
	for (n = 0; hosts[n] != '\0'; n++) {
		sin.sin_addr.s_addr = htonl(0xc0000200u | (uint8_t)hosts[n]);
		memcpy(&list[n].sa, &sin, sizeof(sin));
		list[n].len = sizeof(sin);
	}
	q.on_host(q.arg, list, n, n > 0 ? NULL : "no such name");
}

/* Each letter of hosts is the name of a server, at a port of its own. */
static void
answer_service(const char *name, const char *hosts)
{
	struct resolver_question q = take_question(name);
	struct srv list[RESOLVER_MAX];
	size_t n;

	memset(list, 0, sizeof(list));
	for (n = 0; hosts[n] != '\0'; n++) {
		list[n].host[0] = hosts[n];
		list[n].port = (uint16_t)(hosts[n] - 'a' + 1);
	}
	q.on_service(q.arg, list, n, n > 0 ? NULL : "no such service");
}

struct given {
	struct addresses addresses;
	struct conf_url url;
	char text[32]; /* addresses that came, '.' for their end */
	char error[128];
};

static void
on_address(void *arg, const struct address *a, const char *error)
{
	struct given *g = arg;
	struct sockaddr_in sin;
	char octet[2] = ".";

	if (a != NULL) {
		memcpy(&sin, &a->sa, sizeof(sin));
		octet[0] = (char)(ntohl(sin.sin_addr.s_addr) & 0xff);
	}
	(void)strlcat(g->text, octet, sizeof(g->text));
	(void)strlcpy(g->error, error != NULL ? error : "", sizeof(g->error));
}

static void
begin(struct given *g, bool srv)
{
	static char host[] = "siem.example", service[] = "_syslog._tcp.example",
		    port[] = "514";

	memset(g, 0, sizeof(*g));
	asked = NULL;
	cancelled = 0;
	fails = false;
	g->url.srv = srv;
	g->url.host = srv ? service : host;
	g->url.port = srv ? NULL : port;
	addresses_init(&g->addresses, &(struct resolver_how) { NULL, 1000 },
	    &g->url, on_address, g);
	addresses_begin(&g->addresses);
}

static void
a_host_gives_its_addresses_in_order(void **state)
{
	struct given g;

	(void)state;
	begin(&g, false);
	assert_string_equal(g.text, "");
	answer_host("siem.example", "514", "xy");
	assert_string_equal(g.text, "x");
	addresses_next(&g.addresses);
	assert_string_equal(g.text, "xy");
	addresses_next(&g.addresses);
	assert_string_equal(g.text, "xy.");
	assert_string_equal(g.error, "");
	assert_null(asked);
}

static void
a_host_without_an_address_says_why(void **state)
{
	struct given g;

	(void)state;
	begin(&g, false);
	answer_host("siem.example", "514", "");
	assert_string_equal(g.text, ".");
	assert_string_equal(
	    g.error, "cannot resolve siem.example: no such name");
}

static void
a_question_that_cannot_be_asked_is_an_answer(void **state)
{
	struct given g;

	(void)state;
	begin(&g, false);
	addresses_stop(&g.addresses);
	assert_int_equal(cancelled, 1);
	fails = true;
	addresses_begin(&g.addresses);
	assert_string_equal(g.text, ".");
	assert_non_null(strstr(g.error, "cannot resolve siem.example: "));
}

static void
a_service_gives_the_addresses_of_all_its_hosts(void **state)
{
	struct given g;

	(void)state;
	begin(&g, true);
	answer_service("_syslog._tcp.example", "abc");
	answer_host("a", "1", "x");
	assert_string_equal(g.text, "x");
	/* A host is asked for when its turn comes, and not before. */
	assert_null(asked);
	addresses_next(&g.addresses);
	answer_host("b", "2", "");
	answer_host("c", "3", "yz");
	assert_string_equal(g.text, "xy");
	addresses_next(&g.addresses);
	addresses_next(&g.addresses);
	assert_string_equal(g.text, "xyz.");
	assert_string_equal(g.error, "");
}

static void
a_host_that_nobody_answers_for_holds_up_no_other(void **state)
{
	struct given g;

	(void)state;
	begin(&g, true);
	answer_service("_syslog._tcp.example", "ab");
	addresses_next(&g.addresses);
	assert_int_equal(cancelled, 1);
	answer_host("b", "2", "y");
	assert_string_equal(g.text, "y");
	begin(&g, true);
	answer_service("_syslog._tcp.example", "a");
	addresses_next(&g.addresses);
	assert_string_equal(g.text, ".");
	assert_string_equal(g.error, "cannot resolve a: no answer in time");
}

static void
an_address_that_did_not_last_is_passed_over_once(void **state)
{
	struct given g;

	(void)state;
	begin(&g, false);
	answer_host("siem.example", "514", "xy");
	addresses_avoid(&g.addresses);
	addresses_begin(&g.addresses);
	answer_host("siem.example", "514", "xy");
	assert_string_equal(g.text, "xy");
	addresses_begin(&g.addresses);
	answer_host("siem.example", "514", "xy");
	assert_string_equal(g.text, "xyx");
}

static void
the_only_address_is_never_passed_over(void **state)
{
	struct given g;

	(void)state;
	begin(&g, false);
	answer_host("siem.example", "514", "x");
	addresses_avoid(&g.addresses);
	addresses_begin(&g.addresses);
	answer_host("siem.example", "514", "x");
	assert_string_equal(g.text, "xx");
}

static void
nothing_comes_after_a_stop(void **state)
{
	struct given g;

	(void)state;
	begin(&g, false);
	addresses_stop(&g.addresses);
	assert_int_equal(cancelled, 1);
	addresses_stop(&g.addresses);
	assert_int_equal(cancelled, 1);
	assert_string_equal(g.text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_gives_its_addresses_in_order),
		cmocka_unit_test(a_host_without_an_address_says_why),
		cmocka_unit_test(a_question_that_cannot_be_asked_is_an_answer),
		cmocka_unit_test(
		    a_service_gives_the_addresses_of_all_its_hosts),
		cmocka_unit_test(
		    a_host_that_nobody_answers_for_holds_up_no_other),
		cmocka_unit_test(
		    an_address_that_did_not_last_is_passed_over_once),
		cmocka_unit_test(the_only_address_is_never_passed_over),
		cmocka_unit_test(nothing_comes_after_a_stop),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
