/*
 * url.h - where a destination is.
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
 * or stdout: into url, whose old contents are freed.  Returns 0, or -1 with why
 * set; then url is empty.  Free with conf_url_fini().
 */
int	conf_url_parse(struct conf_url *, const char *text,
	    struct reason *why);
void	conf_url_fini(struct conf_url *);

/* The name of its scheme; and what that speaks. */
const char	*conf_url_scheme(const struct conf_url *);
bool	conf_url_is_udp(const struct conf_url *);
bool	conf_url_is_tls(const struct conf_url *);
bool	conf_url_is_relp(const struct conf_url *);

/*
 * Whether the scheme fixes how messages are told apart, so that the option
 * "framing" has no say; then *wire is how.
 */
bool	conf_url_fixes_wire(const struct conf_url *, enum wire *wire);

/*
 * Whose certificate its server should have: the host, without the dot of the
 * root and without the interface of a link-local address, which no certificate
 * has.  For a service it is the name behind _service._proto (RFC 6125 6.2.1):
 * whoever can forge an answer of the DNS could name any target.
 */
const char	*conf_url_peer(const struct conf_url *);

/* The length of name up to the dot of the root or the interface behind it. */
size_t	conf_url_peer_length(const char *name);

#endif
