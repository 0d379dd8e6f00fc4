/*
 * local.h - which files the syslog daemon of this host writes.
 *
 * A source that has such a file, on its way to that daemon, is a loop.  Known
 * is what can be read: the configurations of rsyslog, syslog-ng and syslogd,
 * where a file is named as it is.  Besides, the files that have been theirs on
 * all systems.
 */
#ifndef CONF_LOCAL_H
#define CONF_LOCAL_H

#include <stdbool.h>

#include "daemon/conf/conf.h"

struct conf_local;			/* opaque */

/*
 * Reads the configurations below root, which is "" but for tests.  What cannot
 * be read is passed over.  Returns NULL with ENOMEM.  Free with
 * conf_local_free(); NULL is fine.
 */
struct conf_local	*conf_local_read(const char *root);
void	conf_local_free(struct conf_local *);

/*
 * Returns a file that a pattern of the source means, that none of its exclude
 * has, and that the daemon writes; or NULL.
 */
const char	*conf_local_writes(const struct conf_local *,
		    const struct conf_source *);

/*
 * Whether what is sent to one of the urls reaches the daemon.  NULL: whether it
 * could.
 */
bool	conf_local_takes(const struct conf_local *,
	    const struct conf_destination *);

/* Returns 0, or -1 with why set where both are so. */
int	conf_local_check(const struct conf_local *,
	    const struct conf_source *, const struct conf_destination *,
	    struct reason *why);

#endif
