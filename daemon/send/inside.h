/*
 * inside.h - an endpoint as its own files see it.
 *
 * A file calls only files above it in this list:
 *
 *	endpoint_lookup.c	a UDP receiver's name gets another address
 *	endpoint_parted.c	connections that the receiver has closed
 *	endpoint_state.c	the state, its timers, the queue of streams
 *	endpoint_ack.c		octets that the receiver has acknowledged
 *	endpoint_end.c		the end of a connection, whoever ends it
 *	endpoint_read.c		what the receiver says, or fails to say
 *	endpoint_pump.c		reads files and sends
 *	endpoint_connect.c	from a name to a connection that takes messages
 *	endpoint.c		makes and frees; the callbacks of the loop
 */
#ifndef SEND_INSIDE_H
#define SEND_INSIDE_H

#include "daemon/conf/conf.h"
#include "daemon/net/addresses.h"
#include "daemon/net/transport.h"
#include "daemon/send/endpoint.h"
#include "daemon/send/relp_session.h"
#include "daemon/stream/stream.h"
#include "lib/backoff.h"
#include "lib/flow.h"
#include "lib/rejects.h"
#include "lib/token_bucket.h"
#include "lib/window.h"

#define ENDPOINT_MARKS	1024		/* messages of one pull; RELP */
#define ENDPOINT_ACK_LONGEST 1.		/* seconds between looks for
					   acknowledgements */
#define PARTED_MOST	8		/* closed connections to watch */

/* A connection that the receiver closed in order, and may reset yet. */
struct parted {
	int		fd;		/* its socket, ours to close */
	uint64_t	keep;		/* a reset takes back what is behind */
	double		since;		/* when it was closed */
};

struct endpoint {
	const struct endpoint_env *env;
	const struct endpoint_owner *owner;
	const struct conf_destination *conf;
	const struct conf_url *url;
	const struct transport_facts *facts;	/* of url */
	uint32_t	epoch;		/* see endpoint_epoch() */
	enum endpoint_state state;
	bool		wanted;		/* the owner wants a connection */

	/* The connection. */
	struct transport link;
	struct addresses addresses;	/* the addresses of url */
	struct address	address;	/* of link */
	struct endpoint_lookup *lookup;	/* UDP, or NULL */
	struct backoff	backoff;
	ev_io		readable;
	ev_io		writable;
	ev_timer	timer;		/* of the state */
	ev_timer	ack_timer;	/* octets are in flight */
	ev_timer	again;		/* another turn of the loop, at once */
	ev_timer	rate_timer;	/* messages may pass again, or fit */
	double		opened;		/* when we began to connect */
	char		peer[128];	/* the receiver's address, for logs */

	/* Streams that have something to send, and what was read of them. */
	struct stream_list ready;
	uint64_t	waiting;	/* their number */
	uint8_t		*buf;		/* frames, from start to end */
	size_t		room;
	size_t		start;
	size_t		end;
	size_t		max_message;	/* what the path takes; 0: unknown */

	/* Octets that were sent; positions count from the first connection. */
	struct window	*window;
	struct flow	flow;		/* how many may be in flight */
	uint64_t	base;		/* position where the link's begin */
	uint64_t	mark[2];	/* positions acknowledged a while ago */
	double		marked;		/* when mark was moved */
	double		progress;	/* the last acknowledgement */
	double		alive;		/* the last sign of life we saw */
	unsigned	patience;	/* see endpoint_patience() */
	struct parted	parted[PARTED_MOST];	/* the oldest first */
	unsigned	nparted;
	ev_timer	parted_timer;
	uint64_t	repeats;	/* octets sent again as the receiver may
					   have discarded them at its close */

	/* RELP. */
	bool		is_relp;
	struct relp_session relp;
	struct pack_mark *marks;	/* of one pull */
	uint64_t	*begins;	/* of the last messages, in octets of
					   the link; a ring */
	size_t		nbegins;	/* a power of two */
	struct rejects	*rejects;	/* of messages in flight */

