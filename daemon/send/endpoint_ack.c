#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/table.h"
#include "daemon/send/inside.h"
#include "daemon/stream/guard.h"

#define READ_TURNS 64 /* reads before others have theirs */
#define ACK_FIRST 0.05 /* seconds to the first look for */
#define ACK_LONGEST 1. /* acknowledgements, and between */
#define ACK_PRESSED 0.002 /* where the window is full */
#define DATAGRAM_MARK 0.5 /* half of what is sent again */
#define GOODBYE_MARK 0.25 /* the same behind a goodbye over TLS */
#define HEAR_OUT 4096 /* reads, of a connection that is given up */
#define REFUSALS 5 /* of one message, then it is passed over */

static void
on_acked(struct cursor *c, void *arg)
{
	struct endpoint *ep = arg;

	stream_guard_acked(stream_of(c));
	ledger_mark_acked(ep->env->ledger, &stream_of(c)->mark);
}

static void
on_rewound(struct cursor *c, void *arg)
{
	struct endpoint *ep = arg;
	struct stream *s = stream_of(c);

	s->scanned = 0;
	tails_ops(s->tail->all)->on_taken_back(s->tail);
	ledger_mark(ep->env->ledger, &s->mark);
	stream_wake(s);
}

static void
on_released(struct cursor *c, void *arg)
{
	(void)c;
	(void)arg;
}

const struct window_ops endpoint_window_ops = { on_acked, on_rewound,
	on_released };

/* The position from which all is sent again after a reset or a refusal. */
uint64_t
endpoint_keep_from(const struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t unread = link_unread(&ep->link);

	if (ep->facts->connectionless)
		return (ep->mark[0]);
	if (ep->is_relp)
		return (acked);
	return (acked - ep->base > unread ? acked - unread : ep->base);
}

/*
 * The first mark is where things were one to two steps ago, or later: datagrams
 * behind it are kept.
 */
static void
move_marks(struct endpoint *ep)
{
	double now, step;

	if (ep->facts->connectionless)
		step = DATAGRAM_MARK;
	else if (ep->facts->lost_at_close > 0)
		step = GOODBYE_MARK;
	else
		return;
	/* What is of late is so at the goodbye, however long that takes. */
	if (ep->parting)
		return;
	now = clock_now();
	if (now - ep->marked < step)
		return;
	ep->mark[0] = ep->mark[1];
	ep->mark[1] = window_acked_pos(ep->window);
	if (now - ep->marked >= 2 * step)
		ep->mark[0] = ep->mark[1];
	ep->marked = now;
}

static void
on_progress(struct endpoint *ep)
{
	ep->progress = clock_now();
	flow_acked(&ep->flow,
	    ep->link.written + (ep->end - ep->start) - endpoint_in_flight(ep),
	    (uint64_t)(ep->progress * 1e6));
	backoff_reset(&ep->backoff);
	ep->work = true;
	if (ep->stalled) {
		ep->stalled = false;
		ep->owner->on_state(ep->owner->arg);
	}
	if (ep->is_relp && window_in_flight(ep->window) == 0)
		rejects_clear(ep->rejects);
}

void
endpoint_take_acks(struct endpoint *ep)
{
	uint64_t before = window_acked_pos(ep->window);
	uint64_t acked, keep;

	if (ep->is_relp) {
		/* Nothing counts but what the server says. */
		window_trim(ep->window, before);
		return;
	}
	/* First: what is found to be acknowledged now is of late. */
	move_marks(ep);
	acked = ep->base + link_acked(&ep->link);
	if (acked > before)
		window_ack(ep->window, acked);
	/* What was taken back meanwhile may be acknowledged as well. */
	if (window_acked_pos(ep->window) > before)
		on_progress(ep);
	keep = endpoint_keep_from(ep);
	window_trim(ep->window, endpoint_parted_keep(ep, keep));
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
	unsigned times;

	if (!window_slice_at(ep->window, position, &cur, &begin, &end)) {
		/* Its file was truncated meanwhile. */
		window_ack_one(ep->window, position);
		return (true);
	}
	s = stream_of(cur);
	times = rejects_add(ep->rejects, s->tail->dev, s->tail->ino, begin);
	reason_set(&ep->error, "%s: the message at %lld was refused: %u %s",
	    tail_path(s->tail).text, (long long)begin, ep->relp.code,
	    ep->relp.text);
	if (times < REFUSALS) {
		endpoint_lose(ep, window_acked_pos(ep->window));
		return (false);
	}
	/* After a loss it may come to be refused once more. */
	if (times == REFUSALS) {
		log_warnx("destination %s: %s; %d times: passed over",
		    ep->conf->name, ep->error.text, REFUSALS);
		ep->refused++;
	}
	window_ack_one(ep->window, position);
	on_progress(ep);
	return (true);
}

