/*
 * tcp_info.h - what the system knows of a connection.
 *
 * One file an operating system: tcp_info_linux.c, tcp_info_openbsd.c,
 * tcp_info_bsd.c (FreeBSD and NetBSD); tcp_info_none.c for those that tell
 * nothing.
 */
#ifndef NET_TCP_INFO_H
#define NET_TCP_INFO_H

#include <stdint.h>

struct tcp_facts {
	/* Octets that the peer's window scale lets it advertise; without one
	   its buffer may still hold more than it can advertise: unknown. */
	int64_t		most;
	/* Since its system was heard of, 0 while it owes no answer. */
	int64_t		silence_ms;
};

/* Fills in what is known; -1 is what is not. */
void	tcp_facts(int fd, struct tcp_facts *);

/*
 * Asks whether the peer is still there after so long without a word, and gives
 * up after three more without an answer; what the system lets be set is.
 *
 * TCP_USER_TIMEOUT of Linux is no part of this: it also ends a connection whose
 * peer has closed its window and answers every probe, so one that is only slow.
 */
void	tcp_keepalive(int fd, uint64_t idle_ms);

/*
 * Bytes in a stream socket that its peer has not taken: over TCP those that are
 * not acknowledged, in a local one those that are not read.  Never fewer than
 * there are.  Returns -1 where nobody can tell: the system does not, or it has
 * forgotten because the connection is gone.
 */
int64_t	net_unsent(int fd);

#endif
