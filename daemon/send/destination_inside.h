/*
 * destination_inside.h - a destination as its own files see it.
 *
 * destination.c calls destination_failover.c or destination_balance.c, as the
 * configuration has it, and both call destination_member.c.
 */
#ifndef SEND_DESTINATION_INSIDE_H
#define SEND_DESTINATION_INSIDE_H

#include "daemon/conf/conf.h"
#include "daemon/send/destination.h"
#include "lib/token_bucket.h"

/* A url of the destination. */
struct destination_member {
	struct endpoint	*endpoint;
	unsigned	hung;		/* times that it gave way to another */
	/* Balance: */
	bool		was_up;		/* at the last call of arrange() */
	bool		recycled;	/* is about to connect (again) */
	bool		returned;	/* is up, but not well yet */
};

/* Which endpoint has which streams. */
struct destination_policy {
	/* Connects to those that may get streams. */
	void	(*start)(struct destination *);
	/* The state of an endpoint has changed. */
	void	(*arrange)(struct destination *);
	/* The endpoint that is to have the stream. */
	struct endpoint	*(*choose)(const struct destination *,
			    const struct stream *);
	/* A member was well for long enough: see destination_wait_for_well() */
	void	(*on_well)(struct destination *);
};
extern const struct destination_policy destination_failover;
extern const struct destination_policy destination_balance;

struct destination {
	const struct endpoint_env *env;
	const struct conf_destination *conf;
	const struct destination_policy *policy;
	struct destination_member members[CONF_URLS];
	size_t		length;
	bool		changed;	/* the state of some endpoint */
	bool		draining;

	struct endpoint_owner owner;	/* what the endpoints share: */
	struct token_bucket bucket;
	uint64_t	waited;		/* messages that waited for it, */
	double		waited_since;	/* since when */
	ev_timer	tell_waited;
	struct compressed_turn turn;	/* of its compressed files */

	ev_timer	well;		/* see destination_wait_for_well() */
	ev_timer	first;		/* balance: first attempts are made */
	size_t		active;		/* failover: who has the streams */
	double		active_since;
};

/* destination_member.c */

bool	destination_is_up(const struct destination *, size_t member);

/* See endpoint_is_stalled(). */
bool	destination_is_stalled(const struct destination *, size_t member);

/* The first member that is up and not stalled, or length. */
size_t	destination_best(const struct destination *);

/* The member takes nothing, and another one takes its streams over. */
void	destination_give_way(struct destination *, size_t member);

/*
 * Calls the policy's on_well when a member has been up for long enough, which
 * is the longer the more often it has hung.  wanted: false stops waiting.
 */
void	destination_wait_for_well(struct destination *, bool wanted,
	    unsigned hung);

#endif
