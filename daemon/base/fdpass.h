/*
 * fdpass.h - packets between two processes of the daemon, and open files that
 * go with them.
 *
 * A channel is one end of a socketpair(2) of AF_UNIX and SOCK_SEQPACKET.  No
 * call waits for longer than it says.
 */
#ifndef BASE_FDPASS_H
#define BASE_FDPASS_H

#include <sys/types.h>

#include <stdint.h>

/* No file came with the packet; and: one came, but no descriptor was left. */
#define CHANNEL_NO_FD	(-1)
#define CHANNEL_LOST_FD	(-2)

/*
 * Sends the packet p of n octets, and with it a file that is open as fd, which
 * is borrowed; -1: none.  Waits wait_ms until the other side has room for it.
 * Returns 0, or -1 with errno, which is EAGAIN where it has none.
 */
int	channel_send(int channel, const void *p, size_t n, int fd, int wait_ms);

/*
 * Takes a packet that is there, as recv(2) without waiting: returns its length,
 * 0 at the end, -1 with errno.  *fd is the caller's descriptor of the file that
 * came with it, or one of the two above.
 */
ssize_t	channel_recv(int channel, void *p, size_t n, int *fd);

#endif
