/*
 * What has happened, and in which states of the worker.
 */
#include "tests/sim/sim.h"

static uint64_t covered[KINDS][STATES];

static const char *const way_names[WAYS] = { "notes merged", "note left unread",
	"directory polled", "close counts as read", "datagram by itself",
	"line in pieces", "answer late", "answer before another",
	"answers in one read", "answer in several reads", "message refused",
	"message passed over", "open refused", "serverclose",
	"handshake: alert", "handshake: closed", "handshake hangs",
	"handshake late", "certificate refused", "refused after a while",
	"no close_notify", "record thrown away" };
static uint64_t ways[WAYS];

/* The others are how things are, and do not happen. */
static bool
is_counted(unsigned kind)
{
	return (kind != KIND_RELP && kind != KIND_SOCKETS &&
	    kind != KIND_DESTS && kind != KIND_HEADS);
}

/* Without a worker none of its calls fails, nor does it miss an event. */
static bool
can_be(unsigned kind, unsigned state)
{
	return (state != STATE_NONE ||
	    (kind != KIND_FAULT && kind != KIND_OOM &&
		kind != KIND_LOST_EVENT && kind < KIND_KQUEUE));
}

void
cover_print(void)
{
	unsigned i, s, empty = 0;

	(void)printf("%-16s", "step \\ state");
	for (s = 0; s < STATES; s++)
		(void)printf("%11s", sim_state_names[s]);
	for (i = 0; i < KINDS; i++) {
		if (!is_counted(i))
			continue;
		(void)printf("\n%-16s", sim_kind_names[i]);
		for (s = 0; s < STATES; s++) {
			(void)printf(
			    "%11llu", (unsigned long long)covered[i][s]);
			empty += covered[i][s] == 0 && can_be(i, s);
		}
	}
	(void)printf("\n%u cells are empty\n", empty);
	for (i = 0; i < WAYS; i++)
		(void)printf(
		    "%-28s%11llu\n", way_names[i], (unsigned long long)ways[i]);
}

void
sim_cover(enum sim_kind kind)
{
	covered[kind][net_state()]++;
}

void
sim_happened(enum sim_way way)
{
	ways[way]++;
}
