#include "daemon/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf.h"
#include "daemon/ledger.h"
#include "daemon/link.h"
#include "daemon/log.h"
#include "daemon/relp_session.h"
#include "daemon/resolve.h"
#include "daemon/stream.h"
#include "lib/pace.h"
#include "lib/window.h"

#define BUFFER (512 * 1024) /* frames that wait for the link */
#define SLICE (128 * 1024) /* frames of one file in one go */
#define TURN (1024 * 1024) /* octets sent before others have theirs */
#define MAX_SLICES 16384
#define MAX_ADDRESSES 16
#define READ_TURNS 64 /* reads before others have theirs */
#define ACK_FIRST 0.05 /* seconds to the first look for */
#define ACK_LONGEST 1. /* acknowledgements, and between */
#define ACK_PRESSED 0.002 /* where the window is full */
#define DATAGRAM_MARK 0.5 /* half of what is sent again */
#define PROBE 0.2 /* for a refusal to come back */
#define ANY_MESSAGES (1024 * 1024)
#define REFUSALS 5 /* of one message, then it is passed over */
#define LEAST_DATAGRAM 480 /* RFC 5424 6.1 */

struct endpoint {
	const struct endpoint_env *env;
	const struct endpoint_owner *owner;
	uint32_t epoch;
	const struct conf_destination *conf;
	const struct conf_url *url;
	enum endpoint_state state;
	struct link link;
	ev_io readable;
	ev_io writable;
	ev_timer timer; /* of the state */
	ev_timer ack_timer;
	ev_timer again; /* another turn, at once */
	struct resolve *question;
	struct address addresses[MAX_ADDRESSES];
	size_t naddresses;
	size_t tried;
	struct backoff backoff;
	struct relp_session relp;
	bool is_relp;
	struct pack_mark *marks; /* of one pull; RELP */
	ino_t refused_ino; /* the message that was refused last, */
	off_t refused_at;
	unsigned refusals; /* and how often in a row */
	uint64_t refused; /* passed over */
	ev_timer rate_timer;
	struct window *window;
	struct stream_list ready;
	uint64_t waiting;
	uint8_t *buf;
	size_t room;
	size_t start;
	size_t end;
	size_t max_message; /* 0, or what the path takes */
	uint64_t mark[2]; /* datagrams: positions of late */
	ev_tstamp marked;
	ev_tstamp progress; /* last acknowledgement */
	bool work; /* worth a pump */
	bool blocked; /* the link takes no more */
	bool draining;
	bool finishing; /* said that all is sent */
	bool probing;
	bool failing; /* said so */
	struct reason error;
	char peer[128];
	uint64_t sent;
	uint64_t messages;
	uint64_t connects;
	uint64_t losses;
	uint64_t attempts; /* since it was last up */
};

static void endpoint_enter(struct endpoint *, enum endpoint_state);
static void connect_next(struct endpoint *);

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

static bool
is_datagram(const struct endpoint *ep)
{
	return (!ep->link.stream);
}

/* Window: acknowledgements and losses reach the files. */

static void
on_acked(struct cursor *c, void *arg)
{
	struct endpoint *ep = arg;

	ledger_mark(ep->env->ledger, stream_of(c));
}

static void
on_rewound(struct cursor *c, void *arg)
{
	struct endpoint *ep = arg;
	struct stream *s = stream_of(c);

	s->scanned = 0;
	ledger_mark(ep->env->ledger, s);
	stream_wake(s);
}

static void
on_released(struct cursor *c, void *arg)
{
	(void)c;
	(void)arg;
}

static const struct window_ops window_ops = { on_acked, on_rewound,
	on_released };

/* The position from which all is sent again after a reset or a refusal. */
static uint64_t
keep_from(const struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t unread = link_unread(&ep->link);

	if (ep->url->scheme == CONF_UDP)
		return (ep->mark[0]);
	if (ep->is_relp)
		return (acked);
	return (acked > unread ? acked - unread : 0);
}

