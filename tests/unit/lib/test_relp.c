/*
 * Goal: what opens and closes a connection is exactly what librelp reads, every
 * answer is understood in any pieces, and nothing hostile is taken for one.
 */
#include "lib/relp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OFFERS                                                                 \
	"relp_version=0\nrelp_software=librelp,1.11.0,"                        \
	"http://librelp.adiscon.com\ncommands=syslog"

static struct relp_parser parser;
static struct reason why;

/* Parses what ends with its allocation.  Returns the event; *used is set. */
static enum relp_event
parse_next(const void *in, size_t n, size_t *used)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	enum relp_event event;

	assert_non_null(copy);
	memcpy(copy, in, n);
	event = relp_parse(&parser, copy, n, used, &why);
	assert_true(*used <= n);
	free(copy);
	return (event);
}

/* A frame that is all there is, read at once and octet by octet. */
static enum relp_event
parse_bytes(const void *in, size_t n)
{
	enum relp_event whole, event = RELP_INCOMPLETE;
	struct relp_parser first;
	size_t used, i;

	relp_parser_init(&parser);
	why.text[0] = '\0';
	whole = parse_next(in, n, &used);
	if (whole != RELP_ERROR)
		assert_int_equal(used, n);
	first = parser;
	relp_parser_init(&parser);
	for (i = 0; i < n && event == RELP_INCOMPLETE; i++)
		event = parse_next((const char *)in + i, 1, &used);
	assert_int_equal(event, whole);
	if (event == RELP_ERROR)
		return (event);
	assert_int_equal(parser.txnr, first.txnr);
	assert_int_equal(parser.code, first.code);
	return (event);
}

static enum relp_event
parse(const char *in)
{
	return (parse_bytes(in, strlen(in)));
}

static void
assert_refused(const char *in, const char *reason)
{
	assert_int_equal(parse(in), RELP_ERROR);
	assert_string_equal(why.text, reason);
}

static void
an_open_offers_syslog_and_version_0(void **state)
{
	const char *want =
	    "1 open 60 relp_version=0\nrelp_software=teslacoil,0.1.0\n"
	    "commands=syslog\n";
	uint8_t out[RELP_ROOM];

	(void)state;
	assert_int_equal(
	    relp_encode_open("teslacoil,0.1.0", out), strlen(want));
	assert_memory_equal(out, want, strlen(want));
}

static void
a_software_of_any_length_leaves_a_frame_that_is_whole(void **state)
{
	uint8_t out[RELP_ROOM];
	char software[1000], head[32];
	size_t len, n;

	(void)state;
	for (len = 0; len < sizeof(software); len++) {
		memset(software, 'x', len);
		software[len] = '\0';
		n = relp_encode_open(software, out);
		assert_true(n < sizeof(out));
		assert_memory_equal(out + n - 16, "commands=syslog\n", 16);
		/* Around the data are "1 open ", the length, " " and "\n". */
		(void)snprintf(
		    head, sizeof(head), "1 open %zu ", n - (n < 111 ? 11 : 12));
		assert_memory_equal(out, head, strlen(head));
	}
}

static void
a_close_has_no_data(void **state)
{
	uint8_t out[RELP_ROOM];

	(void)state;
	assert_int_equal(relp_encode_close(7, out), 10);
	assert_memory_equal(out, "7 close 0\n", 10);
	assert_int_equal(relp_encode_close(999999999, out), 18);
	assert_memory_equal(out, "999999999 close 0\n", 18);
}

static void
a_response_has_a_number_a_code_and_a_text(void **state)
{
	(void)state;
	assert_int_equal(parse("2 rsp 6 200 OK\n"), RELP_RSP);
	assert_int_equal(parser.txnr, 2);
	assert_int_equal(parser.code, 200);
	assert_string_equal(parser.text, "OK");
	assert_int_equal(parser.noffers, 0);
	assert_int_equal(
	    parse("999999999 rsp 17 500 out of memory\n"), RELP_RSP);
	assert_int_equal(parser.txnr, 999999999);
	assert_int_equal(parser.code, 500);
	assert_string_equal(parser.text, "out of memory");
}

static void
a_code_may_stand_alone(void **state)
{
	(void)state;
	assert_int_equal(parse("2 rsp 3 200\n"), RELP_RSP);
	assert_int_equal(parser.code, 200);
	assert_string_equal(parser.text, "");
	assert_int_equal(parse("2 rsp 4 200 \n"), RELP_RSP);
	assert_string_equal(parser.text, "");
	assert_int_equal(parse("2 rsp 7 200\nx=y\n"), RELP_RSP);
	assert_string_equal(parser.text, "");
	assert_int_equal(parser.noffers, 3);
	assert_memory_equal(parser.offers, "x=y", 3);
}

