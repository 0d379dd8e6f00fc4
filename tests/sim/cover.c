/*
 * What has happened, and in which states of the worker.
 */
#include "tests/sim/sim.h"

static uint64_t covered[KINDS][STATES];

/* Without a worker none of its calls fails, nor does it miss an event. */
static bool
can_be(unsigned kind, unsigned state)
{
	return (state != STATE_NONE ||
	    (kind != KIND_FAULT && kind != KIND_OOM &&
		kind != KIND_LOST_EVENT));
}

void
cover_print(void)
{
	unsigned i, s, empty = 0;

	(void)printf("%-16s", "step \\ state");
	for (s = 0; s < STATES; s++)
		(void)printf("%11s", sim_state_names[s]);
	for (i = 0; i < KINDS; i++) {
		if (i == KIND_RELP || i == KIND_SOCKETS || i == KIND_DESTS ||
		    i == KIND_HEADS)
			continue;
		(void)printf("\n%-16s", sim_kind_names[i]);
		for (s = 0; s < STATES; s++) {
			(void)printf(
			    "%11llu", (unsigned long long)covered[i][s]);
			empty += covered[i][s] == 0 && can_be(i, s);
		}
	}
	(void)printf("\n%u cells are empty\n", empty);
}

void
sim_cover(enum sim_kind kind)
{
	covered[kind][net_state()]++;
}
