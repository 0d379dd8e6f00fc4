/*
 * link.h - one connection to one address: udp, tcp, unix or standard output.
 *
 * A link sends bytes and tells how many of them the receiver has acknowledged.
 * It does not know what is in them.
 */
#ifndef LINK_H
#define LINK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conf.h"
#include "lib/reason.h"
#include "lib/wire.h"

struct address;
struct link;

struct link_ops {
	/* Opens l->fd, non-blocking; connected may be still to come. */
	int	(*open)(struct link *, const struct conf_url *,
		    const struct address *, struct reason *);
	/* Bytes taken, or -1 with errno; EAGAIN: wait until writable. */
	ssize_t	(*send)(struct link *, const uint8_t *, size_t);
	/* Of written, how many bytes are acknowledged. */
	uint64_t (*acked)(struct link *);
};

enum link_state {
	LINK_OPEN,			/* nothing to tell */
	LINK_CLOSED,			/* the peer has closed in order */
	LINK_FAILED			/* with errno */
};

struct link {
	const struct link_ops	*ops;
	int			 fd;	/* -1: closed */
	bool			 borrowed;	/* fd is not ours to close */
	bool			 stream;
	int			 error;		/* met while looking */
	uint64_t		 written;	/* taken by send */
	uint64_t		 acked;		/* as last known */
	uint64_t		 window;	/* largest that the peer advertised */
	uint64_t		 most;		/* that it may, 0: not known */
};

/* How messages are framed on a link: a datagram needs no frame of its own. */
enum wire	link_wire(const struct conf_destination *, const struct link *);

/* Whether the scheme needs an address: all but unix and stdout. */
bool	link_needs_address(enum conf_scheme);

/*
 * Opens a link to url; address is for schemes that need one.  The connection
 * stands when the descriptor is writable and link_connected() says so.
 * Returns 0, or -1 with why set.
 */
int	link_open(struct link *, const struct conf_url *,
	    const struct address *, struct reason *why);

/* Returns 0 when a connection attempt worked, -1 with errno. */
int	link_connected(struct link *);

/* Whether the peer has closed or failed; what it sends is thrown away. */
enum link_state	link_check(struct link *);

ssize_t	link_send(struct link *, const uint8_t *, size_t);
uint64_t	link_acked(struct link *);

/*
 * How many acknowledged bytes the peer may hold without having read them.  Its
 * buffer is at least the largest window that it advertised, but one that is
 * kept full grows unseen: hence four times that, 2 MB at the least, yet never
 * more than its window scale allows.
 */
uint64_t	link_unread(const struct link *);

/* Milliseconds since the peer's system was last heard of; -1: unknown. */
int64_t	link_silence_ms(struct link *);

/* Says that no more will be written; the peer closes when it has read all. */
void	link_finish(struct link *);

/* Closes it in order where it can; a closed one is fine. */
void	link_close(struct link *);

#endif
