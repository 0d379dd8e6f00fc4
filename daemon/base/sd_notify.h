/*
 * sd_notify.h - tells the service manager, sd_notify(3), without its library.
 */
#ifndef BASE_SD_NOTIFY_H
#define BASE_SD_NOTIFY_H

#include <stdint.h>

/*
 * Remembers NOTIFY_SOCKET and WATCHDOG_USEC and takes them out of the
 * environment.  Without a service manager everything here does nothing.
 */
void	notify_init(void);

/* Sends lines such as "READY=1\nSTATUS=...", printf(3) style. */
void	notify_send(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));

/* The same for what is said again soon: it waits for nobody. */
void	notify_beat(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));

/* "RELOADING=1" with the time that systemd wants to see with it. */
void	notify_reloading(void);

/*
 * How often to tell it that we are alive and how we are: half of what its
 * watchdog allows, or a minute without one; 0: nobody wants to know.
 */
uint64_t	notify_every_ms(void);

#endif
