/*
 * datagram.h - sends each frame of WIRE_DATAGRAM as one datagram.
 *
 * One file an operating system: datagram_linux.c, and datagram_none.c for those
 * without a queue of errors.
 */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

/*
 * Sends the complete frames of p[0..n) on the connected socket fd.  Returns the
 * octets of the frames sent, or -1 with errno when not even the first one was
 * sent; EMSGSIZE: it is larger than the path takes.
 */
ssize_t	datagram_send(int fd, const uint8_t *p, size_t n);

/* Prepares a socket, so that no refusal is lost between two datagrams. */
void	datagram_open(int fd);

/*
 * Returns the error that the network has sent back for a datagram, as an errno
 * such as ECONNREFUSED, or 0.
 */
int	datagram_error(int fd);

#endif
