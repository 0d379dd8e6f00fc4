#include "daemon/base/clock.h"

#include "lib/ns.h"

static struct timespec
steady(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts);
}

double
clock_steady(void)
{
	const struct timespec ts = steady();

	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

uint64_t
clock_steady_ms(void)
{
	return (clock_steady_us() / 1000);
}

uint64_t
clock_steady_us(void)
{
	const struct timespec ts = steady();

	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

/* As coarse as the times of files, which it is compared with. */
time_t
clock_wall_s(void)
{
	return (time(NULL));
}

struct timespec
clock_wall(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (ts);
}

int64_t
clock_wall_ns(void)
{
	const struct timespec ts = clock_wall();

	return (ns_of(&ts));
}

bool
clock_is_to_come(int64_t file_ns)
{
	/* Both clocks have ticks. */
	return (file_ns / NS_IN_S > (int64_t)clock_wall_s() + 1);
}