/* Datagrams of the last half to whole second are kept. */
static void
move_marks(struct endpoint *ep)
{
	ev_tstamp now = ev_now(ep->env->loop);

	if (ep->url->scheme != CONF_UDP || now - ep->marked < DATAGRAM_MARK)
		return;
	ep->mark[0] = ep->mark[1];
	ep->mark[1] = window_acked_pos(ep->window);
	if (now - ep->marked >= 2 * DATAGRAM_MARK)
		ep->mark[0] = ep->mark[1];
	ep->marked = now;
}

static void
take_acks(struct endpoint *ep)
{
	uint64_t before = window_acked_pos(ep->window);
	uint64_t acked;

	if (ep->is_relp) {
		/* Nothing counts but what the server says. */
		window_trim(ep->window, before);
		return;
	}
	acked = link_acked(&ep->link);
	if (acked > before) {
		window_ack(ep->window, acked);
		ep->progress = ev_now(ep->env->loop);
		backoff_reset(&ep->backoff);
		ep->work = true;
	}
	move_marks(ep);
	window_trim(ep->window, keep_from(ep));
}

/* States */

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
	resolve_cancel(ep->question);
	ep->question = NULL;
}

static void
start_timer(struct endpoint *ep, ev_tstamp after)
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

/* The connection is gone or never stood: wait, then try again. */
static void
endpoint_fail(struct endpoint *ep)
{
	say_failure(ep);
	endpoint_enter(ep, ENDPOINT_BACKOFF);
}

/* keep_pos: what was acknowledged after it is sent again too. */
static void
endpoint_lose(struct endpoint *ep, uint64_t keep_pos)
{
	ep->losses++;
	/* First: streams that are woken by the rewind may go elsewhere. */
	ep->state = ENDPOINT_BACKOFF;
	ep->epoch++;
	window_rewind(ep->window, keep_pos);
	link_abort(&ep->link);
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = 0;
	endpoint_fail(ep);
}

/* The receiver has read all of it. */
static void
become_idle(struct endpoint *ep)
{
	ep->state = ENDPOINT_IDLE;
	ep->epoch++;
	window_rewind(ep->window, window_acked_pos(ep->window));
	link_finish(&ep->link);
	link_close(&ep->link);
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = 0;
	endpoint_enter(ep, ENDPOINT_IDLE);
}

static void
on_closed_by_peer(struct endpoint *ep)
{
	take_acks(ep);
	if (ep->finishing && window_in_flight(ep->window) == 0) {
		become_idle(ep);
		return;
	}
	reason_set(&ep->error, "the receiver closed the connection");
	endpoint_lose(ep, window_acked_pos(ep->window));
}

static void
on_link_error(struct endpoint *ep, int error, const char *what)
{
	reason_set(&ep->error, "%s: %s", what, strerror(error));
	if (ep->url->scheme == CONF_STDOUT) {
		/* It cannot be opened again. */
		endpoint_enter(ep, ENDPOINT_IDLE);
		ep->env->on_stdout_closed(ep->env->arg);
		return;
	}
	/* Not take_acks(): what is kept must still be there. */
	if (!ep->is_relp)
		window_ack(ep->window, link_acked(&ep->link));
	ep->probing = ep->url->scheme == CONF_UDP;
	endpoint_lose(ep, keep_from(ep));
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
	ep->progress = ep->marked = ev_now(ep->env->loop);
	ev_timer_stop(ep->env->loop, &ep->timer);
	if (!ep->link.borrowed) {
		ev_io_stop(ep->env->loop, &ep->readable);
		ev_io_set(&ep->readable, ep->link.fd, EV_READ);
		ev_io_start(ep->env->loop, &ep->readable);
	}
	ep->blocked = false;
	ep->work = true;
	if (ep->probing)
		start_timer(ep, PROBE);
}

static void
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
		ms = backoff_next(&ep->backoff, arc4random());
		start_timer(ep, (double)ms / 1e3);
		break;
	}
	ep->owner->on_state(ep->owner->arg);
}

