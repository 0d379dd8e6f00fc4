/*
 * local_syslog.h - which files the syslog daemon of this host writes.
 *
 * A source that has such a file, on its way to that daemon, is a loop.  Known
 * is what can be read: the configurations of rsyslog, syslog-ng and syslogd,
 * where a file is named as it is.  Besides, the files that have been theirs on
 * all systems.
 */
#ifndef LOCAL_SYSLOG_H
#define LOCAL_SYSLOG_H

#include <stdbool.h>

#include "daemon/conf.h"

struct local_syslog;			/* opaque */

/*
 * Reads the configurations below root, which is "" but for tests.  What cannot
 * be read is passed over.  Returns NULL with ENOMEM.  Free with
 * local_syslog_free(); NULL is fine.
 */
struct local_syslog	*local_syslog_read(const char *root);
void	local_syslog_free(struct local_syslog *);

/*
 * Returns a file that a pattern of the source means, that none of its exclude
 * has, and that the daemon writes; or NULL.
 */
const char	*local_syslog_writes(const struct local_syslog *,
		    const struct conf_source *);

/*
 * Whether what is sent to one of the urls reaches the daemon.  NULL: whether it
 * could.
 */
bool	local_syslog_takes(const struct local_syslog *,
	    const struct conf_destination *);

#endif
