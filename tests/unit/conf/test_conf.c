/*
 * Goal: a configuration that is right becomes the structures that it says,
 * with the documented defaults; one that is wrong is refused with the line and
 * what to write instead; and a command line means what its file would.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/url.h"

#define DESTINATION "destination \"d\" { url = \"tcp://h\" }\n"
#define SOURCE "source \"s\" { paths = \"/l\" }\n"
/* Characters in the path of a socket: 107 on Linux, 103 on the BSDs. */
#define SOCKET_PATH (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char dir[64];
static char file[96];

static struct conf *
load(const char *text, struct reason *why)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	return (conf_load(file, NULL, why));
}

static struct conf *
accepted(const char *text)
{
	struct reason why = { "" };
	struct conf *c = load(text, &why);

	if (c == NULL)
		fail_msg("%s", why.text);
	return (c);
}

/* words: the whole of the message behind the name of the file. */
static void
refused(const char *text, const char *words)
{
	struct reason why = { "" };
	struct conf *c = load(text, &why);

	if (c != NULL)
		fail_msg("accepted: %s", text);
	assert_memory_equal(why.text, file, strlen(file));
	assert_string_equal(why.text + strlen(file), words);
}

/* A destination with this option; words stand behind the place. */
static void
refused_destination(const char *option, const char *words)
{
	char text[1024], message[1024];

	snprintf(text, sizeof(text),
	    "destination \"d\" {\nurl = \"tcp://h\"\n%s\n}\n" SOURCE, option);
	snprintf(message, sizeof(message), ":3: destination \"d\": %s", words);
	refused(text, message);
}

static void
refused_url(const char *url, const char *words)
{
	char text[1024], message[1024];

	snprintf(text, sizeof(text),
	    "destination \"d\" {\nurl = \"%s\"\n}\n" SOURCE, url);
	snprintf(message, sizeof(message), ":2: destination \"d\": %s", words);
	refused(text, message);
}

static void
refused_source(const char *option, const char *words)
{
	char text[1024], message[1024];

	snprintf(text, sizeof(text),
	    DESTINATION "source \"s\" {\npaths = \"/l\"\n%s\n}\n", option);
	snprintf(message, sizeof(message), ":4: source \"s\": %s", words);
	refused(text, message);
}

static struct conf_destination *
destination(const struct conf *c)
{
	assert_false(TAILQ_EMPTY(&c->destinations));
	return (TAILQ_FIRST(&c->destinations));
}

static struct conf_source *
source(const struct conf *c)
{
	assert_false(TAILQ_EMPTY(&c->sources));
	return (TAILQ_FIRST(&c->sources));
}

static void
what_is_left_out_has_the_documented_default(void **state)
{
	struct conf *c = accepted(DESTINATION SOURCE);
	const struct conf_destination *d = destination(c);
	const struct conf_source *s = source(c);
	char hostname[256] = "";

	(void)state;
	assert_string_equal(c->file, file);
	assert_string_equal(c->state_dir, CONF_STATE_DIR);
	assert_string_equal(c->control_socket, CONF_CONTROL_SOCKET);
	assert_string_equal(c->user, "_teslacoil");
	assert_int_equal(c->checkpoint_interval_ms, 1000);
	assert_int_equal(c->shutdown_timeout_ms, 5000);
	assert_int_equal(c->log_level, LOG_NOTICE);
	assert_string_equal(d->name, "d");
	assert_int_equal(d->format, SYSLOG_RFC5424);
	assert_int_equal(d->datagram_format, SYSLOG_LOCAL);
	assert_false(d->bom);
	assert_int_equal(d->wire, WIRE_OCTET);
	assert_int_equal(d->oversize, PACK_SPLIT);
	assert_int_equal(d->max_message, 8192);
	assert_int_equal(d->window, 4 * 1024 * 1024);
	assert_int_equal(d->connect_timeout_ms, 10000);
	assert_int_equal(d->ack_timeout_ms, 30000);
	assert_int_equal(d->retry_first_ms, 1000);
	assert_int_equal(d->retry_longest_ms, 60000);
	assert_string_equal(s->name, "s");
	assert_int_equal(s->npatterns, 1);
	assert_string_equal(s->paths[0], "/l");
	assert_int_equal(pattern_length(s->patterns[0]), 1);
	assert_int_equal(s->nexclude, 0);
	assert_int_equal(s->ndestinations, 1);
	assert_ptr_equal(s->destinations[0], d);
	assert_int_equal(s->facility, 16);
	assert_int_equal(s->severity, 5);
	assert_string_equal(s->app_name, "s");
	assert_string_equal(s->procid, "-");
	assert_string_equal(s->msgid, "-");
	assert_int_equal(gethostname(hostname, sizeof(hostname) - 1), 0);
	assert_string_equal(s->hostname, hostname);
	assert_string_equal(s->sd, "");
	assert_false(s->position);
	assert_true(s->compressed);
	assert_false(s->start_at_end);
	assert_int_equal(s->recursive_depth, 16);
	assert_int_equal(s->symlinks, CONF_SYMLINKS_SAFE);
	assert_int_equal(s->ignore_older_ms, 0);
	assert_int_equal(s->max_open, 0);
	assert_int_equal(s->text.invalid, TEXT_INVALID_REPLACE);
	assert_int_equal(s->text.control, TEXT_CONTROL_ESCAPE);
	assert_int_equal(s->partial_timeout_ms, 0);
	assert_false(s->poll);
	assert_int_equal(s->poll_interval_ms, 1000);
	conf_free(c);
}

