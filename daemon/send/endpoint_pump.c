#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/file/table.h"
#include "daemon/send/inside.h"

#define RATE_WAIT 0.01 /* seconds that messages wait, at the least */
#define ANY_MESSAGES (1024 * 1024)
#define LEAST_DATAGRAM 480 /* octets; RFC 5424 6.1 */
#define QUEUE_FULL 0.01 /* seconds until an interface may have room */

/* Several messages go at once then: each costs a turn of the loop. */
static void
wait_for_rate(struct endpoint *ep, uint64_t wait_us)
{
	double wait = (double)wait_us / 1e6;

	ep->held = true;
	if (ev_is_active(&ep->rate_timer))
		return;
	ev_timer_set(&ep->rate_timer, wait > RATE_WAIT ? wait : RATE_WAIT, 0.);
	ev_timer_start(ep->env->loop, &ep->rate_timer);
}

/* Makes room in the ring of where the messages in flight begin. */
static int
reserve_begins(struct endpoint *ep, uint64_t n)
{
	uint64_t first = window_acked_pos(ep->window), i;
	size_t room = ep->nbegins;
	uint64_t *begins;

	while (ep->relp.count - first + n > room)
		room *= 2;
	if (room == ep->nbegins)
		return (0);
	if ((begins = reallocarray(NULL, room, sizeof(*begins))) == NULL)
		return (-1);
	for (i = first; i < ep->relp.count; i++)
		begins[i & (room - 1)] = ep->begins[i & (ep->nbegins - 1)];
	free(ep->begins);
	ep->begins = begins;
	ep->nbegins = room;
	return (0);
}

/* Octets of frames that a pull may make: what the window has left, but at least
 * one frame. */
static size_t
octets_allowed(const struct endpoint *ep, size_t frame)
{
	uint64_t in_flight = endpoint_in_flight(ep);
	uint64_t left =
	    in_flight < ep->flow.size ? ep->flow.size - in_flight : 0;
	size_t room = left < ENDPOINT_SLICE ? (size_t)left : ENDPOINT_SLICE;

	if (room < frame || ep->probing)
		room = frame;
	return (room < ep->room - ep->end ? room : ep->room - ep->end);
}

/*
 * RELP: messages that a pull may make, each a slice in the window; one slice is
 * left for dropped lines at the end.
 */
static uint64_t
answers_allowed(const struct endpoint *ep)
{
	uint64_t in_flight = window_in_flight(ep->window);
	uint64_t n = ENDPOINT_MARKS, most = ep->conf->relp_window;
	size_t room = window_room(ep->window);

	if (most > 0 && in_flight >= most)
		return (0);
	if (most > 0 && n > most - in_flight)
		n = most - in_flight;
	if (n >= room)
		n = room > 0 ? room - 1 : 0;
	return (n);
}

/* Makes room for so many messages.  Returns 0, or -1 with errno. */
static int
reserve(struct endpoint *ep, uint64_t messages)
{
	if (!ep->is_relp)
		return (window_reserve(ep->window, 1));
	if (reserve_begins(ep, messages) == -1)
		return (-1);
	return (window_reserve(ep->window, (size_t)messages + 1));
}

static void
wait_a_moment(struct endpoint *ep)
{
	ev_timer_stop(ep->env->loop, &ep->rate_timer);
	ev_timer_set(&ep->rate_timer, QUEUE_FULL, 0.);
	ev_timer_start(ep->env->loop, &ep->rate_timer);
}

/*
 * Sets the limits of a pull, and makes room for what it may make: afterwards
 * nothing can fail.  Returns false where the stream has to wait.
 */
static bool
allow(struct endpoint *ep, const struct stream *s, struct pull *p)
{
	uint64_t now_us;

	p->most = ep->is_relp ? answers_allowed(ep) : ANY_MESSAGES;
	if (p->most == 0)
		return (false);
	if (reserve(ep, p->most) == -1) {
		/* ENOBUFS: an acknowledgement will make room. */
		if (errno != ENOBUFS)
			wait_a_moment(ep);
		return (false);
	}
	p->room = octets_allowed(ep, pack_room(&s->route->style));
	if (ep->conf->rate_limit == 0)
		return (true);
	now_us = clock_steady_us();
	p->most = token_bucket_take(ep->owner->bucket, p->most, now_us);
	if (p->most == 0)
		wait_for_rate(
		    ep, token_bucket_wait_us(ep->owner->bucket, now_us));
	return (p->most > 0);
}