	bool		work;		/* the next turn has something to do */
	bool		blocked;	/* the link takes no more for now */
	bool		held;		/* messages waited for the bucket */
	bool		probing;	/* one datagram: the last was refused */
	bool		stalled;	/* no acknowledgement for ack_timeout */
	bool		failing;	/* the outage was logged, and nothing
					   was acknowledged since */

	/* What status tells. */
	struct reason	error;
	uint64_t	sent;
	uint64_t	messages;
	uint64_t	connects;
	uint64_t	losses;
	uint64_t	refused;	/* messages that were passed over */
	uint64_t	attempts;	/* since the last connection */
};

/* endpoint_lookup.c */

/*
 * Looks the name of url up again when its answer no longer counts and messages
 * are about to be sent.  on_moved is called with arg when the name has
 * addresses and the address in use is none of them.  All arguments are
 * borrowed.  Returns NULL with errno.
 */
struct endpoint_lookup	*endpoint_lookup_new(const struct endpoint_env *,
		    uint64_t timeout_ms, const struct conf_url *,
		    void (*on_moved)(void *arg), void *arg);

/* The others do nothing where the lookup is NULL. */
void	endpoint_lookup_free(struct endpoint_lookup *);

/* The link goes to this address, of which the answer has just come. */
void	endpoint_lookup_begin(struct endpoint_lookup *,
	    const struct address *);

/* Messages are about to be sent: asks where the answer no longer counts. */
void	endpoint_lookup_again(struct endpoint_lookup *);

/* on_moved will not be called until endpoint_lookup_begin(). */
void	endpoint_lookup_stop(struct endpoint_lookup *);

/* endpoint_parted.c */

/*
 * Watches a connection that the receiver has closed in order: the receiver may
 * close its side later with octets unread, and then what is behind keep is sent
 * again.  Takes the link's socket.  The last PARTED_MOST are watched.
 */
void	endpoint_watch_parted(struct endpoint *, uint64_t keep);

/* Looks whether one of them was reset, and takes back what was not read. */
void	endpoint_look_at_parted(struct endpoint *);

/* The same by the timer; ends the watch of those closed long ago. */
void	endpoint_check_parted(struct endpoint *);

/*
 * All behind keep_pos is taken back.  Returns the position from where on, which
 * is less where one of them was reset.  Those whose octets are all sent again
 * are no longer watched.
 */
uint64_t	endpoint_settle_parted(struct endpoint *, uint64_t keep_pos);
void	endpoint_forget_parted(struct endpoint *);

/* From where on the window has to keep what they carried; keep at the most. */
uint64_t	endpoint_parted_keep(const struct endpoint *, uint64_t keep);

/* endpoint_state.c */

/*
 * Enters another state, logs it, starts and stops what goes with it, and tells
 * the owner.  The only place that changes the state; these changes there are:
 *
 *	IDLE		RESOLVING CONNECTING UP BACKOFF
 *	RESOLVING	the next address: RESOLVING; CONNECTING UP BACKOFF IDLE
 *	CONNECTING	OPENING UP; the next address: RESOLVING; BACKOFF IDLE
 *	OPENING		UP; the next address: RESOLVING; BACKOFF IDLE
 *	BACKOFF		RESOLVING CONNECTING UP; failed at once: BACKOFF; IDLE
 *	UP		DRAINING FINISHING PARTING; lost: BACKOFF; moved: IDLE
 *	DRAINING	FINISHING PARTING IDLE
 *	FINISHING	CLOSING; lost: BACKOFF; IDLE
 *	PARTING		BACKOFF IDLE
 *	CLOSING		lost: BACKOFF; IDLE
 */
void	endpoint_enter(struct endpoint *, enum endpoint_state);

/* Connected, and the receiver has not closed its side. */
bool	endpoint_can_send(const struct endpoint *);

/* No event of the connection comes any more. */
void	endpoint_stop_watchers(struct endpoint *);

/* Starts the timer of the state, after seconds. */
void	endpoint_start_timer(struct endpoint *, ev_tstamp after);

/*
 * There is no connection, for the reason in ep->error, which is logged.  Waits
 * and tries again, or becomes idle where no connection is wanted.
 */
void	endpoint_fail(struct endpoint *);

