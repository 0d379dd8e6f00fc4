/*
 * wire.h - where one message ends and the next begins.
 *
 * Octet counting and non-transparent framing are RFC 6587 3.4.1 and 3.4.2.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum wire {
	WIRE_OCTET,			/* "123 message" */
	WIRE_NEWLINE,			/* "message\n" */
	WIRE_DATAGRAM			/* 4 octets of length in host order, for
					   the link to cut datagrams at */
};

/* Most octets that a frame adds before and after a message. */
#define WIRE_OVERHEAD	12

/* Returns the octets that a frame around len octets of message has. */
size_t	wire_size(enum wire, size_t len);

/*
 * Writes what comes before a message of len octets to out, which has room for
 * WIRE_OVERHEAD.  Returns the octets written; the message goes right behind.
 */
size_t	wire_head(enum wire, size_t len, uint8_t *out);

/* The same for what comes behind the message. */
size_t	wire_tail(enum wire, uint8_t *out);

#endif
