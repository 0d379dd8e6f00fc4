/*
 * fdpass.h - packets between two processes of the daemon, and open files that
 * go with them.
 *
 * A channel is one end of a socketpair(2) of AF_UNIX and SOCK_SEQPACKET.
 */
#ifndef BASE_FDPASS_H
#define BASE_FDPASS_H

#include <sys/types.h>

#include <stdint.h>

/* No file came with the packet; one came, but no descriptor was left. */
#define FDPASS_NO_FD	(-1)
#define FDPASS_LOST_FD	(-2)

/*
 * Sends the packet p of n octets, and with it the open file fd, which is
 * borrowed; -1: none.  Waits up to wait_ms until the other process has room.
 * Returns 0, or -1 with errno: EAGAIN where there was no room.
 */
int	fdpass_send(int channel, const void *p, size_t n, int fd, int wait_ms);

/*
 * Receives a packet of up to n octets, without waiting.  *fd becomes the open
 * file that came with it, which the caller owns, or one of the two above.
 * Returns the packet's length, 0 when the other process has closed its end, or
 * -1 with errno: EAGAIN where no packet waits.
 */
ssize_t	fdpass_recv(int channel, void *p, size_t n, int *fd);

#endif
