/*
 * resolver.h - asks the DNS, through c-ares, without blocking the loop.
 *
 * Every question reads the system's files (resolv.conf, hosts) anew, for a host
 * that moves to another network has other name servers.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/net/address.h"
#include "lib/srv.h"

#define RESOLVER_MAX	16		/* answers that are used */

struct resolver_question;		/* opaque */

struct resolver_how {
	struct ev_loop	*loop;		/* borrowed */
	uint64_t	 timeout_ms;	/* in which most questions should end */
};

/*
 * Takes the answer: n addresses, in the order to try them (RFC 6724), borrowed
 * for the call.  Where n is 0, error says why there are none.
 */
typedef void resolver_host_cb(void *arg, const struct address *list, size_t n,
    const char *error);

/* Takes n servers of a service, in the order to try them (RFC 2782). */
typedef void resolver_service_cb(void *arg, const struct srv *list, size_t n,
    const char *error);

/*
 * Asks for the addresses of host, which is a name or an address as text, with
 * port, a number as text.  Calls on_done once, from the loop, and frees the
 * question after that; resolver_cancel() frees it before.  Returns NULL with
 * errno when nothing could be asked.
 */
struct resolver_question	*resolver_ask_host(const struct resolver_how *,
				    const char *host, const char *port,
				    resolver_host_cb *on_done, void *arg);

/* Asks in the same way for the SRV records of name. */
struct resolver_question	*resolver_ask_service(
				    const struct resolver_how *,
				    const char *name,
				    resolver_service_cb *on_done, void *arg);

/* Frees a question that is not answered; NULL is fine. */
void	resolver_cancel(struct resolver_question *);

#endif