static void
every_option_is_taken_as_it_is_written(void **state)
{
	struct conf *c = accepted(
	    "state_dir = \"/s\"\nuser = \"u\"\nhostname = \"global\"\n"
	    "checkpoint_interval = 250ms\nshutdown_timeout = \"0s\"\n"
	    "log_level = debug\n"
	    "destination a { url = \"unix:///dev/x\" format = raw bom = true\n"
	    " framing = newline max_message = 480 oversize = truncate\n"
	    " window = \"64KB\" connect_timeout = \"2m\"\n"
	    " ack_timeout = \"1h\" retry = { \"2s\", \"1d\" } }\n"
	    "destination b { url = \"stdout:\" retry = \"3s\" }\n"
	    "source x { paths = { \"/var/**/*.log\", '/a\\[b' }\n"
	    " exclude = { \"*.gz\", \"/x/*\", \"**/y/z\" }\n"
	    " destinations = { \"b\", \"a\" } facility = authpriv\n"
	    " severity = warning app_name = n procid = 12 msgid = m\n"
	    " hostname = own position = true start = end\n"
	    " compressed = false\n"
	    " structured_data \"a@1\" { params = { \"k=v=\\\"\", \"l=\" } }\n"
	    " structured_data \"b@1\" { }\n"
	    " symlinks = ignore ignore_older = 2d max_open = 7\n"
	    " recursive_depth = 3 encoding = \"UTF-8\" invalid = escape\n"
	    " control_chars = pass partial_timeout = 10s watch = poll\n"
	    " poll_interval = 7d }\n");
	const struct conf_destination *d = destination(c), *b;
	const struct conf_source *s = source(c);

	(void)state;
	b = TAILQ_NEXT(d, entry);
	assert_string_equal(c->state_dir, "/s");
	assert_string_equal(c->user, "u");
	assert_int_equal(c->checkpoint_interval_ms, 250);
	assert_int_equal(c->shutdown_timeout_ms, 0);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(d->format, SYSLOG_RAW);
	assert_int_equal(d->datagram_format, SYSLOG_RAW);
	assert_true(d->bom);
	assert_int_equal(d->wire, WIRE_NEWLINE);
	assert_int_equal(d->max_message, 480);
	assert_int_equal(d->oversize, PACK_TRUNCATE);
	assert_int_equal(d->window, 65536);
	assert_int_equal(d->connect_timeout_ms, 120000);
	assert_int_equal(d->ack_timeout_ms, 3600000);
	assert_int_equal(d->retry_first_ms, 2000);
	assert_int_equal(d->retry_longest_ms, 86400000);
	assert_int_equal(b->wire, WIRE_NEWLINE);
	assert_int_equal(b->retry_first_ms, 3000);
	assert_int_equal(b->retry_longest_ms, 3000);
	assert_int_equal(s->npatterns, 2);
	assert_string_equal(s->paths[1], "/a\\[b");
	assert_int_equal(s->nexclude, 3);
	assert_string_equal(s->exclude[2], "**/y/z");
	assert_int_equal(s->ndestinations, 2);
	assert_ptr_equal(s->destinations[0], b);
	assert_ptr_equal(s->destinations[1], d);
	assert_int_equal(s->facility, 10);
	assert_int_equal(s->severity, 4);
	assert_string_equal(s->app_name, "n");
	assert_string_equal(s->procid, "12");
	assert_string_equal(s->msgid, "m");
	assert_string_equal(s->hostname, "own");
	assert_true(s->position);
	assert_false(s->compressed);
	assert_true(s->start_at_end);
	assert_string_equal(s->sd, "[a@1 k=\"v=\\\"\" l=\"\"][b@1]");
	assert_int_equal(s->recursive_depth, 3);
	assert_int_equal(s->symlinks, CONF_SYMLINKS_IGNORE);
	assert_int_equal(s->ignore_older_ms, 2 * 86400000);
	assert_int_equal(s->max_open, 7);
	assert_int_equal(s->text.invalid, TEXT_INVALID_ESCAPE);
	assert_int_equal(s->text.control, TEXT_CONTROL_PASS);
	assert_int_equal(s->partial_timeout_ms, 10000);
	assert_true(s->poll);
	assert_int_equal(s->poll_interval_ms, 604800000);
	conf_free(c);
}

static void
an_empty_hostname_is_the_global_one_and_an_empty_user_nobody_else(void **state)
{
	struct conf *c = accepted("hostname = g user = \"\"\n" DESTINATION
				  "source s { paths = \"/l\" hostname = \"\" "
				  "app_name = \"\" }");

	(void)state;
	assert_string_equal(source(c)->hostname, "g");
	assert_string_equal(source(c)->app_name, "s");
	assert_null(c->user);
	conf_free(c);
}

static void
an_empty_list_is_a_list_left_out(void **state)
{
	struct conf *c = accepted("destination d { url = \"stdout:\" "
				  "retry = {} }\nsource s { paths = \"/l\" "
				  "destinations = {} exclude = { } }");

	(void)state;
	assert_int_equal(destination(c)->retry_first_ms, 1000);
	assert_int_equal(source(c)->ndestinations, 1);
	conf_free(c);
	refused(DESTINATION "source \"s\" {\npaths = {}\n}",
	    ":2: source \"s\": paths are missing: "
	    "paths = \"/var/log/*.log\"");
}

static void
macros_reach_the_options(void **state)
{
	const struct conf_pair macro = { "h", "x\"y" };
	const struct conf_pairs macros = { &macro, 1 };
	struct reason why = { "" };
	struct conf *c;

	(void)state;
	assert_null(load(DESTINATION "source s { paths = \"/${h}/*\" }", &why));
	c = conf_load(file, &macros, &why);
	assert_non_null(c);
	assert_string_equal(source(c)->paths[0], "/x\"y/*");
	conf_free(c);
}

static void
urls_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		enum conf_scheme scheme;
		const char *host, *port, *path;
	} good[] = {
		{ "udp://h", CONF_UDP, "h", "514", NULL },
		{ "tcp://h.example.com:6514", CONF_TCP, "h.example.com", "6514",
		    NULL },
		{ "tcp://192.0.2.1:65535", CONF_TCP, "192.0.2.1", "65535",
		    NULL },
		{ "tcp://[::1]", CONF_TCP, "::1", "514", NULL },
		{ "udp://[fe80::1%eth0]:1", CONF_UDP, "fe80::1%eth0", "1",
		    NULL },
		{ "tls://h", CONF_TLS, "h", "6514", NULL },
		{ "relp://h", CONF_RELP, "h", "2514", NULL },
		{ "relp+tls://h", CONF_RELP_TLS, "h", "2514", NULL },
		{ "unix:///dev/log", CONF_UNIX, NULL, NULL, "/dev/log" },
		{ "stdout:", CONF_STDOUT, NULL, NULL, NULL },
	};
	const struct conf_url *url;
	struct conf *c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text),
		    "destination d { url = \"%s\" }\n" SOURCE, good[i].text);
		c = accepted(text);
		url = &destination(c)->urls[0];
		assert_string_equal(url->text, good[i].text);
		assert_int_equal(url->scheme, good[i].scheme);
		assert_int_equal(url->host == NULL, good[i].host == NULL);
		if (url->host != NULL) {
			assert_false(url->srv);
			assert_string_equal(url->host, good[i].host);
			assert_string_equal(url->port, good[i].port);
		}
		assert_int_equal(url->path == NULL, good[i].path == NULL);
		if (url->path != NULL)
			assert_string_equal(url->path, good[i].path);
		conf_free(c);
	}
}