static void
a_response_without_data_has_no_code(void **state)
{
	(void)state;
	assert_int_equal(parse("9 rsp 0\n"), RELP_RSP);
	assert_int_equal(parser.txnr, 9);
	assert_int_equal(parser.code, 0);
	assert_string_equal(parser.text, "");
	assert_int_equal(parser.noffers, 0);
	assert_int_equal(parse("9 rsp 0 \n"), RELP_RSP);
	assert_int_equal(parser.code, 0);
}

static void
the_hint_that_the_server_closes_is_heard(void **state)
{
	(void)state;
	assert_int_equal(parse("0 serverclose 0\n"), RELP_SERVERCLOSE);
	assert_int_equal(parse("0 serverclose 0 \n"), RELP_SERVERCLOSE);
	assert_int_equal(parse("0 serverclose 3 bye\n"), RELP_SERVERCLOSE);
}

static void
frames_come_one_at_a_time_out_of_what_was_read(void **state)
{
	const char in[] = "3 rsp 6 200 OK\n2 rsp 8 500 no\nx\n"
			  "0 serverclose 0\n4 rsp 6 20";
	size_t n = sizeof(in) - 1, at = 0, used;

	(void)state;
	relp_parser_init(&parser);
	assert_int_equal(parse_next(in, n, &used), RELP_RSP);
	assert_int_equal(parser.txnr, 3);
	at += used;
	assert_int_equal(at, 15);
	assert_int_equal(parse_next(in + at, n - at, &used), RELP_RSP);
	assert_int_equal(parser.txnr, 2);
	assert_int_equal(parser.code, 500);
	at += used;
	assert_int_equal(parse_next(in + at, n - at, &used), RELP_SERVERCLOSE);
	at += used;
	assert_int_equal(parse_next(in + at, n - at, &used), RELP_INCOMPLETE);
	assert_int_equal(at + used, n);
	assert_int_equal(parse_next("", 0, &used), RELP_INCOMPLETE);
	assert_int_equal(parse_next("0 OK\n", 5, &used), RELP_RSP);
	assert_int_equal(parser.txnr, 4);
	assert_int_equal(parser.code, 200);
	assert_string_equal(parser.text, "OK");
}

static void
a_text_cannot_write_into_a_terminal_or_a_second_line(void **state)
{
	const char in[] = "2 rsp 13 500 \0\x1b[2J\r\x7f\xff.\n";

	(void)state;
	assert_int_equal(parse_bytes(in, sizeof(in) - 1), RELP_RSP);
	assert_string_equal(parser.text, "??[2J???.");
}

static void
a_text_is_cut_at_80_octets(void **state)
{
	static const size_t lens[] = { 79, 80, 81, 82, 200, 1000, 1020 };
	char text[1100], in[1200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		memset(text, 'x', sizeof(text));
		text[lens[i]] = '\0';
		(void)snprintf(in, sizeof(in), "2 rsp %zu 500 %s\na=b\n",
		    lens[i] + 8, text);
		assert_int_equal(parse(in), RELP_RSP);
		text[lens[i] < 80 ? lens[i] : 80] = '\0';
		assert_string_equal(parser.text, text);
		if (lens[i] + 8 > RELP_DATA_KEPT)
			continue;
		assert_int_equal(parser.noffers, 3);
		assert_memory_equal(parser.offers, "a=b", 3);
	}
}

/* A response of 200 OK, a newline and fill up to len octets of data. */
static char *
long_response(size_t len, size_t *n)
{
	char *in = malloc(len + 64);
	size_t head;

	assert_non_null(in);
	head = (size_t)sprintf(in, "2 rsp %zu ", len);
	head += (size_t)sprintf(in + head, "200 OK\n");
	len -= strlen("200 OK\n");
	memset(in + head, 'x', len);
	in[head + len] = '\n';
	*n = head + len + 1;
	return (in);
}

static void
long_data_is_skipped_but_for_its_beginning(void **state)
{
	static const size_t lens[] = { 7, 8, RELP_DATA_KEPT - 1, RELP_DATA_KEPT,
		RELP_DATA_KEPT + 1, 5000, RELP_DATA_MAX };
	size_t i, n, kept;
	char *in;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		in = long_response(lens[i], &n);
		assert_int_equal(parse_bytes(in, n), RELP_RSP);
		assert_int_equal(parser.code, 200);
		assert_string_equal(parser.text, "OK");
		kept = lens[i] < RELP_DATA_KEPT ? lens[i] : RELP_DATA_KEPT;
		assert_int_equal(parser.noffers, kept - 7);
		free(in);
	}
}