/* Connecting */

static void
open_link(struct endpoint *ep, const struct address *a)
{
	if (link_open(&ep->link, ep->conf, ep->url, a, &ep->error) == -1) {
		connect_next(ep);
		return;
	}
	(void)strlcpy(ep->peer, a != NULL ? address_text(a) : ep->url->text,
	    sizeof(ep->peer));
	if (ep->link.borrowed || is_datagram(ep)) {
		endpoint_enter(ep, ENDPOINT_UP);
		return;
	}
	endpoint_enter(ep, ENDPOINT_CONNECTING);
	ev_io_stop(ep->env->loop, &ep->writable);
	ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
	ev_io_start(ep->env->loop, &ep->writable);
}

/* The next address of the name; after the last one, backoff. */
static void
connect_next(struct endpoint *ep)
{
	if (ep->tried < ep->naddresses) {
		open_link(ep, &ep->addresses[ep->tried++]);
		return;
	}
	endpoint_fail(ep);
}

static void
on_resolved(void *arg, const struct address *list, size_t n, const char *error)
{
	struct endpoint *ep = arg;

	ep->question = NULL;
	if (n == 0) {
		reason_set(
		    &ep->error, "cannot resolve %s: %s", ep->url->host, error);
		endpoint_fail(ep);
		return;
	}
	ep->naddresses = n < MAX_ADDRESSES ? n : MAX_ADDRESSES;
	memcpy(ep->addresses, list, ep->naddresses * sizeof(*list));
	ep->tried = 0;
	connect_next(ep);
}

static void
attempt(struct endpoint *ep)
{
	ep->attempts++;
	ep->naddresses = ep->tried = 0;
	start_timer(ep, (double)ep->conf->connect_timeout_ms / 1e3);
	if (!link_needs_address(ep->url->scheme)) {
		open_link(ep, NULL);
		return;
	}
	endpoint_enter(ep, ENDPOINT_RESOLVING);
	ep->question = resolve_start(
	    ep->env->resolver, ep->url->host, ep->url->port, on_resolved, ep);
	if (ep->question == NULL && errno != 0) {
		reason_set(&ep->error, "cannot resolve %s: %s", ep->url->host,
		    strerror(errno));
		endpoint_fail(ep);
	}
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
		reason_set(&ep->error, "no connection within %llu ms",
		    (unsigned long long)ep->conf->connect_timeout_ms);
		link_close(&ep->link);
		/* Another address of the name may answer. */
		start_timer(ep, (double)ep->conf->connect_timeout_ms / 1e3);
		connect_next(ep);
		break;
	case ENDPOINT_UP:
		/* No refusal came back: the receiver is there. */
		ep->probing = false;
		ep->work = true;
		break;
	case ENDPOINT_IDLE:
		break;
	}
}

/*
 * The server refused a message.  It gets it again, for that may pass; but one
 * message that it will never take must not stop all others.
 */
static bool
on_refusal(struct endpoint *ep, uint64_t position)
{
	struct cursor *cur;
	struct stream *s;
	off_t begin, end;

	if (!window_slice_at(ep->window, position, &cur, &begin, &end))
		return (true);
	s = stream_of(cur);
	if (ep->refused_ino != s->tail->ino || ep->refused_at != begin)
		ep->refusals = 0;
	ep->refused_ino = s->tail->ino;
	ep->refused_at = begin;
	reason_set(&ep->error, "%s: the message at %lld was refused: %u %s",
	    tail_path(s->tail), (long long)begin, ep->relp.code, ep->relp.text);
	if (++ep->refusals < REFUSALS) {
		endpoint_lose(ep, window_acked_pos(ep->window));
		return (false);
	}
	log_warnx("destination %s: %s; %d times: passed over", ep->conf->name,
	    ep->error.text, REFUSALS);
	ep->refused++;
	ep->refusals = 0;
	window_ack_one(ep->window, position);
	return (true);
}

