/*
 * endpoint.h - one url of a destination: gets connected, pulls, is told what
 * arrived, and after a loss begins where the receiver has it.
 */
#ifndef SEND_ENDPOINT_H
#define SEND_ENDPOINT_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct token_bucket;
struct conf_destination;
struct conf_url;
struct endpoint;
struct ledger;
struct stream;

/* What endpoints of a worker share; borrowed. */
struct endpoint_env {
	struct ev_loop	*loop;
	struct ledger	*ledger;
	/* Nobody reads standard output any more, and nobody will. */
	void		(*on_stdout_closed)(void *arg);
	/* The system's files for names are about to be read. */
	void		(*on_resolve)(void *arg);
	/* A unix socket cannot be connected to: a sandbox may hide it. */
	void		(*on_unreached)(void *arg);
	/* There is no descriptor left; returns whether it is worth a try. */
	bool		(*on_no_descriptor)(void *arg);
	void		*arg;
};

/* Which state may follow which: inside.h. */
enum endpoint_state {
	ENDPOINT_IDLE,			/* not started, or stopped */
	ENDPOINT_RESOLVING,
	ENDPOINT_CONNECTING,
	ENDPOINT_OPENING,		/* connected; RELP has to agree first */
	ENDPOINT_BACKOFF,		/* waits before the next attempt */
	/* From here on it is connected. */
	ENDPOINT_UP,			/* takes messages */
	ENDPOINT_DRAINING,		/* released: waits for acknowledgements */
	ENDPOINT_FINISHING,		/* has said goodbye to the receiver */
	ENDPOINT_PARTING,		/* the receiver has: does it read on? */
	ENDPOINT_CLOSING		/* both have, and may have crossed */
};

/* Whose it is: told, from within anything here, that the state is another. */
struct endpoint_owner {
	void		(*on_state)(void *arg);
	void		*arg;
	struct token_bucket *bucket;	/* what its endpoints share */
	uint64_t	*waited;	/* messages that the bucket held up */
};

/* All are borrowed.  Returns NULL with errno. */
struct endpoint	*endpoint_new(const struct endpoint_env *,
		    const struct conf_destination *, const struct conf_url *,
		    const struct endpoint_owner *);
void	endpoint_free(struct endpoint *);

/* Connects, and goes on trying; for one that is idle. */
void	endpoint_start(struct endpoint *);

/*
 * Connects again where the connection came to its end in order and another one
 * is wanted.  Called at the beginning of every turn of the loop.
 */
void	endpoint_reconnect(struct endpoint *);

/*
 * Pulls no more, waits until the receiver has read all that it was sent, and
 * becomes idle; at once when it is not up.
 */
void	endpoint_release(struct endpoint *);

/*
 * Waits no longer: what the receiver may not have read is not acknowledged any
 * more.  Returns whether there was a connection.
 */
bool	endpoint_abandon(struct endpoint *);

enum endpoint_state	endpoint_state(const struct endpoint *);

/* Whether it is in one of the states that are connected. */
bool	endpoint_is_connected(const struct endpoint *);

/*
 * Whether the receiver has acknowledged nothing for ack_timeout though something
 * is in flight, while its system still answers: it may only be slow.
 */
bool	endpoint_is_stalled(const struct endpoint *);

/* Gives the connection of one that is stalled up, for another takes over. */
void	endpoint_give_way(struct endpoint *);

/* Whether new streams may go to it: up, and not being released. */
bool	endpoint_is_open(const struct endpoint *);

/*
 * Changes whenever nothing that was sent before counts any more: then its
 * streams may go elsewhere.
 */
uint32_t	endpoint_epoch(const struct endpoint *);

/* The stream has something to send; and: it is freed or goes elsewhere. */
void	endpoint_add(struct endpoint *, struct stream *);
void	endpoint_drop(struct endpoint *, struct stream *);

/* The stream's file ends there: see window_cut(). */
void	endpoint_cut(struct endpoint *, struct stream *, off_t end);

/*
 * The newest guard at or below most of what the stream may have to send again,
 * or one that is none: see window_guard().
 */
struct guard	endpoint_guard_within(const struct endpoint *,
		    const struct stream *, off_t most);

/* Takes a stream out that waits to be sent, or NULL. */
struct stream	*endpoint_take(struct endpoint *);

/*
 * Sends what it may.  Called once in every turn of the loop; cheap when there
 * is nothing to do.
 */
void	endpoint_pump(struct endpoint *);

/* There is more to send, to a receiver that is taking it. */
bool	endpoint_is_pressed(const struct endpoint *);

struct endpoint_info {
	enum endpoint_state	 state;
	const char		*url;
	const char		*peer;		/* address, or "" */
	const char		*error;		/* the last one, or "" */
	uint64_t		 in_flight;	/* bytes */
	uint64_t		 sent;		/* bytes, all connections */
	uint64_t		 messages;
	uint64_t		 connects;
	uint64_t		 losses;
	uint64_t		 refused;	/* messages passed over */
	uint64_t		 waiting;	/* streams with something to send */
};
void	endpoint_info(const struct endpoint *, struct endpoint_info *);
const char	*endpoint_state_name(enum endpoint_state);

#endif
