/*
 * Goal: every row of the option tables is whole: its default passes its own
 * check, its member has the size that its type writes and is its own, and its
 * bounds are where they are documented.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/option.h"
#include "daemon/conf/tls.h"
#include "daemon/conf/url.h"

static const struct conf_option *
option(const char *kind, const char *name)
{
	const struct conf_option *o =
	    conf_option_find(conf_option_table(kind), name);

	assert_non_null(o);
	return (o);
}

/* Sets an option of a destination that is all zero, and returns it. */
static struct conf_destination
set(const char *kind, const char *name, const char *value)
{
	struct conf_destination d;
	struct reason why;

	memset(&d, 0, sizeof(d));
	if (conf_option_set(option(kind, name), &d, value, &why) == -1)
		fail_msg("%s = %s: %s", name, value, why.text);
	return (d);
}

static void
refused(const char *kind, const char *name, const char *value)
{
	struct conf_destination d;

	memset(&d, 0, sizeof(d));
	assert_int_equal(
	    conf_option_set(option(kind, name), &d, value, NULL), -1);
}

/* Sets all options of a kind to their defaults. */
static void
set_all(const char *kind, void *into)
{
	const struct conf_option *o = conf_option_table(kind);
	struct reason why;

	for (; o->name != NULL; o++)
		if (conf_option_set_defaults(o, into, &why) == -1)
			fail_msg("%s: %s", o->name, why.text);
}

static void
every_default_passes_its_own_check(void **state)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct conf_destination *d = calloc(1, sizeof(*d));
	struct conf_source *s = calloc(1, sizeof(*s));
	struct conf_element e = { NULL, 0 };

	(void)state;
	assert_true(c != NULL && d != NULL && s != NULL);
	TAILQ_INIT(&c->destinations);
	TAILQ_INIT(&c->sources);
	TAILQ_INSERT_TAIL(&c->destinations, d, entry);
	TAILQ_INSERT_TAIL(&c->sources, s, entry);
	set_all("", c);
	set_all("destination", d);
	set_all("tls", d);
	set_all("relp", d);
	set_all("source", s);
	set_all("structured_data", &e);
	assert_int_equal(d->nurls, 0);
	assert_int_equal(e.nparams, 0);
	conf_free(c);
}

/* Two rows that write the same member would undo each other. */
static void
no_two_options_of_a_section_have_one_member(void **state)
{
	const struct conf_kind *k;
	const struct conf_option *a, *b;

	(void)state;
	for (k = conf_option_kinds; k->name != NULL; k++)
		for (a = k->options; a->name != NULL; a++)
			for (b = a + 1; b->name != NULL; b++) {
				assert_string_not_equal(a->name, b->name);
				if (a->width > 0 && a->offset == b->offset &&
				    b->width > 0)
					fail_msg("%s, %s", a->name, b->name);
			}
}

/* Sets an option of *d, of which every bit is set. */
static void
set_in(struct conf_destination *d, const char *kind, const char *name,
    const char *value)
{
	assert_int_equal(
	    conf_option_set(option(kind, name), d, value, NULL), 0);
}

static void
members_of_every_width_are_written_alone(void **state)
{
	struct conf_destination d, want;

	(void)state;
	memset(&d, 0xff, sizeof(d));
	memset(&want, 0xff, sizeof(want));
	set_in(&d, "destination", "bom", "false");
	want.bom = false;
	assert_memory_equal(&d, &want, sizeof(d));
	set_in(&d, "tls", "min_version", "1.3");
	want.tls.only_1_3 = true;
	assert_memory_equal(&d, &want, sizeof(d));
	set_in(&d, "destination", "policy", "balance");
	want.policy = CONF_BALANCE;
	assert_memory_equal(&d, &want, sizeof(d));
	set_in(&d, "destination", "keepalive", "365d");
	want.keepalive_ms = 31536000000;
	assert_memory_equal(&d, &want, sizeof(d));
	set_in(&d, "relp", "window", "65536");
	want.relp_window = 65536;
	assert_memory_equal(&d, &want, sizeof(d));
}

static void
bounds_are_taken_and_what_is_beyond_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    set("destination", "max_message", "480").max_message, 480);
	assert_int_equal(
	    set("destination", "max_message", "1MB").max_message, 1048576);
	refused("destination", "max_message", "479");
	refused("destination", "max_message", "1048577");
	assert_int_equal(set("destination", "keepalive", "0s").keepalive_ms, 0);
	assert_int_equal(
	    set("destination", "ack_timeout", "1ms").ack_timeout_ms, 1);
	refused("destination", "ack_timeout", "0ms");
	assert_int_equal(
	    set("destination", "rate_limit", "2147483647").rate_limit,
	    INT32_MAX);
	refused("destination", "rate_limit", "2147483648");
	refused("relp", "window", "65537");
	refused("tls", "min_version", "1.1");
}

static void
an_empty_value_leaves_the_member_where_there_may_be_none(void **state)
{
	(void)state;
	assert_null(set("destination", "bind", "").bind);
	assert_null(set("tls", "server_name", "").tls.server_name);
	assert_null(set("tls", "key_file", "").tls.key.p);
	refused("destination", "keepalive", "");
	refused("destination", "policy", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_passes_its_own_check),
		cmocka_unit_test(no_two_options_of_a_section_have_one_member),
		cmocka_unit_test(members_of_every_width_are_written_alone),
		cmocka_unit_test(
		    bounds_are_taken_and_what_is_beyond_is_refused),
		cmocka_unit_test(
		    an_empty_value_leaves_the_member_where_there_may_be_none),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
