#include "daemon/send/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/conf/url.h"
#include "daemon/send/inside.h"

/* What a destination's windows may take in memory. */
#define POSITIONS (32 * 1024 * 1024)
#define REFUSED 1024 /* messages that are counted, without a limit by relp */
#define PRESSED 0.1 /* seconds since the receiver took something */
#define PROBE 0.2 /* for a refusal to come back */

static void pass_over(struct endpoint *);

const char *
endpoint_state_name(enum endpoint_state state)
{
	static const char *const names[] = {
		[ENDPOINT_IDLE] = "idle",
		[ENDPOINT_RESOLVING] = "resolving",
		[ENDPOINT_CONNECTING] = "connecting",
		[ENDPOINT_OPENING] = "opening",
		[ENDPOINT_UP] = "connected",
		[ENDPOINT_BACKOFF] = "waiting",
	};

	return (names[state]);
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

static void
stop_watchers(struct endpoint *ep)
{
	struct ev_loop *loop = ep->env->loop;

	ev_io_stop(loop, &ep->readable);
	ev_io_stop(loop, &ep->writable);
	ev_timer_stop(loop, &ep->timer);
	ev_timer_stop(loop, &ep->ack_timer);
	ev_timer_stop(loop, &ep->again);
	ev_timer_stop(loop, &ep->rate_timer);
	targets_stop(&ep->targets);
	endpoint_lookup_stop(ep);
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
	endpoint_enter(ep, ENDPOINT_BACKOFF);
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
	ep->failing = false;
	ep->attempts = 0;
	ep->progress = ep->marked = clock_now();
	ep->mark[0] = ep->mark[1] = ep->base;
	flow_begin(&ep->flow);
	ev_timer_stop(ep->env->loop, &ep->timer);
	if (!ep->facts->borrowed) {
		ev_io_stop(ep->env->loop, &ep->readable);
		ev_io_set(&ep->readable, ep->link.fd, EV_READ);
		ev_io_start(ep->env->loop, &ep->readable);
	}
	endpoint_lookup_begin(ep);
	ep->blocked = ep->parting = ep->stalled = false;
	ep->work = true;
	if (ep->probing)
		endpoint_start_timer(ep, PROBE);
}

void
endpoint_enter(struct endpoint *ep, enum endpoint_state state)
{
	uint64_t ms;

	log_debug("destination %s: %s: %s", ep->conf->name, ep->url->text,
	    endpoint_state_name(state));
	ep->state = state;
	switch (state) {
	case ENDPOINT_IDLE:
		stop_watchers(ep);
		break;
	case ENDPOINT_RESOLVING:
	case ENDPOINT_CONNECTING:
	case ENDPOINT_OPENING:
		break;
	case ENDPOINT_UP:
		on_up(ep);
		break;
	case ENDPOINT_BACKOFF:
		stop_watchers(ep);
		if (ep->draining) {
			ep->state = ENDPOINT_IDLE;
			break;
		}
		ms = backoff_next(
		    &ep->backoff, (uint64_t)(clock_now() * 1e3), arc4random());
		endpoint_start_timer(ep, (double)ms / 1e3);
		break;
	}
	ep->owner->on_state(ep->owner->arg);
}

/*
 * Where no descriptor is left, once more with one that others can do without.
 */
static int
try_link(struct endpoint *ep, const struct address *a)
{
	errno = 0;
	if (link_open(&ep->link, ep->conf, ep->url, a, &ep->error) == 0)
		return (0);
	if ((errno != EMFILE && errno != ENFILE) ||
	    !ep->env->on_no_descriptor(ep->env->arg))
		return (-1);
	return (link_open(&ep->link, ep->conf, ep->url, a, &ep->error));
}

static void
open_link(struct endpoint *ep, const struct address *a)
{
	ep->opened = clock_now();
	if (a != NULL)
		ep->address = *a;
	(void)strlcpy(ep->peer,
	    a != NULL ? address_text(a).text : ep->url->text, sizeof(ep->peer));
	if (try_link(ep, a) == -1) {
		if (ep->facts->by_path)
			ep->env->on_unreached(ep->env->arg);
		pass_over(ep);
		return;
	}
	if (ep->facts->borrowed || endpoint_is_datagram(ep)) {
		endpoint_enter(ep, ENDPOINT_UP);
		return;
	}
	endpoint_enter(ep, ENDPOINT_CONNECTING);
	ev_io_stop(ep->env->loop, &ep->writable);
	ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
	ev_io_start(ep->env->loop, &ep->writable);
}

/* The next address; after the last one, backoff. */
static void
connect_next(struct endpoint *ep)
{
	if (!ep->facts->needs_address) {
		endpoint_fail(ep);
		return;
	}
	endpoint_enter(ep, ENDPOINT_RESOLVING);
	endpoint_start_timer(ep, (double)ep->conf->connect_timeout_ms / 1e3);
	targets_next(&ep->targets);
}

/* This address is no good, for the reason that is set. */
static void
pass_over(struct endpoint *ep)
{
	log_info(
	    "destination %s: %s: %s", ep->conf->name, ep->peer, ep->error.text);
	/* What is asked of a name server next may get the same descriptor. */
	ev_io_stop(ep->env->loop, &ep->readable);
	ev_io_stop(ep->env->loop, &ep->writable);
	link_close(&ep->link);
	connect_next(ep);
}

static void
on_address(void *arg, const struct address *a, const char *error)
{
	struct endpoint *ep = arg;

	if (a != NULL) {
		open_link(ep, a);
		return;
	}
	if (error != NULL)
		reason_set(&ep->error, "%s", error);
	endpoint_fail(ep);
}

static void
attempt(struct endpoint *ep)
{
	ep->attempts++;
	ep->finishing = false;
	endpoint_start_timer(ep, (double)ep->conf->connect_timeout_ms / 1e3);
	if (!ep->facts->needs_address) {
		open_link(ep, NULL);
		return;
	}
	endpoint_enter(ep, ENDPOINT_RESOLVING);
	ep->env->on_resolve(ep->env->arg);
	targets_begin(&ep->targets);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct endpoint *ep = timer->data;

	(void)loop;
	(void)revents;
	switch (ep->state) {
	case ENDPOINT_BACKOFF:
		attempt(ep);
		break;
	case ENDPOINT_RESOLVING:
	case ENDPOINT_CONNECTING:
	case ENDPOINT_OPENING:
		reason_set(&ep->error, "no %s within %llu ms",
		    ep->link.shaking ? "end of the handshake" : "connection",
		    (unsigned long long)ep->conf->connect_timeout_ms);
		if (ep->link.why.text[0] != '\0')
			ep->error = ep->link.why;
		if (ep->state == ENDPOINT_RESOLVING)
			connect_next(ep);
		else
			pass_over(ep);
		break;
	case ENDPOINT_UP:
		if (ep->parting || ep->finishing) {
			endpoint_on_end(ep);
			break;
		}
		/* No refusal came back: the receiver is there. */
		ep->probing = false;
		ep->work = true;
		break;
	case ENDPOINT_IDLE:
		break;
	}
}

/* The first frame of RELP, which has to be answered. */
static void
send_open(struct endpoint *ep)
{
	struct ev_loop *loop = ep->env->loop;
	ssize_t n;

	while (ep->start < ep->end) {
		n = link_send(
		    &ep->link, ep->buf + ep->start, ep->end - ep->start);
		if (n > 0) {
			ep->start += (size_t)n;
			continue;
		}
		if (n == -1 && errno != EAGAIN) {
			endpoint_link_error(ep, errno, "send");
			return;
		}
		if (ep->link.wait == LINK_WAIT_WRITE) {
			ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
			ev_io_start(loop, &ep->writable);
		}
		break;
	}
	if (!ev_is_active(&ep->readable)) {
		ev_io_set(&ep->readable, ep->link.fd, EV_READ);
		ev_io_start(loop, &ep->readable);
	}
}

static void
on_connected(struct endpoint *ep)
{
	ep->start = ep->end = 0;
	if (!ep->is_relp) {
		endpoint_enter(ep, ENDPOINT_UP);
		return;
	}
	ep->end = relp_session_begin(&ep->relp, ep->buf);
	endpoint_enter(ep, ENDPOINT_OPENING);
	send_open(ep);
}

/* Goes on between the connection and the first message. */
static void
shake_hands(struct endpoint *ep)
{
	struct ev_loop *loop = ep->env->loop;
	ev_io *io = &ep->writable;

	ev_io_stop(loop, &ep->writable);
	ev_io_stop(loop, &ep->readable);
	switch (link_handshake(&ep->link, &ep->error)) {
	case LINK_READY:
		on_connected(ep);
		return;
	case LINK_WAIT_READ:
		io = &ep->readable;
		break;
	case LINK_WAIT_WRITE:
		break;
	case LINK_BROKEN:
		pass_over(ep);
		return;
	}
	ev_io_set(io, ep->link.fd, io == &ep->readable ? EV_READ : EV_WRITE);
	ev_io_start(loop, io);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct endpoint *ep = io->data;

	(void)loop;
	(void)revents;
	if (ep->state == ENDPOINT_CONNECTING) {
		shake_hands(ep);
		return;
	}
	if (ep->state == ENDPOINT_OPENING) {
		send_open(ep);
		if (ep->state != ENDPOINT_OPENING)
			return;
	}
	if (ep->blocked && ep->link.wait == LINK_WAIT_READ) {
		ep->blocked = false;
		ep->work = true;
	}
	endpoint_read(ep);
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct endpoint *ep = io->data;

	(void)revents;
	ev_io_stop(loop, io);
	if (ep->state == ENDPOINT_UP) {
		ep->blocked = false;
		ep->work = true;
	} else if (ep->state == ENDPOINT_OPENING) {
		send_open(ep);
	} else {
		shake_hands(ep);
	}
}

/* Returns 0, or -1 when there is no memory. */
static int
allocate(struct endpoint *ep)
{
	const struct conf_destination *conf = ep->conf;
	size_t slices = POSITIONS / WINDOW_SLICE;

	ep->room = ENDPOINT_BUFFER;
	if (ep->room < conf->max_message * 4)
		ep->room = conf->max_message * 4;
	/* Of those that fail over only one has something in flight. */
	if (conf->policy == CONF_BALANCE)
		slices /= conf->nurls;
	ep->buf = malloc(ep->room);
	ep->window = window_new(slices, &endpoint_window_ops, ep);
	if (ep->buf == NULL || ep->window == NULL)
		return (-1);
	if (ep->facts->connectionless && endpoint_lookup_new(ep) == -1)
		return (-1);
	if (!ep->is_relp)
		return (0);
	window_keep_apart(ep->window);
	ep->marks = calloc(ENDPOINT_MARKS, sizeof(*ep->marks));
	ep->begins = calloc(ENDPOINT_MARKS, sizeof(*ep->begins));
	ep->nbegins = ENDPOINT_MARKS;
	ep->rejects =
	    rejects_new(conf->relp_window > 0 ? conf->relp_window : REFUSED);
	if (ep->marks == NULL || ep->begins == NULL || ep->rejects == NULL)
		return (-1);
	return (0);
}

struct endpoint *
endpoint_new(const struct endpoint_env *env,
    const struct conf_destination *conf, const struct conf_url *url,
    const struct endpoint_owner *owner)
{
	struct endpoint *ep;

	if ((ep = calloc(1, sizeof(*ep))) == NULL)
		return (NULL);
	ep->env = env;
	ep->owner = owner;
	ep->conf = conf;
	ep->url = url;
	ep->facts = transport_facts(url);
	ep->link.fd = -1;
	ep->is_relp = conf_url_is_relp(url);
	TAILQ_INIT(&ep->ready);
	targets_init(&ep->targets,
	    &(struct resolve_how) { env->loop, conf->connect_timeout_ms }, url,
	    on_address, ep);
	backoff_init(
	    &ep->backoff, conf->retry_first_ms, conf->retry_longest_ms);
	flow_init(&ep->flow, conf->window, conf->window_most);
	ev_io_init(&ep->readable, on_readable, -1, EV_READ);
	ev_io_init(&ep->writable, on_writable, -1, EV_WRITE);
	ev_timer_init(&ep->timer, on_timer, 0., 0.);
	ev_timer_init(&ep->ack_timer, endpoint_on_ack_timer, 0., 0.);
	ev_timer_init(&ep->again, endpoint_on_again, 0., 0.);
	ev_timer_init(&ep->parted_timer, endpoint_on_parted_timer, 0., 0.);
	ev_timer_init(&ep->rate_timer, endpoint_on_rate_timer, 0., 0.);
	ep->rate_timer.data = ep->parted_timer.data = ep;
	ep->readable.data = ep->writable.data = ep->timer.data =
	    ep->ack_timer.data = ep->again.data = ep;
	if (allocate(ep) == -1) {
		endpoint_free(ep);
		errno = ENOMEM;
		return (NULL);
	}
	return (ep);
}

void
endpoint_free(struct endpoint *ep)
{
	struct stream *s;

	if (ep == NULL)
		return;
	stop_watchers(ep);
	endpoint_forget_parted(ep);
	while ((s = TAILQ_FIRST(&ep->ready)) != NULL)
		endpoint_unready(ep, s);
	window_free(ep->window);
	link_close(&ep->link);
	endpoint_lookup_free(ep);
	free(ep->marks);
	free(ep->begins);
	rejects_free(ep->rejects);
	free(ep->buf);
	free(ep);
}

void
endpoint_start(struct endpoint *ep)
{
	if (ep->state != ENDPOINT_IDLE)
		return;
	ep->draining = false;
	attempt(ep);
}

void
endpoint_release(struct endpoint *ep)
{
	ep->draining = ep->work = true;
	if (ep->state == ENDPOINT_UP || ep->state == ENDPOINT_IDLE)
		return;
	endpoint_look_at_parted(ep);
	link_close(&ep->link);
	endpoint_enter(ep, ENDPOINT_IDLE);
}

enum endpoint_state
endpoint_state(const struct endpoint *ep)
{
	return (ep->state);
}

bool
endpoint_is_open(const struct endpoint *ep)
{
	return (ep->state == ENDPOINT_UP && !ep->draining && !ep->parting);
}

bool
endpoint_is_stalled(const struct endpoint *ep)
{
	return (ep->state == ENDPOINT_UP && ep->stalled);
}

uint32_t
endpoint_epoch(const struct endpoint *ep)
{
	return (ep->epoch);
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

void
endpoint_drop(struct endpoint *ep, struct stream *s)
{
	endpoint_unready(ep, s);
	window_forget(ep->window, &s->cursor);
}

void
endpoint_cut(struct endpoint *ep, struct stream *s, off_t end)
{
	window_cut(ep->window, &s->cursor, end);
}

struct guard
endpoint_guard_within(
    const struct endpoint *ep, const struct stream *s, off_t most)
{
	struct guard g = { 0, 0 };

	(void)window_guard(ep->window, &s->cursor, most, &g.at, &g.hash);
	return (g);
}

bool
endpoint_is_quiet(const struct endpoint *ep)
{
	return (ep->state != ENDPOINT_UP);
}

bool
endpoint_is_pressed(const struct endpoint *ep)
{
	return (ep->state == ENDPOINT_UP && !TAILQ_EMPTY(&ep->ready) &&
	    clock_now() - ep->progress < PRESSED);
}

void
endpoint_info(const struct endpoint *ep, struct endpoint_info *info)
{
	info->state = ep->state;
	info->url = ep->url->text;
	info->peer = ep->state == ENDPOINT_UP ? ep->peer : "";
	info->error = ep->error.text;
	info->in_flight = endpoint_in_flight(ep);
	info->sent = ep->sent;
	info->messages = ep->messages;
	info->connects = ep->connects;
	info->losses = ep->losses;
	info->refused = ep->refused;
	info->waiting = ep->waiting;
}
