/*
 * tcp_info.h - what the system knows of a TCP connection.
 *
 * One file an operating system: tcp_info_linux.c, tcp_info_none.c.
 */
#ifndef TCP_INFO_H
#define TCP_INFO_H

#include <stdint.h>

struct tcp_facts {
	int64_t		unacked;	/* bytes written and not acknowledged */
	int64_t		window;		/* that the peer advertises, bytes */
	int64_t		most;		/* that its scale lets it advertise */
	int64_t		silence_ms;	/* since its last acknowledgement */
};

/* Fills in what is known; -1 is what is not. */
void	tcp_facts(int fd, struct tcp_facts *);

/*
 * Asks whether the peer is still there after so long without a word, and gives
 * up after three more without an answer; what the system lets be set is.
 */
void	tcp_keepalive(int fd, uint64_t idle_ms);

/* Bytes in a socket that its peer has not taken, or -1: tcp and unix stream. */
int64_t	socket_unsent(int fd);

#endif
