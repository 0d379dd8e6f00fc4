/*
 * Goal: whatever a connection does - takes octets in parts, acknowledges late,
 * breaks, says goodbye with octets unread - the receiver gets every line in
 * order, and again only what it may not have.
 */
#include "daemon/send/endpoint.h"

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

#include "daemon/stream/stream.h"
#include "fake.h"

#define OPENED "1 rsp 22 200 OK\ncommands=syslog\n"

static struct ev_loop *loop;
static struct conf_destination conf;
static struct endpoint *ep;
static struct fake_receiver *r;
static struct fake_file file;
static unsigned changes; /* of the state */

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

static void
on_state(void *arg)
{
	(void)arg;
	changes++;
}

static void
on_ready(struct stream *s, void *dest)
{
	(void)dest;
	endpoint_add(ep, s);
}

static const struct route_ops route_ops = { .on_ready = on_ready };
static struct route route = { .ops = &route_ops,
	.style = { .max_message = 1000 } };
static struct endpoint_env env = { .on_stdout_closed = never,
	.on_resolve = never,
	.on_unreached = never,
	.on_no_descriptor = no_descriptor };
static const struct endpoint_owner owner = { .on_state = on_state };

static int
set_up(void **state)
{
	(void)state;
	fake_reset();
	env.loop = loop = ev_loop_new(0);
	fake_conf(&conf, CONF_TCP, 1);
	r = fake_receiver(0);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	endpoint_free(ep);
	fake_fini();
	ev_loop_destroy(loop);
	return (0);
}

/* What the worker does in a turn of its loop. */
static void
turn(void)
{
	endpoint_reconnect(ep);
	endpoint_pump(ep);
	(void)ev_run(loop, EVRUN_NOWAIT);
}

/* Some turns, in which nothing should happen. */
static void
turns(void)
{
	unsigned n;

	for (n = 0; n < 50; n++) {
		turn();
		(void)usleep(200);
	}
}

static struct endpoint_info
info(void)
{
	struct endpoint_info i;

	endpoint_info(ep, &i);
	return (i);
}

/* Connects, with a file of so many lines. */
static void
start(unsigned lines)
{
	ep = endpoint_new(&env, &conf, &conf.urls[0], &owner);
	assert_non_null(ep);
	fake_file(&file, 'a', lines, &route);
	endpoint_add(ep, &file.stream);
	endpoint_start(ep);
}

/* The same over UDP: each line is a datagram. */
static void
start_udp(unsigned lines)
{
	conf.urls[0].scheme = CONF_UDP;
	r->take = FAKE_LINE;
	start(lines);
	file.most = 1;
}

/* The same over RELP, and the server agrees. */
static void
start_relp(unsigned lines)
{
	conf.urls[0].scheme = CONF_RELP;
	conf.wire = WIRE_RELP;
	start(lines);
}

static void
agree(void)
{
	UNTIL(info().state == ENDPOINT_OPENING && r->ngot > 0);
	r->ngot = 0;
	fake_say(r, OPENED);
	UNTIL(info().state == ENDPOINT_UP);
}

static void
octets_that_do_not_fit_are_sent_later(void **state)
{
	(void)state;
	r->take = 7;
	start(1000);
	UNTIL(r->ngot == 10000);
	assert_true(fake_got_lines(r, 'a', 0, 1000));
	assert_int_equal(info().sent, 10000);
}

static void
a_link_that_takes_nothing_is_tried_again(void **state)
{
	(void)state;
	r->take = 0;
	start(10);
	UNTIL(info().state == ENDPOINT_UP);
	turns();
	assert_int_equal(r->ngot, 0);
	r->take = FAKE_MOST;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
}

static void
late_acknowledgements_move_the_offset_only_then(void **state)
{
	(void)state;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	assert_int_equal(file.stream.cursor.acked, 0);
	assert_int_equal(info().in_flight, 100);
	r->acked = 100;
	UNTIL(file.stream.cursor.acked == 100);
	assert_int_equal(info().in_flight, 0);
}

