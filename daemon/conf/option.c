#include "daemon/conf/option.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "daemon/base/control_socket.h"
#include "daemon/conf/url.h"
#include "daemon/conf/value.h"

#define KB ((size_t)1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define WINDOW_FIRST (4 * MB) /* of window = "auto" */
#define WINDOW_MOST (64 * MB)

/* Longest fields, RFC 5424 6. */
#define HOSTNAME_LONGEST 255
#define APP_NAME_LONGEST 48
#define PROCID_LONGEST 128
#define MSGID_LONGEST 32

/*
 * The options outside of sections.
 */

static int
set_state_dir(void *into, const char *value, struct reason *why)
{
	struct conf_globals *g = into;

	if (conf_value_absolute(value, why) == -1)
		return (-1);
	return (conf_value_keep(value, &g->conf->state_dir, why));
}

/* "": there is none. */
static int
set_control_socket(void *into, const char *value, struct reason *why)
{
	struct conf_globals *g = into;

	if (*value == '\0')
		return (0);
	if (conf_value_absolute(value, why) == -1)
		return (-1);
	if (strlen(value) > CONTROL_PATH_MAX)
		return (reason_set(why,
		    "control_socket \"%s\" is longer than the path of a "
		    "socket may be: %zu characters",
		    value, CONTROL_PATH_MAX));
	return (conf_value_keep(value, &g->conf->control_socket, why));
}

/* "": whoever started it. */
static int
set_user(void *into, const char *value, struct reason *why)
{
	struct conf_globals *g = into;

	if (*value == '\0')
		return (0);
	return (conf_value_keep(value, &g->conf->user, why));
}

static int
set_global_hostname(void *into, const char *value, struct reason *why)
{
	struct conf_globals *g = into;

	if (conf_value_field(value, HOSTNAME_LONGEST, why) == -1)
		return (-1);
	return (conf_value_keep(value, &g->hostname, why));
}

static int
set_checkpoint_interval(void *into, const char *value, struct reason *why)
{
	struct conf_globals *g = into;

	return (conf_value_duration(
	    value, 1, &g->conf->checkpoint_interval_ms, why));
}

static int
set_shutdown_timeout(void *into, const char *value, struct reason *why)
{
	struct conf_globals *g = into;

	return (
	    conf_value_duration(value, 0, &g->conf->shutdown_timeout_ms, why));
}

