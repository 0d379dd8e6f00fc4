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
struct destination;			/* opaque */

/*
 * Makes a destination, which is idle.  env and conf are borrowed.  Returns NULL
 * with errno.  Free with destination_free().
 */
struct destination	*destination_new(const struct endpoint_env *,
			    const struct conf_destination *);

/* Its streams must be gone before; NULL is fine. */
void	destination_free(struct destination *);

/*
 * The route leads to the destination, which its streams tell from now on what
 * they have.
 */
void	destination_join(struct destination *, struct route *);

/* Connects. */
void	destination_start(struct destination *);

/*
 * Called once in every turn of the loop, before it sleeps: connects again where
 * a connection has come to its end, decides which endpoint has which streams,
 * reads and sends.
 */
void	destination_pump(struct destination *);

/*
 * Reads files no more.  The receivers get what was read, and a goodbye; the
 * destination is quiet when all of them have closed.
 */
void	destination_drain(struct destination *);

/* Whether no endpoint is connected. */
bool	destination_is_quiet(const struct destination *);

/* Whether endpoint_is_pressed() holds for an endpoint. */
bool	destination_is_pressed(const struct destination *);

/*
 * Waits no longer for receivers: see endpoint_abandon().  Returns whether there
 * was a connection.
 */
bool	destination_abandon(struct destination *);

/* Octets that were sent and not acknowledged. */
uint64_t	destination_in_flight(const struct destination *);

/* What destination_new() was given. */
const struct conf_destination	*destination_conf(const struct destination *);

/* The number of its endpoints, which is that of its urls; and the ith. */
size_t	destination_length(const struct destination *);
const struct endpoint	*destination_endpoint(const struct destination *,
			    size_t i);

#endif
