#include "daemon/send/destination_inside.h"

/* A url that was lost is well again when it was connected for so long. */
#define WELL 10. /* seconds */
/*
 * A receiver that connects and takes nothing looks well, too: each time that it
 * has hung it has to wait twice as long.
 */
#define HUNG_MOST 6 /* times */

bool
destination_is_up(const struct destination *d, size_t i)
{
	return (endpoint_is_connected(d->members[i].endpoint));
}

bool
destination_is_stalled(const struct destination *d, size_t i)
{
	return (endpoint_is_stalled(d->members[i].endpoint));
}

size_t
destination_best(const struct destination *d)
{
	size_t best;

	for (best = 0; best < d->length; best++)
		if (destination_is_up(d, best) &&
		    !destination_is_stalled(d, best))
			break;
	return (best);
}

void
destination_give_way(struct destination *d, size_t i)
{
	if (d->members[i].hung < HUNG_MOST)
		d->members[i].hung++;
	endpoint_give_way(d->members[i].endpoint);
}

void
destination_wait_for_well(struct destination *d, bool wanted, unsigned hung)
{
	if (!wanted) {
		ev_timer_stop(d->env->loop, &d->well);
	} else if (!ev_is_active(&d->well)) {
		ev_timer_set(&d->well, WELL * (1U << hung), 0.);
		ev_timer_start(d->env->loop, &d->well);
	}
}