static void
more_data_than_128_kb_is_refused_before_any_is_read(void **state)
{
	(void)state;
	assert_refused("2 rsp 131073 ",
	    "response has a data length of 131073, more than 131072");
	assert_refused("2 rsp 999999999 200 OK\n",
	    "response has a data length of 999999999, more than 131072");
	assert_refused("0 serverclose 200000\n",
	    "serverclose has a data length of 200000, more than 131072");
	assert_refused("2 rsp 1000000000 200 OK\n",
	    "not RELP: a number of more than 9 digits");
}

static void
a_transaction_number_has_1_to_9_digits(void **state)
{
	(void)state;
	assert_int_equal(parse("000000002 rsp 6 200 OK\n"), RELP_RSP);
	assert_int_equal(parser.txnr, 2);
	assert_refused("1000000000 rsp 6 200 OK\n",
	    "not RELP: a number of more than 9 digits");
	assert_refused("0000000002 rsp 6 200 OK\n",
	    "not RELP: a number of more than 9 digits");
	assert_refused(" rsp 6 200 OK\n",
	    "not RELP: octet 0x20 in the transaction number of a frame");
	assert_refused("-1 rsp 6 200 OK\n",
	    "not RELP: octet 0x2d in the transaction number of a frame");
	assert_refused(
	    "2\n", "not RELP: octet 0x0a in the transaction number of a frame");
}

static void
numbers_and_commands_belong_together(void **state)
{
	(void)state;
	assert_refused("0 rsp 6 200 OK\n", "response to transaction 0");
	assert_refused(
	    "5 serverclose 0\n", "serverclose with transaction number 5");
	assert_refused(
	    "5 syslog 1 x\n", "not RELP: unknown command \"syslog\"");
	assert_refused("5 rs 1 x\n", "not RELP: unknown command \"rs\"");
	assert_refused("5 rspx 1 x\n", "not RELP: unknown command \"rspx\"");
	assert_refused("5 RSP 1 x\n", "not RELP: unknown command \"RSP\"");
	assert_refused(
	    "0 starttls 0\n", "not RELP: unknown command \"starttls\"");
	assert_refused("5 abcdefghijklmnopqrstuvwxyz 1 x\n",
	    "not RELP: unknown command \"abcdefghijklmnop...\"");
}

static void
what_is_not_relp_is_refused_at_its_first_wrong_octet(void **state)
{
	(void)state;
	assert_refused("HTTP/1.1 400 Bad Request\r\n",
	    "not RELP: octet 0x48 in the transaction number of a frame");
	assert_refused("\x15\x03\x01",
	    "not RELP: octet 0x15 in the transaction number of a frame");
	assert_refused("2  rsp 6 200 OK\n", "not RELP: unknown command \"\"");
	assert_refused(
	    "2 rsp\n", "not RELP: octet 0x0a in the command of a frame");
	assert_refused("2 rsp1 6 200 OK\n",
	    "not RELP: octet 0x31 in the command of a frame");
	assert_refused("2 rsp  6 200 OK\n",
	    "not RELP: octet 0x20 in the data length of a frame");
	assert_refused(
	    "2 rsp \n", "not RELP: octet 0x0a in the data length of a frame");
	assert_refused(
	    "2 rsp 6\n", "not RELP: octet 0x0a in the data of a frame");
	assert_refused(
	    "2 rsp 6\t200 OK\n", "not RELP: octet 0x09 in the data of a frame");
	assert_refused(
	    "2 rsp 6 200 OK\r\n", "not RELP: octet 0x0d in the end of a frame");
	assert_refused("2 rsp 60 200 OK\n2 rsp 6 200 OK\n2 rsp 6 200 OK\n"
		       "2 rsp 6 200 OK\n2 rsp 6 200 OK\n",
	    "not RELP: octet 0x32 in the end of a frame");
	assert_refused(
	    "2 rsp 0  \n", "not RELP: octet 0x20 in the end of a frame");
}