static void
after_a_reset_only_what_is_not_acknowledged_is_sent_again(void **state)
{
	(void)state;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 30;
	UNTIL(file.stream.cursor.acked == 30);
	fake_break(r, ECONNRESET);
	UNTIL(r->opens == 2 && r->ngot == 70);
	assert_true(fake_got_lines(r, 'a', 3, 10));
	assert_int_equal(info().losses, 1);
	assert_int_equal(info().connects, 2);
	assert_string_equal(
	    info().error, "connection lost: Connection reset by peer");
}

static void
after_a_reset_what_may_be_unread_is_sent_again_too(void **state)
{
	(void)state;
	conf.resend_on_reset = 20;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 50;
	UNTIL(file.stream.cursor.acked == 50);
	fake_break(r, ECONNRESET);
	UNTIL(r->opens == 2 && r->ngot > 0);
	assert_true(fake_got_lines(r, 'a', 3, 10));
	/* A kill between now and the next acknowledgement loses nothing. */
	assert_true(fake_hurried > 0);
}

static void
an_error_of_send_counts_what_was_acknowledged_before_it(void **state)
{
	(void)state;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 60;
	r->send_error = EPIPE;
	file.size += FAKE_LINE;
	stream_wake(&file.stream);
	UNTIL(r->opens == 2 && r->ngot > 0);
	assert_true(fake_got_lines(r, 'a', 6, 11));
}

static void
a_refused_connection_is_tried_again(void **state)
{
	(void)state;
	r->refuses = true;
	start(10);
	assert_int_equal(info().state, ENDPOINT_BACKOFF);
	turns();
	assert_string_equal(info().error, "connect: refused");
	r->refuses = false;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	assert_int_equal(info().losses, 0);
}

static void
one_that_is_released_waits_for_the_receiver_to_read_all(void **state)
{
	(void)state;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	changes = 0;
	endpoint_release(ep);
	turns();
	assert_int_equal(info().state, ENDPOINT_DRAINING);
	assert_false(endpoint_is_open(ep));
	assert_false(r->finished);
	/* To users and to the destination it is connected as before. */
	assert_string_equal(endpoint_state_name(info().state), "connected");
	assert_int_equal(changes, 0);
	r->acked = 100;
	UNTIL(r->finished);
	assert_int_equal(info().state, ENDPOINT_FINISHING);
	fake_goodbye(r);
	UNTIL(info().state == ENDPOINT_IDLE);
	assert_int_equal(file.stream.cursor.acked, 100);
	turns();
	assert_int_equal(r->opens, 1);
}

static void
one_that_is_released_reads_no_file_any_more(void **state)
{
	(void)state;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	endpoint_release(ep);
	file.size += 10 * FAKE_LINE;
	stream_wake(&file.stream);
	turns();
	assert_true(fake_got_lines(r, 'a', 0, 10));
}

static void
one_that_is_released_while_it_waits_is_idle_at_once(void **state)
{
	(void)state;
	r->refuses = true;
	start(10);
	endpoint_release(ep);
	assert_int_equal(info().state, ENDPOINT_IDLE);
	r->refuses = false;
	turns();
	assert_int_equal(r->opens, 0);
	endpoint_start(ep);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
}

static void
a_receiver_that_does_not_close_is_given_up(void **state)
{
	(void)state;
	conf.ack_timeout_ms = 100;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 100;
	endpoint_release(ep);
	UNTIL(info().state == ENDPOINT_FINISHING);
	UNTIL(info().state == ENDPOINT_IDLE);
	assert_int_equal(info().losses, 1);
}

static void
where_nothing_is_counted_a_goodbye_of_ours_ends_the_doubt(void **state)
{
	uint32_t epoch;

	(void)state;
	conf.ack_timeout_ms = 100;
	r->counts = false;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	epoch = endpoint_epoch(ep);
	UNTIL(r->finished);
	assert_int_equal(file.stream.cursor.acked, 0);
	fake_goodbye(r);
	/* It is still wanted: the next turn connects again. */
	UNTIL(r->opens == 2 && info().state == ENDPOINT_UP);
	assert_int_equal(file.stream.cursor.acked, 100);
	assert_int_not_equal(endpoint_epoch(ep), epoch);
	assert_int_equal(info().losses, 0);
	assert_int_equal(r->ngot, 0);
}

