/*
 * wire.h - frames, which show where one message ends and the next begins.
 *
 * Octet counting and non-transparent framing are RFC 6587 3.4.1 and 3.4.2.  The
 * other frames of RELP are in relp.h.  Pure: no I/O.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum wire {
	WIRE_OCTET,			/* "123 message" */
	WIRE_NEWLINE,			/* "message\n" */
	WIRE_DATAGRAM,			/* 4 octets of length in host order, for
					   the transport to cut datagrams at */
	WIRE_RELP			/* "9 syslog 7 message\n", 9 being the
					   number of the transaction */
};

/* Octets that a frame adds to a message, at most. */
#define WIRE_OVERHEAD	32

/* The transactions of a connection are numbered from 1 to this, and again. */
#define WIRE_TXNR_LAST	999999999

/* Returns the number of the transaction after txnr. */
static inline uint32_t
wire_next_txnr(uint32_t txnr)
{
	return (txnr < WIRE_TXNR_LAST ? txnr + 1 : 1);
}

/*
 * Writes the part of the frame before a message of len octets, less than 2^32,
 * to out, which has room for WIRE_OVERHEAD.  Only WIRE_RELP uses txnr.  Returns
 * the octets written; the message follows them.
 */
size_t	wire_head(enum wire, size_t len, uint32_t txnr, uint8_t *out);

/* Writes the part of the frame after the message, in the same way. */
size_t	wire_tail(enum wire, uint8_t *out);

#endif