static void
on_relp_close(struct endpoint *ep)
{
	if (ep->finishing && window_in_flight(ep->window) == 0) {
		become_idle(ep);
		return;
	}
	reason_set(&ep->error, "the server closes the connection");
	endpoint_lose(ep, window_acked_pos(ep->window));
}

/* Returns false when the connection is gone. */
static bool
hear(struct endpoint *ep, const uint8_t *p, size_t n)
{
	uint64_t position;
	size_t used;

	for (; n > 0; p += used, n -= used)
		switch (
		    relp_session_hear(&ep->relp, window_in_flight(ep->window),
			p, n, &used, &position, &ep->error)) {
		case RELP_HEARD_NOTHING:
			break;
		case RELP_HEARD_OPEN:
			endpoint_enter(ep, ENDPOINT_UP);
			break;
		case RELP_HEARD_ACK:
			window_ack_one(ep->window, position);
			ep->progress = ev_now(ep->env->loop);
			backoff_reset(&ep->backoff);
			ep->work = true;
			break;
		case RELP_HEARD_REFUSAL:
			if (!on_refusal(ep, position))
				return (false);
			break;
		case RELP_HEARD_CLOSE:
			on_relp_close(ep);
			return (false);
		case RELP_HEARD_ERROR:
			endpoint_lose(ep, window_acked_pos(ep->window));
			return (false);
		}
	return (true);
}