static int
set_log_level(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice levels[] = { { "error", LOG_ERR },
		{ "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		{ "info", LOG_INFO }, { "debug", LOG_DEBUG }, { NULL, 0 } };
	struct conf_globals *g = into;

	return (conf_value_choice(
	    value, "log_level", levels, &g->conf->log_level, why));
}

static const struct conf_option global_options[] = {
	{ "state_dir", 1, { CONF_STATE_DIR }, set_state_dir },
	{ "control_socket", 1, { CONF_CONTROL_SOCKET }, set_control_socket },
	{ "user", 1, { "_teslacoil" }, set_user },
	{ "hostname", 1, { "" }, set_global_hostname },
	{ "checkpoint_interval", 1, { "1s" }, set_checkpoint_interval },
	{ "shutdown_timeout", 1, { "5s" }, set_shutdown_timeout },
	{ "log_level", 1, { "notice" }, set_log_level },
	{ NULL, 0, { NULL }, NULL }
};

/*
 * The options of a destination.
 */

static int
set_url(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	struct conf_url *url = &d->urls[d->nurls];

	if (conf_url_parse(url, value, why) == -1)
		return (-1);
	d->nurls++;
	if (url->scheme != d->urls[0].scheme)
		return (reason_set(why,
		    "the urls of one destination have one scheme: \"%s\" and "
		    "\"%s\" belong to two",
		    d->urls[0].text, value));
	return (0);
}

static int
set_policy(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice policies[] = { { "failover",
							   CONF_FAILOVER },
		{ "balance", CONF_BALANCE }, { NULL, 0 } };
	struct conf_destination *d = into;
	int policy;

	if (conf_value_choice(value, "policy", policies, &policy, why) == -1)
		return (-1);
	d->policy = (enum conf_policy)policy;
	return (0);
}

static int
set_resend_on_reset(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	size_t size;

	if (strcmp(value, "auto") == 0) {
		d->resend_on_reset = CONF_RESEND_AUTO;
		return (0);
	}
	if (conf_value_size(value, 0, GB, &size, NULL) == -1)
		return (reason_set(why,
		    "resend_on_reset \"%s\": write \"auto\", or a size as in "
		    "\"1MB\", or \"0\"",
		    value));
	d->resend_on_reset = size;
	return (0);
}

static int
set_keepalive(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;

	return (conf_value_duration(value, 0, &d->keepalive_ms, why));
}

static int
set_bind(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	struct in6_addr address;

	if (*value == '\0')
		return (0);
	if (inet_pton(AF_INET, value, &address) != 1 &&
	    inet_pton(AF_INET6, value, &address) != 1)
		return (reason_set(why,
		    "bind \"%s\": write a local address as in \"192.0.2.1\" "
		    "or \"2001:db8::1\"",
		    value));
	return (conf_value_keep(value, &d->bind, why));
}

static int
set_rate_limit(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	int rate;

	if (conf_value_number(value, 0, INT32_MAX, &rate, why) == -1)
		return (-1);
	d->rate_limit = (uint64_t)rate;
	return (0);
}

static int
set_format(void *into, const char *value, struct reason *why)
{
	enum {
		AUTO = SYSLOG_RAW + 1
	};
	static const struct conf_choice formats[] = { { "auto", AUTO },
		{ "rfc5424", SYSLOG_RFC5424 }, { "rfc3164", SYSLOG_RFC3164 },
		{ "local", SYSLOG_LOCAL }, { "raw", SYSLOG_RAW }, { NULL, 0 } };
	struct conf_destination *d = into;
	int format;

	if (conf_value_choice(value, "format", formats, &format, why) == -1)
		return (-1);
	if (format == AUTO) {
		d->format = SYSLOG_RFC5424;
		d->datagram_format = SYSLOG_LOCAL;
	} else {
		d->format = d->datagram_format = (enum syslog_format)format;
	}
	return (0);
}

static int
set_bom(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;

	return (conf_value_bool(value, &d->bom, why));
}

static int
set_framing(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice framings[] = { { "octet-counted",
							   WIRE_OCTET },
		{ "newline", WIRE_NEWLINE }, { NULL, 0 } };
	struct conf_destination *d = into;
	int framing;

	if (conf_value_choice(value, "framing", framings, &framing, why) == -1)
		return (-1);
	d->wire = (enum wire)framing;
	return (0);
}

/* RFC 5425 4.3.1: whoever receives takes 480 octets at the least. */
static int
set_max_message(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;

	return (conf_value_size(value, 480, MB, &d->max_message, why));
}

static int
set_oversize(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice ways[] = { { "split", PACK_SPLIT },
		{ "truncate", PACK_TRUNCATE }, { NULL, 0 } };
	struct conf_destination *d = into;
	int way;

	if (conf_value_choice(value, "oversize", ways, &way, why) == -1)
		return (-1);
	d->oversize = (enum pack_oversize)way;
	return (0);
}

static int
set_window(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;

	if (strcmp(value, "auto") == 0) {
		d->window = WINDOW_FIRST;
		d->window_most = WINDOW_MOST;
		return (0);
	}
	if (conf_value_size(value, 64 * KB, GB, &d->window, why) == -1)
		return (-1);
	d->window_most = d->window;
	return (0);
}

static int
set_connect_timeout(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;

	return (conf_value_duration(value, 1, &d->connect_timeout_ms, why));
}

static int
set_ack_timeout(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;

	return (conf_value_duration(value, 1, &d->ack_timeout_ms, why));
}

/* One value alone is the first and the longest wait. */
static int
set_retry(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	uint64_t wait_ms;

	if (conf_value_duration(value, 1, &wait_ms, why) == -1)
		return (-1);
	if (d->retry_first_ms == 0)
		d->retry_first_ms = wait_ms;
	else if (wait_ms < d->retry_first_ms)
		return (reason_set(why,
		    "the longest wait, \"%s\", is shorter than the first",
		    value));
	d->retry_longest_ms = wait_ms;
	return (0);
}

static const struct conf_option destination_options[] = {
	{ "url", CONF_URLS, { NULL }, set_url },
	{ "policy", 1, { "failover" }, set_policy },
	{ "format", 1, { "auto" }, set_format },
	{ "bom", 1, { "false" }, set_bom },
	{ "framing", 1, { "octet-counted" }, set_framing },
	{ "max_message", 1, { "8KB" }, set_max_message },
	{ "oversize", 1, { "split" }, set_oversize },
	{ "window", 1, { "auto" }, set_window },
	{ "connect_timeout", 1, { "10s" }, set_connect_timeout },
	{ "ack_timeout", 1, { "30s" }, set_ack_timeout },
	{ "retry", 2, { "1s", "60s" }, set_retry },
	{ "resend_on_reset", 1, { "auto" }, set_resend_on_reset },
	{ "keepalive", 1, { "60s" }, set_keepalive },
	{ "bind", 1, { "" }, set_bind },
	{ "rate_limit", 1, { "0" }, set_rate_limit },
	{ NULL, 0, { NULL }, NULL }
};

/*
 * The options of a source.
 */

static int
set_paths(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;
	struct pattern **patterns;
	struct reason wrong = { "out of memory" };

	patterns = reallocarray(
	    s->patterns, s->npatterns + 1, sizeof(struct pattern *));
	if (patterns == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	s->patterns = patterns;
	patterns[s->npatterns] = pattern_new(value, &wrong);
	if (patterns[s->npatterns] == NULL)
		return (reason_set(why, "\"%s\" %s", value, wrong.text));
	if (conf_value_append(value, &s->paths, &s->npatterns, why) == -1) {
		pattern_free(patterns[s->npatterns]);
		return (-1);
	}
	return (0);
}

static int
set_exclude(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (*value == '\0' || value[strlen(value) - 1] == '/')
		return (reason_set(why,
		    "\"%s\" matches no file: write a name as in \"*.gz\", or "
		    "a whole path",
		    value));
	if (strchr(value, '/') != NULL && strchr("/*", *value) == NULL)
		return (reason_set(why,
		    "\"%s\" matches no path: with a \"/\" in it, it must begin "
		    "with \"/\" or \"**/\"",
		    value));
	return (conf_value_append(value, &s->exclude, &s->nexclude, why));
}

static int
set_facility(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if ((s->facility = syslog_facility(value)) == -1)
		return (reason_set(why,
		    "unknown facility \"%s\" (kern, user, mail, daemon, auth, "
		    "syslog, lpr, news, uucp, cron, authpriv, ftp, local0 to "
		    "local7)",
		    value));
	return (0);
}

static int
set_severity(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if ((s->severity = syslog_severity(value)) == -1)
		return (reason_set(why,
		    "unknown severity \"%s\" (emerg, alert, crit, err, "
		    "warning, notice, info, debug)",
		    value));
	return (0);
}

static int
set_app_name(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (conf_value_field(value, APP_NAME_LONGEST, why) == -1)
		return (-1);
	return (conf_value_keep(value, &s->app_name, why));
}

static int
set_procid(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (conf_value_field(value, PROCID_LONGEST, why) == -1)
		return (-1);
	return (conf_value_keep(value, &s->procid, why));
}

static int
set_msgid(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (conf_value_field(value, MSGID_LONGEST, why) == -1)
		return (-1);
	return (conf_value_keep(value, &s->msgid, why));
}

static int
set_hostname(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (conf_value_field(value, HOSTNAME_LONGEST, why) == -1)
		return (-1);
	return (conf_value_keep(value, &s->hostname, why));
}

static int
set_position(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	return (conf_value_bool(value, &s->position, why));
}

static int
set_compressed(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	return (conf_value_bool(value, &s->compressed, why));
}

static int
set_start(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice places[] = { { "beginning", false },
		{ "end", true }, { NULL, 0 } };
	struct conf_source *s = into;
	int end;

	if (conf_value_choice(value, "start", places, &end, why) == -1)
		return (-1);
	s->start_at_end = end;
	return (0);
}

static int
set_recursive_depth(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	return (conf_value_number(value, 1, 256, &s->recursive_depth, why));
}

static int
set_symlinks(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice ways[] = { { "safe",
						       CONF_SYMLINKS_SAFE },
		{ "follow", CONF_SYMLINKS_FOLLOW },
		{ "ignore", CONF_SYMLINKS_IGNORE }, { NULL, 0 } };
	struct conf_source *s = into;
	int way;

	if (conf_value_choice(value, "symlinks", ways, &way, why) == -1)
		return (-1);
	s->symlinks = (enum conf_symlinks)way;
	return (0);
}

/* "": none is too old. */
static int
set_ignore_older(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (*value == '\0') {
		s->ignore_older_ms = 0;
		return (0);
	}
	return (conf_value_duration(value, 1, &s->ignore_older_ms, why));
}

static int
set_max_open(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	return (conf_value_number(value, 0, 1048576, &s->max_open, why));
}

static int
set_encoding(void *into, const char *value, struct reason *why)
{
	(void)into;
	if (strcasecmp(value, "utf-8") != 0)
		return (reason_set(why,
		    "encoding \"%s\" is not supported: \"utf-8\" is", value));
	return (0);
}

static int
set_invalid(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice ways[] = { { "replace",
						       TEXT_INVALID_REPLACE },
		{ "escape", TEXT_INVALID_ESCAPE },
		{ "pass", TEXT_INVALID_PASS }, { NULL, 0 } };
	struct conf_source *s = into;
	int way;

	if (conf_value_choice(value, "invalid", ways, &way, why) == -1)
		return (-1);
	s->text.invalid = (enum text_invalid)way;
	return (0);
}

static int
set_control_chars(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice ways[] = { { "escape",
						       TEXT_CONTROL_ESCAPE },
		{ "pass", TEXT_CONTROL_PASS }, { NULL, 0 } };
	struct conf_source *s = into;
	int way;

	if (conf_value_choice(value, "control_chars", ways, &way, why) == -1)
		return (-1);
	s->text.control = (enum text_control)way;
	return (0);
}

/* "": wait for the newline. */
static int
set_partial_timeout(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if (*value == '\0') {
		s->partial_timeout_ms = 0;
		return (0);
	}
	return (conf_value_duration(value, 1, &s->partial_timeout_ms, why));
}

static int
set_watch(void *into, const char *value, struct reason *why)
{
	static const struct conf_choice ways[] = { { "auto", false },
		{ "poll", true }, { NULL, 0 } };
	struct conf_source *s = into;
	int poll;

	if (conf_value_choice(value, "watch", ways, &poll, why) == -1)
		return (-1);
	s->poll = poll;
	return (0);
}

static int
set_poll_interval(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	return (conf_value_duration(value, 1, &s->poll_interval_ms, why));
}

static const struct conf_option source_options[] = { { "paths", CONF_OPTION_ANY,
							 { NULL }, set_paths },
	{ "exclude", CONF_OPTION_ANY, { NULL }, set_exclude },
	{ "destinations", CONF_OPTION_ANY, { NULL }, NULL },
	{ "facility", 1, { "local0" }, set_facility },
	{ "severity", 1, { "notice" }, set_severity },
	{ "app_name", 1, { "" }, set_app_name },
	{ "procid", 1, { "-" }, set_procid },
	{ "msgid", 1, { "-" }, set_msgid },
	{ "hostname", 1, { "" }, set_hostname },
	{ "compressed", 1, { "true" }, set_compressed },
	{ "position", 1, { "false" }, set_position },
	{ "start", 1, { "beginning" }, set_start },
	{ "recursive_depth", 1, { "16" }, set_recursive_depth },
	{ "symlinks", 1, { "safe" }, set_symlinks },
	{ "ignore_older", 1, { "" }, set_ignore_older },
	{ "encoding", 1, { "utf-8" }, set_encoding },
	{ "invalid", 1, { "replace" }, set_invalid },
	{ "control_chars", 1, { "escape" }, set_control_chars },
	{ "partial_timeout", 1, { "" }, set_partial_timeout },
	{ "watch", 1, { "auto" }, set_watch },
	{ "poll_interval", 1, { "1s" }, set_poll_interval },
	{ "max_open", 1, { "0" }, set_max_open }, { NULL, 0, { NULL }, NULL } };

/*
 * The option of an element of structured data.
 */

static int
set_params(void *into, const char *value, struct reason *why)
{
	struct conf_element *e = into;
	const char *equals = strchr(value, '=');
	char *name;
	bool good;

	if (equals == NULL)
		return (reason_set(
		    why, "\"%s\" has no \"=\": write \"name=value\"", value));
	if ((name = strndup(value, (size_t)(equals - value))) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	good = syslog_sd_name_valid(name);
	free(name);
	if (!good)
		return (reason_set(why,
		    "\"%s\": a name has 1 to 32 letters, digits and signs of "
		    "ASCII, none of them = ] or \"",
		    value));
	return (conf_value_append(value, &e->params, &e->nparams, why));
}

static const struct conf_option structured_data_options[] = {
	{ "params", CONF_OPTION_ANY, { NULL }, set_params },
	{ NULL, 0, { NULL }, NULL }
};

#define FITS(table) (sizeof(table) / sizeof((table)[0]) <= CONF_OPTION_MAX)
_Static_assert(FITS(global_options) && FITS(destination_options) &&
	FITS(source_options) && FITS(structured_data_options),
    "CONF_OPTION_MAX is too small");

const struct conf_kind conf_option_kinds[] = { { "", "", "outside of sections",
						   global_options },
	{ "destination", "", "in a destination", destination_options },
	{ "tls", "destination", "in tls { }", conf_option_tls },
	{ "relp", "destination", "in relp { }", conf_option_relp },
	{ "source", "", "in a source", source_options },
	{ "structured_data", "source", "in a structured_data",
	    structured_data_options },
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