static void
a_service_is_looked_up_and_its_domain_is_the_peer(void **state)
{
	static const struct {
		const char *text;
		enum conf_scheme scheme;
		const char *host, *peer;
	} good[] = {
		{ "udp+srv://_syslog._udp.example.com", CONF_UDP,
		    "_syslog._udp.example.com", "example.com" },
		{ "tcp+srv://_syslog._tcp.example.com", CONF_TCP,
		    "_syslog._tcp.example.com", "example.com" },
		{ "tls+srv://_syslog-tls._tcp.logs.example.com.", CONF_TLS,
		    "_syslog-tls._tcp.logs.example.com.", "logs.example.com" },
		{ "relp+srv://_relp._tcp.corp", CONF_RELP, "_relp._tcp.corp",
		    "corp" },
		{ "relp+tls+srv://_relp._tcp.a.b", CONF_RELP_TLS,
		    "_relp._tcp.a.b", "a.b" },
	};
	const struct conf_url *url;
	struct conf *c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text),
		    "destination d { url = \"%s\" }\n" SOURCE, good[i].text);
		c = accepted(text);
		url = &destination(c)->urls[0];
		assert_true(url->srv);
		assert_int_equal(url->scheme, good[i].scheme);
		assert_string_equal(url->host, good[i].host);
		assert_null(url->port);
		assert_string_equal(conf_url_peer(url), good[i].peer);
		conf_free(c);
	}
}

static void
the_peer_has_neither_the_root_s_dot_nor_an_interface(void **state)
{
	static const struct {
		const char *text, *host, *peer;
	} good[] = {
		{ "tls://h.example.com", "h.example.com", "h.example.com" },
		{ "tls://h.example.com.:1", "h.example.com.", "h.example.com" },
		{ "tls://[fe80::1%eth0]", "fe80::1%eth0", "fe80::1" },
		{ "tls://[::1]", "::1", "::1" },
		{ "tls://192.0.2.1", "192.0.2.1", "192.0.2.1" },
	};
	const struct conf_url *url;
	struct conf *c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text),
		    "destination d { url = \"%s\" }\n" SOURCE, good[i].text);
		c = accepted(text);
		url = &destination(c)->urls[0];
		assert_string_equal(url->host, good[i].host);
		assert_string_equal(conf_url_peer(url), good[i].peer);
		conf_free(c);
	}
	refused_url("tls://.",
	    "the url \"tls://.\" is wrong: that is no name of a host");
}

static void
a_wrong_service_is_refused_with_what_is_right(void **state)
{
	static const char *const bad[] = { "tls+srv://example.com",
		"tls+srv://_syslog-tls.example.com",
		"tls+srv://_syslog-tls._udp.example.com",
		"tls+srv://_syslog-tls._tcp.", "tls+srv://_syslog-tls._tcp",
		"tls+srv://_syslog-tls._tcp.example.com:6514",
		"tls+srv://_syslog-tls._tcp.example.com/", "tls+srv://",
		"tls+srv://[::1]", "tls+srv://syslog-tls._tcp.example.com" };
	char words[512];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(words, sizeof(words),
		    "the url \"%s\" names no service: write "
		    "tls+srv://_service._tcp.example.com, without a port",
		    bad[i]);
		refused_url(bad[i], words);
	}
	refused_url("udp+srv://_syslog._tcp.example.com",
	    "the url \"udp+srv://_syslog._tcp.example.com\" names no service: "
	    "write udp+srv://_service._udp.example.com, without a port");
	refused_url("tls+srv:x",
	    "the url \"tls+srv:x\" lacks \"//\": write "
	    "tls+srv://_service._proto.name");
	refused_url("unix+srv:///dev/log",
	    "unknown url scheme \"unix+srv\" (udp, tcp, tls, relp, relp+tls, "
	    "unix, stdout)");
	refused_url("+srv://_a._tcp.b",
	    "the url \"+srv://_a._tcp.b\" does not say how: it begins with "
	    "udp://, tcp://, tls://, relp://, relp+tls:// or unix://, or is "
	    "stdout:");
}

static void
a_wrong_url_is_refused_with_what_is_right(void **state)
{
	static const char *const hosts[] = { "tcp://h:0", "udp://h:65536",
		"tcp://h:", "tcp://h:x", "tcp://h:99999999999999999999999",
		"tcp://[::1]:0", "udp://[::1]:" };
	static const char *const more[] = { "tcp://u@h", "tcp://h/x",
		"tcp://h:514/", "udp://h?x" };
	static const char *const none[] = { "h:514", "", "/dev/log",
		"localhost", "://h", "1tcp://h" };
	char text[512], words[600];

	(void)state;
	refused_url("tcpp://h",
	    "unknown url scheme \"tcpp\" (udp, tcp, tls, relp, relp+tls, unix, "
	    "stdout)");
	for (size_t i = 0; i < COUNT(hosts); i++) {
		snprintf(words, sizeof(words),
		    "the url \"%s\" has no good port: a number from 1 to 65535",
		    hosts[i]);
		refused_url(hosts[i], words);
	}
	for (size_t i = 0; i < COUNT(more); i++) {
		snprintf(words, sizeof(words),
		    "the url \"%s\" has more than host and port: write "
		    "%.3s://host:port",
		    more[i], more[i]);
		refused_url(more[i], words);
	}
	for (size_t i = 0; i < COUNT(none); i++) {
		snprintf(words, sizeof(words),
		    "the url \"%s\" does not say how: it begins with udp://, "
		    "tcp://, tls://, relp://, relp+tls:// or unix://, or is "
		    "stdout:",
		    none[i]);
		refused_url(none[i], words);
	}
	refused_url("tcp:h",
	    "the url \"tcp:h\" lacks \"//\": write "
	    "tcp://host:port");
	refused_url("tcp://:514",
	    "the url \"tcp://:514\" is wrong: the host is missing");
	refused_url("tcp://",
	    "the url \"tcp://\" is wrong: the host is "
	    "missing");
	refused_url("tcp://a b",
	    "the url \"tcp://a b\" is wrong: that is no name of a host");
	refused_url("tcp://::1",
	    "the url \"tcp://::1\" is wrong: an IPv6 "
	    "address stands in [ ]");
	refused_url("tcp://[::1",
	    "the url \"tcp://[::1\" is wrong: [ and ] "
	    "stand around an address, a port behind");
	refused_url("tcp://[::1]x",
	    "the url \"tcp://[::1]x\" is wrong: [ and "
	    "] stand around an address, a port behind");
	refused_url("tcp://[h]",
	    "the url \"tcp://[h]\" is wrong: between [ "
	    "and ] stands an IPv6 address");
	refused_url("unix://dev/log",
	    "the url \"unix://dev/log\" has no "
	    "absolute path: write unix:///dev/log");
	refused_url("unix:///",
	    "the url \"unix:///\" has no absolute path: "
	    "write unix:///dev/log");
	refused_url("stdout://",
	    "the url \"stdout://\" has more than it "
	    "needs: write stdout:");
	snprintf(text, sizeof(text), "unix:///%0200d", 0);
	snprintf(words, sizeof(words),
	    "url: the path of a socket has at most %zu characters: "
	    "\"/%0200d\"",
	    SOCKET_PATH, 0);
	refused_url(text, words);
	refused("destination \"d\"\n{\n}\n" SOURCE,
	    ":2: destination \"d\": the url is missing: "
	    "url = \"tcp://host:514\"");
}

