/*
 * transport.h - one connection to one address: udp, tcp, tls, unix or standard
 * output.
 *
 * A link sends bytes and tells how many of them the receiver has acknowledged.
 * It does not know what is in them.
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
struct link;

enum link_progress {
	LINK_READY,
	LINK_WAIT_READ,			/* go on when the socket is readable */
	LINK_WAIT_WRITE,
	LINK_BROKEN			/* with the reason set */
};

/* One kind of link; NULL where there is nothing to do. */
struct link_ops {
	/* Opens l->fd, non-blocking; connected may be still to come. */
	int	(*open)(struct link *, const struct address *,
		    struct reason *);
	/* What has to be said before the first message. */
	enum link_progress (*handshake)(struct link *, struct reason *);
	/* Bytes taken, or -1 with errno; EAGAIN: see wait. */
	ssize_t	(*send)(struct link *, const uint8_t *, size_t);
	/* Bytes read, 0: the peer has closed in order, -1 with errno. */
	ssize_t	(*recv)(struct link *, uint8_t *, size_t);
	/* Of written, how many bytes are acknowledged. */
	uint64_t (*acked)(struct link *);
	/* Says that no more will be written. */
	void	(*finish)(struct link *);
	/* Frees what open made, but for the descriptor. */
	void	(*close)(struct link *);
};

struct link {
	const struct link_ops	*ops;
	const struct conf_destination *conf;
	const struct conf_url	*url;
	void			*state;	/* of the kind, e.g. TLS */
	int			 fd;	/* -1: closed */
	enum link_progress	 wait;	/* what an EAGAIN of send waits for */
	bool			 borrowed;	/* fd is not ours to close */
	bool			 stream;
	bool			 shaking;	/* connected, but not ready */
	int			 error;		/* met while looking */
	struct reason		 why;		/* more than error tells, or "" */
	uint64_t		 written;	/* taken by send */
	uint64_t		 acked;		/* as last known */
	bool			 counts;	/* the system tells unsent */
	uint64_t		 left;		/* the socket, in octets */
	uint64_t		 most;		/* octets that the peer's buffer may
						   hold; 0: not known */
};

/* How messages are framed on a link: a datagram needs no frame of its own. */
enum wire	link_wire(const struct link *);

/* Whether the scheme needs an address: all but unix and stdout. */
bool	link_needs_address(enum conf_scheme);

/*
 * Opens a link to url of conf; address is for schemes that need one.  The
 * connection stands when the descriptor is writable and link_handshake() is
 * LINK_READY.  Returns 0, or -1 with why set, and with errno where that is
 * EMFILE or ENFILE.
 */
int	link_open(struct link *, const struct conf_destination *conf,
	    const struct conf_url *, const struct address *,
	    struct reason *why);

/* Goes on with what stands between a connection and the first message. */
enum link_progress	link_handshake(struct link *, struct reason *why);

/*
 * Reads what the peer says, also what it said before link_send() failed.
 * Returns the bytes, 0 when it has closed in order, -1 with errno; EAGAIN:
 * nothing for now.
 */
ssize_t	link_recv(struct link *, uint8_t *, size_t);

/*
 * Returns the bytes taken, or -1 with errno; EAGAIN: wait for l->wait, then
 * begin with the same bytes, of which there may be more, but never less.
 */
ssize_t	link_send(struct link *, const uint8_t *, size_t);
uint64_t	link_acked(struct link *);

/*
 * Whether link_acked() comes to all that was written.  It does not where the
 * system tells nothing: then only a peer that closes after link_finish() shows
 * that it has all.  For a link that link_acked() was called for.
 */
bool	link_counts(const struct link *);

/*
 * How many acknowledged bytes the peer may hold without having read them.  Its
 * system chooses the window scale for the largest buffer that it may ever use,
 * so that is what the scale allows, or twice that where the buffer is of a
 * fixed size.  The windows that it advertises tell less:
 * a buffer that nobody reads takes many times as much, unseen.  64 MB where no
 * scale is known.
 */
uint64_t	link_unread(const struct link *);

/*
 * How many of those it may have read and thrown away though it closed in order:
 * over TLS one record, for servers that stop read once more, to hear a goodbye,
 * and what they get is a log.
 */
uint64_t	link_thrown_away(const struct link *);

/*
 * Whether the peer's goodbye leaves open if it has read what is acknowledged:
 * link_error() tells a little later.
 */
bool	link_may_lie(const struct link *);

/* What the connection has met meanwhile, as errno, or 0. */
int	link_error(struct link *);

/*
 * Closes the link but for its socket, which is returned and is the caller's to
 * close.  link_socket_error() goes on telling what such a one has met.
 */
int	link_detach(struct link *);
int	link_socket_error(int fd);

/*
 * Milliseconds since the peer's system was last heard of, 0 while it owes no
 * answer; -1: unknown.
 */
int64_t	link_silence_ms(struct link *);

/* Says that no more will be written; the peer closes when it has read all. */
void	link_finish(struct link *);

/* For links over tcp: the open of link_ops; and of written bytes on the wire,
   how many are acknowledged, noting what the peer advertises. */
int	link_tcp_open(struct link *, const struct address *, struct reason *);
uint64_t	link_tcp_acked(struct link *, uint64_t written);

/* Closes it; a closed one is fine. */
void	link_close(struct link *);

/*
 * Closes it and throws away what the system has not sent yet: that will be
 * sent again elsewhere and must not arrive behind it.
 */
void	link_abort(struct link *);

#endif