/* What a receiver without RELP says is only a sign that it is there. */
static void
read_peer(struct endpoint *ep)
{
	uint8_t buf[4096];
	ssize_t n = 0;
	int turns = READ_TURNS;

	while (turns-- > 0 && (n = link_recv(&ep->link, buf, sizeof(buf))) > 0)
		if (ep->is_relp && !hear(ep, buf, (size_t)n))
			return;
	if (n == 0)
		on_closed_by_peer(ep);
	else if (n == -1 && errno != EAGAIN)
		on_link_error(ep, errno, "connection lost");
	else if (n > 0)
		ev_timer_start(ep->env->loop, &ep->again);
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
			on_link_error(ep, errno, "send");
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
		link_close(&ep->link);
		connect_next(ep);
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
	if (ep->state == ENDPOINT_OPENING)
		send_open(ep);
	if (ep->blocked && ep->link.wait == LINK_WAIT_READ) {
		ep->blocked = false;
		ep->work = true;
	}
	read_peer(ep);
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

/* Pumping */

static void
unready(struct endpoint *ep, struct stream *s)
{
	if (!s->is_ready)
		return;
	s->is_ready = false;
	ep->waiting--;
	TAILQ_REMOVE(&ep->ready, s, ready);
}

/* How many messages may be made now; 0: wait. */
static uint64_t
messages_allowed(struct endpoint *ep)
{
	uint64_t n = ANY_MESSAGES, in_flight;
	uint64_t now_us = (uint64_t)(ev_now(ep->env->loop) * 1e6);

	if (ep->is_relp) {
		in_flight = window_in_flight(ep->window);
		if (in_flight >= ep->conf->relp_window)
			return (0);
		n = ep->conf->relp_window - in_flight;
	}
	if (ep->conf->rate_limit == 0)
		return (n);
	n = bucket_take(ep->owner->bucket, n, now_us);
	if (n == 0 && !ev_is_active(&ep->rate_timer)) {
		ev_timer_set(&ep->rate_timer,
		    (double)bucket_wait_us(ep->owner->bucket, now_us) / 1e6,
		    0.);
		ev_timer_start(ep->env->loop, &ep->rate_timer);
	}
	return (n);
}

/* Each message by itself, for each is answered by itself. */
static int
push_messages(struct endpoint *ep, struct stream *s, const struct pull *p)
{
	uint64_t i;

	for (i = 0; i < p->messages; i++)
		if (window_push(ep->window, &s->cursor, (off_t)p->marks[i].end,
			ep->relp.count + i + 1) == -1)
			return (-1);
	relp_session_sent(&ep->relp, p->messages);
	if (p->end > s->cursor.sent)
		return (window_push(
		    ep->window, &s->cursor, p->end, ep->relp.count));
	return (0);
}

static int
push(struct endpoint *ep, struct stream *s, const struct pull *p)
{
	if (ep->is_relp)
		return (push_messages(ep, s, p));
	if (p->end <= s->cursor.sent)
		return (0);
	return (window_push(ep->window, &s->cursor, p->end,
	    ep->link.written + (ep->end - ep->start) + p->made));
}

/* One slice of the next file.  Returns whether to go on filling. */
static bool
pull_slice(struct endpoint *ep)
{
	struct stream *s = TAILQ_FIRST(&ep->ready);
	struct pull p = { .out = ep->buf + ep->end,
		.room = ep->room - ep->end,
		.wire = link_wire(&ep->link),
		.max_message = ep->max_message,
		.marks = ep->marks };
	enum pull_result result;
	size_t frame;
	bool idle;

	if (stream_must_wait(s)) {
		unready(ep, s);
		return (true);
	}
	if ((p.most = messages_allowed(ep)) == 0)
		return (false);
	if (ep->is_relp)
		p.txnr = relp_session_next(&ep->relp);
	frame = pack_room(&s->route->style);
	if (ep->probing)
		p.room = frame;
	else if (p.room > SLICE)
		p.room = frame > SLICE ? frame : SLICE;
	result = stream_pull(s, &p);
	if (ep->conf->rate_limit != 0)
		bucket_give(ep->owner->bucket, p.most - p.messages);
	if (push(ep, s, &p) == -1) {
		s->is_drained = false;
		return (false);
	}
	ep->end += p.made;
	ep->messages += p.messages;
	/* A line of many megabytes is still looked through for its end. */
	idle = result == PULL_MORE && p.made == 0;
	if (idle)
		ev_timer_start(ep->env->loop, &ep->again);
	/* To the end of the queue: one busy file starves nobody. */
	unready(ep, s);
	if (result == PULL_DRAINED)
		tail_drained(s->tail);
	else
		endpoint_add(ep, s);
	return (result != PULL_NO_ROOM && !ep->probing && !idle);
}

/* Fills the buffer.  Returns whether there is anything to send. */
static bool
fill(struct endpoint *ep)
{
	size_t want = ep->room / 2;

	if (ep->start > 0) {
		memmove(ep->buf, ep->buf + ep->start, ep->end - ep->start);
		ep->end -= ep->start;
		ep->start = 0;
	}
	if (ep->draining || (ep->probing && ep->link.written > 0))
		return (ep->end > 0);
	while (ep->end < want && !TAILQ_EMPTY(&ep->ready) &&
	    (ep->is_relp || window_in_flight(ep->window) < ep->conf->window))
		if (!pull_slice(ep))
			break;
	return (ep->end > 0);
}

static void
on_message_too_long(struct endpoint *ep)
{
	uint32_t len;

	memcpy(&len, ep->buf + ep->start, sizeof(len));
	if (len / 2 < LEAST_DATAGRAM) {
		on_link_error(ep, EMSGSIZE, "send");
		return;
	}
	ep->max_message = len / 2;
	log_notice("destination %s: the path takes no message of %u bytes: "
		   "splitting at %zu",
	    ep->conf->name, len, ep->max_message);
	take_acks(ep);
	/* What was not sent is packed anew. */
	window_rewind(ep->window, window_acked_pos(ep->window));
	ep->link.written = 0;
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = 0;
	ep->work = true;
}

/* Returns whether there may be room for more. */
static bool
send_some(struct endpoint *ep)
{
	ssize_t n;

	n = link_send(&ep->link, ep->buf + ep->start, ep->end - ep->start);
	if (n > 0) {
		ep->start += (size_t)n;
		ep->sent += (uint64_t)n;
		return (true);
	}
	if (n == -1 && errno == EINTR)
		return (true);
	if (n == 0 || errno == EAGAIN) {
		ep->blocked = true;
		if (ep->link.wait == LINK_WAIT_READ)
			return (false);
		ev_io_stop(ep->env->loop, &ep->writable);
		ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
		ev_io_start(ep->env->loop, &ep->writable);
	} else if (errno == EMSGSIZE && is_datagram(ep)) {
		on_message_too_long(ep);
	} else {
		on_link_error(ep, errno, "send");
	}
	return (false);
}

/* Acknowledgements make no event: look for them while some are missing. */
static void
look_for_acks(struct endpoint *ep, bool sent)
{
	struct ev_loop *loop = ep->env->loop;
	uint64_t in_flight = window_in_flight(ep->window);

	if (ep->state != ENDPOINT_UP || in_flight == 0) {
		ev_timer_stop(loop, &ep->ack_timer);
		return;
	}
	if (ep->is_relp)
		ep->ack_timer.repeat = ACK_LONGEST;
	else if (in_flight >= ep->conf->window && !ep->blocked)
		ep->ack_timer.repeat = ACK_PRESSED;
	else if (sent || !ev_is_active(&ep->ack_timer))
		ep->ack_timer.repeat = ACK_FIRST;
	else
		return;
	if (!ev_is_active(&ep->ack_timer))
		ev_timer_again(loop, &ep->ack_timer);
}

static void
give_up_silent(struct endpoint *ep)
{
	reason_set(&ep->error,
	    "no acknowledgement and no sign of life for %llu s",
	    (unsigned long long)ep->conf->ack_timeout_ms / 1000);
	endpoint_lose(ep, keep_from(ep));
}

static void
on_ack_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct endpoint *ep = timer->data;
	ev_tstamp limit = (double)ep->conf->ack_timeout_ms / 1e3;
	int64_t silence;

	(void)revents;
	take_acks(ep);
	if (ep->state != ENDPOINT_UP || window_in_flight(ep->window) == 0) {
		ev_timer_stop(loop, timer);
		return;
	}
	if (ev_now(loop) - ep->progress > limit) {
		/* A slow reader whose system answers is slow, not dead. */
		silence = ep->is_relp ? INT64_MAX : link_silence_ms(&ep->link);
		if (silence < 0 ? ep->url->scheme == CONF_TCP
				: silence > (int64_t)ep->conf->ack_timeout_ms) {
			give_up_silent(ep);
			return;
		}
	}
	timer->repeat =
	    timer->repeat * 2 < ACK_LONGEST ? timer->repeat * 2 : ACK_LONGEST;
	ev_timer_again(loop, timer);
}

