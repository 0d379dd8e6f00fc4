/*
 * address.h - the address of a host on the network, with a port.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_ALWAYS	UINT32_MAX	/* a ttl without an end */

struct address {
	struct sockaddr_storage	 sa;
	socklen_t		 len;	/* of sa */
	uint32_t		 ttl;	/* seconds that the answer counts; 0
					   also where it tells none, as a hosts
					   file; ADDRESS_ALWAYS where an address
					   was given as text */
};

struct address_name {
	char	text[80];		/* the longest is IPv6 with a zone */
};

/* Whether address and port are the same; the ttl does not matter. */
bool	address_is_same(const struct address *, const struct address *);

/*
 * Returns "192.0.2.1:514" or "[2001:db8::1]:514".  The text lives until the end
 * of the full expression that calls this.
 */
struct address_name	address_text(const struct address *);

#endif
