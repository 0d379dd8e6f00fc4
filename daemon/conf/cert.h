/*
 * cert.h - dates, names and issuers of certificates, for messages to the user.
 *
 * Only libtls decides whether a certificate is trusted.  All PEM is in memory.
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
	char		 names[256];	/* "a.example, b.example", or "";
					   printable ASCII */
};

struct cert_pem {			/* n octets of PEM; p NULL: none */
	const uint8_t	*p;
	size_t		 n;
};

/*
 * Reads the first certificate in n octets of PEM.  Returns 0, or -1 when there
 * is none.
 */
int	cert_read(const uint8_t *pem, size_t n, struct cert_facts *);

/*
 * Whether one of the certificates is a root: is issued by its own subject.
 * Without a root these certificates cannot verify any other.
 */
bool	cert_has_root(const struct cert_pem *);

/*
 * Follows the issuers from the first certificate of chain up to a root.  When
 * an issuer's certificate is neither in chain nor in ca, writes the issuer's
 * name, cut to size, to name and returns true.
 */
bool	cert_lacks_issuer(const struct cert_pem *chain,
	    const struct cert_pem *ca, char *name, size_t size);

struct cert_day {
	char		 text[32];
};

/*
 * Returns a date as "2026-11-01", UTC.  The text of a result that is not kept
 * in a variable lives until the end of the full expression.
 */
struct cert_day	cert_date(time_t);

#endif