/* Octets in flight, also where the window counts messages. */
uint64_t	endpoint_in_flight(const struct endpoint *);

/* Whether an acknowledgement must come before more is read of files. */
bool	endpoint_is_full(const struct endpoint *);

bool	endpoint_is_datagram(const struct endpoint *);

/* Takes the stream out of the queue, if it is there. */
void	endpoint_unready(struct endpoint *, struct stream *);

/* endpoint_ack.c */

extern const struct window_ops endpoint_window_ops;

/* Moves offsets to where the receiver's system has acknowledged octets. */
void	endpoint_take_acks(struct endpoint *);

/* The receiver has acknowledged octets: the connection makes progress. */
void	endpoint_on_progress(struct endpoint *);

/*
 * Acknowledgements make no event: starts the timer while octets are in flight.
 * sent: some were sent just now, so that the first look is soon.
 */
void	endpoint_look_for_acks(struct endpoint *, bool sent);

/* The position from which all is sent again after a reset or a refusal. */
uint64_t	endpoint_keep_from(const struct endpoint *);

/* endpoint_end.c */

/*
 * The connection is lost.  What was not acknowledged, and what is behind
 * keep_pos too, is sent again.
 */
void	endpoint_lose(struct endpoint *, uint64_t keep_pos);

/*
 * The connection failed with an errno while it did what, which is in words:
 * keeps both as the reason and loses the connection.  Standard output cannot be
 * opened again: there the endpoint becomes idle for ever.
 */
void	endpoint_break(struct endpoint *, int error, const char *what);

/* The receiver has closed in order. */
void	endpoint_closed_by_peer(struct endpoint *);

/*
 * The receiver has read all: closes.  Where a connection is still wanted, the
 * next turn of the loop makes another one.
 */
void	endpoint_become_idle(struct endpoint *);

/*
 * The receiver has moved to another address: the next turn connects to that.
 * Nothing is sent again.
 */
void	endpoint_move(struct endpoint *);

/* Closes at once; what the receiver may not have read is sent again. */
void	endpoint_cut_off(struct endpoint *);

/*
 * Tells the receiver that no more comes, and waits until it closes: if we
 * closed, the next connection could overtake octets that it has not read yet.
 */
void	endpoint_finish(struct endpoint *);

/*
 * Whether endpoint_finish() may be called: all was written, and is acknowledged
 * or no system will ever tell that it is.
 */
bool	endpoint_may_finish(const struct endpoint *);

/* The time that an end may take is up. */
void	endpoint_on_end(struct endpoint *);

/*
 * How long nothing may be heard, in seconds: ack_timeout.  Where no system
 * counts, a receiver that takes less in that time than a socket holds would be
 * given up, and get the same again and again.  So the time is doubled whenever
 * it was not enough, until a connection has come to its end in order.
 */
double	endpoint_patience(const struct endpoint *);

/* The receiver needed more than that: doubles it. */
void	endpoint_be_patient(struct endpoint *);

/* endpoint_read.c */

/* Reads what the receiver says; the state may be another after it. */
void	endpoint_read(struct endpoint *);

/*
 * The connection failed with an errno while it did what.  Reads what the
 * receiver said before that, then calls endpoint_break().
 */
void	endpoint_link_error(struct endpoint *, int error, const char *what);

/*
 * Called by ack_timer: looks for acknowledgements, and decides what to do where
 * there are none.
 */
void	endpoint_check_silence(struct endpoint *);

/* endpoint_pump.c */

/* Called by again: the last turn of the loop left some work. */
void	endpoint_go_on(struct endpoint *);

/* endpoint_connect.c */

/* Connects, to the first address. */
void	endpoint_connect(struct endpoint *);

/* An address for url, or NULL: there is none, and error says why. */
void	endpoint_on_address(void *endpoint, const struct address *,
	    const char *error);

/* The socket is ready: goes on with the handshake. */
void	endpoint_go_on_connecting(struct endpoint *);

/* The time that connecting may take is up: tries the next address. */
void	endpoint_is_late(struct endpoint *);

/* Goes on sending the first frame of RELP, which has to be answered. */
void	endpoint_send_open(struct endpoint *);

#endif
