#include "daemon/send/destination.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/send/destination_inside.h"

#define TELL_WAITED 60. /* seconds between two messages */
/* Seconds that files wait for the first attempts to connect; balance. */
#define FIRST 1.

static void
on_ready(struct stream *s, void *dest)
{
	struct destination *d = dest;
	struct endpoint *ep = s->endpoint;

	/* A stream stays where octets of it may have to be sent again. */
	if (ep == NULL || s->epoch != endpoint_epoch(ep) ||
	    !endpoint_is_connected(ep)) {
		ep = d->policy->choose(d, s);
		s->endpoint = ep;
		s->epoch = endpoint_epoch(ep);
	}
	endpoint_add(ep, s);
}

static void
on_drop(struct stream *s, void *dest)
{
	(void)dest;
	if (s->endpoint != NULL)
		endpoint_drop(s->endpoint, s);
}

static void
on_cut(struct stream *s, off_t end, void *dest)
{
	struct destination *d = dest;

	/* Of a stream that was never ready nothing was sent. */
	endpoint_cut(
	    s->endpoint != NULL ? s->endpoint : d->members[0].endpoint, s, end);
}

static struct guard
guard_within(const struct stream *s, off_t most, void *dest)
{
	(void)dest;
	if (s->endpoint == NULL)
		return ((struct guard) { 0, 0 });
	return (endpoint_guard_within(s->endpoint, s, most));
}

static const struct route_ops route_ops = { on_ready, on_drop, on_cut,
	guard_within };

void
destination_join(struct destination *d, struct route *r)
{
	r->ops = &route_ops;
	r->dest = d;
	r->turn = &d->turn;
}

static void
on_state(void *arg)
{
	struct destination *d = arg;

	d->changed = true;
}

/* Streams that wait at an endpoint without a connection go to another one. */
static void
move_waiting(struct destination *d)
{
	struct stream *s;
	struct stream_list moved = TAILQ_HEAD_INITIALIZER(moved);
	size_t i;

	for (i = 0; i < d->length; i++) {
		if (endpoint_is_connected(d->members[i].endpoint))
			continue;
		while ((s = endpoint_take(d->members[i].endpoint)) != NULL)
			TAILQ_INSERT_TAIL(&moved, s, ready);
	}
	while ((s = TAILQ_FIRST(&moved)) != NULL) {
		TAILQ_REMOVE(&moved, s, ready);
		s->endpoint = NULL;
		on_ready(s, d);
	}
}

static void
arrange(struct destination *d)
{
	if (d->draining)
		return;
	d->policy->arrange(d);
	move_waiting(d);
}

static void
say_waited(struct destination *d)
{
	ev_timer_stop(d->env->loop, &d->tell_waited);
	if (d->waited > 0)
		log_notice("destination %s: %llu messages waited for the rate "
			   "limit in %.0f s",
		    d->conf->name, (unsigned long long)d->waited,
		    clock_steady() - d->waited_since);
	d->waited = 0;
}

static void
on_tell_waited(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	say_waited(timer->data);
}

/* A destination that is not held up costs no timer. */
static void
note_waited(struct destination *d)
{
	if (d->waited == 0 || ev_is_active(&d->tell_waited))
		return;
	d->waited_since = clock_steady();
	ev_timer_set(&d->tell_waited, TELL_WAITED, 0.);
	ev_timer_start(d->env->loop, &d->tell_waited);
}

static void
end_well(struct destination *d)
{
	if (!d->draining)
		d->policy->on_well(d);
}

static void
on_well(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	end_well(timer->data);
}

/* Those that are not connected yet keep no file waiting any more. */
static void
end_first(struct destination *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		if (!destination_is_up(d, i))
			d->members[i].recycled = false;
	d->changed = true;
}

static void
on_first(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	end_first(timer->data);
}

struct destination *
destination_new(
    const struct endpoint_env *env, const struct conf_destination *conf)
{
	struct destination *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	compressed_turn_init(&d->turn);
	d->env = env;
	d->conf = conf;
	d->policy = conf->policy == CONF_BALANCE ? &destination_balance
						 : &destination_failover;
	d->owner =
	    (struct endpoint_owner) { on_state, d, &d->bucket, &d->waited };
	token_bucket_init(&d->bucket, conf->rate_limit);
	ev_timer_init(&d->tell_waited, on_tell_waited, TELL_WAITED, 0.);
	d->tell_waited.data = d;
	ev_timer_init(&d->well, on_well, 0., 0.);
	d->well.data = d;
	ev_timer_init(&d->first, on_first, FIRST, 0.);
	d->first.data = d;
	for (; d->length < conf->nurls; d->length++) {
		d->members[d->length].endpoint =
		    endpoint_new(env, conf, &conf->urls[d->length], &d->owner);
		if (d->members[d->length].endpoint == NULL) {
			destination_free(d);
			return (NULL);
		}
	}
	return (d);
}

void
destination_free(struct destination *d)
{
	size_t i;

	if (d == NULL)
		return;
	say_waited(d);
	ev_timer_stop(d->env->loop, &d->well);
	ev_timer_stop(d->env->loop, &d->first);
	for (i = 0; i < d->length; i++)
		endpoint_free(d->members[i].endpoint);
	free(d);
}

void
destination_start(struct destination *d)
{
	d->policy->start(d);
}

void
destination_pump(struct destination *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		endpoint_reconnect(d->members[i].endpoint);
	while (d->changed) {
		d->changed = false;
		arrange(d);
	}
	for (i = 0; i < d->length; i++)
		endpoint_pump(d->members[i].endpoint);
	note_waited(d);
}

void
destination_drain(struct destination *d)
{
	size_t i;

	d->draining = true;
	for (i = 0; i < d->length; i++)
		endpoint_release(d->members[i].endpoint);
}

bool
destination_is_quiet(const struct destination *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		if (endpoint_is_connected(d->members[i].endpoint))
			return (false);
	return (true);
}

bool
destination_is_pressed(const struct destination *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		if (endpoint_is_pressed(d->members[i].endpoint))
			return (true);
	return (false);
}

bool
destination_abandon(struct destination *d)
{
	bool abandoned = false;
	size_t i;

	for (i = 0; i < d->length; i++)
		if (endpoint_abandon(d->members[i].endpoint))
			abandoned = true;
	return (abandoned);
}

uint64_t
destination_in_flight(const struct destination *d)
{
	struct endpoint_info info;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < d->length; i++) {
		endpoint_info(d->members[i].endpoint, &info);
		sum += info.in_flight;
	}
	return (sum);
}

const struct conf_destination *
destination_conf(const struct destination *d)
{
	return (d->conf);
}

size_t
destination_length(const struct destination *d)
{
	return (d->length);
}

const struct endpoint *
destination_endpoint(const struct destination *d, size_t i)
{
	return (d->members[i].endpoint);
}
