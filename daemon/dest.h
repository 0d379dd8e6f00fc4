/*
 * dest.h - a destination: its streams are sent by its endpoint.
 */
#ifndef DEST_H
#define DEST_H

#include <stdbool.h>

#include "daemon/endpoint.h"
#include "daemon/stream.h"

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
void	dest_pump(struct dest *);
void	dest_drain(struct dest *);
bool	dest_is_quiet(const struct dest *);

const struct conf_destination	*dest_conf(const struct dest *);
const struct endpoint	*dest_endpoint(const struct dest *);

#endif