static void
the_example_of_the_manual_names_line_and_destination(void **state)
{
	(void)state;
	refused("# 1\n/* 2\n3 */\n" SOURCE "// 5\n\n\n\n\n"
		"destination \"siem\" { # 10\n\n"
		"\turl = \"tcpp://siem.example.com\"\n}\n",
	    ":12: destination \"siem\": unknown url scheme \"tcpp\" "
	    "(udp, tcp, tls, relp, relp+tls, unix, stdout)");
}

static void
framing_is_refused_where_it_means_nothing(void **state)
{
	struct conf *c;

	(void)state;
	refused("destination \"d\" {\nurl = \"udp://h\"\nframing = "
		"newline\n}\n" SOURCE,
	    ":3: destination \"d\": framing means nothing over udp, where each "
	    "message is a datagram: leave it out");
	refused("destination \"d\" {\nurl = \"stdout:\"\n"
		"framing = octet-counted\n}\n" SOURCE,
	    ":3: destination \"d\": framing to stdout: is always \"newline\": "
	    "leave it out");
	c = accepted("destination \"d\" { url = \"udp://h\" }\n" SOURCE);
	assert_int_equal(destination(c)->wire, WIRE_DATAGRAM);
	conf_free(c);
}

static void
relp_has_a_window_of_messages_beside_that_of_bytes(void **state)
{
	struct conf *c = accepted(DESTINATION SOURCE);

	(void)state;
	assert_int_equal(destination(c)->relp_window, 0);
	assert_int_equal(destination(c)->window, 4 * 1024 * 1024);
	assert_int_equal(destination(c)->window_most, 64 * 1024 * 1024);
	conf_free(c);
	c = accepted("destination \"d\" {\nurl = \"relp://h\"\n"
		     "window = \"1MB\"\nrelp { window = 65536 }\n}\n" SOURCE);
	assert_int_equal(destination(c)->relp_window, 65536);
	assert_int_equal(destination(c)->window, 1024 * 1024);
	assert_int_equal(destination(c)->window_most, 1024 * 1024);
	conf_free(c);
	c = accepted("destination \"d\" { url = \"relp+tls://h\"\n"
		     "relp { } }\n" SOURCE);
	assert_int_equal(destination(c)->relp_window, 0);
	conf_free(c);
	refused("destination \"d\" {\nurl = \"relp://h\"\nrelp {\n"
		"window = -1\n}\n}\n" SOURCE,
	    ":4: relp: window: \"-1\" is not a number from 0 to 65536");
	refused("destination \"d\" {\nurl = \"relp://h\"\nrelp {\n"
		"window = 65537\n}\n}\n" SOURCE,
	    ":4: relp: window: \"65537\" is not a number from 0 to 65536");
	refused("destination \"d\" {\nurl = \"relp://h\"\nrelp {\n"
		"window = \"1MB\"\n}\n}\n" SOURCE,
	    ":4: relp: window: \"1MB\" is not a number from 0 to 65536");
	refused("destination \"d\" {\nurl = \"relp://h\"\nrelp { }\n"
		"relp { }\n}\n" SOURCE,
	    ":4: destination \"d\": relp is given twice: only one can count");
	refused("destination \"d\" {\nurl = \"relp://h\"\nrelp {\n"
		"verify = true\n}\n}\n" SOURCE,
	    ":4: relp: unknown option \"verify\": it belongs in tls { }");
}

static void
an_unknown_option_is_refused_with_the_one_that_was_meant(void **state)
{
	(void)state;
	refused_source("pathes = \"/x\"", "unknown option \"pathes\" (paths?)");
	refused_source(
	    "fcaility = \"/x\"", "unknown option \"fcaility\" (facility?)");
	refused_source("multiline { }", "unknown option \"multiline\"");
	refused_source("url = \"x\"",
	    "unknown option \"url\": it belongs in a destination");
	refused_source("log_level = \"x\"",
	    "unknown option \"log_level\": it stands outside of sections");
	refused_destination("facility = \"x\"",
	    "unknown option \"facility\": it belongs in a source");
	refused_destination("tls { }",
	    "tls means nothing over tcp: write a url as in \"tls://host\", or "
	    "leave it out");
	refused_destination("relp { }",
	    "relp means nothing over tcp: write a url as in "
	    "\"relp://host\", or leave it out");
	refused_source("tls { }", "unknown option \"tls\"");
	refused_source("relp { }", "unknown option \"relp\"");
	refused_source("verify = false",
	    "unknown option \"verify\": it belongs in tls { }");
	refused("sourc \"x\" {}\n", ":1: unknown option \"sourc\" (source?)");
	refused("state_dri = \"/x\"\n",
	    ":1: unknown option \"state_dri\" (state_dir?)");
	refused("metrics { }", ":1: unknown option \"metrics\"");
	refused("control_sokcet = \"/x\"",
	    ":1: unknown option \"control_sokcet\" (control_socket?)");
}

static void
an_option_given_twice_is_refused_at_the_second(void **state)
{
	(void)state;
	refused(DESTINATION "source \"s\" {\npaths = \"/l\"\nfacility = user\n"
			    "\nfacility = user\n}",
	    ":6: source \"s\": facility is given twice: only one can count");
	refused(DESTINATION "source \"s\" {\npaths = \"/l\"\npaths = \"/m\"\n}",
	    ":4: source \"s\": paths is given twice: write one list, "
	    "{ \"a\", \"b\" }");
	refused(DESTINATION "source \"s\" {\npaths = \"/l\"\npaths = {}\n}",
	    ":2: source \"s\": paths is given twice: write one list, "
	    "{ \"a\", \"b\" }");
	refused("user = a\nuser = a\n",
	    ":2: user is given twice: only one can count");
}

static void
two_sections_of_one_name_are_refused(void **state)
{
	(void)state;
	refused(DESTINATION DESTINATION SOURCE,
	    ":2: \"d\" is defined twice: each needs a name of its own");
	refused(DESTINATION SOURCE "\n" SOURCE,
	    ":4: \"s\" is defined twice: each needs a name of its own");
	refused_source("structured_data \"a@1\" {} structured_data \"a@1\" {}",
	    "\"a@1\" is defined twice: each needs a name of its own");
	conf_free(accepted("destination x { url = \"stdout:\" }\n"
			   "source x { paths = \"/l\" }"));
}

