/*
 * destination.h - a destination: which of its endpoints sends which stream.
 *
 * failover: the first url that works has all, and the first of the list has
 * them again when it has been well for a while.  balance: every file goes to
 * one endpoint, and evens out when endpoints come and go.  A stream moves only
 * when nothing that was sent of it can be lost any more, so that the order
 * within a file holds.
 */
#ifndef SEND_DESTINATION_H
#define SEND_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/send/endpoint.h"
#include "daemon/stream/stream.h"

struct conf_destination;
struct dest;

/* env and conf are borrowed.  Returns NULL with errno. */
struct dest	*dest_new(const struct endpoint_env *,
		    const struct conf_destination *);

/* Its streams must be gone before. */
void	dest_free(struct dest *);

/* The ops of a route to a dest; the route's dest is a struct dest. */
extern const struct route_ops dest_route_ops;

void	dest_start(struct dest *);

/* Once in every turn of the loop: arranges and sends. */
void	dest_pump(struct dest *);

/* Pulls no more.  When the receivers have all, it is quiet. */
void	dest_drain(struct dest *);
bool	dest_is_quiet(const struct dest *);

/* Whether endpoint_is_pressed() holds for one of its endpoints. */
bool	dest_is_pressed(const struct dest *);

/* No time is left; see endpoint_abandon().  Returns whether one was not idle. */
bool	dest_abandon(struct dest *);

/* Bytes that were sent and not acknowledged. */
uint64_t	dest_in_flight(const struct dest *);

const struct conf_destination	*dest_conf(const struct dest *);
size_t	dest_length(const struct dest *);
const struct endpoint	*dest_endpoint(const struct dest *, size_t i);

#endif
