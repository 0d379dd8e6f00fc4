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
void	sd_notify_init(void);

/*
 * Sends lines such as "READY=1\nSTATUS=...", made as by printf(3).  Waits for
 * the service manager to have room.
 */
void	sd_notify_send(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));

/* The same without waiting: for lines that are sent again soon. */
void	sd_notify_beat(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));

/* Sends "RELOADING=1" and the monotonic time, which systemd wants with it. */
void	sd_notify_reloading(void);

/*
 * How often, in milliseconds, to send WATCHDOG=1 and STATUS: half of what the
 * watchdog allows, or a minute without a watchdog; 0 without a service manager.
 */
uint64_t	sd_notify_every_ms(void);

#endif
