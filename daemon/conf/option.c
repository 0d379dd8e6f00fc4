#include "daemon/conf/option.h"

#include <assert.h>
#include <string.h>
#include <syslog.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/tls.h"

#define KB ((size_t)1024)
#define MB (1024 * KB)

/* Longest fields, RFC 5424 6. */
#define HOSTNAME_LONGEST 255
#define APP_NAME_LONGEST 48
#define PROCID_LONGEST 128
#define MSGID_LONGEST 32

/* RFC 5425 4.3.1: every receiver takes 480 octets. */
#define MESSAGE_LEAST 480
#define MESSAGE_MOST MB

/* Memory is kept for each message without a response. */
#define RELP_WINDOW_MOST (64 * 1024)

/*
 * The types of options.
 */

/* Puts value into a member that is a bool, an enum or an integer. */
static int
store(const struct conf_option *o, void *into, uint64_t value)
{
	unsigned char *member = (unsigned char *)into + o->offset;
	uint32_t narrow = (uint32_t)value;
	bool yes = value != 0;

	if (o->width == sizeof(value))
		memcpy(member, &value, sizeof(value));
	else if (o->width == sizeof(narrow))
		memcpy(member, &narrow, sizeof(narrow));
	else {
		assert(o->width == sizeof(yes));
		memcpy(member, &yes, sizeof(yes));
	}
	return (0);
}

/* Puts a copy of value into a member that is a char *. */
static int
keep(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	void *member = (unsigned char *)into + o->offset;

	return (conf_value_keep(value, member, why));
}

static int
set_duration(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	uint64_t ms;

	if (conf_value_duration(value, o->least, &ms, why) == -1)
		return (-1);
	return (store(o, into, ms));
}

static int
set_size(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	size_t size;

	if (conf_value_size(
		value, (size_t)o->least, (size_t)o->most, &size, why) == -1)
		return (-1);
	return (store(o, into, size));
}

static int
set_number(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	int number;

	if (conf_value_number(
		value, (int)o->least, (int)o->most, &number, why) == -1)
		return (-1);
	return (store(o, into, (uint64_t)number));
}

static int
set_bool(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	bool yes;

	if (conf_value_bool(value, &yes, why) == -1)
		return (-1);
	return (store(o, into, yes));
}

static int
set_choice(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	int choice;

	if (conf_value_choice(value, o->name, o->choices, &choice, why) == -1)
		return (-1);
	return (store(o, into, (uint64_t)choice));
}

static int
set_field(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	if (conf_value_field(value, (size_t)o->most, why) == -1)
		return (-1);
	return (keep(o, into, value, why));
}

static int
set_path(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	if (conf_value_absolute(value, why) == -1)
		return (-1);
	return (keep(o, into, value, why));
}

/* Puts the content of the file value into a member of struct conf_bytes. */
static int
set_content(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	void *member = (unsigned char *)into + o->offset;

	return (conf_tls_read(member, value, why));
}

static int
set_special(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	return (o->special(into, value, why));
}

/*
 * A row: name and default, type, member.
 */

#define OPTION(text, value)                                                    \
	.name = (text), .most_values = 1, .defaults = { value }
#define LIST(text, most, ...)                                                  \
	.name = (text), .most_values = (most), .defaults = { __VA_ARGS__ }
#define END                                                                    \
	{                                                                      \
		.name = NULL                                                   \
	}

#define DURATION(shortest) .set = set_duration, .least = (shortest)
#define SIZE(from, to) .set = set_size, .least = (from), .most = (to)
#define NUMBER(from, to) .set = set_number, .least = (from), .most = (to)
#define BOOL .set = set_bool
#define CHOICE(...)                                                            \
	.set = set_choice, .choices = (const struct conf_choice[])             \
	{                                                                      \
		__VA_ARGS__,                                                   \
		{                                                              \
			NULL, 0                                                \
		}                                                              \
	}
#define FIELD(longest) .set = set_field, .most = (longest)
#define TEXT .set = keep
#define PATH .set = set_path, .is_path = true
#define SPECIAL(function) .set = set_special, .special = (function)
#define CONTENT .set = set_content, .is_path = true, OR_NONE
#define OR_NONE .may_be_empty = true

#define OF(structure, member)                                                  \
	.offset = offsetof(struct structure, member),                          \
	.width = sizeof(((struct structure *)NULL)->member)