static void
an_acknowledgement_that_is_missing_stalls_the_endpoint(void **state)
{
	(void)state;
	conf.ack_timeout_ms = 100;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	changes = 0;
	UNTIL(endpoint_is_stalled(ep));
	assert_int_equal(changes, 1);
	r->acked = 100;
	UNTIL(!endpoint_is_stalled(ep));
	assert_int_equal(changes, 2);
	assert_int_equal(info().losses, 0);
}

static void
a_receiver_whose_system_is_silent_is_given_up(void **state)
{
	(void)state;
	conf.ack_timeout_ms = 100;
	conf.resend_on_reset = 20;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 50;
	UNTIL(file.stream.cursor.acked == 50);
	r->silence_ms = 3600000;
	UNTIL(r->opens == 2 && r->ngot > 0);
	assert_true(fake_got_lines(r, 'a', 3, 10));
	assert_string_equal(
	    info().error, "no acknowledgement and no sign of life for 0.1 s");
}

static void
a_stalled_endpoint_that_gives_way_takes_all_back(void **state)
{
	uint32_t epoch;

	(void)state;
	conf.ack_timeout_ms = 100;
	start(10);
	UNTIL(endpoint_is_stalled(ep));
	epoch = endpoint_epoch(ep);
	endpoint_give_way(ep);
	assert_int_not_equal(endpoint_epoch(ep), epoch);
	assert_int_equal(info().state, ENDPOINT_BACKOFF);
	assert_int_equal(file.stream.cursor.sent, 0);
	assert_ptr_equal(endpoint_take(ep), &file.stream);
}

static void
one_that_says_goodbye_may_read_on_for_a_moment(void **state)
{
	(void)state;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	fake_goodbye(r);
	UNTIL(info().state == ENDPOINT_PARTING);
	assert_false(endpoint_is_open(ep));
	r->acked = 100;
	UNTIL(r->opens == 2 && info().state == ENDPOINT_UP);
	assert_int_equal(file.stream.cursor.acked, 100);
	turns();
	assert_int_equal(r->ngot, 0);
}

static void
what_is_not_read_behind_a_goodbye_is_sent_again(void **state)
{
	(void)state;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 40;
	fake_goodbye(r);
	UNTIL(r->opens == 2 && r->ngot > 0);
	assert_true(fake_got_lines(r, 'a', 4, 10));
	assert_string_equal(info().error,
	    "the receiver closed the connection and did not read on");
}

/* Octets stood unread: its system resets the connection when it closes it. */
static void
a_reset_long_behind_a_goodbye_brings_the_octets_again(void **state)
{
	(void)state;
	conf.resend_on_reset = 20;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 100;
	UNTIL(file.stream.cursor.acked == 100);
	fake_goodbye(r);
	UNTIL(r->opens == 2 && info().state == ENDPOINT_UP);
	turns();
	assert_int_equal(r->ngot, 0);
	fake_late_reset(r, 0);
	UNTIL(r->ngot > 0);
	assert_true(fake_got_lines(r, 'a', 8, 10));
}

static void
two_goodbyes_that_cross_lose_and_repeat_nothing(void **state)
{
	(void)state;
	conf.ack_timeout_ms = 100;
	r->counts = false;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	endpoint_release(ep);
	UNTIL(r->finished);
	fake_goodbye(r);
	UNTIL(info().state == ENDPOINT_CLOSING);
	UNTIL(info().state == ENDPOINT_IDLE);
	assert_int_equal(file.stream.cursor.acked, 100);
	assert_int_equal(info().losses, 0);
}

static void
one_that_is_abandoned_may_not_have_read_what_it_acknowledged(void **state)
{
	(void)state;
	conf.resend_on_reset = 20;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->acked = 50;
	UNTIL(file.stream.cursor.acked == 50);
	endpoint_release(ep);
	assert_true(endpoint_abandon(ep));
	assert_int_equal(info().state, ENDPOINT_IDLE);
	assert_int_equal(file.stream.cursor.acked, 30);
	assert_false(endpoint_abandon(ep));
}

