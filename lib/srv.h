/*
 * srv.h - which server of a service is next, RFC 2782.
 *
 * Pure: randomness is an argument.
 */
#ifndef SRV_H
#define SRV_H

#include <stddef.h>
#include <stdint.h>

#define SRV_HOST	254		/* a name in the DNS, and NUL */

struct srv {				/* a record of the DNS */
	uint16_t	 priority;	/* the lowest are first */
	uint16_t	 weight;	/* among those of one priority */
	uint16_t	 port;
	char		 host[SRV_HOST];
};

/*
 * Brings the record that is to be tried next to the front of the n of list: one
 * of the lowest priority, by its weight and random (any 32 bits).  The others
 * keep their order.  Called for what is left of a list, it puts all in order.
 */
void	srv_choose(struct srv *list, size_t n, uint32_t random);

#endif
