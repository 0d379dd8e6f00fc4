/*
 * clock.h - the one place that asks for the time.
 *
 * There are two clocks.  The monotonic one is for durations: nobody sets it,
 * and it goes on evenly when the time of day is set forward or back.  The wall
 * clock is the time of day: only for what people read, and for what is compared
 * with the times of files.  ev_now() of libev is a wall clock, too.
 *
 * Each call asks the system, which costs tens of nanoseconds: call it once for
 * a slice or an event, not for every line.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The monotonic clock: since some moment before the daemon began. */
double		clock_steady(void);	/* seconds */
uint64_t	clock_steady_ms(void);		/* milliseconds */
uint64_t	clock_steady_us(void);	/* microseconds */

/* The wall clock: since 1970-01-01 00:00 UTC. */
time_t		clock_wall_s(void);	/* seconds */
int64_t		clock_wall_ns(void);	/* nanoseconds */
struct timespec	clock_wall(void);	/* both */

/*
 * Whether a file's time, in nanoseconds of the wall clock, is still to come: a
 * clock was set back since, or another host's, and that time says nothing.
 */
bool	clock_is_to_come(int64_t file_ns);

#endif
