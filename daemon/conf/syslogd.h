/*
 * syslogd.h - finds loops: a source of files that the syslog daemon of this
 * host writes, and a destination that is this daemon.
 *
 * The files of the daemon are those that the configurations of rsyslog,
 * syslog-ng and syslogd name literally, and those that syslog daemons have by
 * custom.
 */
#ifndef CONF_SYSLOGD_H
#define CONF_SYSLOGD_H

#include <stdbool.h>

#include "daemon/conf/conf.h"
#include "lib/reason.h"

struct conf_syslogd;			/* opaque */

/*
 * Reads the daemons' configurations below root, which is "" but for tests and
 * must outlive the result.  Skips files that cannot be read.  Returns NULL with
 * ENOMEM.  Free with conf_syslogd_free(); NULL is fine.
 */
struct conf_syslogd	*conf_syslogd_read(const char *root);
void	conf_syslogd_free(struct conf_syslogd *);

/*
 * Returns a file that the daemon writes, that a pattern of the source matches
 * and that none of its exclude has; or NULL.  Borrowed from the conf_syslogd.
 */
const char	*conf_syslogd_writes(const struct conf_syslogd *,
		    const struct conf_source *);

/*
 * Whether the daemon receives what is sent to one of the destination's urls.
 * With NULL for the conf_syslogd: whether some syslog daemon could.
 */
bool	conf_syslogd_receives(const struct conf_syslogd *,
	    const struct conf_destination *);

/*
 * Refuses a source that the daemon writes with a destination that it receives.
 * Returns 0, or -1 with why set.
 */
int	conf_syslogd_check(const struct conf_syslogd *,
	    const struct conf_source *, const struct conf_destination *,
	    struct reason *why);

#endif