static void
on_relp_close(struct endpoint *ep)
{
	if (ep->finishing && window_in_flight(ep->window) == 0) {
		endpoint_become_idle(ep);
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
			on_progress(ep);
			break;
		case RELP_HEARD_ACKS:
			window_ack(ep->window, position);
			on_progress(ep);
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
void
endpoint_read(struct endpoint *ep)
{
	uint8_t buf[16384]; /* as much as TLS has at once */
	ssize_t n = 0;
	int turns = READ_TURNS;

	while (turns-- > 0 && (n = link_recv(&ep->link, buf, sizeof(buf))) > 0)
		if (ep->is_relp && !hear(ep, buf, (size_t)n))
			return;
	if (n == 0)
		endpoint_closed_by_peer(ep);
	else if (n == -1 && errno != EAGAIN)
		endpoint_link_error(ep, errno, "connection lost");
	else if (n > 0)
		ev_timer_start(ep->env->loop, &ep->again);
}

bool
endpoint_hear_out(struct endpoint *ep)
{
	uint8_t buf[16384];
	ssize_t n;
	int turns = HEAR_OUT;

	if (!ep->is_relp)
		return (true);
	while (turns-- > 0 && (n = link_recv(&ep->link, buf, sizeof(buf))) > 0)
		if (!hear(ep, buf, (size_t)n))
			return (false);
	return (true);
}

/* Acknowledgements make no event: look for them while some are missing. */
void
endpoint_look_for_acks(struct endpoint *ep, bool sent)
{
	struct ev_loop *loop = ep->env->loop;
	uint64_t in_flight = window_in_flight(ep->window);

	if (ep->state != ENDPOINT_UP || in_flight == 0) {
		ev_timer_stop(loop, &ep->ack_timer);
		return;
	}
	if (ep->is_relp)
		ep->ack_timer.repeat = ACK_LONGEST;
	else if (endpoint_is_full(ep) && !ep->blocked)
		ep->ack_timer.repeat = ACK_PRESSED;
	else if (sent || !ev_is_active(&ep->ack_timer))
		ep->ack_timer.repeat = ACK_FIRST;
	else
		return;
	if (ev_is_active(&ep->ack_timer))
		return;
	/* Nothing was due before. */
	ep->progress = ep->alive = clock_now();
	ev_timer_again(loop, &ep->ack_timer);
}

static void
give_up(struct endpoint *ep, const char *what)
{
	reason_set(&ep->error, "no acknowledgement%s for %.1f s", what,
	    endpoint_patience(ep));
	endpoint_be_patient(ep);
	endpoint_lose(ep, endpoint_keep_from(ep));
}

void
endpoint_give_way(struct endpoint *ep)
{
	reason_set(&ep->error,
	    "no acknowledgement for %.1f s, and another receiver works",
	    (double)ep->conf->ack_timeout_ms / 1e3);
	endpoint_lose(ep, endpoint_keep_from(ep));
}

/*
 * When the peer was last heard of, or owed no answer.  A slow reader whose
 * system answers is slow, not dead; RELP has to be answered by the server.
 */
static void
note_life(struct endpoint *ep)
{
	double now = clock_now(), heard;
	int64_t silence;

	if (ep->alive < ep->progress)
		ep->alive = ep->progress;
	if (ep->is_relp)
		return;
	silence = link_silence_ms(&ep->link);
	heard = silence == -1 ? 0 : now - (double)silence / 1e3;
	if (ep->alive < heard)
		ep->alive = heard;
}

void
endpoint_on_ack_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct endpoint *ep = timer->data;
	double limit = (double)ep->conf->ack_timeout_ms / 1e3;
	double now = clock_now();

	(void)revents;
	endpoint_take_acks(ep);
	/* A process that was stopped may find the answers unread. */
	if (ep->is_relp && now - ep->progress > limit)
		endpoint_read(ep);
	if (ep->state != ENDPOINT_UP || window_in_flight(ep->window) == 0) {
		ev_timer_stop(loop, timer);
		return;
	}
	note_life(ep);
	if (!ep->finishing) {
		if (now - ep->progress > limit && endpoint_may_finish(ep)) {
			endpoint_finish(ep);
		} else if (now - ep->alive > endpoint_patience(ep)) {
			give_up(ep, " and no sign of life");
			return;
		} else if (ep->draining && now - ep->progress > limit) {
			/* There is a better one. */
			give_up(ep, "");
			return;
		} else if (!ep->stalled && now - ep->progress > limit) {
			ep->stalled = true;
			ep->owner->on_state(ep->owner->arg);
		}
	}
	timer->repeat =
	    timer->repeat * 2 < ACK_LONGEST ? timer->repeat * 2 : ACK_LONGEST;
	ev_timer_again(loop, timer);
}
