#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/file/table.h"
#include "daemon/send/inside.h"

#define RATE_WAIT 0.01 /* seconds, at the least */
#define ANY_MESSAGES (1024 * 1024)
#define LEAST_DATAGRAM 480 /* RFC 5424 6.1 */
#define QUEUE_FULL 0.01 /* seconds until there may be room again */

/* Until some may go again: one by one would cost a turn of the loop each. */
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

/* Of the messages in flight it is known where each begins. */
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

/* No more than the window has left, but at least one frame. */
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

/* What waits for its answer, and a last slice without a message. */
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

/* Everything that the pull may need is there.  Returns 0, or -1 with errno. */
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
 * What a pull may make, all limits taken together: the room for it is there
 * before anything moves.  Returns false where it has to wait.
 */
static bool
allow(struct endpoint *ep, const struct stream *s, struct pull *p)
{
	uint64_t now_us;

	p->most = ep->is_relp ? answers_allowed(ep) : ANY_MESSAGES;
	if (p->most == 0)
		return (false);
	if (reserve(ep, p->most) == -1) {
		/* An acknowledgement makes room in the window. */
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

/* The hash of the guard of that offset, if the pull left it. */
static uint64_t
guard_at(const struct stream *s, off_t at)
{
	return (s->guard.at == at ? s->guard.hash : 0);
}

/* Each message by itself, for each is answered by itself. */
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

/* What was pulled is in the window now: allow() saw to the room. */
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

/* One slice of the next file.  Returns whether to go on filling. */
static bool
pull_slice(struct endpoint *ep)
{
	struct stream *s = TAILQ_FIRST(&ep->ready);
	struct pull p = { .out = ep->buf + ep->end,
		.wire = link_wire(&ep->link),
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
	/* It may have waited here since the connection before. */
	s->epoch = ep->epoch;
	result = stream_pull(s, &p);
	if (ep->conf->rate_limit != 0)
		token_bucket_give(ep->owner->bucket, p.most - p.messages);
	if (ep->held)
		*ep->owner->waited += p.messages;
	push(ep, s, &p);
	ep->end += p.made;
	ep->messages += p.messages;
	/* A line of many megabytes is still looked through for its end. */
	idle = result == PULL_MORE && p.made == 0;
	if (idle)
		ev_timer_start(ep->env->loop, &ep->again);
	/* To the end of the queue: one busy file starves nobody. */
	endpoint_unready(ep, s);
	if (result == PULL_DRAINED && TAILQ_EMPTY(&ep->ready))
		ep->held = false;
	if (result == PULL_DRAINED)
		tails_ops(s->tail->all)->on_drained(s->tail);
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
	/* What was not sent is packed anew; what was may be refused yet. */
	window_part(ep->window, window_acked_pos(ep->window));
	ep->base = window_sent_pos(ep->window);
	ep->link.written = 0;
	ep->start = ep->end = 0;
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
	} else if (errno == EMSGSIZE && endpoint_is_datagram(ep)) {
		on_message_too_long(ep);
	} else if (errno == ENOBUFS && endpoint_is_datagram(ep)) {
		/* Of the interface: no event tells when it has room. */
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
	/* What was read ahead makes no event. */
	if (endpoint_can_send(ep))
		endpoint_read(ep);
}

/*
 * The receiver may have gone since the last message: look before writing.  With
 * RELP nothing is lost by it.
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
 * Each look costs system calls, and the next turn begins with one: only where
 * an end or room in the window is waited for, another one is worth it.
 */
static bool
acks_can_wait(const struct endpoint *ep)
{
	return (ep->link.stream && ep->wanted && TAILQ_EMPTY(&ep->ready) &&
	    endpoint_in_flight(ep) < ep->flow.size / 2);
}

/* Where nothing waits, an acknowledgement is no reason for another turn. */
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
	/* Room in the window is seen here, and this turn was the last look. */
	if (ep->work && has_work(ep))
		ev_timer_start(ep->env->loop, &ep->again);
}
