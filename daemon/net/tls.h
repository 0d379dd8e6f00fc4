/*
 * tls.h - links over TLS.
 *
 * The system acknowledges what is on the wire, which is longer than what was
 * given to send: link_tls_acked() tells the octets of the latter.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "daemon/net/transport.h"
#include "lib/reason.h"

#define LINK_TLS_RECORD	16384	/* octets that TLS puts into one, at the most */

struct address;

/* What struct link_ops wants; see there. */
int	link_tls_open(struct link *, const struct address *, struct reason *);
enum link_progress	link_tls_handshake(struct link *, struct reason *);
ssize_t	link_tls_send(struct link *, const uint8_t *, size_t);
ssize_t	link_tls_recv(struct link *, uint8_t *, size_t);
uint64_t	link_tls_acked(struct link *);
void	link_tls_finish(struct link *);
void	link_tls_close(struct link *);

#endif
