/*
 * tls_wire.h - what stands for TLS between the worker and its receivers: records
 * of a type, a length, the text and some octets more, so that what is on the
 * wire is longer than what it carries.
 */
#ifndef TLS_WIRE_H
#define TLS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define TLS_HEAD	3	/* octets in front of the text */
#define TLS_TAIL	8	/* and behind it */
#define TLS_MOST	2048	/* of the text in one record */

enum tls_type {
	TLS_HELLO = 'H',	/* of a handshake, both ways */
	TLS_DATA = 'D',
	TLS_TICKET = 'T',	/* of a server that has taken us */
	TLS_ALERT = 'A',
	TLS_BYE = 'B'		/* close_notify */
};

/* What a server's hello says, octet by octet. */
enum tls_hello {
	TLS_HELLO_MORE,		/* the client has to say another */
	TLS_HELLO_OLD,		/* it is of version 1.2 */
	TLS_HELLO_BAD,		/* its certificate is not to be trusted */
	TLS_HELLO_LEN
};

/* Room for n octets of text. */
#define TLS_RECORD(n)	(TLS_HEAD + (n) + TLS_TAIL)

/* Makes a record of p[0..n) in out; returns its octets. */
size_t	tls_seal(enum tls_type, const void *p, size_t n, uint8_t *out);
/* The octets of the record that begins at p; 0: more are needed for that. */
size_t	tls_record_len(const uint8_t *p, size_t n);

#endif
