#include "daemon/conf/url.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf/value.h"

#define SRV "+srv"

#define AS_CONFIGURED (-1) /* the option framing decides */

/* A row is all that a scheme is.  Ports: RFC 5426 3.3, RFC 5425 4.1, custom. */
static const struct scheme {
	const char *name;
	const char *port; /* NULL: the url has no host */
	int wire; /* an enum wire, or AS_CONFIGURED */
	bool is_tls;
} schemes[] = {
	[CONF_UDP] = { "udp", "514", WIRE_DATAGRAM, false },
	[CONF_TCP] = { "tcp", "514", AS_CONFIGURED, false },
	[CONF_TLS] = { "tls", "6514", AS_CONFIGURED, true },
	[CONF_UNIX] = { "unix", NULL, AS_CONFIGURED, false },
	[CONF_STDOUT] = { "stdout", NULL, WIRE_NEWLINE, false },
	[CONF_RELP] = { "relp", "2514", WIRE_RELP, false },
	[CONF_RELP_TLS] = { "relp+tls", "2514", WIRE_RELP, true },
};

bool
conf_url_fixes_wire(const struct conf_url *url, enum wire *wire)
{
	int fixed = schemes[url->scheme].wire;

	if (fixed == AS_CONFIGURED)
		return (false);
	*wire = (enum wire)fixed;
	return (true);
}

bool
conf_url_is_udp(const struct conf_url *url)
{
	return (url->scheme == CONF_UDP);
}

bool
conf_url_is_tls(const struct conf_url *url)
{
	return (schemes[url->scheme].is_tls);
}

bool
conf_url_is_relp(const struct conf_url *url)
{
	return (schemes[url->scheme].wire == WIRE_RELP);
}

const char *
conf_url_scheme(const struct conf_url *url)
{
	return (schemes[url->scheme].name);
}

/* Returns the name in _service._proto.name, which was checked (RFC 2782). */
static const char *
domain_of(const char *service)
{
	const char *dot = strchr(service, '.');

	return (strchr(dot + 1, '.') + 1);
}

const char *
conf_url_peer(const struct conf_url *url)
{
	return (url->peer);
}

size_t
conf_url_peer_length(const char *name)
{
	size_t n = strcspn(name, "%");

	return (n > 0 && name[n - 1] == '.' ? n - 1 : n);
}

void
conf_url_fini(struct conf_url *url)
{
	free(url->text);
	free(url->host);
	free(url->peer);
	free(url->port);
	free(url->path);
	memset(url, 0, sizeof(*url));
}

/* Returns the length of the scheme that text begins with, 0 for none. */
static size_t
scheme_length(const char *text)
{
	size_t n;

	if (!isalpha((unsigned char)*text))
		return (0);
	for (n = 1; isalnum((unsigned char)text[n]) ||
	     (text[n] != '\0' && strchr("+.-", text[n]) != NULL);
	     n++)
		;
	if (strncmp(text + n, "://", 3) == 0)
		return (n);
	/* "name:514" is a host and a port without a scheme. */
	if (text[n] == ':' && !isdigit((unsigned char)text[n + 1]))
		return (n);
	return (0);
}

/* Sets scheme and srv, and *len to the length of both in text. */
static int
find_scheme(
    struct conf_url *url, const char *text, size_t *len, struct reason *why)
{
	size_t n;

	if ((n = *len = scheme_length(text)) == 0)
		return (reason_set(why,
		    "the url \"%s\" does not say how: it begins with udp://, "
		    "tcp://, tls://, relp://, relp+tls:// or unix://, or is "
		    "stdout:",
		    text));
	if (n > strlen(SRV) &&
	    strncmp(text + n - strlen(SRV), SRV, strlen(SRV)) == 0) {
		url->srv = true;
		n -= strlen(SRV);
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i].name) == n &&
		    strncmp(text, schemes[i].name, n) == 0 &&
		    (!url->srv || schemes[i].port != NULL)) {
			url->scheme = (enum conf_scheme)i;
			return (0);
		}
	return (reason_set(why,
	    "unknown url scheme \"%.*s\" (udp, tcp, tls, relp, relp+tls, unix, "
	    "stdout)",
	    (int)*len, text));
}

static int
parse_port(struct conf_url *url, const char *port, struct reason *why)
{
	int number;

	if (conf_value_number(port, 1, 65535, &number, NULL) == -1)
		return (reason_set(why,
		    "the url \"%s\" has no good port: a number from 1 to 65535",
		    url->text));
	return (conf_value_keep(port, &url->port, why));
}

/* Whether host is an IPv6 address, maybe with % and an interface. */
static bool
is_ipv6(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t n = strcspn(host, "%");

	if (n >= sizeof(address) || (host[n] == '%' && host[n + 1] == '\0'))
		return (false);
	memcpy(address, host, n);
	address[n] = '\0';
	return (inet_pton(AF_INET6, address, &in6) == 1);
}

