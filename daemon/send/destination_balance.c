/*
 * balance: every file goes to one endpoint, and evens out when endpoints come
 * and go.  A stream moves only when nothing that was sent of it can be lost any
 * more.
 */
#include "daemon/send/destination_inside.h"

/*
 * Rendezvous hashing: every file prefers one endpoint of those that are there,
 * and only the files of an endpoint that comes or goes change theirs.
 */
static uint64_t
preference(const struct stream *s, size_t i)
{
	uint64_t x;

	x = (uint64_t)s->file->ino * 0x9e3779b97f4a7c15U;
	x ^= (uint64_t)s->file->dev + (i + 1) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return (x ^ (x >> 31));
}

/* Whether files may go to the member, or wait for it. */
static bool
is_there(const struct destination_member *m)
{
	if (m->returned && m->hung > 0)
		return (false);
	return (endpoint_is_open(m->endpoint) || m->recycled);
}

static struct endpoint *
choose(const struct destination *d, const struct stream *s)
{
	uint64_t most = 0, p;
	size_t best = 0, i;

	for (i = 0; i < d->length; i++) {
		p = preference(s, i);
		if (p >= most && is_there(&d->members[i])) {
			most = p;
			best = i;
		}
	}
	return (d->members[best].endpoint);
}

/*
 * Every file waits a moment for the endpoint that it prefers: should it go to
 * another one that is connected just before, both would have to give back what
 * is not theirs.
 */
static void
start(struct destination *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		d->members[i].recycled = true;
	ev_timer_start(d->env->loop, &d->first);
	for (i = 0; i < d->length; i++)
		endpoint_start(d->members[i].endpoint);
}

/*
 * A member is back: the others give back the files that prefer it.  They come
 * to the end of their connections in order, and connect again.
 */
static void
even_out(struct destination *d, size_t back)
{
	struct destination_member *m;
	size_t i;

	for (i = 0; i < d->length; i++) {
		m = &d->members[i];
		if (i == back || !endpoint_is_open(m->endpoint))
			continue;
		m->recycled = true;
		endpoint_release(m->endpoint);
	}
}

/*
 * A member that comes and goes must not make the others reconnect every time:
 * one that was lost before has to be well for a while first.
 */
static void
on_up(struct destination *d, size_t i)
{
	struct endpoint_info info;

	endpoint_info(d->members[i].endpoint, &info);
	if (info.losses == 0)
		even_out(d, i);
	else
		d->members[i].returned = true;
}

static void
arrange_member(struct destination *d, size_t i)
{
	struct destination_member *m = &d->members[i];

	if (destination_is_up(d, i) && !m->was_up) {
		if (!m->recycled)
			on_up(d, i);
		m->recycled = false;
	} else if (endpoint_state(m->endpoint) == ENDPOINT_BACKOFF) {
		m->recycled = m->returned = false;
	}
	m->was_up = destination_is_up(d, i);
}

static void
arrange(struct destination *d)
{
	bool waiting = false, taken = destination_best(d) < d->length;
	struct destination_member *m;
	unsigned hung = 0;
	size_t i;

	for (i = 0; i < d->length; i++) {
		m = &d->members[i];
		if (taken && destination_is_stalled(d, i))
			destination_give_way(d, i);
		arrange_member(d, i);
		waiting = waiting || m->returned;
		if (m->returned && m->hung > hung)
			hung = m->hung;
		endpoint_start(m->endpoint);
	}
	destination_wait_for_well(d, waiting, hung);
}

static void
on_well(struct destination *d)
{
	size_t well = d->length, i;

	for (i = 0; i < d->length; i++) {
		if (d->members[i].returned)
			well = i;
		d->members[i].returned = false;
	}
	if (well < d->length)
		even_out(d, well);
}

const struct destination_policy destination_balance = { start, arrange, choose,
	on_well };
