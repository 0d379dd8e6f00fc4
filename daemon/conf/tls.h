/*
 * tls.h - certificates, keys and the TLS settings of a destination.
 */
#ifndef CONF_TLS_H
#define CONF_TLS_H

#include "daemon/conf/conf.h"
#include "lib/reason.h"

struct tls_config;

/*
 * Checks that the options agree with each other and that libtls accepts the
 * files.  Returns 0, or -1 with why set and *option the name of the option to
 * mend.  Sets warning when the dates of the certificate in cert_file are wrong,
 * and leaves it alone otherwise.
 */
int	conf_tls_check(const struct conf_tls *, const char **option,
	    struct reason *why, struct reason *warning);

/*
 * Makes the settings of libtls for a connection.  With verify, libtls refuses a
 * receiver whose certificate none of the destination's CAs has signed.  libtls
 * never checks the receiver's name: the caller does.  Returns NULL with why
 * set.  Free with tls_config_free(3).
 */
struct tls_config	*conf_tls_config(const struct conf_tls *, bool verify,
			    struct reason *why);

/*
 * Reads the file at path, which must be absolute and a regular file, into
 * bytes, which must be empty.  Returns 0, or -1 with why set.  conf_tls_fini()
 * frees the bytes.
 */
int	conf_tls_read(struct conf_bytes *, const char *path,
	    struct reason *why);

/* Overwrites and frees the files' content, and frees the strings. */
void	conf_tls_fini(struct conf_tls *);

#endif