/* The first one alone: a host that is still not there would refuse them all. */
static void
datagrams_of_late_are_sent_again_after_a_refusal(void **state)
{
	(void)state;
	start_udp(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	assert_int_equal(file.stream.cursor.acked, 100);
	fake_break(r, ECONNREFUSED);
	UNTIL(r->opens == 2 && r->ngot > 0);
	turns();
	assert_true(fake_got_lines(r, 'a', 0, 1));
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	assert_int_equal(r->opens, 2);
}

static void
what_the_path_does_not_take_is_packed_anew(void **state)
{
	(void)state;
	start_udp(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	r->send_error = EMSGSIZE;
	file.size += 5 * FAKE_LINE;
	stream_wake(&file.stream);
	turn();
	assert_int_equal(file.stream.cursor.sent, 100);
	r->send_error = 0;
	UNTIL(fake_got_lines(r, 'a', 0, 15));
	assert_int_equal(info().losses, 0);
}

static void
over_udp_one_that_is_released_is_idle_in_the_next_turn(void **state)
{
	(void)state;
	start_udp(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	endpoint_release(ep);
	turn();
	assert_int_equal(info().state, ENDPOINT_IDLE);
	assert_int_equal(info().losses, 0);
}

static void
no_acknowledgement_moves_a_stream_that_was_dropped(void **state)
{
	(void)state;
	start(10);
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	endpoint_drop(ep, &file.stream);
	file.stream.cursor.sent = file.stream.cursor.acked = 0;
	r->acked = 100;
	UNTIL(info().in_flight == 0);
	assert_int_equal(file.stream.cursor.acked, 0);
}

static void
what_was_sent_behind_the_end_of_a_file_does_not_come_again(void **state)
{
	(void)state;
	start(10);
	file.most = 1;
	UNTIL(fake_got_lines(r, 'a', 0, 10));
	file.size = 40;
	endpoint_cut(ep, &file.stream, 40);
	fake_break(r, ECONNRESET);
	UNTIL(r->opens == 2 && r->ngot > 0);
	assert_true(fake_got_lines(r, 'a', 0, 4));
}

static void
a_server_of_relp_acknowledges_message_by_message(void **state)
{
	(void)state;
	start_relp(5);
	agree();
	UNTIL(fake_got_lines(r, 'a', 0, 5));
	/* The second, whose answer moves nothing; then the first. */
	fake_say(r, "3 rsp 6 200 OK\n");
	turns();
	assert_int_equal(file.stream.cursor.acked, 0);
	fake_say(r, "2 rsp 6 200 OK\n");
	UNTIL(file.stream.cursor.acked == 20);
	assert_int_equal(info().in_flight, 30);
}

static void
answers_that_stand_unread_when_a_connection_breaks_count(void **state)
{
	(void)state;
	start_relp(5);
	agree();
	UNTIL(fake_got_lines(r, 'a', 0, 5));
	/* The endpoint writes before it hears that there is something. */
	r->send_error = EPIPE;
	file.size += FAKE_LINE;
	fake_say(r, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
	stream_wake(&file.stream);
	endpoint_pump(ep);
	assert_int_equal(info().state, ENDPOINT_BACKOFF);
	assert_int_equal(file.stream.cursor.acked, 20);
	agree();
	UNTIL(fake_got_lines(r, 'a', 2, 6));
}

/* A server of TLS 1.3 refuses a certificate behind the handshake. */
static void
an_alert_that_stands_unread_when_the_first_write_fails_is_the_reason(
    void **state)
{
	(void)state;
	start(0);
	UNTIL(info().state == ENDPOINT_UP);
	r->send_error = ECONNRESET;
	r->recv_error = EPROTO;
	r->alert = "refuses: alert unknown ca";
	file.size += FAKE_LINE;
	stream_wake(&file.stream);
	endpoint_pump(ep);
	assert_int_equal(info().state, ENDPOINT_BACKOFF);
	assert_string_equal(info().error, "send: refuses: alert unknown ca");
	r->alert = NULL;
	UNTIL(fake_got_lines(r, 'a', 0, 1));
}

static void
answers_that_stand_unread_at_the_end_count(void **state)
{
	(void)state;
	start_relp(5);
	agree();
	UNTIL(fake_got_lines(r, 'a', 0, 5));
	endpoint_release(ep);
	fake_say(r, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
	assert_true(endpoint_abandon(ep));
	assert_int_equal(file.stream.cursor.acked, 20);
}

static void
a_message_that_is_refused_five_times_is_passed_over(void **state)
{
	unsigned n;

	(void)state;
	start_relp(2);
	for (n = 1; n <= 5; n++) {
		agree();
		UNTIL(fake_got_lines(r, 'a', 0, 2));
		assert_int_equal(info().refused, 0);
		fake_say(r, "2 rsp 8 500 Nope\n");
		UNTIL(n == 5 || info().losses == n);
	}
	UNTIL(file.stream.cursor.acked == 10);
	assert_int_equal(info().refused, 1);
	assert_int_equal(info().losses, 4);
	assert_int_equal(info().state, ENDPOINT_UP);
}

static void
a_server_that_closes_gets_what_it_did_not_answer_again(void **state)
{
	(void)state;
	start_relp(5);
	agree();
	UNTIL(fake_got_lines(r, 'a', 0, 5));
	fake_say(r, "2 rsp 6 200 OK\n0 serverclose 0\n");
	agree();
	UNTIL(fake_got_lines(r, 'a', 1, 5));
}

static void
an_answer_to_our_close_ends_a_conversation_in_order(void **state)
{
	(void)state;
	start_relp(1);
	agree();
	UNTIL(fake_got_lines(r, 'a', 0, 1));
	endpoint_release(ep);
	fake_say(r, "2 rsp 6 200 OK\n");
	UNTIL(info().state == ENDPOINT_FINISHING && r->ngot > FAKE_LINE);
	assert_memory_equal(r->got + FAKE_LINE, "3 close 0\n", 10);
	fake_say(r, "3 rsp 0\n");
	UNTIL(info().state == ENDPOINT_IDLE);
	assert_int_equal(info().losses, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(octets_that_do_not_fit_are_sent_later),
		TEST(a_link_that_takes_nothing_is_tried_again),
		TEST(late_acknowledgements_move_the_offset_only_then),
		TEST(after_a_reset_only_what_is_not_acknowledged_is_sent_again),
		TEST(after_a_reset_what_may_be_unread_is_sent_again_too),
		TEST(an_error_of_send_counts_what_was_acknowledged_before_it),
		TEST(a_refused_connection_is_tried_again),
		TEST(one_that_is_released_waits_for_the_receiver_to_read_all),
		TEST(one_that_is_released_reads_no_file_any_more),
		TEST(one_that_is_released_while_it_waits_is_idle_at_once),
		TEST(a_receiver_that_does_not_close_is_given_up),
		TEST(where_nothing_is_counted_a_goodbye_of_ours_ends_the_doubt),
		TEST(an_acknowledgement_that_is_missing_stalls_the_endpoint),
		TEST(a_receiver_whose_system_is_silent_is_given_up),
		TEST(a_stalled_endpoint_that_gives_way_takes_all_back),
		TEST(one_that_says_goodbye_may_read_on_for_a_moment),
		TEST(what_is_not_read_behind_a_goodbye_is_sent_again),
		TEST(a_reset_long_behind_a_goodbye_brings_the_octets_again),
		TEST(two_goodbyes_that_cross_lose_and_repeat_nothing),
		TEST(
		    one_that_is_abandoned_may_not_have_read_what_it_acknowledged),
		TEST(datagrams_of_late_are_sent_again_after_a_refusal),
		TEST(what_the_path_does_not_take_is_packed_anew),
		TEST(over_udp_one_that_is_released_is_idle_in_the_next_turn),
		TEST(no_acknowledgement_moves_a_stream_that_was_dropped),
		TEST(
		    what_was_sent_behind_the_end_of_a_file_does_not_come_again),
		TEST(a_server_of_relp_acknowledges_message_by_message),
		TEST(answers_that_stand_unread_when_a_connection_breaks_count),
		TEST(
		    an_alert_that_stands_unread_when_the_first_write_fails_is_the_reason),
		TEST(answers_that_stand_unread_at_the_end_count),
		TEST(a_message_that_is_refused_five_times_is_passed_over),
		TEST(a_server_that_closes_gets_what_it_did_not_answer_again),
		TEST(an_answer_to_our_close_ends_a_conversation_in_order),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
