/*
 * inside.h - an endpoint as its own parts see it: endpoint.c
 * connects, endpoint_pump.c sends, endpoint_ack.c hears what arrived,
 * endpoint_end.c sees to the end of a connection, endpoint_parted.c to what may
 * come of one that ended in order, endpoint_lookup.c to a name whose address
 * changes.
 */
#ifndef SEND_INSIDE_H
#define SEND_INSIDE_H

#include "daemon/conf/conf.h"
#include "daemon/send/endpoint.h"
#include "daemon/net/transport.h"
#include "daemon/send/relp_session.h"
#include "daemon/stream/stream.h"
#include "daemon/net/addresses.h"
#include "lib/backoff.h"
#include "lib/flow.h"
#include "lib/rejects.h"
#include "lib/token_bucket.h"
#include "lib/window.h"

#define ENDPOINT_MARKS	1024		/* messages of one pull; RELP */
#define PARTED_MOST	8		/* connections that ended of late */

struct endpoint {
	const struct endpoint_env *env;
	const struct endpoint_owner *owner;
	uint32_t epoch;
	const struct conf_destination *conf;
	const struct conf_url *url;
	const struct transport_facts *facts; /* of url */
	enum endpoint_state state;
	struct transport link;
	ev_io readable;
	ev_io writable;
	ev_timer timer; /* of the state */
	ev_timer ack_timer;
	ev_timer again; /* another turn, at once */
	struct targets targets;
	struct address address; /* of the link */
	struct endpoint_lookup *lookup; /* UDP, or NULL */
	struct backoff backoff;
	struct relp_session relp;
	bool is_relp;
	struct pack_mark *marks; /* of one pull; RELP */
	uint64_t *begins; /* of the last messages, in the stream; RELP */
	size_t nbegins; /* a power of two */
	struct rejects *rejects; /* of messages in flight; RELP */
	uint64_t refused; /* passed over */
	ev_timer rate_timer;
	bool held; /* what is sent had to wait for the bucket */
	struct window *window;
	struct flow flow; /* how many octets may be in flight */
	struct stream_list ready;
	uint64_t waiting;
	uint8_t *buf;
	size_t room;
	size_t start;
	size_t end;
	size_t max_message; /* 0, or what the path takes */
	uint64_t mark[2]; /* positions of late */
	double marked; /* as clock_now(), all of them */
	double progress; /* last acknowledgement */
	double alive; /* last sign of life, as far as it was looked for */
	double opened; /* the connection, by us */
	bool work; /* worth a pump */
	bool blocked; /* the link takes no more */
	bool draining;
	bool finishing; /* said that all is sent */
	bool parting; /* the peer did: how does it end? */
	uint64_t base; /* position in the window where the link's begin */
	struct parted {
		int fd;
		uint64_t keep; /* its unread begin there, should it be reset */
		double since;
	} parted[PARTED_MOST]; /* ended in order of late, the first before */
	unsigned nparted;
	ev_timer parted_timer;
	uint64_t repeats; /* octets that are sent again, as the receiver may
			     have thrown them away when it closed in order */
	bool probing;
	bool stalled; /* nothing acknowledged for ack_timeout */
	unsigned patience; /* see endpoint_patience() */
	bool failing; /* said so */
	struct reason error;
	char peer[128];
	uint64_t sent;
	uint64_t messages;
	uint64_t connects;
	uint64_t losses;
	uint64_t attempts; /* since it was last up */
};

/* endpoint.c: states */

void	endpoint_enter(struct endpoint *, enum endpoint_state);
void	endpoint_start_timer(struct endpoint *, ev_tstamp after);
/* Bytes, also where the window counts messages. */
uint64_t	endpoint_in_flight(const struct endpoint *);

/* No more may be pulled before something is acknowledged. */
bool	endpoint_is_full(const struct endpoint *);

bool	endpoint_is_datagram(const struct endpoint *);

