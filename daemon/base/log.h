/*
 * log.h - the daemon's own log, to standard error or syslog(3).
 *
 * Subject first: "destination siem: connected to ...".  log_warn() and
 * log_error() append strerror(errno), the ...x() forms do not.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#define LOG_PRINTF(a, b) __attribute__((__format__(printf, a, b)))

/*
 * Messages up to that severity (LOG_ERR ... LOG_DEBUG) go to standard error
 * from now on; unless foreground, to syslog(3) too.  Under systemd, each line
 * on standard error begins with the severity, as sd-daemon(3) wants.
 */
void	log_open(bool foreground, int level);

/* Messages go to syslog(3) only; standard error becomes /dev/null. */
void	log_detach(void);

/* The severity up to which messages are logged. */
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
