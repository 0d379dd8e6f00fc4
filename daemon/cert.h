/*
 * cert.h - what a certificate says of itself, for messages.
 *
 * Whether it can be trusted is for libtls to decide.
 */
#ifndef CERT_H
#define CERT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct cert_facts {
	time_t		 not_before;
	time_t		 not_after;
	char		 names[256];	/* "a.example, b.example", or "" */
};

/* Reads the first certificate of n octets of PEM.  Returns 0, or -1. */
int	cert_read(const uint8_t *pem, size_t n, struct cert_facts *);

/* "2026-11-01", UTC, in a static buffer. */
const char	*cert_date(time_t);

#endif