static void
names_of_sections_are_plain(void **state)
{
	static const char rule[] = "a name has 1 to 48 letters, digits, '.', "
				   "'_' and '-'";
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), ":1: destination \"a b\": %s", rule);
	refused("destination \"a b\" { url = \"stdout:\" }", text);
	snprintf(text, sizeof(text), ":2: source \"\": %s", rule);
	refused(DESTINATION "source \"\" { paths = \"/l\" }", text);
	snprintf(text, sizeof(text), ":2: source \"a?b\": %s", rule);
	refused(DESTINATION "source \"a\\nb\" { paths = \"/l\" }", text);
	conf_free(accepted(DESTINATION
	    "source \"0123456789012345678901234567890123456789._-AZaz8\" "
	    "{ paths = \"/l\" }"));
	refused(DESTINATION
	    "source \"0123456789012345678901234567890123456789._-AZaz89\" "
	    "{ paths = \"/l\" }",
	    ":2: source \"0123456789012345678901234567890123456789._-AZaz89\": "
	    "a name has 1 to 48 letters, digits, '.', '_' and '-'");
}

static void
lines_inside_of_lists_are_exact(void **state)
{
	(void)state;
	refused(DESTINATION "source \"s\" { # c\npaths = { \"/a\", # c\n"
			    "/* c\n c */ \"/b\",\n\"c\" }\n}",
	    ":6: source \"s\": paths: \"c\" is relative: paths begin with "
	    "\"/\"");
}

static void
paths_that_match_nothing_are_refused(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_null(
	    load(DESTINATION "source \"s\" { paths = \"/var/log/\" }", &why));
	assert_non_null(strstr(why.text,
	    "conf:2: source \"s\": paths: "
	    "\"/var/log/\" ends in \"/\""));
	assert_null(
	    load(DESTINATION "source \"s\" { paths = /var/log/* }", &why));
	assert_non_null(
	    strstr(why.text, "conf:2: /var/log/* must stand in quotes"));
	refused_source("exclude = \"a/b\"",
	    "exclude: \"a/b\" matches no path: with a \"/\" in it, it must "
	    "begin with \"/\" or \"**/\"");
	refused_source("exclude = \"\"",
	    "exclude: \"\" matches no file: write a name as in \"*.gz\", or a "
	    "whole path");
	refused("state_dir = x",
	    ":1: state_dir: \"x\" is not an absolute path: it must begin with "
	    "\"/\"");
	refused("state_dir = \"\"",
	    ":1: state_dir: \"\" is not an absolute path: it must begin with "
	    "\"/\"");
}

static void
destinations_may_follow_but_must_be_defined(void **state)
{
	struct conf *c = accepted("source s { paths = \"/l\" "
				  "destinations = d }\n" DESTINATION);

	(void)state;
	assert_ptr_equal(source(c)->destinations[0], destination(c));
	conf_free(c);
	refused("destination e { url = \"stdout:\" }\n" DESTINATION
		"source \"s\" { paths = \"/l\"\ndestinations = { \"d\",\n"
		"\"f\" }\n}",
	    ":5: source \"s\": destination \"f\" is not defined (e, d)");
	refused_source(
	    "destinations = { d, d }", "destination \"d\" is named twice");
}

static void
durations_have_a_number_and_a_unit(void **state)
{
	static const char *const bad[] = { "5", "s", "", "-1s", "1.5s", "5 s",
		"0x1s", "1w", "5sec" };
	char option[64], words[256];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(
		    option, sizeof(option), "ack_timeout = \"%s\"", bad[i]);
		snprintf(words, sizeof(words),
		    "ack_timeout: \"%s\" is not a duration: a number and one "
		    "of ms s m h d, as in \"5s\"",
		    bad[i]);
		refused_destination(option, words);
	}
	refused_destination("ack_timeout = \"0s\"",
	    "ack_timeout: \"0s\" is too short: at least \"1ms\"");
	refused_destination("ack_timeout = \"366d\"",
	    "ack_timeout: \"366d\" is too long: at most \"365d\"");
	refused_destination("ack_timeout = \"18446744073709551616ms\"",
	    "ack_timeout: \"18446744073709551616ms\" is too long: at most "
	    "\"365d\"");
	refused_destination("ack_timeout = \"213503982335d\"",
	    "ack_timeout: \"213503982335d\" is too long: at most \"365d\"");
	refused_source("partial_timeout = \"0s\"",
	    "partial_timeout: \"0s\" is too short: at least \"1ms\"");
	refused_destination("retry = { \"2s\", \"1s\" }",
	    "retry: the longest wait, \"1s\", is shorter than the first");
	refused_destination(
	    "retry = { 1s, 1s, 1s }", "retry: at most 2 values can be given");
}

static void
sizes_have_a_number_and_maybe_a_unit(void **state)
{
	static const char *const bad[] = { "x", "", "-1", "1.5MB", "1 MB",
		"1TB", "1K" };
	static const char *const far[] = { "479", "1048577", "2MB",
		"18446744073709551616", "18014398509481984KB" };
	char option[64], words[256];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(
		    option, sizeof(option), "max_message = \"%s\"", bad[i]);
		snprintf(words, sizeof(words),
		    "max_message: \"%s\" is not a size: a number, alone or "
		    "with KB MB GB, as in \"64KB\"",
		    bad[i]);
		refused_destination(option, words);
	}
	for (size_t i = 0; i < COUNT(far); i++) {
		snprintf(
		    option, sizeof(option), "max_message = \"%s\"", far[i]);
		snprintf(words, sizeof(words),
		    "max_message: \"%s\" is out of range: \"480\" to \"1MB\"",
		    far[i]);
		refused_destination(option, words);
	}
	refused_destination("window = 63KB",
	    "window: \"63KB\" is out of range: \"64KB\" to \"1GB\"");
	refused_destination("window = 64KB max_message = 33KB",
	    "the window must have room for two messages of max_message: at "
	    "least \"67584\"");
	conf_free(accepted("destination d { url = \"stdout:\" window = 64KB "
			   "max_message = 32kb }\n" SOURCE));
}