static void
on_rate_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct endpoint *ep = timer->data;

	(void)loop;
	(void)revents;
	ep->work = true;
}

static void
on_again(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct endpoint *ep = timer->data;

	(void)loop;
	(void)revents;
	ep->work = true;
	/* What was read ahead makes no event. */
	if (ep->state == ENDPOINT_UP)
		read_peer(ep);
}

/* The receiver may have gone since the last message: look before writing. */
static bool
peer_is_there(struct endpoint *ep)
{
	if (ep->link.written == 0)
		return (true);
	read_peer(ep);
	return (ep->state == ENDPOINT_UP);
}

/*
 * All was acknowledged.  Closing would let the next connection overtake what
 * the receiver has not read yet: it tells by closing its side.
 */
static void
finish_when_drained(struct endpoint *ep)
{
	if (ep->finishing || ep->start != ep->end ||
	    window_in_flight(ep->window) != 0)
		return;
	if (ep->link.borrowed || is_datagram(ep)) {
		become_idle(ep);
		return;
	}
	ep->finishing = true;
	if (ep->is_relp) {
		ep->start = 0;
		ep->end = relp_session_end(&ep->relp, ep->buf);
	} else {
		link_finish(&ep->link);
	}
}

void
endpoint_pump(struct endpoint *ep)
{
	size_t turn = 0, before;
	bool sent = false;

	if (!ep->work || ep->state != ENDPOINT_UP)
		return;
	ep->work = false;
	if (ep->draining)
		finish_when_drained(ep);
	if (ep->state != ENDPOINT_UP)
		return;
	if (ep->blocked || (TAILQ_EMPTY(&ep->ready) && ep->start == ep->end))
		return;
	if (!peer_is_there(ep))
		return;
	take_acks(ep);
	while (fill(ep)) {
		before = ep->start;
		sent = true;
		if (!send_some(ep))
			break;
		turn += ep->start - before;
		if (turn >= TURN) {
			ev_timer_start(ep->env->loop, &ep->again);
			break;
		}
	}
	if (ep->state != ENDPOINT_UP)
		return;
	take_acks(ep);
	look_for_acks(ep, sent);
	/* Room in the window is seen here, and this turn was the last look. */
	if (ep->work)
		ev_timer_start(ep->env->loop, &ep->again);
}

