/*
 * tls_peer.h - who a TLS server is: checks its certificate, and says why one is
 * refused.
 */
#ifndef NET_TLS_PEER_H
#define NET_TLS_PEER_H

#include <stdbool.h>

#include "daemon/net/transport.h"
#include "lib/reason.h"

struct tls;				/* of libtls, <tls.h> */

/* The name that the server's certificate must have; borrowed from conf. */
const char	*tls_peer_name(const struct transport *);

/*
 * The last error of ctx without its number and its library.  Good until the
 * next call for ctx.
 */
const char	*tls_peer_error(struct tls *ctx);

/*
 * Checks, after the handshake and before a message is sent, that the server of
 * ctx is the one that the configuration names: by one of the fingerprints if
 * there are any, else by its name if certificates are verified.  Returns 0, or
 * -1 with why set.
 */
int	tls_peer_check(const struct transport *, struct tls *ctx,
	    struct reason *why);

/* Whether the handshake of ctx failed as libtls refused the certificate. */
bool	tls_peer_is_refused(struct tls *ctx);

/*
 * Sets why to the reason why a certificate was refused, with what is needed to
 * mend it: the date, the name, the fingerprint or the issuer.  refused is what
 * libtls said then; ctx is a later connection that shows the certificate, or
 * NULL when there is none.
 */
void	tls_peer_tell_refusal(const struct transport *, struct tls *ctx,
	    const struct reason *refused, struct reason *why);

#endif
