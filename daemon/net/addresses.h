/*
 * addresses.h - gives the addresses of a url, one after the other.
 *
 * A url names a host, which has addresses, or a service, whose records name
 * hosts.  A host is looked up when its turn comes, so that a host whose name
 * server does not answer holds up none before it.
 */
#ifndef NET_ADDRESSES_H
#define NET_ADDRESSES_H

#include <stddef.h>

#include "daemon/net/resolver.h"
#include "lib/reason.h"
#include "lib/srv.h"

struct conf_url;

/*
 * Takes the next address to try, borrowed for the call.  NULL: there are no
 * more; then error says why the last name had none, or is NULL.
 */
typedef void addresses_cb(void *arg, const struct address *, const char *error);

struct addresses {			/* embedded by its owner */
	struct resolver_how how;
	const struct conf_url *url;
	addresses_cb	*on_address;
	void		*arg;
	struct resolver_question *question;	/* waits for its answer */
	struct srv	 hosts[RESOLVER_MAX];
	size_t		 nhosts;
	size_t		 next_host;
	struct address	 addresses[RESOLVER_MAX];	/* of the last host */
	size_t		 naddresses;
	size_t		 next_address;
	struct address	 avoided;	/* len 0: none */
	struct reason	 error;
};

/* Borrows the loop, and url, which has a host. */
void	addresses_init(struct addresses *, const struct resolver_how *,
	    const struct conf_url *, addresses_cb *on_address, void *arg);

/*
 * Looks the url up anew and gives its first address.  Calls on_address later,
 * or before it returns.
 */
void	addresses_begin(struct addresses *);

/*
 * Gives the address after the last one; a host that is still being looked up
 * is skipped.  Calls on_address later, or before it returns.
 */
void	addresses_next(struct addresses *);

/*
 * The last address did connect, but the connection did not last: the next time
 * that it comes it is skipped, unless it is the last one.
 */
void	addresses_avoid(struct addresses *);

/* Calls on_address no more, until addresses_begin() or addresses_next(). */
void	addresses_stop(struct addresses *);

#endif
