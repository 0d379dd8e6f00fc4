/*
 * endpoint.h - one url of a destination: connects, reads files and sends,
 * learns what the receiver has acknowledged, and after a loss sends again what
 * it has not.
 */
#ifndef SEND_ENDPOINT_H
#define SEND_ENDPOINT_H

#include <sys/types.h>

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/fingerprint.h"

struct conf_destination;
struct conf_url;
struct endpoint;			/* opaque */
struct checkpointer;
struct stream;
struct token_bucket;

/* What the endpoints of a worker share; all is borrowed. */
struct endpoint_env {
	struct ev_loop	*loop;
	struct checkpointer	*checkpointer;
	/* Nobody reads standard output any more, and nobody will. */
	void		(*on_stdout_closed)(void *arg);
	/* The system's files for names are about to be read. */
	void		(*on_resolve)(void *arg);
	/* A unix socket cannot be connected to: a sandbox may hide it. */
	void		(*on_unreached)(void *arg);
	/* No descriptor is left; returns whether one was made free. */
	bool		(*on_no_descriptor)(void *arg);
	void		*arg;
};

/* Which state may follow which: inside.h. */
enum endpoint_state {
	ENDPOINT_IDLE,		/* not started, or stopped */
	ENDPOINT_RESOLVING,	/* asks for addresses of the host */
	ENDPOINT_CONNECTING,	/* TCP and TLS, or a unix socket */
	ENDPOINT_OPENING,	/* connected; RELP has to agree first */
	ENDPOINT_BACKOFF,	/* waits before the next attempt */
	/* From here on it is connected. */
	ENDPOINT_UP,		/* sends what streams have */
	ENDPOINT_DRAINING,	/* released: waits for acknowledgements */
	ENDPOINT_FINISHING,	/* we closed our side: the receiver will */
	ENDPOINT_PARTING,	/* it closed its side: does it read on? */
	ENDPOINT_CLOSING	/* both closed: they may have crossed */
};

/* The destination; all is borrowed. */
struct endpoint_owner {
	/*
	 * The state has changed, but not among those that are connected; or the
	 * receiver stalls, or no longer.  Called from within the functions
	 * below: remember, and act later.
	 */
	void		(*on_state)(void *arg);
	void		*arg;
	struct token_bucket *bucket;	/* of rate_limit */
	uint64_t	*waited;	/* counts messages that waited for it */
};

/*
 * Makes an endpoint, which is idle.  All arguments are borrowed.  Returns NULL
 * with errno.  Free with endpoint_free().
 */
struct endpoint	*endpoint_new(const struct endpoint_env *,
		    const struct conf_destination *, const struct conf_url *,
		    const struct endpoint_owner *);

/* Closes at once and frees; NULL is fine. */
void	endpoint_free(struct endpoint *);

/* Connects, and goes on trying.  Does nothing unless it is idle. */
void	endpoint_start(struct endpoint *);

/*
 * Connects again where the connection came to its end in order and another one
 * is wanted.  Called at the beginning of every turn of the loop.
 */
void	endpoint_reconnect(struct endpoint *);

/*
 * Reads files no more, waits until the receiver has read all that it was sent,
 * and becomes idle; at once when it is not connected.
 */
void	endpoint_release(struct endpoint *);

/*
 * Becomes idle at once: what the receiver may not have read is not acknowledged
 * any more.  Returns whether there was a connection.
 */
bool	endpoint_abandon(struct endpoint *);

enum endpoint_state	endpoint_state(const struct endpoint *);

/* Whether it is in one of the states that are connected. */
bool	endpoint_is_connected(const struct endpoint *);

/*
 * Whether the receiver has acknowledged nothing for ack_timeout although octets
 * are in flight, while its system still answers: it may only be slow.
 */
bool	endpoint_is_stalled(const struct endpoint *);

/* Gives the connection up: it is stalled, and another endpoint takes over. */
void	endpoint_give_way(struct endpoint *);

/* Whether new streams may go to it: connected, and not being released. */
bool	endpoint_is_open(const struct endpoint *);

/*
 * A number that changes whenever nothing that was sent before can be lost any
 * more: from then on its streams may go to another endpoint.
 */
uint32_t	endpoint_epoch(const struct endpoint *);

/* The stream has something to send: puts it into the queue, once. */
void	endpoint_add(struct endpoint *, struct stream *);

/* The stream is freed, or goes elsewhere: forgets all of it. */
void	endpoint_drop(struct endpoint *, struct stream *);

/* The stream's file ends at end: see window_cut(). */
void	endpoint_cut(struct endpoint *, struct stream *, off_t end);

/*
 * Returns the newest guard at or below most among octets of the stream that may
 * have to be sent again, or one whose at is 0: see window_guard().
 */
struct guard	endpoint_guard_within(const struct endpoint *,
		    const struct stream *, off_t most);

/* Takes the first stream out of the queue; NULL when it is empty. */
struct stream	*endpoint_take(struct endpoint *);

/*
 * Reads files and sends, as much as may be in flight.  Called once in every
 * turn of the loop; cheap when there is nothing to do.
 */
void	endpoint_pump(struct endpoint *);

/* There is more to send, to a receiver that is taking it. */
bool	endpoint_is_pressed(const struct endpoint *);

struct endpoint_info {
	enum endpoint_state state;
	const char	*url;
	const char	*peer;		/* the receiver's address, or "" */
	const char	*error;		/* the last one, or "" */
	uint64_t	in_flight;	/* octets */
	uint64_t	sent;		/* octets, on all connections */
	uint64_t	messages;	/* packed into frames */
	uint64_t	connects;
	uint64_t	losses;		/* of connections */
	uint64_t	refused;	/* messages that were passed over */
	uint64_t	waiting;	/* streams with something to send */
};

/* Fills in info; its strings are good until the endpoint is next called. */
void	endpoint_info(const struct endpoint *, struct endpoint_info *);

/* The word for users: "connected" for all states that are connected. */
const char	*endpoint_state_name(enum endpoint_state);

#endif