static void
what_the_local_syslog_writes_is_not_sent_to_it(void **state)
{
	(void)state;
	refused("destination d { url = \"tcp://h\" }\n"
		"destination l { url = \"unix:///dev/log\" }\n"
		"source s {\npaths = { \"/l\", \"/var/log/syslog\" } }\n",
	    ":4: source \"s\": paths: the syslog daemon of this host, "
	    "destination "
	    "\"l\", writes /var/log/syslog: each line would come back for "
	    "ever: "
	    "exclude = \"/var/log/syslog\", or send it elsewhere");
	conf_free(accepted("destination l { url = \"unix:///dev/log\" }\n"
			   "source s { paths = \"/var/log/syslog\"\n"
			   "exclude = \"/var/log/syslog\" }\n"));
	conf_free(accepted("destination l { url = \"unix:///dev/log\" }\n"
			   "destination d { url = \"tcp://h\" }\n"
			   "source s { paths = \"/var/log/syslog\"\n"
			   "destinations = d }\n"));
}

static void
choices_are_listed_when_none_is_taken(void **state)
{
	(void)state;
	refused_destination("format = rfc9999",
	    "unknown format \"rfc9999\" (auto, rfc5424, rfc3164, local, "
	    "raw)");
	refused_destination(
	    "framing = x", "unknown framing \"x\" (octet-counted, newline)");
	refused_destination(
	    "oversize = x", "unknown oversize \"x\" (split, truncate)");
	refused_source("start = x", "unknown start \"x\" (beginning, end)");
	refused_source(
	    "invalid = x", "unknown invalid \"x\" (replace, escape, pass)");
	refused_source(
	    "control_chars = x", "unknown control_chars \"x\" (escape, pass)");
	refused_source("watch = x", "unknown watch \"x\" (auto, poll)");
	refused_source(
	    "position = maybe", "position: \"maybe\" is not true or false");
	refused_source("encoding = latin1",
	    "encoding \"latin1\" is not supported: \"utf-8\" is");
	refused_source("recursive_depth = 0",
	    "recursive_depth: \"0\" is not a number from 1 to 256");
	refused_source("recursive_depth = 257",
	    "recursive_depth: \"257\" is not a number from 1 to 256");
	refused_source("symlinks = all",
	    "unknown symlinks \"all\" (safe, follow, ignore)");
	refused_source("ignore_older = soon",
	    "ignore_older: \"soon\" is not a duration: a number and one of ms "
	    "s m h d, as in \"5s\"");
	refused_source("max_open = -1",
	    "max_open: \"-1\" is not a number from 0 to 1048576");
	refused_source("facility = x",
	    "unknown facility \"x\" (kern, user, mail, daemon, auth, syslog, "
	    "lpr, news, uucp, cron, authpriv, ftp, local0 to local7)");
	refused_source("severity = x",
	    "unknown severity \"x\" (emerg, alert, crit, err, warning, notice, "
	    "info, debug)");
	refused("log_level = x",
	    ":1: unknown log_level \"x\" (error, warning, notice, info, "
	    "debug)");
}

static void
header_fields_fit_the_protocol(void **state)
{
	char option[400], words[600];

	(void)state;
	refused_source("app_name = \"a b\"",
	    "app_name: \"a b\" does not fit: at most 48 letters, digits and "
	    "signs of ASCII, no blanks");
	refused_source("hostname = \"h\xc3\xa9\"",
	    "hostname: \"h\xc3\xa9\" does not fit: at most 255 letters, digits "
	    "and signs of ASCII, no blanks");
	snprintf(option, sizeof(option), "msgid = \"%033d\"", 0);
	snprintf(words, sizeof(words),
	    "msgid: \"%033d\" does not fit: at most 32 letters, digits and "
	    "signs of ASCII, no blanks",
	    0);
	refused_source(option, words);
}

static void
structured_data_has_a_registered_form(void **state)
{
	static const char rule[] =
	    "this is no name for structured data: write name@number, where "
	    "number is an enterprise's, as in origin@32473";
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), ":4: structured_data \"a b\": %s", rule);
	refused(DESTINATION "source \"s\" {\npaths = \"/l\"\n"
			    "structured_data \"a b\" {} }",
	    text);
	refused(DESTINATION "source \"s\" {\npaths = \"/l\"\n"
			    "structured_data \"a@1\" {\nparams = \"k\" } }",
	    ":5: structured_data \"a@1\": params: \"k\" has no \"=\": write "
	    "\"name=value\"");
	refused(DESTINATION "source \"s\" {\npaths = \"/l\"\n"
			    "structured_data \"a@1\" {\nparams = \"k x=1\" } }",
	    ":5: structured_data \"a@1\": params: \"k x=1\": a name has 1 to "
	    "32 letters, digits and signs of ASCII, none of them = ] or \"");
	refused(DESTINATION "source \"s\" {\npaths = \"/l\" position = yes\n"
			    "structured_data \"position@32473\" {} }",
	    ":4: structured_data \"position@32473\": position = true adds this "
	    "element already: choose another name");
}

static void
what_is_not_well_formed_is_refused_where_it_is(void **state)
{
	(void)state;
	refused("user \"x\"\n", ":1: \"=\" is missing after user");
	refused("\nsource = \"x\"",
	    ":2: a name in quotes is missing, and "
	    "maybe \"{\", after source");
	refused("source { }",
	    ":1: a name in quotes is missing, and maybe "
	    "\"{\", after source");
	refused("source \"x\"\npaths = \"/l\"",
	    ":2: \"{\" is missing after the name of the source");
	refused("source \"s\" {\npaths = { \"/a\"\n\"/b\" }\n}",
	    ":3: source \"s\": \"/b\" stands where it cannot: is a name, "
	    "\"=\", \",\" or a brace missing before it?");
	refused("user = {",
	    ":1: the \"{\" here is never closed: \"}\" is "
	    "missing");
	refused("user = { a }",
	    ":1: \"{\" stands where it cannot: is a name, \"=\", \",\" or a "
	    "brace missing before it?");
	refused("source \"s\" {\n paths = \"/l\n\"\n}",
	    ":2: the string that begins here is not closed: \" is missing at "
	    "its end (a line break in it is written \\n)");
	refused("source \"s\" {\n paths = \"/l\"\n",
	    ":1: the \"{\" here is never closed: \"}\" is missing");
}

static void
a_configuration_that_does_nothing_is_refused(void **state)
{
	(void)state;
	refused("", ":1: nothing to do: add a destination");
	refused("# x\n" SOURCE, ":3: nothing to do: add a destination");
	refused(DESTINATION, ":2: nothing to do: add a source");
}

static void
a_failure_leaves_the_parser_fit_for_the_next_file(void **state)
{
	struct reason why;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_null(load("source \"s\" { paths = { \"a\"", &why));
		assert_null(load("user = 'x", &why));
		assert_null(load("source \"s\" { paths = } }", &why));
		conf_free(accepted(DESTINATION SOURCE));
	}
	conf_free(NULL);
}

