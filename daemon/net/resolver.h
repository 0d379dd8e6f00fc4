/*
 * resolver.h - questions to the DNS, through c-ares, without blocking the loop.
 *
 * Every question reads the system's files (resolv.conf, hosts) anew, for a host
 * that moves to another network has other name servers.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <sys/socket.h>

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/srv.h"

#define RESOLVE_MAX	16		/* answers that are used */

struct resolve;				/* one question */

struct resolve_how {
	struct ev_loop	*loop;		/* borrowed */
	uint64_t	 timeout_ms;	/* in which most questions should end */
};

#define RESOLVE_ALWAYS	UINT32_MAX	/* an address as text */

struct address {
	struct sockaddr_storage	 sa;
	socklen_t		 len;
	uint32_t		 ttl;	/* seconds that it counts for; 0
					   also where none is told, as in a
					   hosts file */
};

/*
 * list has n addresses in the order to try them (RFC 6724), which are copied
 * by who wants to keep them; n is 0 when error tells why there are none.
 */
typedef void resolve_host_cb(void *arg, const struct address *list, size_t n,
    const char *error);

/* The same for servers of a service, in the order to try them (RFC 2782). */
typedef void resolve_service_cb(void *arg, const struct srv *list, size_t n,
    const char *error);

/*
 * Asks for the addresses of host (a name, or an address as text) with port (a
 * number).  on_done is called once from the loop, and then the question is
 * gone; or resolve_cancel() comes before.  Returns NULL with errno.
 */
struct resolve	*resolve_host(const struct resolve_how *, const char *host,
		    const char *port, resolve_host_cb *on_done, void *arg);

/* Asks in the same way for the SRV records of name. */
struct resolve	*resolve_service(const struct resolve_how *, const char *name,
		    resolve_service_cb *on_done, void *arg);

/* NULL is fine. */
void	resolve_cancel(struct resolve *);

bool	address_is_same(const struct address *, const struct address *);

/*
 * "192.0.2.1:514" or "[2001:db8::1]:514"; text lives until the end of the full
 * expression.
 */
struct address_name {
	char text[80]; /* the longest is IPv6 with a zone */
};
struct address_name address_text(const struct address *);

#endif