static void
a_nul_ends_no_field(void **state)
{
	(void)state;
	assert_int_equal(parse_bytes("2\0 rsp 6 200 OK\n", 16), RELP_ERROR);
	assert_int_equal(parse_bytes("2 rsp\0 6 200 OK\n", 16), RELP_ERROR);
	assert_int_equal(parse_bytes("2 rsp 6\0 200 OK\n", 16), RELP_ERROR);
	assert_int_equal(parse_bytes("2 rsp 6 200 OK\0\n", 16), RELP_ERROR);
	assert_int_equal(parse_bytes("2 rsp 6 2\0000 OK\n", 15), RELP_ERROR);
}

static void
a_response_must_have_a_code_of_3_digits(void **state)
{
	(void)state;
	assert_refused("2 rsp 2 OK\n", "response to transaction 2 has no code");
	assert_refused("2 rsp 2 20\n", "response to transaction 2 has no code");
	assert_refused(
	    "2 rsp 5 20 OK\n", "response to transaction 2 has no code");
	assert_refused("2 rsp 7 2000 OK\n",
	    "response to transaction 2: octet 0x30 behind its code");
	assert_refused("2 rsp 5 200OK\n",
	    "response to transaction 2: octet 0x4f behind its code");
}

static void
after_an_error_nothing_is_believed(void **state)
{
	const char good[] = "2 rsp 6 200 OK\n";
	size_t used, i;

	(void)state;
	assert_int_equal(parse("x"), RELP_ERROR);
	for (i = 0; i < 3; i++)
		assert_int_equal(
		    parse_next(good, sizeof(good) - 1, &used), RELP_ERROR);
	relp_parser_init(&parser);
	assert_int_equal(parse_next(good, sizeof(good) - 1, &used), RELP_RSP);
}

/* Of what ends with its allocation; *used is set. */
static uint64_t
accepted(uint32_t txnr, uint64_t most, const char *in, size_t *used)
{
	size_t n = strlen(in);
	uint8_t *copy = malloc(n > 0 ? n : 1);
	struct relp_accepted found;

	assert_non_null(copy);
	memcpy(copy, in, n);
	found = relp_parse_accepted(&parser, txnr, most, copy, n);
	free(copy);
	*used = found.used;
	return (found.count);
}

#define OK " rsp 6 200 OK\n"

static void
acceptances_in_order_are_read_together(void **state)
{
	size_t used;

	(void)state;
	relp_parser_init(&parser);
	assert_int_equal(accepted(9, 5, "9" OK "10" OK "11" OK, &used), 3);
	assert_int_equal(used, 3 * strlen(OK) + 5);
	assert_int_equal(accepted(9, 2, "9" OK "10" OK "11" OK, &used), 2);
	assert_int_equal(used, 2 * strlen(OK) + 3);
	assert_int_equal(
	    accepted(999999999, 5, "999999999" OK "1" OK, &used), 2);
	assert_int_equal(accepted(9, 0, "9" OK, &used), 0);
	assert_int_equal(used, 0);
	/* Behind a frame, too. */
	assert_int_equal(parse("8" OK), RELP_RSP);
	assert_int_equal(accepted(9, 1, "9" OK, &used), 1);
}

static void
whatever_else_a_server_says_is_not_an_acceptance_in_order(void **state)
{
	const char *const other[] = { "", "9", "9 ", "9 rsp 6 200 OK", "10" OK,
		"8" OK, OK, "x" OK, "0000000009" OK, "99" OK,
		"9  rsp 6 200 OK\n", "9 rsp 3 200\n", "9 rsp 6 500 OK\n",
		"9 rsp 5 200 OK\n", "0 serverclose 0\n", "4294967305" OK };
	size_t used;

	(void)state;
	relp_parser_init(&parser);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		assert_int_equal(accepted(9, 5, other[i], &used), 0);
		assert_int_equal(used, 0);
	}
	assert_int_equal(accepted(9, 5, "9" OK "10 rsp", &used), 1);
	assert_int_equal(used, strlen(OK) + 1);
	/* In the middle of a frame, what looks like one may be its data. */
	assert_int_equal(parse("9"), RELP_INCOMPLETE);
	assert_int_equal(accepted(9, 5, "9" OK, &used), 0);
	assert_int_equal(parse("9 rsp 90 200 "), RELP_INCOMPLETE);
	assert_int_equal(accepted(9, 5, "9" OK, &used), 0);
	assert_int_equal(parse("x"), RELP_ERROR);
	assert_int_equal(accepted(9, 5, "9" OK, &used), 0);
}

