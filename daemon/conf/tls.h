/*
 * tls.h - how a destination and we make sure of each other.
 */
#ifndef CONF_TLS_H
#define CONF_TLS_H

#include "daemon/conf/conf.h"
#include "lib/reason.h"

struct tls_config;

/*
 * Makes sure that the options fit together and that libtls takes the files.
 * Returns 0, or -1 with why set and *option the name of the one to mend.  What
 * works, but is wrong, is put into warning.
 */
int	conf_tls_check(const struct conf_tls *, const char **option,
	    struct reason *why, struct reason *warning);

/*
 * What libtls has to know for a connection; verify: whether it shall refuse
 * certificates that no CA of ours stands for.  The name is never checked, for
 * that is up to the caller.  Returns NULL with why set.  Free with
 * tls_config_free(3).
 */
struct tls_config	*conf_tls_config(const struct conf_tls *, bool verify,
			    struct reason *why);

/*
 * Reads the file at path, which must be absolute, into bytes that are empty.
 * Returns 0, or -1 with why set.  conf_tls_fini() frees them.
 */
int	conf_tls_read(struct conf_bytes *, const char *path,
	    struct reason *why);

/* Frees what it owns; the key is overwritten. */
void	conf_tls_fini(struct conf_tls *);

#endif
