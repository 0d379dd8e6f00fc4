/*
 * Goal: every file has one endpoint that sends it, it changes only when nothing
 * of the file can be lost any more, and a receiver that takes nothing does not
 * hold the files up; the rate holds for all endpoints together.
 */
#include "daemon/send/destination.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/send/destination_inside.h"
#include "fake.h"

#define FILES 26

static struct ev_loop *loop;
static struct conf_destination conf;
static struct destination *d;
static struct fake_file files[FILES];

static void
never(void *arg)
{
	(void)arg;
	abort();
}

static bool
no_descriptor(void *arg)
{
	(void)arg;
	return (false);
}

static struct route route = { .style = { .max_message = 1000 } };
static struct endpoint_env env = { .on_stdout_closed = never,
	.on_resolve = never,
	.on_unreached = never,
	.on_no_descriptor = no_descriptor };

static int
set_up(void **state)
{
	(void)state;
	fake_reset();
	env.loop = loop = ev_loop_new(0);
	fake_conf(&conf, CONF_TCP, 2);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	destination_free(d);
	fake_fini();
	ev_loop_destroy(loop);
	return (0);
}

static void
turn(void)
{
	destination_pump(d);
	(void)ev_run(loop, EVRUN_NOWAIT);
}

static void
turns(void)
{
	unsigned n;

	for (n = 0; n < 50; n++) {
		turn();
		(void)usleep(200);
	}
}

static bool
is_up(size_t i)
{
	return (endpoint_is_connected(destination_endpoint(d, i)));
}

/* Starts with n files of so many lines each. */
static void
start(size_t n, unsigned lines)
{
	size_t i;

	d = destination_new(&env, &conf);
	assert_non_null(d);
	destination_join(d, &route);
	for (i = 0; i < n; i++) {
		fake_file(&files[i], (char)('a' + i), lines, &route);
		stream_wake(&files[i].stream);
	}
	destination_start(d);
}

static void
write_lines(size_t file, unsigned lines)
{
	files[file].size += (off_t)lines * FAKE_LINE;
	stream_wake(&files[file].stream);
}

/* How many lines of the file the receiver got. */
static size_t
lines_of(size_t file, const struct fake_receiver *r)
{
	size_t at, n = 0;

	for (at = 0; at < r->ngot; at += FAKE_LINE)
		n += r->got[at] == 'a' + file;
	return (n);
}

static void
the_first_url_that_works_has_all(void **state)
{
	(void)state;
	start(1, 10);
	UNTIL(fake_got_lines(fake_receiver(0), 'a', 0, 10));
	turns();
	assert_int_equal(fake_receiver(1)->opens, 0);
}

static void
where_the_first_refuses_the_second_has_all(void **state)
{
	(void)state;
	fake_receiver(0)->refuses = true;
	start(1, 10);
	UNTIL(fake_got_lines(fake_receiver(1), 'a', 0, 10));
	assert_false(is_up(0));
}

static void
after_a_loss_the_second_gets_what_was_not_acknowledged(void **state)
{
	struct fake_receiver *first = fake_receiver(0);

	(void)state;
	start(1, 10);
	files[0].most = 1;
	UNTIL(fake_got_lines(first, 'a', 0, 10));
	first->acked = 30;
	UNTIL(files[0].stream.cursor.acked == 30);
	first->refuses = true;
	fake_break(first, ECONNRESET);
	UNTIL(fake_got_lines(fake_receiver(1), 'a', 3, 10));
}

/* The first may only be slow, until another one takes what it does not. */
static void
a_receiver_that_hangs_gives_way_to_one_that_does_not(void **state)
{
	(void)state;
	conf.ack_timeout_ms = 100;
	start(1, 10);
	UNTIL(fake_got_lines(fake_receiver(0), 'a', 0, 10));
	UNTIL(fake_got_lines(fake_receiver(1), 'a', 0, 10));
	/* The first is well only when it has been up for long. */
	turns();
	assert_int_equal(fake_receiver(0)->ngot, 0);
}