/* The connection is gone or never stood: waits, then tries again. */
void	endpoint_fail(struct endpoint *);

/* endpoint_end.c: how a connection ends */

/*
 * The connection is gone: what was not acknowledged, and what was after
 * keep_pos too, is sent again.
 */
void	endpoint_lose(struct endpoint *, uint64_t keep_pos);

/* Connects anew, for the receiver has another address.  Nothing is lost. */
void	endpoint_move(struct endpoint *);

/* The same where the peer has closed in order; and with an errno. */
void	endpoint_closed_by_peer(struct endpoint *);
void	endpoint_link_error(struct endpoint *, int error, const char *what);

/* The receiver has read all of it, and is left in peace if it was released. */
void	endpoint_become_idle(struct endpoint *);

/*
 * How long nothing may be heard, in seconds: ack_timeout.  Where no system
 * counts, who takes less in that time than a socket holds would be given up and
 * get the same again and again: it is doubled each time then, until a connection
 * has come to its end in order.
 */
double	endpoint_patience(const struct endpoint *);

/* That was not enough. */
void	endpoint_be_patient(struct endpoint *);

/* The time is up that an end may take. */
void	endpoint_on_end(struct endpoint *);

/* endpoint_parted.c: connections that the receiver has closed in order */

/*
 * It may close its side later, with octets unread: what is behind keep is sent
 * again then.  Takes the link's socket.  The last PARTED_MOST are watched.
 */
void	endpoint_watch_parted(struct endpoint *, uint64_t keep);

/* Looks whether one was reset, and takes back what it had not read. */
void	endpoint_look_at_parted(struct endpoint *);
void	endpoint_on_parted_timer(struct ev_loop *, ev_timer *, int);

/*
 * What is behind keep_pos is taken back: from where on, for one of them that
 * turned out to be reset.  Those whose octets all come again are forgotten.
 */
uint64_t endpoint_settle_parted(struct endpoint *, uint64_t keep_pos);
void	endpoint_forget_parted(struct endpoint *);

/* From where on the window has to keep what they carried; or keep. */
uint64_t endpoint_parted_keep(const struct endpoint *, uint64_t keep);

/* endpoint_lookup.c: a UDP receiver that gets another address */

/* Returns 0, or -1 with errno. */
int	endpoint_lookup_new(struct endpoint *);
void	endpoint_lookup_free(struct endpoint *);

/* The link goes to ep->address; and: messages are about to be sent. */
void	endpoint_lookup_begin(struct endpoint *);
void	endpoint_lookup_again(struct endpoint *);
void	endpoint_lookup_stop(struct endpoint *);

/* endpoint_ack.c: what arrived */

extern const struct window_ops endpoint_window_ops;

/* Reads what the peer says; the state may be another after it. */
void	endpoint_read(struct endpoint *);

/*
 * Reads all that the peer has said, for the connection is about to be given up.
 * Returns false when that has given it up already.
 */
bool	endpoint_hear_out(struct endpoint *);
void	endpoint_take_acks(struct endpoint *);

/* While some are missing, by a timer; sent: more is on its way. */
void	endpoint_look_for_acks(struct endpoint *, bool sent);

/* The position from which all is sent again after a reset or a refusal. */
uint64_t	endpoint_keep_from(const struct endpoint *);
void	endpoint_on_ack_timer(struct ev_loop *, ev_timer *, int);

/* endpoint_pump.c: sending */

/*
 * Says that there is no more, after which the receiver is to close; and whether
 * all was written, and is acknowledged or never will be told to be.
 */
void	endpoint_finish(struct endpoint *);
bool	endpoint_may_finish(const struct endpoint *);

void	endpoint_unready(struct endpoint *, struct stream *);
void	endpoint_on_rate_timer(struct ev_loop *, ev_timer *, int);
void	endpoint_on_again(struct ev_loop *, ev_timer *, int);

#endif
