/*
 * addresses.h - the addresses of a url, one after the other.
 *
 * A url names a host, which has addresses, or a service, whose records name
 * hosts.  A host is looked up when its turn comes, so that one whose name
 * server is silent holds up none before it.
 */
#ifndef NET_ADDRESSES_H
#define NET_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/net/resolver.h"
#include "lib/reason.h"
#include "lib/srv.h"

struct conf_url;

/*
 * The address is to be tried now.  NULL: there are no more; error, if it is not
 * NULL, says why the last name had none.
 */
typedef void targets_cb(void *arg, const struct address *, const char *error);

struct targets {			/* embedded by its owner */
	struct resolve_how how;
	const struct conf_url *url;	/* one that has a host */
	targets_cb	*on_address;
	void		*arg;
	struct resolve	*question;	/* of one that is asked */
	struct srv	 hosts[RESOLVE_MAX];
	size_t		 nhosts;
	size_t		 next_host;
	struct address	 addresses[RESOLVE_MAX];	/* of the last host */
	size_t		 naddresses;
	size_t		 next_address;
	struct address	 avoided;	/* len 0: none */
	struct reason	 error;
};

/* url is borrowed, and the loop. */
void	targets_init(struct targets *, const struct resolve_how *,
	    const struct conf_url *, targets_cb *, void *arg);

/* Asks anew.  on_address is called, maybe from within. */
void	targets_begin(struct targets *);

/*
 * Goes on behind the address that was last given out, or without the host that
 * is being looked up.  on_address is called, maybe from within.
 */
void	targets_next(struct targets *);

/*
 * The address that was last given out did connect, but it was no good: once it
 * is passed over, if there is another.
 */
void	targets_avoid(struct targets *);

/* on_address will not be called any more. */
void	targets_stop(struct targets *);

#endif
