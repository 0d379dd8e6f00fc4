/*
 * Goal: what is said to have arrived is never more than the wire carried in
 * full, all of it in the end, and memory stays bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/cipher_map.h"

static struct cipher_map *
new_map(void)
{
	struct cipher_map *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	return (m);
}

static void
nothing_has_arrived_before_the_first_mark(void **state)
{
	struct cipher_map *m = new_map();

	(void)state;
	assert_int_equal(cipher_map_acked(m, 0), 0);
	assert_int_equal(cipher_map_acked(m, 1000), 0);
	cipher_map_add(m, 1500, 100);
	assert_int_equal(cipher_map_acked(m, 1499), 0);
	assert_int_equal(cipher_map_acked(m, 1500), 100);
	free(m);
}

static void
half_a_record_has_carried_nothing(void **state)
{
	struct cipher_map *m = new_map();

	(void)state;
	cipher_map_add(m, 120, 100);
	cipher_map_add(m, 240, 200);
	assert_int_equal(cipher_map_acked(m, 239), 100);
	assert_int_equal(cipher_map_acked(m, 240), 200);
	free(m);
}

static void
one_acknowledgement_may_cover_many_marks(void **state)
{
	struct cipher_map *m = new_map();

	(void)state;
	for (uint64_t i = 1; i <= 10; i++)
		cipher_map_add(m, i * 120, i * 100);
	assert_int_equal(cipher_map_acked(m, 1000), 800);
	assert_int_equal(cipher_map_acked(m, 5000), 1000);
	free(m);
}

static void
an_old_acknowledgement_changes_nothing(void **state)
{
	struct cipher_map *m = new_map();

	(void)state;
	cipher_map_add(m, 120, 100);
	assert_int_equal(cipher_map_acked(m, 120), 100);
	assert_int_equal(cipher_map_acked(m, 5), 100);
	free(m);
}

static void
more_marks_than_there_is_room_for_are_acknowledged_in_the_end(void **state)
{
	struct cipher_map *m = new_map();
	const uint64_t n = CIPHER_MAP_MARKS * 10 + 7;

	(void)state;
	for (uint64_t i = 1; i <= n; i++) {
		cipher_map_add(m, i * 120, i * 100);
		assert_true(m->count <= CIPHER_MAP_MARKS);
	}
	assert_int_equal(cipher_map_acked(m, n * 120 - 1) % 100, 0);
	assert_true(cipher_map_acked(m, n * 120 - 1) <= (n - 1) * 100);
	assert_int_equal(cipher_map_acked(m, n * 120), n * 100);
	free(m);
}

static void
thinned_marks_are_still_close_to_one_another(void **state)
{
	struct cipher_map *m = new_map();
	const uint64_t n = CIPHER_MAP_MARKS * 4;

	(void)state;
	for (uint64_t i = 1; i <= n; i++)
		cipher_map_add(m, i, i);
	/* Half of the way must be known to within a hundredth of it. */
	assert_true(cipher_map_acked(m, n / 2) > n / 2 - n / 100);
	free(m);
}

/* A plain model: every mark is kept. */
static void
it_never_says_more_than_a_map_without_bounds(void **state)
{
	enum {
		STEPS = 200000
	};
	struct cipher_mark *all = calloc(STEPS, sizeof(*all));
	struct cipher_map *m = new_map();
	uint64_t cipher = 0, plain = 0, acked = 0, said = 0, exact = 0;
	size_t n = 0, seen = 0;

	(void)state;
	assert_non_null(all);
	srandom(20261124);
	for (size_t i = 0; i < STEPS; i++) {
		if (random() % 3 != 0) {
			plain += (uint64_t)random() % 16384;
			cipher += (uint64_t)random() % 16500;
			cipher_map_add(m, cipher, plain);
			all[n++] = (struct cipher_mark) { cipher, plain };
		}
		/* In two parts of the run it lags far behind. */
		if (i / 20000 % 2 == 0 && acked < cipher)
			acked += (uint64_t)random() % (cipher - acked + 1);
		while (seen < n && all[seen].cipher <= acked)
			exact = all[seen++].plain;
		assert_true(cipher_map_acked(m, acked) >= said);
		said = cipher_map_acked(m, acked);
		assert_true(said <= exact);
	}
	assert_int_equal(cipher_map_acked(m, cipher), plain);
	free(m);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_arrived_before_the_first_mark),
		cmocka_unit_test(half_a_record_has_carried_nothing),
		cmocka_unit_test(one_acknowledgement_may_cover_many_marks),
		cmocka_unit_test(an_old_acknowledgement_changes_nothing),
		cmocka_unit_test(
		    more_marks_than_there_is_room_for_are_acknowledged_in_the_end),
		cmocka_unit_test(thinned_marks_are_still_close_to_one_another),
		cmocka_unit_test(it_never_says_more_than_a_map_without_bounds),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