static void
a_file_that_is_not_there_is_named(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_null(conf_load("/nonexistent/t.conf", NULL, &why));
	assert_string_equal(
	    why.text, "/nonexistent/t.conf: No such file or directory");
	assert_null(conf_load("/nonexistent/t.conf", NULL, NULL));
}

/*
 * The command line.
 */

static struct conf *
from_args(const char *url, const struct conf_pair *options, size_t n,
    const char *path, struct reason *why)
{
	const struct conf_pairs all = { options, n };
	char copy[512], *paths[1] = { copy };

	strlcpy(copy, path, sizeof(copy));
	return (conf_from_args(url, &all, paths, 1, why));
}

static void
args_refused(
    const char *url, const char *name, const char *value, const char *words)
{
	const struct conf_pair option = { name, value };
	struct reason why = { "" };

	assert_null(from_args(url, &option, name == NULL ? 0 : 1, "/l", &why));
	assert_string_equal(why.text, words);
}

static void
paths_alone_go_to_stdout_without_state(void **state)
{
	char one[] = "/var/log/a.log", two[] = "/x/a", three[] = "b.log",
	     four[] = "/x/*.log", five[] = "/y/.a-2", six[] = "/z/a.log";
	char *paths[] = { one, two, three, four, five, six };
	static const char *const names[] = { "a", "a-2", "b", "log", "a-2-2",
		"a-3" };
	char cwd[256];
	struct reason why = { "" };
	struct conf *c = conf_from_args(NULL, NULL, paths, COUNT(paths), &why);
	struct conf_source *s;
	size_t i = 0;

	(void)state;
	assert_non_null(c);
	assert_null(c->file);
	assert_null(c->state_dir);
	assert_null(c->user);
	assert_string_equal(destination(c)->name, "stdout");
	assert_int_equal(destination(c)->urls[0].scheme, CONF_STDOUT);
	assert_int_equal(destination(c)->wire, WIRE_NEWLINE);
	TAILQ_FOREACH (s, &c->sources, entry) {
		assert_string_equal(s->name, names[i++]);
		assert_string_equal(s->app_name, s->name);
		assert_int_equal(s->npatterns, 1);
	}
	assert_int_equal(i, COUNT(paths));
	s = TAILQ_NEXT(TAILQ_NEXT(source(c), entry), entry);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	strlcat(cwd, "/b.log", sizeof(cwd));
	assert_string_equal(s->paths[0], cwd);
	conf_free(c);
}

static void
options_of_every_kind_go_by_their_bare_name(void **state)
{
	static const struct conf_pair options[] = { { "state_dir", "/s" },
		{ "user", "u" }, { "exclude", "*.gz" }, { "exclude", "*.xz" },
		{ "retry", "2s" }, { "retry", "3s" }, { "hostname", "h" },
		{ "window", "1MB" }, { "checkpoint_interval", "2s" } };
	struct reason why = { "" };
	struct conf *c =
	    from_args("tcp://h:1", options, COUNT(options), "/l", &why);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->state_dir, "/s");
	assert_string_equal(c->user, "u");
	assert_int_equal(c->checkpoint_interval_ms, 2000);
	assert_string_equal(destination(c)->name, "tcp");
	assert_int_equal(destination(c)->window, 1024 * 1024);
	assert_int_equal(destination(c)->retry_longest_ms, 3000);
	assert_string_equal(source(c)->hostname, "h");
	assert_int_equal(source(c)->nexclude, 2);
	assert_string_equal(source(c)->exclude[1], "*.xz");
	conf_free(c);
}

static void
a_control_socket_has_a_path_that_fits(void **state)
{
	struct conf *c = accepted("control_socket = \"\"\n" DESTINATION SOURCE);
	char path[110], text[256], words[256];

	(void)state;
	assert_null(c->control_socket);
	conf_free(c);
	refused("control_socket = \"x\"\n",
	    ":1: control_socket: \"x\" is not an absolute path: it must begin "
	    "with \"/\"");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	snprintf(text, sizeof(text), "control_socket = \"%s\"\n", path);
	snprintf(words, sizeof(words),
	    ":1: control_socket \"%s\" is longer than the path of a socket may "
	    "be: %zu characters",
	    path, SOCKET_PATH);
	refused(text, words);
}

static void
a_relative_state_dir_counts_from_here(void **state)
{
	static const struct conf_pair option = { "state_dir", "s" };
	struct conf *c = from_args(NULL, &option, 1, "/l", NULL);
	char cwd[256];

	(void)state;
	assert_non_null(c);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	strlcat(cwd, "/s", sizeof(cwd));
	assert_string_equal(c->state_dir, cwd);
	conf_free(c);
	args_refused(NULL, "state_dir", "",
	    "-o state_dir: \"\" is not an absolute path: it must begin with "
	    "\"/\"");
}

static void
errors_of_the_command_line_name_the_argument(void **state)
{
	static const struct conf_pair twice[] = { { "facility", "user" },
		{ "facility", "user" } };
	struct reason why = { "" };

	(void)state;
	args_refused(
	    NULL, "facilty", "x", "-o facilty: unknown option (facility?)");
	args_refused(NULL, "zzz", "x", "-o zzz: unknown option");
	args_refused(NULL, "facility", "x\"\n} source",
	    "-o facility: unknown facility \"x\"?} source\" (kern, user, mail, "
	    "daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, "
	    "local0 to local7)");
	args_refused("tcpp://h", NULL, NULL,
	    "-t: unknown url scheme \"tcpp\" (udp, tcp, tls, relp, relp+tls, "
	    "unix, stdout)");
	args_refused(NULL, "url", "tcpp://h",
	    "-o url: unknown url scheme \"tcpp\" (udp, tcp, tls, relp, "
	    "relp+tls, unix, stdout)");
	args_refused("stdout:", "url", "stdout:",
	    "-o url: url is given twice: write one list, { \"a\", \"b\" }");
	args_refused("udp://h", "framing", "newline",
	    "-o framing: framing means nothing over udp, where each message is "
	    "a datagram: leave it out");
	args_refused(NULL, "paths", "/x",
	    "-o paths: write the paths behind the options");
	args_refused(NULL, "destinations", "x",
	    "-o destinations: there is one: write -t url");
	assert_null(from_args(NULL, twice, 2, "/l", &why));
	assert_string_equal(why.text,
	    "-o facility: facility is given twice: only one can count");
	assert_null(conf_from_args(NULL, NULL, NULL, 0, &why));
	assert_string_equal(why.text, "there is no path to read");
	assert_null(from_args(NULL, NULL, 0, "", &why));
	assert_string_equal(why.text, "a path is empty");
	assert_null(from_args(NULL, NULL, 0, "/a/../b", &why));
	assert_memory_equal(why.text, "/a/../b: ", 9);
	assert_null(from_args(NULL, NULL, 0, dir, &why));
	assert_non_null(strstr(why.text, ": is a directory: write \""));
}