/* The time in which the first proves to be well is over at once, here. */
static void
the_first_has_its_files_again_when_it_is_well(void **state)
{
	struct fake_receiver *first = fake_receiver(0);
	struct fake_receiver *second = fake_receiver(1);

	(void)state;
	first->refuses = true;
	start(1, 10);
	UNTIL(fake_got_lines(second, 'a', 0, 10));
	first->refuses = false;
	UNTIL(is_up(0));
	write_lines(0, 1);
	UNTIL(fake_got_lines(second, 'a', 0, 11));
	assert_true(ev_is_active(&d->well));
	ev_feed_event(loop, &d->well, EV_TIMER);
	(void)ev_run(loop, EVRUN_NOWAIT);
	write_lines(0, 1);
	turns();
	/* Not before the second has all that it was sent. */
	assert_int_equal(first->ngot, 0);
	second->acked = second->ngot;
	UNTIL(second->finished);
	fake_goodbye(second);
	UNTIL(fake_got_lines(first, 'a', 11, 12));
}

static void
alone_a_receiver_that_hangs_is_left_the_time_it_needs(void **state)
{
	(void)state;
	conf.ack_timeout_ms = 100;
	fake_receiver(1)->refuses = true;
	start(1, 10);
	UNTIL(endpoint_is_stalled(destination_endpoint(d, 0)));
	turns();
	assert_int_equal(fake_receiver(0)->opens, 1);
	fake_receiver(0)->acked = 100;
	UNTIL(files[0].stream.cursor.acked == 100);
}

static void
balance_gives_every_file_to_one_endpoint(void **state)
{
	size_t i, first, second, of_first = 0;

	(void)state;
	conf.policy = CONF_BALANCE;
	start(FILES, 10);
	UNTIL(fake_receiver(0)->ngot + fake_receiver(1)->ngot ==
	    (size_t)FILES * 10 * FAKE_LINE);
	for (i = 0; i < FILES; i++) {
		first = lines_of(i, fake_receiver(0));
		second = lines_of(i, fake_receiver(1));
		assert_true(first == 10 || second == 10);
		of_first += first == 10;
	}
	assert_in_range(of_first, 4, FILES - 4);
}

static void
balance_keeps_a_file_where_it_is_while_octets_are_in_flight(void **state)
{
	size_t i;

	(void)state;
	conf.policy = CONF_BALANCE;
	fake_receiver(1)->refuses = true;
	start(FILES, 1);
	/* At once: files wait for those that are not there for a second. */
	UNTIL(fake_receiver(0)->ngot == (size_t)FILES * FAKE_LINE);
	fake_receiver(1)->refuses = false;
	UNTIL(is_up(1));
	for (i = 0; i < FILES; i++)
		write_lines(i, 1);
	turns();
	assert_int_equal(fake_receiver(1)->ngot, 0);
}

/* In order: each receiver has a file's lines only behind those before. */
static void
balance_evens_out_when_nothing_is_in_flight(void **state)
{
	struct fake_receiver *first = fake_receiver(0);
	size_t i;

	(void)state;
	conf.policy = CONF_BALANCE;
	fake_receiver(1)->refuses = true;
	start(FILES, 1);
	UNTIL(first->ngot == (size_t)FILES * FAKE_LINE);
	fake_receiver(1)->refuses = false;
	UNTIL(is_up(1) && first->opens == 1);
	first->acked = first->ngot;
	UNTIL(first->finished);
	fake_goodbye(first);
	UNTIL(first->opens == 2 && is_up(0));
	for (i = 0; i < FILES; i++)
		write_lines(i, 1);
	UNTIL(
	    first->ngot + fake_receiver(1)->ngot == (size_t)FILES * FAKE_LINE);
	assert_true(first->ngot > 0);
	assert_true(fake_receiver(1)->ngot > 0);
}

