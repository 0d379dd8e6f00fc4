/*
 * datagram.h - sends frames of WIRE_DATAGRAM as one datagram each.
 *
 * One file an operating system: datagram_linux.c.
 */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

/*
 * Sends the whole frames of p[0..n) on the connected socket fd.  Returns the
 * octets of frames that were sent, or -1 with errno when not even the first
 * was; EMSGSIZE: it is larger than the path takes.
 */
ssize_t	datagram_send(int fd, const uint8_t *p, size_t n);

/* Prepares a socket, so that no refusal gets lost between two datagrams. */
void	datagram_open(int fd);

/*
 * Returns what came back from the network for datagrams that were sent, as an
 * errno such as ECONNREFUSED, or 0.
 */
int	datagram_error(int fd);

#endif
