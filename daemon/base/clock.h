/*
 * clock.h - the clock for durations.
 *
 * Nobody sets it: it goes on evenly when the time of day is set forward or
 * back.  The time of day itself, which also ev_now() of libev is, is only for
 * what people read and for what is compared with the times of files.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns the seconds since some moment before the daemon began.  It asks the
 * clock each time, which costs tens of nanoseconds: call it once for a slice or
 * an event, not for every line.
 */
double	clock_now(void);

/* The same in milliseconds. */
uint64_t	clock_ms(void);

/* The time of day in nanoseconds, to be compared with the times of files. */
int64_t	clock_day_ns(void);

/*
 * Whether a file's time, in nanoseconds, is still to come by the time of day:
 * one of the two is wrong, and that time says nothing.
 */
bool	clock_is_to_come(int64_t file_ns);

#endif
