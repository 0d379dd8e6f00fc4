/*
 * notify.h - tells the service manager, sd_notify(3), without its library.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/*
 * Remembers NOTIFY_SOCKET and WATCHDOG_USEC and takes them out of the
 * environment.  Without a service manager everything here does nothing.
 */
void	notify_init(void);

/* Sends lines such as "READY=1\nSTATUS=...", printf(3) style. */
void	notify_send(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));

/* "RELOADING=1" with the time that systemd wants to see with it. */
void	notify_reloading(void);

/* How often the service manager wants a sign of life, halved; 0: never. */
uint64_t	notify_watchdog_ms(void);

#endif
