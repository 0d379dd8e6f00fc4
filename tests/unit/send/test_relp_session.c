/*
 * Goal: an answer is joined to the message that it belongs to, whatever the
 * order, and also where the numbers of transactions begin anew; what belongs to
 * none ends the conversation.
 */
#include "daemon/send/relp_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire.h"

#define OK " rsp 6 200 OK\n"
#define OPENED "1 rsp 22 200 OK\ncommands=syslog\n"

static struct relp_session session;
static struct reason why;
static uint64_t position;

/* What is heard first of text; *used may be NULL. */
static enum relp_heard
hear_part(const char *text, uint64_t in_flight, size_t *used)
{
	struct relp_said said = { .why = &why };
	enum relp_heard heard;

	why.text[0] = '\0';
	heard = relp_session_hear(
	    &session, in_flight, (const uint8_t *)text, strlen(text), &said);
	position = said.position;
	if (used != NULL)
		*used = said.used;
	return (heard);
}

static enum relp_heard
hear(const char *said, uint64_t in_flight)
{
	return (hear_part(said, in_flight, NULL));
}

/* A session that takes messages and has sent n. */
static void
begin(uint64_t n)
{
	uint8_t out[RELP_ROOM];

	(void)relp_session_begin(&session, out);
	assert_int_equal(hear(OPENED, 0), RELP_HEARD_OPEN);
	relp_session_sent(&session, n);
}

static void
a_server_that_opens_takes_messages_from_number_2_on(void **state)
{
	(void)state;
	begin(0);
	assert_int_equal(relp_session_next(&session), 2);
	relp_session_sent(&session, 3);
	assert_int_equal(relp_session_next(&session), 5);
}

static void
answers_in_order_are_heard_together(void **state)
{
	size_t used;

	(void)state;
	begin(5);
	assert_int_equal(
	    hear_part("2" OK "3" OK "4" OK "6" OK, 5, &used), RELP_HEARD_ACKS);
	assert_int_equal(position, 3);
	assert_int_equal(used, 3 * strlen("2" OK));
	/* That of the fifth, with the fourth to come. */
	assert_int_equal(hear("6" OK, 2), RELP_HEARD_ACK);
	assert_int_equal(position, 5);
	assert_int_equal(hear("5" OK, 2), RELP_HEARD_ACKS);
	assert_int_equal(position, 4);
}

static void
an_answer_in_other_words_counts_too(void **state)
{
	(void)state;
	begin(2);
	assert_int_equal(hear("2 rsp 3 200\n", 2), RELP_HEARD_ACK);
	assert_int_equal(position, 1);
	assert_int_equal(hear("3 rsp 9 200 taken\n", 1), RELP_HEARD_ACK);
	assert_int_equal(position, 2);
}

static void
an_answer_may_come_octet_by_octet(void **state)
{
	const char *said = "2" OK;

	(void)state;
	begin(1);
	for (; said[1] != '\0'; said++) {
		char octet[] = { *said, '\0' };

		assert_int_equal(hear(octet, 1), RELP_HEARD_NOTHING);
	}
	assert_int_equal(hear("\n3" OK, 1), RELP_HEARD_ACK);
	assert_int_equal(position, 1);
}

static void
a_refusal_is_that_of_its_message(void **state)
{
	(void)state;
	begin(4);
	assert_int_equal(hear("4 rsp 6 500 no\n", 4), RELP_HEARD_REFUSAL);
	assert_int_equal(position, 3);
	assert_int_equal(session.code, 500);
	assert_string_equal(session.text, "no");
}

static void
numbers_begin_anew_in_the_middle_of_what_is_in_flight(void **state)
{
	size_t used;

	(void)state;
	begin(1);
	/* As if so many had gone before. */
	session.txnr = WIRE_TXNR_LAST - 2;
	session.count = WIRE_TXNR_LAST - 3;
	relp_session_sent(&session, 4);
	assert_int_equal(relp_session_next(&session), 3);
	assert_int_equal(
	    hear_part("999999998" OK "999999999" OK "1" OK "2" OK, 4, &used),
	    RELP_HEARD_ACKS);
	assert_int_equal(position, session.count);
	assert_int_equal(hear("1" OK, 4), RELP_HEARD_ACK);
	assert_int_equal(position, session.count - 1);
	assert_int_equal(hear("999999999" OK, 4), RELP_HEARD_ACK);
	assert_int_equal(position, session.count - 2);
	assert_int_equal(hear("999999997" OK, 4), RELP_HEARD_ERROR);
}

static void
an_answer_to_what_does_not_wait_is_an_error(void **state)
{
	const char *const said[] = { "2" OK, "5" OK, "1" OK, "999999999" OK };

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		begin(3);
		assert_int_equal(hear("2" OK, 3), RELP_HEARD_ACKS);
		assert_int_equal(hear(said[i], 2), RELP_HEARD_ERROR);
		assert_non_null(strstr(why.text, "which waits for none"));
	}
}

static void
before_the_server_has_opened_nothing_is_accepted(void **state)
{
	uint8_t out[RELP_ROOM];

	(void)state;
	(void)relp_session_begin(&session, out);
	assert_int_equal(hear("2" OK, 0), RELP_HEARD_ERROR);
	(void)relp_session_begin(&session, out);
	assert_int_equal(hear("1" OK, 0), RELP_HEARD_ERROR);
	(void)relp_session_begin(&session, out);
	assert_int_equal(hear("1 rsp 6 500 no\n", 0), RELP_HEARD_ERROR);
	assert_string_equal(why.text, "the server refused to open: 500 no");
}

static void
the_end_is_the_answer_to_our_close_or_the_servers_own(void **state)
{
	uint8_t out[RELP_ROOM];

	(void)state;
	begin(2);
	assert_int_equal(hear("0 serverclose 0\n", 2), RELP_HEARD_CLOSE);
	begin(2);
	assert_int_equal(
	    relp_session_end(&session, out), strlen("4 close 0\n"));
	assert_memory_equal(out, "4 close 0\n", strlen("4 close 0\n"));
	assert_int_equal(hear("2" OK, 2), RELP_HEARD_ACK);
	assert_int_equal(position, 1);
	assert_int_equal(hear("3" OK, 1), RELP_HEARD_ACK);
	assert_int_equal(position, 2);
	assert_int_equal(hear("4 rsp 0\n", 0), RELP_HEARD_CLOSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_server_that_opens_takes_messages_from_number_2_on),
		cmocka_unit_test(answers_in_order_are_heard_together),
		cmocka_unit_test(an_answer_in_other_words_counts_too),
		cmocka_unit_test(an_answer_may_come_octet_by_octet),
		cmocka_unit_test(a_refusal_is_that_of_its_message),
		cmocka_unit_test(
		    numbers_begin_anew_in_the_middle_of_what_is_in_flight),
		cmocka_unit_test(an_answer_to_what_does_not_wait_is_an_error),
		cmocka_unit_test(
		    before_the_server_has_opened_nothing_is_accepted),
		cmocka_unit_test(
		    the_end_is_the_answer_to_our_close_or_the_servers_own),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
