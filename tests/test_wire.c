/*
 * Goal: each wire's frame is exactly the octets that its receiver expects, and
 * wire_size() announces what wire_head() and wire_tail() write.
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

		assert_int_equal(wire_head(WIRE_OCTET, lens[i], out), n);
		assert_memory_equal(out, want, n);
		assert_int_equal(wire_tail(WIRE_OCTET, out), 0);
	}
}

static void
a_newline_frame_has_only_a_newline_behind(void **state)
{
	uint8_t out[WIRE_OVERHEAD] = { 0 };

	(void)state;
	assert_int_equal(wire_head(WIRE_NEWLINE, 5, out), 0);
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
	assert_int_equal(wire_head(WIRE_DATAGRAM, 65000, out), 4);
	memcpy(&len, out, sizeof(len));
	assert_int_equal(len, 65000);
	assert_int_equal(wire_tail(WIRE_DATAGRAM, out), 0);
}

static void
the_size_is_what_head_and_tail_write(void **state)
{
	static const enum wire wires[] = { WIRE_OCTET, WIRE_NEWLINE,
		WIRE_DATAGRAM };
	uint8_t out[WIRE_OVERHEAD];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t len = 0; len < 4000000000; len = len * 3 + 1) {
			size_t made = wire_head(wires[i], len, out);

			made += wire_tail(wires[i], out);
			assert_int_equal(wire_size(wires[i], len), made);
			assert_true(made > 0 && made <= WIRE_OVERHEAD);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octet_counting_writes_the_length_and_a_space),
		cmocka_unit_test(a_newline_frame_has_only_a_newline_behind),
		cmocka_unit_test(
		    a_datagram_has_its_length_in_host_order_before_it),
		cmocka_unit_test(the_size_is_what_head_and_tail_write),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
