/*
 * Goal: an address is shown as an administrator would write it, and is told
 * from another.
 */
#include "daemon/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct address
ipv4(const char *text, uint16_t port)
{
	struct address a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *sin = (struct sockaddr_in *)&a.sa;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, text, &sin->sin_addr), 1);
	return (a);
}

static struct address
ipv6(const char *text, uint16_t port)
{
	struct address a = { .len = sizeof(struct sockaddr_in6) };
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&a.sa;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	assert_int_equal(inet_pton(AF_INET6, text, &sin6->sin6_addr), 1);
	return (a);
}

static void
it_is_shown_with_its_port(void **state)
{
	struct address a = ipv4("192.0.2.1", 514),
		       b = ipv6("2001:db8::1", 6514);
	struct address none = { .len = 0 };

	(void)state;
	assert_string_equal(address_text(&a).text, "192.0.2.1:514");
	assert_string_equal(address_text(&b).text, "[2001:db8::1]:6514");
	assert_string_equal(address_text(&none).text, "unknown address");
}

static void
it_is_the_same_whatever_its_ttl(void **state)
{
	struct address a = ipv4("192.0.2.1", 514), b = a;
	struct address port = ipv4("192.0.2.1", 515);
	struct address host = ipv4("192.0.2.2", 514);
	struct address family = ipv6("::ffff:192.0.2.1", 514);

	(void)state;
	b.ttl = 60;
	assert_true(address_is_same(&a, &b));
	assert_false(address_is_same(&a, &port));
	assert_false(address_is_same(&a, &host));
	assert_false(address_is_same(&a, &family));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_shown_with_its_port),
		cmocka_unit_test(it_is_the_same_whatever_its_ttl),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
