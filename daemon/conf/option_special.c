#include "daemon/conf/option_special.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/base/control_socket.h"
#include "daemon/conf/conf.h"
#include "daemon/conf/url.h"
#include "daemon/conf/value.h"

#define KB ((size_t)1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define WINDOW_FIRST (4 * MB) /* of window = "auto" */
#define WINDOW_MOST (64 * MB)

#define HASH "SHA256:"
#define HASH_DIGITS 64

int
conf_special_control_socket(void *into, const char *value, struct reason *why)
{
	struct conf *c = into;

	if (conf_value_absolute(value, why) == -1)
		return (-1);
	if (strlen(value) > CONTROL_SOCKET_PATH_MAX)
		return (reason_set(why,
		    "control_socket \"%s\" is longer than the path of a "
		    "socket may be: %zu characters",
		    value, CONTROL_SOCKET_PATH_MAX));
	return (conf_value_keep(value, &c->control_socket, why));
}

int
conf_special_url(void *into, const char *value, struct reason *why)
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

int
conf_special_format(void *into, const char *value, struct reason *why)
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

int
conf_special_window(void *into, const char *value, struct reason *why)
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

/* A single value is both the first and the longest wait. */
int
conf_special_retry(void *into, const char *value, struct reason *why)
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

int
conf_special_resend_on_reset(void *into, const char *value, struct reason *why)
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

int
conf_special_bind(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	struct in6_addr address;

	if (inet_pton(AF_INET, value, &address) != 1 &&
	    inet_pton(AF_INET6, value, &address) != 1)
		return (reason_set(why,
		    "bind \"%s\": write a local address as in \"192.0.2.1\" "
		    "or \"2001:db8::1\"",
		    value));
	return (conf_value_keep(value, &d->bind, why));
}

int
conf_special_paths(void *into, const char *value, struct reason *why)
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

int
conf_special_exclude(void *into, const char *value, struct reason *why)
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

int
conf_special_facility(void *into, const char *value, struct reason *why)
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

int
conf_special_severity(void *into, const char *value, struct reason *why)
{
	struct conf_source *s = into;

	if ((s->severity = syslog_severity(value)) == -1)
		return (reason_set(why,
		    "unknown severity \"%s\" (emerg, alert, crit, err, "
		    "warning, notice, info, debug)",
		    value));
	return (0);
}

int
conf_special_encoding(void *into, const char *value, struct reason *why)
{
	(void)into;
	if (strcasecmp(value, "utf-8") != 0)
		return (reason_set(why,
		    "encoding \"%s\" is not supported: \"utf-8\" is", value));
	return (0);
}

int
conf_special_params(void *into, const char *value, struct reason *why)
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

int
conf_special_server_name(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	size_t n = 0;

	while (isalnum((unsigned char)value[n]) ||
	    (value[n] != '\0' && strchr("._-:", value[n]) != NULL))
		n++;
	if (value[n] != '\0' || n > CONF_URL_HOST_MAX ||
	    conf_url_peer_length(value) == 0)
		return (reason_set(
		    why, "\"%s\" is neither a name nor an address", value));
	if (conf_value_keep(value, &d->tls.server_name, why) == -1)
		return (-1);
	d->tls.server_name[conf_url_peer_length(value)] = '\0';
	return (0);
}

/* Colons may stand between octets, as openssl(1) prints them. */
int
conf_special_fingerprint(void *into, const char *value, struct reason *why)
{
	struct conf_destination *d = into;
	char hash[sizeof(HASH) + HASH_DIGITS] = HASH;
	size_t n = sizeof(HASH) - 1;
	const char *p = value;

	if (strncasecmp(value, HASH, n) == 0)
		p += n;
	for (; isxdigit((unsigned char)*p) && n < sizeof(hash) - 1; p++) {
		hash[n++] = (char)tolower((unsigned char)*p);
		if (n % 2 == 1 && n < sizeof(hash) - 1 && p[1] == ':')
			p++;
	}
	if (strncasecmp(value, HASH, sizeof(HASH) - 1) != 0 || *p != '\0' ||
	    n != sizeof(hash) - 1)
		return (reason_set(why,
		    "\"%s\" is none: write \"SHA256:\" and 64 hexadecimal "
		    "digits, which \"openssl x509 -noout -fingerprint -sha256 "
		    "-in certificate\" prints",
		    value));
	return (conf_value_append(
	    hash, &d->tls.fingerprints, &d->tls.nfingerprints, why));
}
