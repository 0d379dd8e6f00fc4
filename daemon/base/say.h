/*
 * say.h - what the daemon says of single files.
 *
 * Whoever may write in a watched directory can bring such messages about as
 * often as he likes.  So in a while only some are logged of the files of one
 * directory, and of all; the others are counted, which is said behind it, and
 * have the severity of what only a search for faults needs.
 */
#ifndef BASE_SAY_H
#define BASE_SAY_H

#include <ev.h>

#include "daemon/base/log.h"

#define SAY_IN_DIR	16
#define SAY_IN_ALL	512

/* So many in each while of seconds from now on; before, there is no bound. */
void	say_open(struct ev_loop *, double seconds);
void	say_close(void);

/* As log_warn() and so on: "path: ..." */
void	say_warn(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);
void	say_warnx(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);
void	say_notice(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);
void	say_info(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);

#endif