/* Returns the hash of the guard at the offset, or 0 where there is none. */
static uint64_t
guard_at(const struct stream *s, off_t at)
{
	return (s->guard.at == at ? s->guard.hash : 0);
}

/* A slice for each message, as the server answers each by itself. */
static int
push_messages(struct endpoint *ep, struct stream *s, const struct pull *p)
{
	uint64_t begin = ep->link.written + (ep->end - ep->start), i;
	uint64_t count = ep->relp.count;

	relp_session_sent(&ep->relp, p->messages);
	for (i = 0; i < p->messages; i++) {
		ep->begins[(count + i) & (ep->nbegins - 1)] =
		    begin + (i > 0 ? p->marks[i - 1].made : 0);
		if (window_push(ep->window, &s->cursor, (off_t)p->marks[i].end,
			count + i + 1,
			guard_at(s, (off_t)p->marks[i].end)) == -1)
			return (-1);
	}
	if (p->end > s->cursor.sent)
		return (window_push(ep->window, &s->cursor, p->end,
		    ep->relp.count, guard_at(s, p->end)));
	return (0);
}

/* Puts what was pulled into the window: allow() has made the room. */
static void
push(struct endpoint *ep, struct stream *s, const struct pull *p)
{
	int result = 0;

	if (ep->is_relp)
		result = push_messages(ep, s, p);
	else if (p->end > s->cursor.sent)
		result = window_push(ep->window, &s->cursor, p->end,
		    ep->base + ep->link.written + (ep->end - ep->start) +
			p->made,
		    guard_at(s, p->end));
	assert(result == 0);
	(void)result;
}

/* Reads a slice of the next stream.  Returns whether to read the next one. */
static bool
pull_slice(struct endpoint *ep)
{
	struct stream *s = TAILQ_FIRST(&ep->ready);
	struct pull p = { .out = ep->buf + ep->end,
		.wire = transport_wire(&ep->link),
		.local = ep->facts->by_path && endpoint_is_datagram(ep),
		.max_message = ep->max_message,
		.marks = ep->marks };
	enum pull_result result;
	bool idle;

	if (stream_must_wait(s)) {
		endpoint_unready(ep, s);
		return (true);
	}
	if (!allow(ep, s, &p))
		return (false);
	if (ep->is_relp)
		p.txnr = relp_session_next(&ep->relp);
	/* It may have waited here since an earlier connection. */
	s->epoch = ep->epoch;
	result = stream_pull(s, &p);
	if (ep->conf->rate_limit != 0)
		token_bucket_give(ep->owner->bucket, p.most - p.messages);
	if (ep->held)
		*ep->owner->waited += p.messages;
	push(ep, s, &p);
	ep->end += p.made;
	ep->messages += p.messages;
	/* The end of a line of many megabytes was not found yet. */
	idle = result == PULL_MORE && p.made == 0;
	if (idle)
		ev_timer_start(ep->env->loop, &ep->again);
	/* To the end of the queue, so that one busy file starves no other. */
	endpoint_unready(ep, s);
	if (result == PULL_DRAINED && TAILQ_EMPTY(&ep->ready))
		ep->held = false;
	if (result == PULL_DRAINED)
		file_table_ops(s->file->all)->on_drained(s->file);
	else if (result != PULL_WAIT)
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
	if (ep->state != ENDPOINT_UP || (ep->probing && ep->link.written > 0))
		return (ep->end > 0);
	while (ep->end < want && !TAILQ_EMPTY(&ep->ready)) {
		if (endpoint_is_full(ep)) {
			flow_full(&ep->flow);
			break;
		}
		if (!pull_slice(ep))
			break;
	}
	return (ep->end > 0);
}

