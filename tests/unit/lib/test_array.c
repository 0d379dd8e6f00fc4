/*
 * Goal: an array that grows by one keeps its elements, has room for each, and
 * moves only when its number of elements is a power of two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/array.h"

static void
every_element_has_room_and_keeps_its_value(void **state)
{
	uint64_t *a = NULL, *grown;
	size_t i, n;

	(void)state;
	for (n = 0; n < 1000; n++) {
		grown = array_more(a, n, sizeof(*a));
		assert_non_null(grown);
		if (n > 0 && (n & (n - 1)) != 0)
			assert_ptr_equal(grown, a);
		a = grown;
		a[n] = n * n;
	}
	for (i = 0; i < n; i++)
		assert_true(a[i] == i * i);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_element_has_room_and_keeps_its_value),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
