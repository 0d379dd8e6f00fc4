/*
 * Goal: each wire's frame is exactly the octets that its receiver expects, and
 * never more of them than WIRE_OVERHEAD.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/wire.h"

static void
octet_counting_writes_the_length_and_a_space(void **state)
{
	static const size_t lens[] = { 0, 1, 9, 10, 11, 99, 100, 101, 999, 1000,
		9999, 10000, 123456, 4294967295 };
	uint8_t out[WIRE_OVERHEAD + 1];
	char want[32];

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t n =
		    (size_t)snprintf(want, sizeof(want), "%zu ", lens[i]);

		assert_int_equal(wire_head(WIRE_OCTET, lens[i], 7, out), n);
		assert_memory_equal(out, want, n);
		assert_int_equal(wire_tail(WIRE_OCTET, out), 0);
	}
}

static void
assert_length(uint32_t len)
{
	uint8_t out[WIRE_OVERHEAD + 1];
	char want[32];
	size_t n = (size_t)snprintf(want, sizeof(want), "%u ", len);

	assert_int_equal(wire_head(WIRE_OCTET, len, 7, out), n);
	assert_memory_equal(out, want, n);
}

static void
every_length_has_just_its_digits(void **state)
{
	uint64_t power;
	uint32_t i;

	(void)state;
	for (i = 0; i < 20000; i++)
		assert_length(i);
	for (power = 1; power <= UINT32_MAX; power *= 10) {
		assert_length((uint32_t)power - 1);
		assert_length((uint32_t)power);
	}
	for (i = 1; i != 0; i <<= 1) {
		assert_length(i - 1);
		assert_length(i);
	}
	assert_length(UINT32_MAX);
}

static void
a_newline_frame_has_only_a_newline_behind(void **state)
{
	uint8_t out[WIRE_OVERHEAD] = { 0 };

	(void)state;
	assert_int_equal(wire_head(WIRE_NEWLINE, 5, 7, out), 0);
	assert_int_equal(out[0], 0);
	assert_int_equal(wire_tail(WIRE_NEWLINE, out), 1);
	assert_int_equal(out[0], '\n');
}

static void
a_datagram_has_its_length_in_host_order_before_it(void **state)
{
	uint8_t out[WIRE_OVERHEAD];
	uint32_t len;

	(void)state;
	assert_int_equal(wire_head(WIRE_DATAGRAM, 65000, 7, out), 4);
	memcpy(&len, out, sizeof(len));
	assert_int_equal(len, 65000);
	assert_int_equal(wire_tail(WIRE_DATAGRAM, out), 0);
}

static void
a_relp_frame_has_transaction_command_length_and_a_newline(void **state)
{
	static const uint32_t numbers[] = { 1, 9, 10, 99, 100, 12345678,
		99999999, 100000000, WIRE_TXNR_LAST };
	uint8_t out[WIRE_OVERHEAD + 1];
	char want[64];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (uint32_t len = 0; len <= 131072; len = len * 3 + 1) {
			size_t n = (size_t)snprintf(want, sizeof(want),
			    "%u syslog %u ", numbers[i], len);

			assert_int_equal(
			    wire_head(WIRE_RELP, len, numbers[i], out), n);
			assert_memory_equal(out, want, n);
		}
	}
	assert_int_equal(wire_tail(WIRE_RELP, out), 1);
	assert_int_equal(out[0], '\n');
}

static void
transactions_are_counted_to_999999999_and_from_1_again(void **state)
{
	(void)state;
	assert_int_equal(wire_next_txnr(0), 1);
	assert_int_equal(wire_next_txnr(1), 2);
	assert_int_equal(wire_next_txnr(999999998), 999999999);
	assert_int_equal(wire_next_txnr(999999999), 1);
	assert_int_equal(wire_next_txnr(UINT32_MAX), 1);
}

static void
no_frame_has_more_than_the_overhead(void **state)
{
	static const enum wire wires[] = { WIRE_OCTET, WIRE_NEWLINE,
		WIRE_DATAGRAM, WIRE_RELP };
	uint8_t out[WIRE_OVERHEAD];

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		size_t made =
		    wire_head(wires[i], UINT32_MAX, WIRE_TXNR_LAST, out);

		made += wire_tail(wires[i], out);
		assert_true(made > 0 && made <= WIRE_OVERHEAD);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octet_counting_writes_the_length_and_a_space),
		cmocka_unit_test(every_length_has_just_its_digits),
		cmocka_unit_test(a_newline_frame_has_only_a_newline_behind),
		cmocka_unit_test(
		    a_datagram_has_its_length_in_host_order_before_it),
		cmocka_unit_test(
		    a_relp_frame_has_transaction_command_length_and_a_newline),
		cmocka_unit_test(
		    transactions_are_counted_to_999999999_and_from_1_again),
		cmocka_unit_test(no_frame_has_more_than_the_overhead),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
