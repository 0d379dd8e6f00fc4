/*
 * transport.h - one connection to one receiver: over UDP, TCP or TLS, to a unix
 * socket or to standard output.
 *
 * A transport sends octets and counts how many of them the receiver has
 * acknowledged.  It does not look into them, but for WIRE_DATAGRAM, of which it
 * sends each frame as one datagram.
 */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conf/conf.h"
#include "lib/reason.h"
#include "lib/wire.h"

struct address;
struct transport_ops;			/* see inside.h */

/* What is always so with the transport that a url names. */
struct transport_facts {
	/* The url names a host: transport_open() needs one of its addresses. */
	bool	needs_address;

	/* The url names a socket in the file system, which a sandbox may not
	   show. */
	bool	by_path;

	/* There is no connection: a refusal may come back for any datagram that
	   was sent of late, and nothing tells that the receiver has moved to
	   another address. */
	bool	connectionless;

	/* The descriptor belongs to the process that started the daemon, too:
	   it is not closed, and cannot be opened again. */
	bool	borrowed;

	/* The receiver's system acknowledges octets that its process has not
	   read. */
	bool	acks_unread;

	/* Acknowledged octets that the receiver may have read and thrown away
	   though it closed in order. */
	size_t	lost_at_close;
};

enum transport_progress {
	TRANSPORT_READY,
	TRANSPORT_WAIT_READ,	/* go on when the socket is readable */
	TRANSPORT_WAIT_WRITE,	/* go on when the socket is writable */
	TRANSPORT_BROKEN	/* it failed, and the reason is set */
};

struct transport {			/* embedded by its owner */
	const struct transport_ops *ops;
	const struct conf_destination *conf;	/* borrowed */
	const struct conf_url	*url;		/* borrowed */
	void			*state;	/* of TLS */
	int			 fd;	/* -1: closed */
	enum transport_progress	 wait;	/* for what, after an EAGAIN of send */
	bool			 stream;	/* false: datagrams */
	bool			 shaking;	/* connected, the handshake is
						   not complete */
	int			 error;	/* the first one of the socket */
	struct reason		 why;	/* more than error tells, or "" */
	uint64_t		 written;	/* octets that send took */
	uint64_t		 acked;	/* unix: by the last count that held */
	bool			 counts;	/* the system counts what is
						   not acknowledged */
	uint64_t		 left;	/* octets that have left the socket */
	uint64_t		 most;	/* octets that the receiver's buffer
					   may hold; 0: not known */
};

/* The facts of the transport that the url names; they live for ever. */
const struct transport_facts	*transport_facts(const struct conf_url *);

/*
 * How messages are framed on an open transport: as configured on a stream, and
 * WIRE_DATAGRAM for datagrams.
 */
enum wire	transport_wire(const struct transport *);

/*
 * Opens a transport to url, which is one of conf, both borrowed until it is
 * closed; address is copied, and NULL where the facts say that none is needed.
 * The connection stands when the descriptor is writable and
 * transport_handshake() returns TRANSPORT_READY.  Returns 0, or -1 with why
 * set, and with errno where that is EMFILE or ENFILE.  Close it with
 * transport_close() or transport_abort().
 */
int	transport_open(struct transport *, const struct conf_destination *conf,
	    const struct conf_url *, const struct address *,
	    struct reason *why);

/*
 * Does the next step between the connection and the first message.  Called
 * again when the descriptor is ready for what was returned.
 */
enum transport_progress	transport_handshake(struct transport *,
			    struct reason *why);

/*
 * Reads what the receiver says, also what it said before transport_send()
 * failed.  Returns the octets read, 0 when the receiver has closed in order, or
 * -1 with errno; EAGAIN: there is nothing to read yet.
 */
ssize_t	transport_recv(struct transport *, uint8_t *, size_t);

/*
 * Sends what fits.  Returns the octets taken, or -1 with errno.  EAGAIN: wait
 * as the member wait says, then begin with the same octets; more may follow
 * them, but not fewer.
 */
ssize_t	transport_send(struct transport *, const uint8_t *, size_t);

/*
 * Returns how many of the octets written are acknowledged: over TCP and TLS the
 * receiver's system has them, over a unix stream the receiver has read them;
 * datagrams and standard output are acknowledged when they are sent.
 */
uint64_t	transport_acked(struct transport *);

/*
 * Whether transport_acked() reaches all that was written.  It does not where
 * the system does not count: there only a receiver that closes after
 * transport_finish() shows that it has everything.  Asked after a call of
 * transport_acked().
 */
bool	transport_counts(const struct transport *);

/*
 * How many acknowledged octets the receiver's system may hold that its process
 * has not read; 0 where acks_unread is false.  It is resend_on_reset, or is
 * derived from the window scale: a system chooses that for the largest buffer
 * it may ever use, so the buffer holds what the scale allows, or twice as much
 * where it has a fixed size.  The windows that are advertised tell less: a
 * buffer that nobody reads takes many times as much.  Without a scale it is
 * TRANSPORT_UNREAD_BLIND.
 */
uint64_t	transport_unread(const struct transport *);

/* How many of those lost_at_close may be, of one that closed in order. */
uint64_t	transport_lost_at_close(const struct transport *);

/*
 * Whether a receiver that closes in order may not have read all that is
 * acknowledged (acks_unread): then transport_error() tells, a little later.
 */
bool	transport_acks_unread(const struct transport *);

/*
 * Returns the first error that the connection met, as an errno, or 0.  Asks the
 * socket: after the receiver's FIN, transport_recv() does not tell of a reset
 * that follows it.
 */
int	transport_error(struct transport *);

/*
 * Closes the transport without its socket, and returns that; the caller closes
 * it.  transport_socket_error() returns what such a socket has met since, as
 * transport_error() does.
 */
int	transport_detach(struct transport *);
int	transport_socket_error(int fd);

/*
 * Returns how many milliseconds ago the receiver's system last answered, 0
 * while it owes no answer, -1 where that is not known.
 */
int64_t	transport_silence_ms(struct transport *);

/*
 * Tells the receiver that nothing more will be written: it closes when it has
 * read everything.  Without effect where the transport has no such signal.
 */
void	transport_finish(struct transport *);

/* Closes the transport; a closed one is fine. */
void	transport_close(struct transport *);

/*
 * Closes the transport and discards what the system has not sent yet: it will
 * be sent on another connection, and must not arrive after that.
 */
void	transport_abort(struct transport *);

#endif
