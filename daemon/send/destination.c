#include "daemon/send/destination.h"

#include <stdint.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "lib/token_bucket.h"

/* A url that was lost is well again when it was connected for so long. */
#define WELL 10.
/*
 * One that connects and takes nothing looks well, too: each time that it has
 * hung it has to wait twice as long, until it had the streams for so long.
 */
#define HUNG_MOST 6 /* times */
#define FORGIVEN 600. /* seconds */
#define TELL_WAITED 60. /* seconds; how often */
#define FIRST 1. /* seconds; balance: so long files wait for first attempts */

struct dest {
	const struct endpoint_env *env;
	const struct conf_destination *conf;
	struct endpoint_owner owner;
	struct token_bucket bucket;
	uint64_t waited; /* messages, for the bucket, and since when */
	double waited_since; /* as clock_now() */
	ev_timer tell_waited;
	struct endpoint *endpoints[CONF_URLS];
	bool was_up[CONF_URLS];
	bool recycled[CONF_URLS]; /* balance: comes back at once */
	bool returned[CONF_URLS]; /* balance: is up, but not well yet */
	unsigned hung[CONF_URLS]; /* times that it gave way to another */
	size_t length;
	size_t active; /* failover: who has the streams, and since when */
	double active_since;
	ev_timer well; /* a better one is up, or one that returned */
	ev_timer first; /* balance: first attempts are under way */
	bool changed; /* some endpoint's state */
	bool draining;
};

static bool
is_balanced(const struct dest *d)
{
	return (d->conf->policy == CONF_BALANCE);
}

/*
 * Rendezvous hashing: every file prefers one endpoint of those that are there,
 * and only the files of one that comes or goes change theirs.
 */
static uint64_t
preference(const struct stream *s, size_t i)
{
	uint64_t x;

	x = (uint64_t)s->tail->ino * 0x9e3779b97f4a7c15U;
	x ^= (uint64_t)s->tail->dev + (i + 1) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return (x ^ (x >> 31));
}

static size_t
preferred(const struct dest *d, const struct stream *s)
{
	uint64_t most = 0, p;
	size_t best = 0, i;

	for (i = 0; i < d->length; i++) {
		p = preference(s, i);
		if (d->returned[i] && d->hung[i] > 0)
			continue;
		if ((endpoint_is_open(d->endpoints[i]) || d->recycled[i]) &&
		    p >= most) {
			most = p;
			best = i;
		}
	}
	return (best);
}

