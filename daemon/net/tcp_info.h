/*
 * tcp_info.h - what the system knows about a connection.
 *
 * One file an operating system: tcp_info_linux.c, tcp_info_openbsd.c,
 * tcp_info_bsd.c (FreeBSD and NetBSD); tcp_info_none.c for systems that tell
 * nothing.
 */
#ifndef NET_TCP_INFO_H
#define NET_TCP_INFO_H

#include <stdint.h>

struct tcp_facts {
	/* Octets that the window scale lets the receiver advertise, at most.
	   Not known without a scale: its buffer may hold more than that. */
	int64_t		most;
	/* Since its system has answered; 0 while it owes no answer. */
	int64_t		silence_ms;
};

/* Fills in the facts of a TCP socket; -1: not known. */
void	tcp_facts(int fd, struct tcp_facts *);

/*
 * Makes the system probe a connection that was idle for idle_ms, and end it
 * when three probes in a row get no answer; as far as a socket can set that.
 *
 * TCP_USER_TIMEOUT of Linux is not used: it also ends the connection of a slow
 * receiver, which has closed its window and answers every probe.
 */
void	tcp_keepalive(int fd, uint64_t idle_ms);

/*
 * Returns how many of the octets written to a stream socket the receiver does
 * not have: over TCP those not acknowledged, over a unix socket those not read.
 * The count may be too high, but never too low.  Returns -1 where the system
 * does not count, or no longer knows because the connection is gone.
 */
int64_t	net_unsent(int fd);

#endif