static void
on_message_too_long(struct endpoint *ep)
{
	uint32_t len;

	memcpy(&len, ep->buf + ep->start, sizeof(len));
	if (len / 2 < LEAST_DATAGRAM) {
		endpoint_link_error(ep, EMSGSIZE, "send");
		return;
	}
	ep->max_message = len / 2;
	log_notice("destination %s: the path takes no message of %u bytes: "
		   "splitting at %zu",
	    ep->conf->name, len, ep->max_message);
	endpoint_take_acks(ep);
	/* Packs anew what was not sent; what was sent may be refused yet. */
	window_part(ep->window, window_acked_pos(ep->window));
	ep->base = window_sent_pos(ep->window);
	ep->link.written = 0;
	ep->start = ep->end = 0;
	ep->work = true;
}

/* Sends frames.  Returns whether the link may take more. */
static bool
send_some(struct endpoint *ep)
{
	ssize_t n;

	n = transport_send(&ep->link, ep->buf + ep->start, ep->end - ep->start);
	if (n > 0) {
		ep->start += (size_t)n;
		ep->sent += (uint64_t)n;
		return (true);
	}
	if (n == -1 && errno == EINTR)
		return (true);
	if (n == 0 || errno == EAGAIN) {
		ep->blocked = true;
		if (ep->link.wait == TRANSPORT_WAIT_READ)
			return (false);
		ev_io_stop(ep->env->loop, &ep->writable);
		ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
		ev_io_start(ep->env->loop, &ep->writable);
	} else if (errno == EMSGSIZE && endpoint_is_datagram(ep)) {
		on_message_too_long(ep);
	} else if (errno == ENOBUFS && endpoint_is_datagram(ep)) {
		/* The interface is full: no event tells when it has room. */
		wait_a_moment(ep);
	} else {
		endpoint_link_error(ep, errno, "send");
	}
	return (false);
}

void
endpoint_go_on(struct endpoint *ep)
{
	ep->work = true;
	/* Octets that TLS has read ahead make no event. */
	if (endpoint_can_send(ep))
		endpoint_read(ep);
}

/*
 * Octets written to a receiver that has gone may be lost: looks before they are
 * written.  RELP loses nothing, and needs no look.
 */
static bool
peer_is_there(struct endpoint *ep)
{
	if (ep->link.written == 0 || ep->is_relp)
		return (true);
	endpoint_read(ep);
	return (endpoint_can_send(ep));
}

/*
 * Each look for acknowledgements costs system calls, and the next turn begins
 * with one.  A second one is worth it only where the end of the connection or
 * room in the window is waited for.
 */
static bool
acks_can_wait(const struct endpoint *ep)
{
	return (ep->link.stream && ep->wanted && TAILQ_EMPTY(&ep->ready) &&
	    endpoint_in_flight(ep) < ep->flow.size / 2);
}

/* Whether an acknowledgement is a reason for another turn. */
static bool
has_work(const struct endpoint *ep)
{
	return (!ep->wanted || ep->start < ep->end || !TAILQ_EMPTY(&ep->ready));
}

void
endpoint_pump(struct endpoint *ep)
{
	size_t turn = 0, before;
	bool sent = false;

	if (!ep->work || !endpoint_can_send(ep))
		return;
	ep->work = false;
	if (!ep->wanted) {
		endpoint_take_acks(ep);
		if (endpoint_may_finish(ep))
			endpoint_finish(ep);
	}
	if (!endpoint_can_send(ep))
		return;
	if (ep->blocked || (TAILQ_EMPTY(&ep->ready) && ep->start == ep->end))
		return;
	if (!peer_is_there(ep))
		return;
	endpoint_take_acks(ep);
	endpoint_lookup_again(ep->lookup);
	while (fill(ep)) {
		before = ep->start;
		sent = true;
		if (!send_some(ep))
			break;
		turn += ep->start - before;
		if (turn >= ENDPOINT_TURN) {
			ev_timer_start(ep->env->loop, &ep->again);
			break;
		}
	}
	if (!endpoint_can_send(ep))
		return;
	if (!acks_can_wait(ep))
		endpoint_take_acks(ep);
	endpoint_look_for_acks(ep, sent);
	/* The look above found room in the window: use it. */
	if (ep->work && has_work(ep))
		ev_timer_start(ep->env->loop, &ep->again);
}
