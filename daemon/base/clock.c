#include "daemon/base/clock.h"

#include <time.h>

#include "lib/ns.h"

double
clock_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

int64_t
clock_day_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (ns_of(&ts));
}

bool
clock_is_to_come(int64_t file_ns)
{
	/* Both clocks have ticks. */
	return (file_ns / NS_IN_S > (int64_t)time(NULL) + 1);
}

uint64_t
clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}
