/*
 * endpoint.h - one url of a destination: gets connected, pulls, is told what
 * arrived, and after a loss begins where the receiver has it.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct conf_destination;
struct conf_url;
struct endpoint;
struct ledger;
struct resolver;
struct stream;

/* What endpoints of a worker share; borrowed. */
struct endpoint_env {
	struct ev_loop	*loop;
	struct resolver	*resolver;
	struct ledger	*ledger;
	/* Nobody reads standard output any more, and nobody will. */
	void		(*on_stdout_closed)(void *arg);
	void		*arg;
};

enum endpoint_state {
	ENDPOINT_IDLE,			/* not started, or stopped */
	ENDPOINT_RESOLVING,
	ENDPOINT_CONNECTING,
	ENDPOINT_UP,
	ENDPOINT_BACKOFF		/* waits before the next attempt */
};

/* All are borrowed.  Returns NULL with errno. */
struct endpoint	*endpoint_new(const struct endpoint_env *,
		    const struct conf_destination *, const struct conf_url *);
void	endpoint_free(struct endpoint *);

void	endpoint_start(struct endpoint *);

/* The stream has something to send; and: it is freed or goes elsewhere. */
void	endpoint_add(struct endpoint *, struct stream *);
void	endpoint_drop(struct endpoint *, struct stream *);

/*
 * Sends what it may.  Called once in every turn of the loop; cheap when there
 * is nothing to do.
 */
void	endpoint_pump(struct endpoint *);

/* Pulls no more.  When nothing is in flight, it is quiet. */
void	endpoint_drain(struct endpoint *);
bool	endpoint_is_quiet(const struct endpoint *);

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
	uint64_t		 waiting;	/* streams with something to send */
};
void	endpoint_info(const struct endpoint *, struct endpoint_info *);
const char	*endpoint_state_name(enum endpoint_state);

#endif
