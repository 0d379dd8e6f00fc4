/*
 * log.h - what the daemon says, to standard error or syslog(3).
 *
 * Subject first: "destination siem: connected to ...".  log_warn() and
 * log_error() append strerror(errno), the ...x() forms do not.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#define LOG_PRINTF(a, b) __attribute__((__format__(printf, a, b)))

/*
 * Sends what is logged from now on, up to the severity level (LOG_ERR ...
 * LOG_DEBUG), to standard error, and as a daemon (not foreground) to syslog(3)
 * too, until log_detach().  Under systemd, standard error carries the severity
 * as sd-daemon(3) asks.
 */
void	log_open(bool foreground, int level);

/* As a daemon: leaves standard error, which becomes /dev/null. */
void	log_detach(void);
void	log_set_level(int level);
int	log_level(void);

void	log_error(const char *fmt, ...) LOG_PRINTF(1, 2);
void	log_errorx(const char *fmt, ...) LOG_PRINTF(1, 2);
void	log_warn(const char *fmt, ...) LOG_PRINTF(1, 2);
void	log_warnx(const char *fmt, ...) LOG_PRINTF(1, 2);
void	log_notice(const char *fmt, ...) LOG_PRINTF(1, 2);
void	log_info(const char *fmt, ...) LOG_PRINTF(1, 2);
void	log_debug(const char *fmt, ...) LOG_PRINTF(1, 2);

#endif
