/*
 * What may come twice, and what has.
 */
#include "tests/sim/repeats.h"

#include <string.h>

#include "tests/sim/setting.h"

#define ARRIVALS 256
#define OLDER_GUARD (64 * 1024)
#define MAX_ALLOWED (UINT64_C(1) << 40)

static uint64_t allowed[SIM_DESTS], repeats[SIM_DESTS];
static bool renamed[SIM_DESTS];
/* The last arrivals, round and round. */
static struct {
	int64_t at;
	size_t n;
	unsigned dest;
} arrivals[ARRIVALS];
static unsigned narrivals;

void
repeats_reset(void)
{
	memset(allowed, 0, sizeof(allowed));
	memset(repeats, 0, sizeof(repeats));
	memset(renamed, 0, sizeof(renamed));
	memset(arrivals, 0, sizeof(arrivals));
	narrivals = 0;
}

bool
repeats_note(unsigned dest, size_t n, bool again)
{
	arrivals[narrivals % ARRIVALS].at = S.now;
	arrivals[narrivals % ARRIVALS].dest = dest;
	arrivals[narrivals++ % ARRIVALS].n = n;
	if (again)
		repeats[dest] += n;
	return (!again || repeats[dest] <= allowed[dest]);
}

static void
allow(unsigned dest, uint64_t octets)
{
	if (allowed[dest] < MAX_ALLOWED)
		allowed[dest] += octets;
}

/* What came since then may come again. */
void
repeats_allow_since(unsigned dest, int64_t since)
{
	unsigned i;

	for (i = 0; i < ARRIVALS; i++)
		if (arrivals[i].n > 0 && arrivals[i].dest == dest &&
		    arrivals[i].at >= since)
			allow(dest, arrivals[i].n);
	allow(dest, net_in_flight(dest) + 2 * sim_sizes.slice);
}

static void
allow_all_since(int64_t since)
{
	unsigned d;

	for (d = 0; d < SIM_DESTS; d++)
		repeats_allow_since(d, since);
}

void
oracle_allow(uint64_t octets)
{
	unsigned d;

	for (d = 0; d < SIM_DESTS; d++)
		allow(d, octets);
}

void
oracle_allow_at(unsigned receiver, uint64_t octets)
{
	allow(setting_dest(receiver), octets);
}

void
oracle_renamed(unsigned dest)
{
	allow(dest, UINT32_MAX);
	renamed[dest] = true;
}

uint64_t
oracle_repeats(void)
{
	uint64_t sum = 0;
	unsigned d;

	for (d = 0; d < SIM_DESTS; d++)
		if (!renamed[d] || S.strict)
			sum += repeats[d];
	return (sum);
}

/* What came just now, and what a slow disk has not yet. */
void
oracle_on_kill(void)
{
	int64_t late = 60 * NS_MS + (int64_t)S.pause_most_us * 100000;

	allow_all_since(writer_has_until(late) - late);
	oracle_allow(net_doubt());
}

/*
 * Since the last checkpoint that was synced; and where logs lost their end, it
 * goes on at an older guard.
 */
void
oracle_on_power(void)
{
	allow_all_since(S.now - 4 * NS_S);
	oracle_allow(OLDER_GUARD + net_doubt());
}
