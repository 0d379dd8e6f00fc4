/*
 * inside.h - what the transports share, for daemon/net alone.
 *
 * transport.c has the table of the transports.  Each is a file with one
 * constant; over sockets they use socket.c, and tls.c uses tcp.c as well.
 */
#ifndef NET_INSIDE_H
#define NET_INSIDE_H

#include "daemon/net/transport.h"

/* One transport; a function is NULL where there is nothing to do. */
struct transport_ops {
	struct transport_facts	facts;

	/* Opens t->fd, non-blocking, and sets t->stream; the connection may
	   take until later.  Returns as transport_open(). */
	int	(*open)(struct transport *, const struct address *,
		    struct reason *why);

	/* As transport_handshake(). */
	enum transport_progress	(*handshake)(struct transport *,
				    struct reason *why);

	/* As transport_send() and transport_recv(), which count and keep
	   errors. */
	ssize_t	(*send)(struct transport *, const uint8_t *, size_t);
	ssize_t	(*recv)(struct transport *, uint8_t *, size_t);

	/* As transport_acked(); NULL: what is written is acknowledged. */
	uint64_t (*acked)(struct transport *);

	/* As transport_silence_ms(); NULL: not known. */
	int64_t	(*silence_ms)(struct transport *);

	/* As transport_finish(). */
	void	(*finish)(struct transport *);

	/* Frees what open allocated, but for the descriptor; also after open
	   has failed. */
	void	(*close)(struct transport *);
};

extern const struct transport_ops	transport_stdout;
extern const struct transport_ops	transport_tcp;
extern const struct transport_ops	transport_tls;
extern const struct transport_ops	transport_udp;
extern const struct transport_ops	transport_unix;

/* socket.c */

/* Opens t->fd as a non-blocking socket.  Returns 0, or -1 with why set. */
int	transport_socket_open(struct transport *, int family, int type,
	    struct reason *why);

/*
 * The same, bound to the configured address, and begins to connect to the
 * address given.
 */
int	transport_socket_connect(struct transport *, const struct address *,
	    int type, struct reason *why);

/*
 * Limits the send buffer to a part of the window where the system does not
 * count what is in it: all that it can hold is in doubt there, and if that were
 * more than the window, nothing would be acknowledged.
 */
void	transport_socket_limit(struct transport *);

/* For struct transport_ops. */
ssize_t	transport_socket_send(struct transport *, const uint8_t *, size_t);
ssize_t	transport_socket_recv(struct transport *, uint8_t *, size_t);
void	transport_socket_finish(struct transport *);

/*
 * Returns how many of the written octets have left the socket and are not in
 * doubt any more.  Never decreases.
 */
uint64_t	transport_socket_left(struct transport *, uint64_t written);

/* tcp.c: what TLS does as TCP, too. */
int	tcp_open(struct transport *, const struct address *,
	    struct reason *why);

/* written: octets on the wire; notes the receiver's window scale. */
uint64_t	tcp_acked(struct transport *, uint64_t written);
int64_t	tcp_silence_ms(struct transport *);

#endif
