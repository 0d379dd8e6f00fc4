/*
 * resolve.h - names to addresses, through c-ares, without blocking the loop.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <sys/socket.h>

#include <ev.h>
#include <stddef.h>

struct resolver;			/* one a worker */
struct resolve;				/* one question */

struct address {
	struct sockaddr_storage	 sa;
	socklen_t		 len;
};

/*
 * list has n addresses in the order to try them (RFC 6724), which are copied
 * by who wants to keep them; n is 0 when error tells why there are none.
 */
typedef void resolve_cb(void *arg, const struct address *list, size_t n,
    const char *error);

/* Returns NULL with errno. */
struct resolver	*resolver_new(struct ev_loop *);
void	resolver_free(struct resolver *);

/*
 * Asks for the addresses of host (a name, or an address as text) with port (a
 * number).  on_done is called once from the loop or from this very call,
 * unless resolve_cancel() comes before.  Returns NULL with errno, or after
 * on_done has been called already, with errno 0.
 */
struct resolve	*resolve_start(struct resolver *, const char *host,
		    const char *port, resolve_cb *on_done, void *arg);
void	resolve_cancel(struct resolve *);

/* "192.0.2.1:514" or "[2001:db8::1]:514", in a static buffer. */
const char	*address_text(const struct address *);

#endif