static void
the_files_of_an_endpoint_that_is_lost_go_to_the_other(void **state)
{
	struct fake_receiver *first = fake_receiver(0);
	struct fake_receiver *second = fake_receiver(1);
	size_t had;

	(void)state;
	conf.policy = CONF_BALANCE;
	start(FILES, 1);
	UNTIL(first->ngot + second->ngot == (size_t)FILES * FAKE_LINE);
	had = second->ngot;
	first->refuses = true;
	fake_break(first, ECONNRESET);
	UNTIL(second->ngot == (size_t)FILES * FAKE_LINE);
	assert_true(had > 0);
	assert_int_equal(second->opens, 1);
}

/* It was lost before: the others reconnect for it only when it is well. */
static void
an_endpoint_that_comes_back_has_its_files_when_it_is_well(void **state)
{
	struct fake_receiver *first = fake_receiver(0);
	struct fake_receiver *second = fake_receiver(1);

	(void)state;
	conf.policy = CONF_BALANCE;
	start(FILES, 1);
	UNTIL(first->ngot + second->ngot == (size_t)FILES * FAKE_LINE);
	fake_break(first, ECONNRESET);
	UNTIL(first->opens == 2 && is_up(0));
	second->acked = second->ngot;
	turns();
	assert_false(second->finished);
	ev_feed_event(loop, &d->well, EV_TIMER);
	UNTIL(second->finished);
}

static void
the_rate_holds_for_all_endpoints_together(void **state)
{
	size_t got;
	double begin;

	(void)state;
	conf.policy = CONF_BALANCE;
	conf.rate_limit = 100;
	start(FILES, 100);
	begin = clock_steady();
	UNTIL(is_up(0) && is_up(1));
	turns();
	got = fake_receiver(0)->ngot + fake_receiver(1)->ngot;
	assert_in_range(got, 90 * FAKE_LINE,
	    (size_t)((100 + (clock_steady() - begin + 0.1) * 100) * FAKE_LINE));
	UNTIL(fake_receiver(0)->ngot + fake_receiver(1)->ngot > got);
}

static void
a_destination_is_quiet_when_its_receivers_have_all(void **state)
{
	struct fake_receiver *first = fake_receiver(0);

	(void)state;
	start(1, 10);
	UNTIL(fake_got_lines(first, 'a', 0, 10));
	assert_int_equal(destination_in_flight(d), 100);
	destination_drain(d);
	turns();
	assert_false(destination_is_quiet(d));
	first->acked = 100;
	UNTIL(first->finished);
	fake_goodbye(first);
	UNTIL(destination_is_quiet(d));
	assert_false(destination_abandon(d));
	turns();
	assert_int_equal(first->opens, 1);
}

static void
a_destination_that_is_abandoned_sends_again_later(void **state)
{
	(void)state;
	start(1, 10);
	UNTIL(fake_got_lines(fake_receiver(0), 'a', 0, 10));
	destination_drain(d);
	assert_true(destination_abandon(d));
	assert_true(destination_is_quiet(d));
	assert_int_equal(files[0].stream.cursor.acked, 0);
	assert_int_equal(destination_in_flight(d), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_url_that_works_has_all),
		TEST(where_the_first_refuses_the_second_has_all),
		TEST(after_a_loss_the_second_gets_what_was_not_acknowledged),
		TEST(a_receiver_that_hangs_gives_way_to_one_that_does_not),
		TEST(the_first_has_its_files_again_when_it_is_well),
		TEST(alone_a_receiver_that_hangs_is_left_the_time_it_needs),
		TEST(balance_gives_every_file_to_one_endpoint),
		TEST(
		    balance_keeps_a_file_where_it_is_while_octets_are_in_flight),
		TEST(balance_evens_out_when_nothing_is_in_flight),
		TEST(the_files_of_an_endpoint_that_is_lost_go_to_the_other),
		TEST(an_endpoint_that_comes_back_has_its_files_when_it_is_well),
		TEST(the_rate_holds_for_all_endpoints_together),
		TEST(a_destination_is_quiet_when_its_receivers_have_all),
		TEST(a_destination_that_is_abandoned_sends_again_later),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
