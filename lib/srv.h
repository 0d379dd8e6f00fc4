/*
 * srv.h - chooses the server of a service to try next, RFC 2782.
 *
 * Pure: the randomness is an argument.
 */
#ifndef SRV_H
#define SRV_H

#include <stddef.h>
#include <stdint.h>

#define SRV_HOST	254		/* a name in the DNS, and NUL */

struct srv {				/* an SRV record of the DNS */
	uint16_t	 priority;	/* the lowest is tried first */
	uint16_t	 weight;	/* among records of one priority */
	uint16_t	 port;
	char		 host[SRV_HOST];
};

/*
 * Moves the record to try next to the front of the n records of list: one of
 * the lowest priority, chosen by weight and by random, 32 random bits.  The
 * other records keep their order.  To sort a whole list, call it for the list,
 * for the list without its first record, and so on.
 */
void	srv_choose(struct srv *list, size_t n, uint32_t random);

#endif