static bool
is_host(const char *host)
{
	size_t n;

	for (n = 0; isalnum((unsigned char)host[n]) ||
	     (host[n] != '\0' && strchr("._-", host[n]) != NULL);
	     n++)
		;
	return (host[n] == '\0' && n <= CONF_URL_HOST_MAX);
}

/* A service has no port: SRV records have it. */
static int
parse_service(struct conf_url *url, const char *name, struct reason *why)
{
	const char *proto = url->scheme == CONF_UDP ? "._udp." : "._tcp.";
	const char *dot = strchr(name, '.');

	if (!is_host(name) || *name != '_' || dot == NULL ||
	    strncmp(dot, proto, strlen(proto)) != 0 ||
	    dot[strlen(proto)] == '\0')
		return (reason_set(why,
		    "the url \"%s\" names no service: write "
		    "%s" SRV "://_service%sexample.com, without a port",
		    url->text, conf_url_scheme(url), proto));
	return (conf_value_keep(name, &url->host, why));
}

/* Parses host[:port] or [address][:port]; changes authority. */
static int
parse_host(struct conf_url *url, char *authority, struct reason *why)
{
	char *host = authority, *end;
	const char *port = NULL, *bad = NULL;

	if (*host == '[') {
		if ((end = strchr(++host, ']')) == NULL ||
		    (end[1] != '\0' && end[1] != ':'))
			bad = "[ and ] stand around an address, a port behind";
		else {
			port = end[1] == ':' ? end + 2 : NULL;
			*end = '\0';
			if (!is_ipv6(host))
				bad = "between [ and ] stands an IPv6 address";
		}
	} else {
		if ((end = strchr(host, ':')) != NULL) {
			*end = '\0';
			port = end + 1;
		}
		if (port != NULL && strchr(port, ':') != NULL)
			bad = "an IPv6 address stands in [ ]";
		else if (*host == '\0')
			bad = "the host is missing";
		else if (!is_host(host))
			bad = "that is no name of a host";
	}
	if (bad != NULL)
		return (reason_set(
		    why, "the url \"%s\" is wrong: %s", url->text, bad));
	if (port == NULL)
		port = schemes[url->scheme].port;
	if (parse_port(url, port, why) == -1)
		return (-1);
	return (conf_value_keep(host, &url->host, why));
}

static int
parse_net(struct conf_url *url, const char *rest, struct reason *why)
{
	char *authority;
	int result;

	if (strncmp(rest, "//", 2) != 0)
		return (reason_set(why,
		    "the url \"%s\" lacks \"//\": write %s%s", url->text,
		    conf_url_scheme(url),
		    url->srv ? SRV "://_service._proto.name" : "://host:port"));
	rest += 2;
	if (url->srv)
		return (parse_service(url, rest, why));
	if (strpbrk(rest, "@/?#") != NULL)
		return (reason_set(why,
		    "the url \"%s\" has more than host and port: write "
		    "%s://host:port",
		    url->text, conf_url_scheme(url)));
	if ((authority = strdup(rest)) == NULL)
		return (reason_set(why, "out of memory"));
	result = parse_host(url, authority, why);
	free(authority);
	return (result);
}

static int
parse_unix(struct conf_url *url, const char *rest, struct reason *why)
{
	struct sockaddr_un sun;

	if (strncmp(rest, "///", 3) != 0 || rest[3] == '\0')
		return (reason_set(why,
		    "the url \"%s\" has no absolute path: write "
		    "unix:///dev/log",
		    url->text));
	rest += 2;
	if (strlen(rest) >= sizeof(sun.sun_path))
		return (reason_set(why,
		    "the path of a socket has at most %zu characters: \"%s\"",
		    sizeof(sun.sun_path) - 1, rest));
	return (conf_value_keep(rest, &url->path, why));
}

/* Sets the peer of a url that has a host. */
static int
set_peer(struct conf_url *url, struct reason *why)
{
	const char *name;

	if (url->host == NULL)
		return (0);
	name = url->srv ? domain_of(url->host) : url->host;
	url->peer = strndup(name, conf_url_peer_length(name));
	if (url->peer == NULL)
		return (reason_set(why, "out of memory"));
	if (*url->peer == '\0')
		return (reason_set(why,
		    "the url \"%s\" is wrong: that is no name of a host",
		    url->text));
	return (0);
}

static int
parse(struct conf_url *url, const char *text, struct reason *why)
{
	const char *rest;
	size_t n;

	if (find_scheme(url, text, &n, why) == -1 ||
	    conf_value_keep(text, &url->text, why) == -1)
		return (-1);
	rest = text + n + 1;
	if (schemes[url->scheme].port != NULL)
		return (parse_net(url, rest, why));
	if (url->scheme == CONF_UNIX)
		return (parse_unix(url, rest, why));
	if (*rest != '\0')
		return (reason_set(why,
		    "the url \"%s\" has more than it needs: write stdout:",
		    url->text));
	return (0);
}

int
conf_url_parse(struct conf_url *url, const char *text, struct reason *why)
{
	conf_url_fini(url);
	if (parse(url, text, why) == 0 && set_peer(url, why) == 0)
		return (0);
	conf_url_fini(url);
	return (-1);
}