static void
on_ready(struct stream *s, void *dest)
{
	struct dest *d = dest;
	struct endpoint *ep = s->endpoint;

	/* What it sent there may still have to be sent again. */
	if (ep == NULL || s->epoch != endpoint_epoch(ep) ||
	    !endpoint_is_connected(ep)) {
		ep = d->endpoints[is_balanced(d) ? preferred(d, s) : d->active];
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
	struct dest *d = dest;

	/* Of one that was never ready nothing was sent. */
	endpoint_cut(
	    s->endpoint != NULL ? s->endpoint : d->endpoints[0], s, end);
}

static struct guard
guard_within(const struct stream *s, off_t most, void *dest)
{
	(void)dest;
	if (s->endpoint == NULL)
		return ((struct guard) { 0, 0 });
	return (endpoint_guard_within(s->endpoint, s, most));
}

const struct route_ops dest_route_ops = { on_ready, on_drop, on_cut,
	guard_within };

static void
on_state(void *arg)
{
	struct dest *d = arg;

	d->changed = true;
}

/* What waits where it cannot be sent goes where it can. */
static void
move_waiting(struct dest *d)
{
	struct stream *s;
	struct stream_list moved = TAILQ_HEAD_INITIALIZER(moved);
	size_t i;

	for (i = 0; i < d->length; i++) {
		if (endpoint_is_connected(d->endpoints[i]))
			continue;
		while ((s = endpoint_take(d->endpoints[i])) != NULL)
			TAILQ_INSERT_TAIL(&moved, s, ready);
	}
	while ((s = TAILQ_FIRST(&moved)) != NULL) {
		TAILQ_REMOVE(&moved, s, ready);
		s->endpoint = NULL;
		on_ready(s, d);
	}
}

static bool
is_up(const struct dest *d, size_t i)
{
	return (endpoint_is_connected(d->endpoints[i]));
}

static bool
is_stalled(const struct dest *d, size_t i)
{
	return (endpoint_is_stalled(d->endpoints[i]));
}

/* hung: how often that one has. */
static void
wait_until_well(struct dest *d, bool better_is_up, unsigned hung)
{
	if (!better_is_up) {
		ev_timer_stop(d->env->loop, &d->well);
	} else if (!ev_is_active(&d->well)) {
		ev_timer_set(&d->well, WELL * (1U << hung), 0.);
		ev_timer_start(d->env->loop, &d->well);
	}
}

/* Another takes over what it does not take. */
static void
give_way(struct dest *d, size_t i)
{
	if (d->hung[i] < HUNG_MOST)
		d->hung[i]++;
	endpoint_give_way(d->endpoints[i]);
}

/* The first that is up and takes something, or length. */
static size_t
best_of(const struct dest *d)
{
	size_t best;

	for (best = 0; best < d->length; best++)
		if (is_up(d, best) && !is_stalled(d, best))
			break;
	return (best);
}

static void
activate(struct dest *d, size_t i)
{
	d->active = i;
	d->active_since = clock_now();
	log_notice("destination %s: now sent to %s", d->conf->name,
	    d->conf->urls[i].text);
}

static void
arrange_failover(struct dest *d)
{
	size_t best = best_of(d), was = d->active, i;

	if (best == d->length) {
		/* Whoever is there first has it. */
		if (endpoint_state(d->endpoints[d->active]) ==
			ENDPOINT_BACKOFF ||
		    endpoint_state(d->endpoints[d->active]) == ENDPOINT_IDLE ||
		    is_stalled(d, d->active))
			for (i = 0; i < d->length; i++)
				endpoint_start(d->endpoints[i]);
		return;
	}
	if (is_stalled(d, was)) {
		if (clock_now() - d->active_since > FORGIVEN)
			d->hung[was] = 0;
		activate(d, best);
		give_way(d, was);
	} else if (!is_up(d, was) && was != best) {
		activate(d, best);
	}
	wait_until_well(d, best < d->active, d->hung[best]);
	for (i = 0; i < d->active; i++)
		endpoint_start(d->endpoints[i]);
	for (i = d->active + 1; i < d->length; i++)
		endpoint_release(d->endpoints[i]);
}

/* One is back: the others give back, in order, what would rather be there. */
static void
even_out(struct dest *d, size_t back)
{
	size_t i;

	for (i = 0; i < d->length; i++) {
		if (i == back || !endpoint_is_open(d->endpoints[i]))
			continue;
		d->recycled[i] = true;
		endpoint_release(d->endpoints[i]);
	}
}

/* One that comes and goes must not make the others reconnect every time. */
static void
on_up(struct dest *d, size_t i)
{
	struct endpoint_info info;

	endpoint_info(d->endpoints[i], &info);
	if (info.losses == 0)
		even_out(d, i);
	else
		d->returned[i] = true;
}

static void
arrange_balance(struct dest *d)
{
	bool waiting = false, taken = best_of(d) < d->length;
	unsigned hung = 0;
	size_t i;

	for (i = 0; i < d->length; i++) {
		if (taken && is_stalled(d, i))
			give_way(d, i);
		if (is_up(d, i) && !d->was_up[i]) {
			if (!d->recycled[i])
				on_up(d, i);
			d->recycled[i] = false;
		} else if (endpoint_state(d->endpoints[i]) ==
		    ENDPOINT_BACKOFF) {
			d->recycled[i] = d->returned[i] = false;
		}
		d->was_up[i] = is_up(d, i);
		waiting = waiting || d->returned[i];
		if (d->returned[i] && d->hung[i] > hung)
			hung = d->hung[i];
		endpoint_start(d->endpoints[i]);
	}
	wait_until_well(d, waiting, hung);
}

/* The others give back what would rather be at those that are well again. */
static void
take_back(struct dest *d)
{
	size_t well = d->length, i;

	for (i = 0; i < d->length; i++) {
		if (d->returned[i])
			well = i;
		d->returned[i] = false;
	}
	if (well < d->length)
		even_out(d, well);
}

static void
on_well(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct dest *d = timer->data;

	(void)loop;
	(void)revents;
	if (d->draining)
		return;
	if (is_balanced(d))
		take_back(d);
	else /* When it is idle, the better one has its streams. */
		endpoint_release(d->endpoints[d->active]);
}

static void
arrange(struct dest *d)
{
	if (d->draining)
		return;
	if (is_balanced(d))
		arrange_balance(d);
	else
		arrange_failover(d);
	move_waiting(d);
}

static void
say_waited(struct dest *d)
{
	ev_timer_stop(d->env->loop, &d->tell_waited);
	if (d->waited > 0)
		log_notice("destination %s: %llu messages waited for the rate "
			   "limit in %.0f s",
		    d->conf->name, (unsigned long long)d->waited,
		    clock_now() - d->waited_since);
	d->waited = 0;
}

static void
on_tell_waited(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct dest *d = timer->data;

	(void)loop;
	(void)revents;
	say_waited(d);
}

/* A destination that is not held up costs no timer. */
static void
note_waited(struct dest *d)
{
	if (d->waited == 0 || ev_is_active(&d->tell_waited))
		return;
	d->waited_since = clock_now();
	ev_timer_set(&d->tell_waited, TELL_WAITED, 0.);
	ev_timer_start(d->env->loop, &d->tell_waited);
}

/* Those that are not there yet keep no file waiting any more. */
static void
on_first(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct dest *d = timer->data;
	size_t i;

	(void)loop;
	(void)revents;
	for (i = 0; i < d->length; i++)
		if (!is_up(d, i))
			d->recycled[i] = false;
	d->changed = true;
}

/*
 * Every file waits for the one that it prefers: should it go to another that is
 * there a moment before, both would have to give back what is not theirs.
 */
static void
start_balance(struct dest *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		d->recycled[i] = true;
	ev_timer_start(d->env->loop, &d->first);
}

struct dest *
dest_new(const struct endpoint_env *env, const struct conf_destination *conf)
{
	struct dest *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->env = env;
	d->conf = conf;
	d->owner =
	    (struct endpoint_owner) { on_state, d, &d->bucket, &d->waited };
	token_bucket_init(&d->bucket, conf->rate_limit);
	ev_timer_init(&d->tell_waited, on_tell_waited, TELL_WAITED, 0.);
	d->tell_waited.data = d;
	ev_timer_init(&d->well, on_well, WELL, 0.);
	d->well.data = d;
	ev_timer_init(&d->first, on_first, FIRST, 0.);
	d->first.data = d;
	for (; d->length < conf->nurls; d->length++) {
		d->endpoints[d->length] =
		    endpoint_new(env, conf, &conf->urls[d->length], &d->owner);
		if (d->endpoints[d->length] == NULL) {
			dest_free(d);
			return (NULL);
		}
	}
	return (d);
}

void
dest_free(struct dest *d)
{
	size_t i;

	if (d == NULL)
		return;
	say_waited(d);
	ev_timer_stop(d->env->loop, &d->well);
	ev_timer_stop(d->env->loop, &d->first);
	for (i = 0; i < d->length; i++)
		endpoint_free(d->endpoints[i]);
	free(d);
}

void
dest_start(struct dest *d)
{
	size_t i;

	if (is_balanced(d))
		start_balance(d);
	for (i = 0; i < (is_balanced(d) ? d->length : 1); i++)
		endpoint_start(d->endpoints[i]);
}

void
dest_pump(struct dest *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		endpoint_reconnect(d->endpoints[i]);
	while (d->changed) {
		d->changed = false;
		arrange(d);
	}
	for (i = 0; i < d->length; i++)
		endpoint_pump(d->endpoints[i]);
	note_waited(d);
}

void
dest_drain(struct dest *d)
{
	size_t i;

	d->draining = true;
	for (i = 0; i < d->length; i++)
		endpoint_release(d->endpoints[i]);
}

bool
dest_is_quiet(const struct dest *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		if (endpoint_is_connected(d->endpoints[i]))
			return (false);
	return (true);
}

bool
dest_is_pressed(const struct dest *d)
{
	size_t i;

	for (i = 0; i < d->length; i++)
		if (endpoint_is_pressed(d->endpoints[i]))
			return (true);
	return (false);
}

bool
dest_abandon(struct dest *d)
{
	bool abandoned = false;
	size_t i;

	for (i = 0; i < d->length; i++)
		if (endpoint_abandon(d->endpoints[i]))
			abandoned = true;
	return (abandoned);
}

uint64_t
dest_in_flight(const struct dest *d)
{
	struct endpoint_info info;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < d->length; i++) {
		endpoint_info(d->endpoints[i], &info);
		sum += info.in_flight;
	}
	return (sum);
}

const struct conf_destination *
dest_conf(const struct dest *d)
{
	return (d->conf);
}

size_t
dest_length(const struct dest *d)
{
	return (d->length);
}

const struct endpoint *
dest_endpoint(const struct dest *d, size_t i)
{
	return (d->endpoints[i]);
}