static void
any_bytes_in_a_path_survive(void **state)
{
	static const char path[] = "/a b\"c'd\\\\e\nf\t\x01"
				   "1${HOME}#\xff//*x?";
	struct reason why = { "" };
	struct conf *c = from_args(NULL, NULL, 0, path, &why);

	(void)state;
	if (c == NULL)
		fail_msg("%s", why.text);
	assert_string_equal(source(c)->paths[0], path);
	assert_string_equal(source(c)->name, "x");
	conf_free(c);
}

static void
a_file_that_is_there_is_meant_literally(void **state)
{
	char path[128], quoted[160];
	struct conf *c;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/a[1]*.log", dir);
	snprintf(quoted, sizeof(quoted), "%s/a\\[1\\]\\*.log", dir);
	c = from_args(NULL, NULL, 0, path, NULL);
	assert_non_null(c);
	assert_string_equal(source(c)->paths[0], path);
	conf_free(c);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	c = from_args(NULL, NULL, 0, path, NULL);
	assert_non_null(c);
	assert_string_equal(source(c)->paths[0], quoted);
	assert_string_equal(source(c)->name, "a1");
	conf_free(c);
}

static void
a_glob_counts_from_the_directory_whatever_its_name(void **state)
{
	char odd[96], cwd[256], glob[128];
	struct conf *c;

	(void)state;
	snprintf(odd, sizeof(odd), "%s/[x]", dir);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(mkdir(odd, 0700), 0);
	assert_int_equal(chdir(odd), 0);
	c = from_args(NULL, NULL, 0, "*.log", NULL);
	assert_non_null(c);
	snprintf(glob, sizeof(glob), "%s/\\[x\\]/*.log", dir);
	assert_string_equal(source(c)->paths[0], glob);
	conf_free(c);
	c = from_args(NULL, NULL, 0, "../y/../*.log", NULL);
	assert_null(c); /* there is no y */
	c = from_args(NULL, NULL, 0, "../*.log", NULL);
	assert_non_null(c);
	snprintf(glob, sizeof(glob), "%s/*.log", dir);
	assert_string_equal(source(c)->paths[0], glob);
	conf_free(c);
	assert_int_equal(chdir(cwd), 0);
}

static void
a_thousand_paths_have_a_thousand_names(void **state)
{
	enum {
		PATHS = 1000
	};
	char *paths[PATHS], last[16] = "";
	struct conf_source *s, *other;
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < PATHS; i++) {
		paths[i] = malloc(32);
		assert_non_null(paths[i]);
		snprintf(
		    paths[i], 32, "/d%zu/a%s.log", i, i % 3 == 0 ? "-2" : "");
	}
	c = conf_from_args(NULL, NULL, paths, PATHS, NULL);
	assert_non_null(c);
	TAILQ_FOREACH (s, &c->sources, entry) {
		for (other = TAILQ_NEXT(s, entry); other != NULL;
		     other = TAILQ_NEXT(other, entry))
			assert_string_not_equal(s->name, other->name);
		strlcpy(last, s->name, sizeof(last));
	}
	assert_memory_equal(last, "a-2-", 4);
	conf_free(c);
	for (size_t i = 0; i < PATHS; i++)
		free(paths[i]);
}

static int
make_dir(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/test_conf.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return (-1);
	snprintf(file, sizeof(file), "%s/teslacoil.conf", dir);
	return (0);
}

static int
remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return (system(command));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_the_local_syslog_writes_is_not_sent_to_it),
		cmocka_unit_test(what_is_left_out_has_the_documented_default),
		cmocka_unit_test(every_option_is_taken_as_it_is_written),
		cmocka_unit_test(
		    an_empty_hostname_is_the_global_one_and_an_empty_user_nobody_else),
		cmocka_unit_test(an_empty_list_is_a_list_left_out),
		cmocka_unit_test(macros_reach_the_options),
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(
		    a_service_is_looked_up_and_its_domain_is_the_peer),
		cmocka_unit_test(
		    the_peer_has_neither_the_root_s_dot_nor_an_interface),
		cmocka_unit_test(a_wrong_service_is_refused_with_what_is_right),
		cmocka_unit_test(a_wrong_url_is_refused_with_what_is_right),
		cmocka_unit_test(
		    the_example_of_the_manual_names_line_and_destination),
		cmocka_unit_test(framing_is_refused_where_it_means_nothing),
		cmocka_unit_test(
		    relp_has_a_window_of_messages_beside_that_of_bytes),
		cmocka_unit_test(
		    an_unknown_option_is_refused_with_the_one_that_was_meant),
		cmocka_unit_test(
		    an_option_given_twice_is_refused_at_the_second),
		cmocka_unit_test(two_sections_of_one_name_are_refused),
		cmocka_unit_test(names_of_sections_are_plain),
		cmocka_unit_test(lines_inside_of_lists_are_exact),
		cmocka_unit_test(paths_that_match_nothing_are_refused),
		cmocka_unit_test(destinations_may_follow_but_must_be_defined),
		cmocka_unit_test(durations_have_a_number_and_a_unit),
		cmocka_unit_test(sizes_have_a_number_and_maybe_a_unit),
		cmocka_unit_test(choices_are_listed_when_none_is_taken),
		cmocka_unit_test(header_fields_fit_the_protocol),
		cmocka_unit_test(structured_data_has_a_registered_form),
		cmocka_unit_test(
		    what_is_not_well_formed_is_refused_where_it_is),
		cmocka_unit_test(a_configuration_that_does_nothing_is_refused),
		cmocka_unit_test(
		    a_failure_leaves_the_parser_fit_for_the_next_file),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(paths_alone_go_to_stdout_without_state),
		cmocka_unit_test(options_of_every_kind_go_by_their_bare_name),
		cmocka_unit_test(a_control_socket_has_a_path_that_fits),
		cmocka_unit_test(a_relative_state_dir_counts_from_here),
		cmocka_unit_test(errors_of_the_command_line_name_the_argument),
		cmocka_unit_test(any_bytes_in_a_path_survive),
		cmocka_unit_test(a_file_that_is_there_is_meant_literally),
		cmocka_unit_test(
		    a_glob_counts_from_the_directory_whatever_its_name),
		cmocka_unit_test(a_thousand_paths_have_a_thousand_names),
	};

	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