/* The offers are found in a response and judged. */
static bool
offers_ok(const char *data)
{
	char in[2048];

	(void)snprintf(in, sizeof(in), "1 rsp %zu %s\n", strlen(data), data);
	assert_int_equal(parse(in), RELP_RSP);
	assert_int_equal(parser.code, 200);
	return (relp_offers_ok(parser.offers, parser.noffers, &why));
}

static void
servers_that_take_syslog_messages_are_ok(void **state)
{
	(void)state;
	assert_true(offers_ok("200 OK\n" OFFERS));
	assert_true(offers_ok("200 OK\n" OFFERS "\n"));
	assert_true(offers_ok("200 OK\ncommands=syslog\nrelp_version=0"));
	assert_true(
	    offers_ok("200 OK\nrelp_version=0\ncommands=eventlog,syslog,x"));
	assert_true(offers_ok("200 OK\n\n=\nnew_thing\nnew=1,2\n" OFFERS));
	/* As logstash answers. */
	assert_true(offers_ok("200 OK relp_version=0\n"
			      "relp_software=logstash,1.0.0,"
			      "http://logstash.net\ncommands=syslog"));
}

static void
servers_that_do_not_are_not(void **state)
{
	const char *none =
	    "the receiver does not offer to take syslog messages";

	(void)state;
	assert_false(offers_ok("200 OK"));
	assert_string_equal(why.text, none);
	assert_false(offers_ok("200 OK\nrelp_version=0\ncommands=eventlog"));
	assert_false(offers_ok("200 OK\nrelp_version=0\ncommands=syslogx"));
	assert_false(offers_ok("200 OK\nrelp_version=0\ncommands=xsyslog"));
	assert_false(offers_ok("200 OK\nrelp_version=0\ncommands=sys,log"));
	assert_false(offers_ok("200 OK\nrelp_version=0\ncommands"));
	assert_false(offers_ok("200 OK\nrelp_version=0\nxcommands=syslog"));
	assert_false(offers_ok("200 OK\nrelp_version=0\nx=commands=syslog"));
	assert_string_equal(why.text, none);
	assert_false(relp_offers_ok(NULL, 0, &why));
	assert_string_equal(why.text, none);
}

static void
another_version_than_0_is_not_ours(void **state)
{
	const char *version =
	    "the receiver wants another version of RELP than 0";

	(void)state;
	assert_false(offers_ok("200 OK\nrelp_version=1\ncommands=syslog"));
	assert_string_equal(why.text, version);
	assert_false(offers_ok("200 OK\ncommands=syslog\nrelp_version="));
	assert_string_equal(why.text, version);
	assert_false(offers_ok("200 OK\ncommands=syslog\nrelp_version"));
	assert_string_equal(why.text, version);
	assert_false(offers_ok("200 OK\ncommands=syslog\nrelp_version=0,1"));
	assert_string_equal(why.text, version);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_offers_syslog_and_version_0),
		cmocka_unit_test(
		    a_software_of_any_length_leaves_a_frame_that_is_whole),
		cmocka_unit_test(a_close_has_no_data),
		cmocka_unit_test(a_response_has_a_number_a_code_and_a_text),
		cmocka_unit_test(a_code_may_stand_alone),
		cmocka_unit_test(a_response_without_data_has_no_code),
		cmocka_unit_test(the_hint_that_the_server_closes_is_heard),
		cmocka_unit_test(
		    frames_come_one_at_a_time_out_of_what_was_read),
		cmocka_unit_test(
		    a_text_cannot_write_into_a_terminal_or_a_second_line),
		cmocka_unit_test(a_text_is_cut_at_80_octets),
		cmocka_unit_test(long_data_is_skipped_but_for_its_beginning),
		cmocka_unit_test(
		    more_data_than_128_kb_is_refused_before_any_is_read),
		cmocka_unit_test(a_transaction_number_has_1_to_9_digits),
		cmocka_unit_test(numbers_and_commands_belong_together),
		cmocka_unit_test(
		    what_is_not_relp_is_refused_at_its_first_wrong_octet),
		cmocka_unit_test(a_nul_ends_no_field),
		cmocka_unit_test(a_response_must_have_a_code_of_3_digits),
		cmocka_unit_test(after_an_error_nothing_is_believed),
		cmocka_unit_test(acceptances_in_order_are_read_together),
		cmocka_unit_test(
		    whatever_else_a_server_says_is_not_an_acceptance_in_order),
		cmocka_unit_test(servers_that_take_syslog_messages_are_ok),
		cmocka_unit_test(servers_that_do_not_are_not),
		cmocka_unit_test(another_version_than_0_is_not_ours),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
