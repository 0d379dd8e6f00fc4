#include <assert.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/send/inside.h"

#define PRESSED 0.1 /* seconds since the last acknowledgement */
#define PROBE 0.2 /* seconds in which a datagram may be refused */

#define BIT(state) (1u << ENDPOINT_##state)

static const struct {
	const char *name;
	unsigned next; /* the states that may follow */
} states[] = {
	[ENDPOINT_IDLE] = { "idle",
	    BIT(RESOLVING) | BIT(CONNECTING) | BIT(BACKOFF) | BIT(UP) },
	[ENDPOINT_RESOLVING] = { "resolving",
	    BIT(RESOLVING) | BIT(CONNECTING) | BIT(UP) | BIT(BACKOFF) |
		BIT(IDLE) },
	[ENDPOINT_CONNECTING] = { "connecting",
	    BIT(OPENING) | BIT(UP) | BIT(RESOLVING) | BIT(BACKOFF) |
		BIT(IDLE) },
	[ENDPOINT_OPENING] = { "opening",
	    BIT(UP) | BIT(RESOLVING) | BIT(BACKOFF) | BIT(IDLE) },
	[ENDPOINT_BACKOFF] = { "waiting",
	    BIT(RESOLVING) | BIT(CONNECTING) | BIT(UP) | BIT(BACKOFF) |
		BIT(IDLE) },
	[ENDPOINT_UP] = { "connected",
	    BIT(DRAINING) | BIT(FINISHING) | BIT(PARTING) | BIT(BACKOFF) |
		BIT(IDLE) },
	[ENDPOINT_DRAINING] = { "draining",
	    BIT(FINISHING) | BIT(PARTING) | BIT(IDLE) },
	[ENDPOINT_FINISHING] = { "finishing",
	    BIT(CLOSING) | BIT(BACKOFF) | BIT(IDLE) },
	[ENDPOINT_PARTING] = { "parting", BIT(BACKOFF) | BIT(IDLE) },
	[ENDPOINT_CLOSING] = { "closing", BIT(BACKOFF) | BIT(IDLE) },
};

const char *
endpoint_state_name(enum endpoint_state state)
{
	return (states[state > ENDPOINT_UP ? ENDPOINT_UP : state].name);
}

bool
endpoint_is_datagram(const struct endpoint *ep)
{
	return (!ep->link.stream);
}

uint64_t
endpoint_in_flight(const struct endpoint *ep)
{
	uint64_t first = window_acked_pos(ep->window);

	if (!ep->is_relp || window_in_flight(ep->window) == 0)
		return (window_in_flight(ep->window));
	return (ep->link.written + (ep->end - ep->start) -
	    ep->begins[first & (ep->nbegins - 1)]);
}

bool
endpoint_is_full(const struct endpoint *ep)
{
	return (endpoint_in_flight(ep) >= ep->flow.size ||
	    window_room(ep->window) == 0);
}

void
endpoint_stop_watchers(struct endpoint *ep)
{
	struct ev_loop *loop = ep->env->loop;

	ev_io_stop(loop, &ep->readable);
	ev_io_stop(loop, &ep->writable);
	ev_timer_stop(loop, &ep->timer);
	ev_timer_stop(loop, &ep->ack_timer);
	ev_timer_stop(loop, &ep->again);
	ev_timer_stop(loop, &ep->rate_timer);
	addresses_stop(&ep->addresses);
	endpoint_lookup_stop(ep->lookup);
}

void
endpoint_start_timer(struct endpoint *ep, ev_tstamp after)
{
	ev_timer_stop(ep->env->loop, &ep->timer);
	ev_timer_set(&ep->timer, after, 0.);
	ev_timer_start(ep->env->loop, &ep->timer);
}

static void
say_failure(struct endpoint *ep)
{
	if (ep->failing) {
		log_debug("destination %s: %s: %s", ep->conf->name,
		    ep->url->text, ep->error.text);
		return;
	}
	ep->failing = true;
	log_warnx("destination %s: %s: %s; trying again until it works",
	    ep->conf->name, ep->url->text, ep->error.text);
}