static const struct conf_option global[] = {
	{ OPTION("state_dir", CONF_STATE_DIR), PATH, OF(conf, state_dir) },
	{ OPTION("control_socket", CONF_CONTROL_SOCKET),
	    SPECIAL(conf_special_control_socket), .is_path = true, OR_NONE },
	{ OPTION("user", "_teslacoil"), TEXT, OR_NONE, OF(conf, user) },
	{ OPTION("hostname", ""), FIELD(HOSTNAME_LONGEST), OF(conf, hostname) },
	{ OPTION("checkpoint_interval", "1s"), DURATION(1),
	    OF(conf, checkpoint_interval_ms) },
	{ OPTION("shutdown_timeout", "5s"), DURATION(0),
	    OF(conf, shutdown_timeout_ms) },
	{ OPTION("log_level", "notice"),
	    CHOICE({ "error", LOG_ERR }, { "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE }, { "info", LOG_INFO },
		{ "debug", LOG_DEBUG }),
	    OF(conf, log_level) },
	END,
};

static const struct conf_option destination[] = {
	{ LIST("url", CONF_URLS, NULL), SPECIAL(conf_special_url) },
	{ OPTION("policy", "failover"),
	    CHOICE({ "failover", CONF_FAILOVER }, { "balance", CONF_BALANCE }),
	    OF(conf_destination, policy) },
	{ OPTION("format", "auto"), SPECIAL(conf_special_format) },
	{ OPTION("bom", "false"), BOOL, OF(conf_destination, bom) },
	{ OPTION("framing", "octet-counted"),
	    CHOICE(
		{ "octet-counted", WIRE_OCTET }, { "newline", WIRE_NEWLINE }),
	    OF(conf_destination, wire) },
	{ OPTION("max_message", "8KB"), SIZE(MESSAGE_LEAST, MESSAGE_MOST),
	    OF(conf_destination, max_message) },
	{ OPTION("oversize", "split"),
	    CHOICE({ "split", PACK_SPLIT }, { "truncate", PACK_TRUNCATE }),
	    OF(conf_destination, oversize) },
	{ OPTION("window", "auto"), SPECIAL(conf_special_window) },
	{ OPTION("connect_timeout", "10s"), DURATION(1),
	    OF(conf_destination, connect_timeout_ms) },
	{ OPTION("ack_timeout", "30s"), DURATION(1),
	    OF(conf_destination, ack_timeout_ms) },
	{ LIST("retry", 2, "1s", "60s"), SPECIAL(conf_special_retry) },
	{ OPTION("resend_on_reset", "auto"),
	    SPECIAL(conf_special_resend_on_reset) },
	{ OPTION("keepalive", "60s"), DURATION(0),
	    OF(conf_destination, keepalive_ms) },
	{ OPTION("bind", ""), SPECIAL(conf_special_bind), OR_NONE },
	{ OPTION("rate_limit", "0"), NUMBER(0, INT32_MAX),
	    OF(conf_destination, rate_limit) },
	END,
};

static const struct conf_option tls[] = {
	{ OPTION("ca_file", ""), CONTENT, OF(conf_destination, tls.ca) },
	{ OPTION("cert_file", ""), CONTENT, OF(conf_destination, tls.cert) },
	{ OPTION("key_file", ""), CONTENT, OF(conf_destination, tls.key) },
	{ OPTION("server_name", ""), SPECIAL(conf_special_server_name),
	    OR_NONE },
	{ LIST("fingerprint", CONF_OPTION_ANY, NULL),
	    SPECIAL(conf_special_fingerprint) },
	{ OPTION("verify", "true"), BOOL, OF(conf_destination, tls.verify) },
	{ OPTION("min_version", "1.2"),
	    CHOICE({ "1.2", false }, { "1.3", true }),
	    OF(conf_destination, tls.only_1_3) },
	END,
};

static const struct conf_option relp[] = {
	{ OPTION("window", "0"), NUMBER(0, RELP_WINDOW_MOST),
	    OF(conf_destination, relp_window) },
	END,
};

static const struct conf_option source[] = {
	{ LIST("paths", CONF_OPTION_ANY, NULL), SPECIAL(conf_special_paths) },
	{ LIST("exclude", CONF_OPTION_ANY, NULL),
	    SPECIAL(conf_special_exclude) },
	{ LIST("destinations", CONF_OPTION_ANY, NULL) },
	{ OPTION("facility", "local0"), SPECIAL(conf_special_facility) },
	{ OPTION("severity", "notice"), SPECIAL(conf_special_severity) },
	{ OPTION("app_name", ""), FIELD(APP_NAME_LONGEST),
	    OF(conf_source, app_name) },
	{ OPTION("procid", "-"), FIELD(PROCID_LONGEST),
	    OF(conf_source, procid) },
	{ OPTION("msgid", "-"), FIELD(MSGID_LONGEST), OF(conf_source, msgid) },
	{ OPTION("hostname", ""), FIELD(HOSTNAME_LONGEST),
	    OF(conf_source, hostname) },
	{ OPTION("compressed", "true"), BOOL, OF(conf_source, compressed) },
	{ OPTION("position", "false"), BOOL, OF(conf_source, position) },
	{ OPTION("start", "beginning"),
	    CHOICE({ "beginning", false }, { "end", true }),
	    OF(conf_source, start_at_end) },
	{ OPTION("recursive_depth", "16"), NUMBER(1, 256),
	    OF(conf_source, recursive_depth) },
	{ OPTION("symlinks", "safe"),
	    CHOICE({ "safe", CONF_SYMLINKS_SAFE },
		{ "follow", CONF_SYMLINKS_FOLLOW },
		{ "ignore", CONF_SYMLINKS_IGNORE }),
	    OF(conf_source, symlinks) },
	{ OPTION("ignore_older", ""), DURATION(1), OR_NONE,
	    OF(conf_source, ignore_older_ms) },
	{ OPTION("encoding", "utf-8"), SPECIAL(conf_special_encoding) },
	{ OPTION("invalid", "replace"),
	    CHOICE({ "replace", TEXT_INVALID_REPLACE },
		{ "escape", TEXT_INVALID_ESCAPE },
		{ "pass", TEXT_INVALID_PASS }),
	    OF(conf_source, text.invalid) },
	{ OPTION("control_chars", "escape"),
	    CHOICE({ "escape", TEXT_CONTROL_ESCAPE },
		{ "pass", TEXT_CONTROL_PASS }),
	    OF(conf_source, text.control) },
	{ OPTION("partial_timeout", ""), DURATION(1), OR_NONE,
	    OF(conf_source, partial_timeout_ms) },
	{ OPTION("watch", "auto"), CHOICE({ "auto", false }, { "poll", true }),
	    OF(conf_source, poll) },
	{ OPTION("poll_interval", "1s"), DURATION(1),
	    OF(conf_source, poll_interval_ms) },
	{ OPTION("max_open", "0"), NUMBER(0, 1048576),
	    OF(conf_source, max_open) },
	END,
};

static const struct conf_option structured_data[] = {
	{ LIST("params", CONF_OPTION_ANY, NULL), SPECIAL(conf_special_params) },
	END,
};

#define FITS(table) (sizeof(table) / sizeof((table)[0]) <= CONF_OPTION_MAX)
_Static_assert(FITS(global) && FITS(destination) && FITS(tls) && FITS(relp) &&
	FITS(source) && FITS(structured_data),
    "CONF_OPTION_MAX is too small");

const struct conf_kind conf_option_kinds[] = { { "", "", "outside of sections",
						   global },
	{ "destination", "", "in a destination", destination },
	{ "tls", "destination", "in tls { }", tls },
	{ "relp", "destination", "in relp { }", relp },
	{ "source", "", "in a source", source },
	{ "structured_data", "source", "in a structured_data",
	    structured_data },
	{ NULL, NULL, NULL, NULL } };

const struct conf_option *
conf_option_table(const char *kind)
{
	const struct conf_kind *k = conf_option_kinds;

	while (strcmp(k->name, kind) != 0)
		k++;
	return (k->options);
}

const struct conf_option *
conf_option_find(const struct conf_option *o, const char *name)
{
	for (; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return (o);
	return (NULL);
}

const char *
conf_option_near(const struct conf_option *o, const char *name)
{
	for (; o->name != NULL; o++)
		if (conf_value_is_near(name, o->name))
			return (o->name);
	return (NULL);
}

int
conf_option_set(const struct conf_option *o, void *into, const char *value,
    struct reason *why)
{
	if (o->set == NULL || (o->may_be_empty && *value == '\0'))
		return (0);
	return (o->set(o, into, value, why));
}

int
conf_option_set_defaults(
    const struct conf_option *o, void *into, struct reason *why)
{
	for (size_t i = 0; o->defaults[i] != NULL; i++)
		if (conf_option_set(o, into, o->defaults[i], why) == -1)
			return (-1);
	return (0);
}
