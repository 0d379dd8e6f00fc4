#include "daemon/send/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/conf/url.h"
#include "daemon/send/inside.h"

/* Octets of memory that the windows of a destination may take together. */
#define WINDOWS_MOST (32 * 1024 * 1024)
/* Messages whose rejections are counted where relp { window } is 0. */
#define REJECTS 1024

/* The callbacks of the loop: what an event means depends on the state. */

static void
time_is_up(struct endpoint *ep)
{
	switch (ep->state) {
	case ENDPOINT_IDLE:
		break;
	case ENDPOINT_RESOLVING:
	case ENDPOINT_CONNECTING:
	case ENDPOINT_OPENING:
		endpoint_is_late(ep);
		break;
	case ENDPOINT_BACKOFF:
		endpoint_connect(ep);
		break;
	case ENDPOINT_UP:
	case ENDPOINT_DRAINING:
		/* The datagram was not refused: the receiver is there. */
		ep->probing = false;
		ep->failing &= ep->link.written == 0;
		ep->work = true;
		break;
	case ENDPOINT_FINISHING:
	case ENDPOINT_PARTING:
	case ENDPOINT_CLOSING:
		endpoint_on_end(ep);
		break;
	}
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	time_is_up(timer->data);
}

static void
read_on(struct endpoint *ep)
{
	if (ep->state == ENDPOINT_CONNECTING) {
		endpoint_go_on_connecting(ep);
		return;
	}
	if (ep->state == ENDPOINT_OPENING) {
		endpoint_send_open(ep);
		if (ep->state != ENDPOINT_OPENING)
			return;
	}
	if (ep->blocked && ep->link.wait == TRANSPORT_WAIT_READ) {
		ep->blocked = false;
		ep->work = true;
	}
	endpoint_read(ep);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	read_on(io->data);
}

static void
write_on(struct endpoint *ep)
{
	ev_io_stop(ep->env->loop, &ep->writable);
	if (endpoint_is_connected(ep)) {
		ep->blocked = false;
		ep->work = true;
	} else if (ep->state == ENDPOINT_OPENING) {
		endpoint_send_open(ep);
	} else {
		endpoint_go_on_connecting(ep);
	}
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	write_on(io->data);
}

static void
on_ack_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	endpoint_check_silence(timer->data);
}

static void
on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	endpoint_go_on(timer->data);
}

static void
on_parted_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	endpoint_check_parted(timer->data);
}

static void
on_rate_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	((struct endpoint *)timer->data)->work = true;
}

static void
on_moved(void *endpoint)
{
	struct endpoint *ep = endpoint;

	if (ep->wanted)
		endpoint_move(ep);
}

/* Returns 0, or -1 when there is no memory. */
static int
allocate(struct endpoint *ep)
{
	const struct conf_destination *conf = ep->conf;
	size_t slices = WINDOWS_MOST / WINDOW_SLICE;

	ep->room = ENDPOINT_BUFFER;
	if (ep->room < conf->max_message * 4)
		ep->room = conf->max_message * 4;
	/* Failing over, only one endpoint has octets in flight. */
	if (conf->policy == CONF_BALANCE)
		slices /= conf->nurls;
	ep->buf = malloc(ep->room);
	ep->window = window_new(slices, &endpoint_window_ops, ep);
	if (ep->buf == NULL || ep->window == NULL)
		return (-1);
	if (ep->facts->connectionless &&
	    (ep->lookup = endpoint_lookup_new(ep->env, conf->connect_timeout_ms,
		 ep->url, on_moved, ep)) == NULL)
		return (-1);
	if (!ep->is_relp)
		return (0);
	window_keep_apart(ep->window);
	ep->marks = calloc(ENDPOINT_MARKS, sizeof(*ep->marks));
	ep->begins = calloc(ENDPOINT_MARKS, sizeof(*ep->begins));
	ep->nbegins = ENDPOINT_MARKS;
	ep->rejects =
	    rejects_new(conf->relp_window > 0 ? conf->relp_window : REJECTS);
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
	addresses_init(&ep->addresses,
	    &(struct resolver_how) { env->loop, conf->connect_timeout_ms }, url,
	    endpoint_on_address, ep);
	backoff_init(
	    &ep->backoff, conf->retry_first_ms, conf->retry_longest_ms);
	flow_init(&ep->flow, conf->window, conf->window_most);
	ev_io_init(&ep->readable, on_readable, -1, EV_READ);
	ev_io_init(&ep->writable, on_writable, -1, EV_WRITE);
	ev_timer_init(&ep->timer, on_timer, 0., 0.);
	ev_timer_init(&ep->ack_timer, on_ack_timer, 0., 0.);
	ev_timer_init(&ep->again, on_again, 0., 0.);
	ev_timer_init(&ep->parted_timer, on_parted_timer, 0., 0.);
	ev_timer_init(&ep->rate_timer, on_rate_timer, 0., 0.);
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
	endpoint_stop_watchers(ep);
	endpoint_forget_parted(ep);
	while ((s = TAILQ_FIRST(&ep->ready)) != NULL)
		endpoint_unready(ep, s);
	window_free(ep->window);
	transport_close(&ep->link);
	endpoint_lookup_free(ep->lookup);
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
	ep->wanted = true;
	endpoint_connect(ep);
}

void
endpoint_reconnect(struct endpoint *ep)
{
	if (ep->state == ENDPOINT_IDLE && ep->wanted)
		endpoint_connect(ep);
}

void
endpoint_release(struct endpoint *ep)
{
	ep->wanted = false;
	ep->work = true;
	if (ep->state == ENDPOINT_UP)
		endpoint_enter(ep, ENDPOINT_DRAINING);
	if (ep->state == ENDPOINT_IDLE || endpoint_is_connected(ep))
		return;
	endpoint_look_at_parted(ep);
	transport_close(&ep->link);
	endpoint_enter(ep, ENDPOINT_IDLE);
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

void
endpoint_info(const struct endpoint *ep, struct endpoint_info *info)
{
	info->state = ep->state;
	info->url = ep->url->text;
	info->peer = endpoint_is_connected(ep) ? ep->peer : "";
	info->error = ep->error.text;
	info->in_flight = endpoint_in_flight(ep);
	info->sent = ep->sent;
	info->messages = ep->messages;
	info->connects = ep->connects;
	info->losses = ep->losses;
	info->refused = ep->refused;
	info->waiting = ep->waiting;
}