void
endpoint_fail(struct endpoint *ep)
{
	say_failure(ep);
	endpoint_enter(ep, ep->wanted ? ENDPOINT_BACKOFF : ENDPOINT_IDLE);
}

static void
on_up(struct endpoint *ep)
{
	ep->connects++;
	if (ep->attempts > 1)
		log_notice("destination %s: connected to %s at attempt %llu",
		    ep->conf->name, ep->peer, (unsigned long long)ep->attempts);
	else
		log_info("destination %s: connected to %s", ep->conf->name,
		    ep->peer);
	ep->attempts = 0;
	ep->progress = ep->marked = clock_steady();
	ep->mark[0] = ep->mark[1] = ep->base;
	flow_begin(&ep->flow);
	ev_timer_stop(ep->env->loop, &ep->timer);
	if (!ep->facts->borrowed) {
		ev_io_stop(ep->env->loop, &ep->readable);
		ev_io_set(&ep->readable, ep->link.fd, EV_READ);
		ev_io_start(ep->env->loop, &ep->readable);
	}
	endpoint_lookup_begin(ep->lookup, &ep->address);
	ep->blocked = ep->stalled = false;
	ep->work = true;
	if (ep->probing)
		endpoint_start_timer(ep, PROBE);
}

static void
wait_for_attempt(struct endpoint *ep)
{
	uint64_t ms =
	    backoff_next(&ep->backoff, clock_steady_ms(), arc4random());

	endpoint_start_timer(ep, (double)ms / 1e3);
}

void
endpoint_enter(struct endpoint *ep, enum endpoint_state state)
{
	assert(states[ep->state].next & (1u << state));
	log_debug("destination %s: %s: %s", ep->conf->name, ep->url->text,
	    states[state].name);
	ep->state = state;
	switch (state) {
	case ENDPOINT_IDLE:
		endpoint_stop_watchers(ep);
		break;
	case ENDPOINT_RESOLVING:
	case ENDPOINT_CONNECTING:
	case ENDPOINT_OPENING:
		break;
	case ENDPOINT_BACKOFF:
		endpoint_stop_watchers(ep);
		wait_for_attempt(ep);
		break;
	case ENDPOINT_UP:
		on_up(ep);
		break;
	case ENDPOINT_DRAINING:
	case ENDPOINT_FINISHING:
	case ENDPOINT_PARTING:
	case ENDPOINT_CLOSING:
		return; /* the owner sees it connected as before */
	}
	ep->owner->on_state(ep->owner->arg);
}

enum endpoint_state
endpoint_state(const struct endpoint *ep)
{
	return (ep->state);
}

bool
endpoint_is_connected(const struct endpoint *ep)
{
	return (ep->state >= ENDPOINT_UP);
}

bool
endpoint_can_send(const struct endpoint *ep)
{
	return (ep->state >= ENDPOINT_UP && ep->state < ENDPOINT_PARTING);
}

bool
endpoint_is_open(const struct endpoint *ep)
{
	return (endpoint_can_send(ep) && ep->wanted);
}

bool
endpoint_is_stalled(const struct endpoint *ep)
{
	return (endpoint_is_connected(ep) && ep->stalled);
}

uint32_t
endpoint_epoch(const struct endpoint *ep)
{
	return (ep->epoch);
}

bool
endpoint_is_pressed(const struct endpoint *ep)
{
	return (endpoint_is_connected(ep) && !TAILQ_EMPTY(&ep->ready) &&
	    clock_steady() - ep->progress < PRESSED);
}

void
endpoint_unready(struct endpoint *ep, struct stream *s)
{
	if (!s->is_ready)
		return;
	s->is_ready = false;
	ep->waiting--;
	TAILQ_REMOVE(&ep->ready, s, ready);
}

struct stream *
endpoint_take(struct endpoint *ep)
{
	struct stream *s = TAILQ_FIRST(&ep->ready);

	if (s != NULL)
		endpoint_unready(ep, s);
	return (s);
}

void
endpoint_add(struct endpoint *ep, struct stream *s)
{
	ep->work = true;
	if (s->is_ready)
		return;
	s->is_ready = true;
	ep->waiting++;
	TAILQ_INSERT_TAIL(&ep->ready, s, ready);
}
