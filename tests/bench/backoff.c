/*
 * backoff.c - ten thousand daemons lose their receiver in the same moment.
 *
 * When it comes back after an outage of so many seconds, each connects at its
 * next attempt.  Prints how long that takes, the median and the last of them,
 * beside how many come in the busiest tenth of the time that it may take; and
 * for some outages a histogram of both.  Fails when lines flow too late or too
 * many daemons come at once: a seed is fixed, so the figures are always the
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

#include "lib/backoff.h"

#define AGENTS 10000
#define FIRST_MS 1000 /* the default of retry */
#define LONGEST_MS 60000
#define PARTS 10
#define WIDTH 60 /* of the longest bar */
/*
 * Of the daemons in a tenth of the time.  Who waits long is met by the end of
 * the outage more often, and then has any part of its wait left, so that the
 * first tenths have twice as many as the mean.
 */
#define MOST_SHARE 0.3

struct outage {
	uint64_t delay_ms[AGENTS]; /* sorted */
	unsigned arrivals[PARTS];
	uint64_t most_ms; /* that the last may take */
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

/* Returns the milliseconds after end_ms at which one daemon arrives. */
static uint64_t
arrival(uint64_t end_ms, uint64_t *attempts)
{
	struct backoff b;
	uint64_t now_ms = 0;

	backoff_init(&b, FIRST_MS, LONGEST_MS);
	do {
		now_ms += backoff_next(&b, now_ms, next_random());
		(*attempts)++;
	} while (now_ms < end_ms);
	return (now_ms - end_ms);
}

static int
by_delay(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/*
 * A part of the outage: the last may take a quarter, the median a tenth; a
 * second at the least, the longest wait at the most.
 */
static uint64_t
allowed_ms(unsigned seconds, unsigned part)
{
	uint64_t most = (uint64_t)seconds * 1000 / part;

	if (most < FIRST_MS)
		most = FIRST_MS;
	return (most < LONGEST_MS ? most : LONGEST_MS);
}

static void
simulate(struct outage *o, unsigned seconds)
{
	uint64_t part;
	size_t i;

	memset(o, 0, sizeof(*o));
	o->most_ms = allowed_ms(seconds, 4);
	for (i = 0; i < AGENTS; i++) {
		o->delay_ms[i] =
		    arrival((uint64_t)seconds * 1000, &o->attempts);
		part = o->delay_ms[i] * PARTS / (o->most_ms + 1);
		o->arrivals[part < PARTS ? part : PARTS - 1]++;
	}
	qsort(o->delay_ms, AGENTS, sizeof(o->delay_ms[0]), by_delay);
}

static unsigned
busiest(const struct outage *o)
{
	unsigned most = 0;

	for (int i = 0; i < PARTS; i++)
		if (o->arrivals[i] > most)
			most = o->arrivals[i];
	return (most);
}

static void
print_histogram(const struct outage *o)
{
	unsigned most = busiest(o);

	for (unsigned i = 0; i < PARTS; i++) {
		printf("%8.1f s %6u ",
		    (double)o->most_ms * (i + 1) / PARTS / 1e3, o->arrivals[i]);
		for (unsigned n = 0; n < o->arrivals[i] * WIDTH / most; n++)
			putchar('#');
		putchar('\n');
	}
}

/* Returns whether lines flow soon enough, and not all at once. */
static bool
show(unsigned seconds, bool histogram)
{
	static struct outage o;
	uint64_t median, last;

	simulate(&o, seconds);
	median = o.delay_ms[AGENTS / 2];
	last = o.delay_ms[AGENTS - 1];
	printf("%8u s %8.1f s %7.1f s %7.1f s %11.1f%% %14.1f\n", seconds,
	    (double)median / 1e3, (double)last / 1e3, (double)o.most_ms / 1e3,
	    100. * busiest(&o) / AGENTS, (double)o.attempts / AGENTS);
	if (histogram)
		print_histogram(&o);
	return (last <= o.most_ms && median <= allowed_ms(seconds, 10) &&
	    busiest(&o) <= MOST_SHARE * AGENTS);
}

int
main(int argc, char **argv)
{
	static const unsigned outages[] = { 3, 5, 8, 10, 20, 30, 60, 120, 300,
		600, 3600, 86400 };
	bool good = true;

	if (argc > 2 || (argc == 2 && atoi(argv[1]) < 1))
		errx(2, "usage: backoff [seconds]");
	printf("%d daemons, retry = { \"1s\", \"60s\" }\n", AGENTS);
	printf("%10s %10s %9s %9s %12s %14s\n", "outage", "median", "last",
	    "may be", "busiest", "attempts each");
	if (argc == 2)
		return (show((unsigned)atoi(argv[1]), true) ? 0 : 1);
	for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++)
		good &= show(outages[i], outages[i] == 8 || outages[i] == 600);
	return (good ? 0 : 1);
}
