/*
 * failover: the first url that works has all streams, and the first of the list
 * has them again when it has been well for a while.
 */
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/send/destination_inside.h"

/* After so long with the streams, a member hangs as if for the first time. */
#define FORGIVEN 600. /* seconds */

static void
start(struct destination *d)
{
	endpoint_start(d->members[0].endpoint);
}

static struct endpoint *
choose(const struct destination *d, const struct stream *s)
{
	(void)s;
	return (d->members[d->active].endpoint);
}

static void
activate(struct destination *d, size_t i)
{
	d->active = i;
	d->active_since = clock_steady();
	log_notice("destination %s: now sent to %s", d->conf->name,
	    d->conf->urls[i].text);
}

/* No member takes anything: the one that connects first will have it all. */
static void
try_all(struct destination *d)
{
	enum endpoint_state state =
	    endpoint_state(d->members[d->active].endpoint);
	size_t i;

	if (state != ENDPOINT_BACKOFF && state != ENDPOINT_IDLE &&
	    !destination_is_stalled(d, d->active))
		return;
	for (i = 0; i < d->length; i++)
		endpoint_start(d->members[i].endpoint);
}

static void
arrange(struct destination *d)
{
	size_t best = destination_best(d), was = d->active, i;

	if (best == d->length) {
		try_all(d);
		return;
	}
	if (destination_is_stalled(d, was)) {
		if (clock_steady() - d->active_since > FORGIVEN)
			d->members[was].hung = 0;
		activate(d, best);
		destination_give_way(d, was);
	} else if (!destination_is_up(d, was) && was != best) {
		activate(d, best);
	}
	destination_wait_for_well(d, best < d->active, d->members[best].hung);
	for (i = 0; i < d->active; i++)
		endpoint_start(d->members[i].endpoint);
	for (i = d->active + 1; i < d->length; i++)
		endpoint_release(d->members[i].endpoint);
}

/* When the active member is idle, the better one gets its streams. */
static void
on_well(struct destination *d)
{
	endpoint_release(d->members[d->active].endpoint);
}

const struct destination_policy destination_failover = { start, arrange, choose,
	on_well };