/* Life */

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
	ep->link.fd = -1;
	ep->room = BUFFER;
	if (ep->room < conf->max_message * 4)
		ep->room = conf->max_message * 4;
	TAILQ_INIT(&ep->ready);
	backoff_init(
	    &ep->backoff, conf->retry_first_ms, conf->retry_longest_ms);
	ev_io_init(&ep->readable, on_readable, -1, EV_READ);
	ev_io_init(&ep->writable, on_writable, -1, EV_WRITE);
	ev_timer_init(&ep->timer, on_timer, 0., 0.);
	ev_timer_init(&ep->ack_timer, on_ack_timer, 0., ACK_FIRST);
	ev_timer_init(&ep->again, on_again, 0., 0.);
	ev_timer_init(&ep->rate_timer, on_rate_timer, 0., 0.);
	ep->rate_timer.data = ep;
	ep->readable.data = ep->writable.data = ep->timer.data =
	    ep->ack_timer.data = ep->again.data = ep;
	ep->buf = malloc(ep->room);
	ep->is_relp = url->scheme == CONF_RELP;
	if (ep->is_relp)
		ep->marks = calloc(conf->relp_window, sizeof(*ep->marks));
	ep->window = window_new(
	    ep->is_relp ? 2 * conf->relp_window : MAX_SLICES, &window_ops, ep);
	if (ep->buf == NULL || ep->window == NULL ||
	    (ep->is_relp && ep->marks == NULL)) {
		endpoint_free(ep);
		errno = ENOMEM;
		return (NULL);
	}
	if (ep->is_relp)
		window_keep_apart(ep->window);
	return (ep);
}

void
endpoint_free(struct endpoint *ep)
{
	struct stream *s;

	if (ep == NULL)
		return;
	stop_watchers(ep);
	while ((s = TAILQ_FIRST(&ep->ready)) != NULL)
		unready(ep, s);
	window_free(ep->window);
	link_close(&ep->link);
	free(ep->marks);
	free(ep->buf);
	free(ep);
}

void
endpoint_start(struct endpoint *ep)
{
	if (ep->state != ENDPOINT_IDLE)
		return;
	ep->draining = ep->finishing = false;
	attempt(ep);
}

void
endpoint_release(struct endpoint *ep)
{
	ep->draining = ep->work = true;
	if (ep->state == ENDPOINT_UP || ep->state == ENDPOINT_IDLE)
		return;
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
	return (ep->state == ENDPOINT_UP && !ep->draining);
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
		unready(ep, s);
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
	unready(ep, s);
	window_forget(ep->window, &s->cursor);
}

bool
endpoint_is_quiet(const struct endpoint *ep)
{
	return (ep->state != ENDPOINT_UP);
}

void
endpoint_info(const struct endpoint *ep, struct endpoint_info *info)
{
	info->state = ep->state;
	info->url = ep->url->text;
	info->peer = ep->state == ENDPOINT_UP ? ep->peer : "";
	info->error = ep->error.text;
	info->in_flight = window_in_flight(ep->window);
	info->sent = ep->sent;
	info->messages = ep->messages;
	info->connects = ep->connects;
	info->losses = ep->losses;
	info->refused = ep->refused;
	info->waiting = ep->waiting;
}
