/*
 * say.h - messages about single files, a bounded number.
 *
 * Anybody who may write in a watched directory can cause such messages as often
 * as he likes.  So in a period only some are logged as they are: SAY_IN_DIR for
 * the files of one directory, SAY_IN_ALL for all.  The others are logged as
 * debug messages, and one message at the end of the period says how many.
 */
#ifndef BASE_SAY_H
#define BASE_SAY_H

#include <ev.h>

#include "daemon/base/log.h"

#define SAY_IN_DIR	16
#define SAY_IN_ALL	512

/* From now on messages are bounded, in periods of so many seconds. */
void	say_open(struct ev_loop *, double seconds);

/* Ends the period, and the bound. */
void	say_close(void);

/* As log_warn() and so on; the message begins with "path: ". */
void	say_warn(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);
void	say_warnx(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);
void	say_notice(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);
void	say_info(const char *path, const char *fmt, ...) LOG_PRINTF(2, 3);

#endif
