/*
 * url.h - parses the url of a destination, and tells what its scheme implies.
 */
#ifndef CONF_URL_H
#define CONF_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/conf/conf.h"
#include "lib/reason.h"

#define CONF_URL_HOST_MAX	253	/* octets of a name in the DNS */

/*
 * Parses scheme://host[:port], scheme+srv://_service._proto.name, unix:///path
 * or stdout: into url, and frees the strings that url had before: it must begin
 * as zeros.  Returns 0, or -1 with why set; then url is empty.  Free with
 * conf_url_fini().
 */
int	conf_url_parse(struct conf_url *, const char *text,
	    struct reason *why);
void	conf_url_fini(struct conf_url *);

/* Returns the name of the scheme, as "relp+tls"; static. */
const char	*conf_url_scheme(const struct conf_url *);

/* Whether the url is of UDP; is encrypted with TLS; speaks RELP. */
bool	conf_url_is_udp(const struct conf_url *);
bool	conf_url_is_tls(const struct conf_url *);
bool	conf_url_is_relp(const struct conf_url *);

/*
 * Whether the scheme decides how messages are framed, and not the option
 * "framing"; then sets *wire.
 */
bool	conf_url_fixes_wire(const struct conf_url *, enum wire *wire);

/*
 * Returns the name that the certificate of the receiver must have: the host,
 * without the dot of the root and without the interface of a link-local
 * address, which no certificate has.  For a service it is the name behind
 * _service._proto (RFC 6125 6.2.1), not the target of the SRV record: an
 * attacker who forges an answer of the DNS chooses the target.  NULL: unix and
 * stdout.  Borrowed from the url.
 */
const char	*conf_url_peer(const struct conf_url *);

/*
 * Returns the length of name without the dot of the root or the interface
 * behind it.
 */
size_t	conf_url_peer_length(const char *name);

#endif
