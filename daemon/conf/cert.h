/*
 * cert.h - what a certificate says of itself, for messages.
 *
 * Whether it can be trusted is for libtls to decide.
 */
#ifndef CONF_CERT_H
#define CONF_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct cert_facts {
	time_t		 not_before;
	time_t		 not_after;
	char		 names[256];	/* "a.example, b.example", or "" */
};

struct cert_pem {			/* n octets of PEM; p NULL: none */
	const uint8_t	*p;
	size_t		 n;
};

/* Reads the first certificate of n octets of PEM.  Returns 0, or -1. */
int	cert_read(const uint8_t *pem, size_t n, struct cert_facts *);

/*
 * Whether one of the certificates is its own issuer's.  Without such a root no
 * certificate can be checked by them.
 */
bool	cert_has_root(const struct cert_pem *);

/*
 * Goes from the first certificate of chain to who signed it, and on, as far as
 * certificates of chain or of ca lead.  Where the one of an issuer is in
 * neither: writes the issuer's name to name and returns true.
 */
bool	cert_lacks_issuer(const struct cert_pem *chain,
	    const struct cert_pem *ca, char *name, size_t size);

/* "2026-11-01", UTC; text lives until the end of the full expression. */
struct cert_day {
	char text[32];
};
struct cert_day	cert_date(time_t);

#endif
