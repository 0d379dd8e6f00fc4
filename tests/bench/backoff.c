/*
 * backoff.c - ten thousand daemons lose their receiver in the same moment.
 *
 * When it comes back after an outage of so many seconds, each connects at its
 * next attempt.  Prints in which second how many arrive, and fails when one
 * second has more than it may: a seed is fixed, so the figures are always the
 * same.
 *
 * usage: backoff [seconds]
 */
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pace.h"

#define AGENTS 10000
#define FIRST_MS 1000 /* the default of retry */
#define LONGEST_MS 60000
#define SECONDS (2 * LONGEST_MS / 1000)
#define WIDTH 60 /* of the longest bar */

/*
 * What the last steps leave: an attempt comes every 45 seconds in the mean, so
 * a second has a 45th of all, and by chance no more than half as much again.
 */
#define LEAST_SHARE (1.5 / 45)

struct outage {
	unsigned arrivals[SECONDS]; /* in each second after its end */
	uint64_t attempts;
};

/* xorshift32 */
static uint32_t
next_random(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return (x);
}

/* Returns the millisecond after end_ms at which one daemon arrives. */
static uint64_t
arrival(uint64_t end_ms, uint64_t *attempts)
{
	struct backoff b;
	uint64_t now_ms = 0;

	backoff_init(&b, FIRST_MS, LONGEST_MS);
	do {
		now_ms += backoff_next(&b, next_random());
		(*attempts)++;
	} while (now_ms < end_ms);
	return (now_ms - end_ms);
}

static void
simulate(struct outage *o, unsigned seconds)
{
	uint64_t at;

	memset(o, 0, sizeof(*o));
	for (int i = 0; i < AGENTS; i++) {
		at = arrival((uint64_t)seconds * 1000, &o->attempts) / 1000;
		o->arrivals[at < SECONDS ? at : SECONDS - 1]++;
	}
}

static unsigned
busiest(const struct outage *o)
{
	unsigned most = 0;

	for (int i = 0; i < SECONDS; i++)
		if (o->arrivals[i] > most)
			most = o->arrivals[i];
	return (most);
}

static unsigned
last(const struct outage *o)
{
	unsigned i = SECONDS;

	while (i > 0 && o->arrivals[i - 1] == 0)
		i--;
	return (i);
}

/*
 * The waits are as long as the outage or half of that: an even spread over half
 * of it is what they can reach.
 */
static double
share_allowed(unsigned seconds)
{
	double share = 2. / seconds;

	return (share > LEAST_SHARE ? share : LEAST_SHARE);
}

static void
print_histogram(const struct outage *o)
{
	unsigned most = busiest(o);

	for (unsigned i = 0; i < last(o); i++) {
		printf("%4u s %5u ", i, o->arrivals[i]);
		for (unsigned n = 0; n < o->arrivals[i] * WIDTH / most; n++)
			putchar('#');
		putchar('\n');
	}
}

/* Returns whether no second has more than it may. */
static bool
show(unsigned seconds, bool histogram)
{
	static struct outage o;
	double share;

	simulate(&o, seconds);
	share = (double)busiest(&o) / AGENTS;
	printf("%8u s %9u %11.1f%% %8.1f%% %9u s %14.1f\n", seconds,
	    busiest(&o), 100 * share, 100 * share_allowed(seconds), last(&o),
	    (double)o.attempts / AGENTS);
	if (histogram)
		print_histogram(&o);
	return (share <= share_allowed(seconds));
}

int
main(int argc, char **argv)
{
	static const unsigned outages[] = { 3, 5, 10, 20, 30, 60, 120, 300, 600,
		3600, 86400 };
	bool good = true;

	if (argc > 2 || (argc == 2 && atoi(argv[1]) < 1))
		errx(2, "usage: backoff [seconds]");
	printf("%d daemons, retry = { \"1s\", \"60s\" }\n", AGENTS);
	printf("%10s %9s %12s %9s %11s %14s\n", "outage", "busiest", "of all",
	    "may be", "all back", "attempts each");
	if (argc == 2)
		return (show((unsigned)atoi(argv[1]), true) ? 0 : 1);
	for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++)
		good &= show(outages[i], outages[i] == 30);
	return (good ? 0 : 1);
}
