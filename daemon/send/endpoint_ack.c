#include "daemon/base/clock.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/table.h"
#include "daemon/send/inside.h"
#include "daemon/stream/guard.h"

/* Seconds until the first look for acknowledgements; where the window is full.
 */
#define ACK_FIRST 0.05
#define ACK_PRESSED 0.002
/*
 * Seconds between two marks.  Octets acknowledged in the last one or two of
 * these times are sent again: datagrams when one was refused, octets over TLS
 * when the receiver closed and may have discarded them.
 */
#define MARK_DATAGRAM 0.5
#define MARK_CLOSE 0.25

static void
on_acked(struct cursor *c, void *arg)
{
	struct endpoint *ep = arg;

	stream_guard_acked(stream_of(c));
	checkpointer_mark_acked(ep->env->checkpointer, &stream_of(c)->mark);
}

static void
on_rewound(struct cursor *c, void *arg)
{
	struct endpoint *ep = arg;
	struct stream *s = stream_of(c);

	s->scanned = 0;
	file_table_ops(s->file->all)->on_taken_back(s->file);
	checkpointer_mark(ep->env->checkpointer, &s->mark);
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

uint64_t
endpoint_keep_from(const struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t unread = transport_unread(&ep->link);

	if (ep->facts->connectionless)
		return (ep->mark[0]);
	if (ep->is_relp)
		return (acked);
	return (acked - ep->base > unread ? acked - unread : ep->base);
}

/*
 * mark[0] is the position that was acknowledged one to two steps ago.  Octets
 * behind it are kept.
 */
static void
move_marks(struct endpoint *ep)
{
	double now, step;

	if (ep->facts->connectionless)
		step = MARK_DATAGRAM;
	else if (ep->facts->lost_at_close > 0)
		step = MARK_CLOSE;
	else
		return;
	/* Octets that were new at the close stay so until the end. */
	if (ep->state >= ENDPOINT_PARTING)
		return;
	now = clock_steady();
	if (now - ep->marked < step)
		return;
	ep->mark[0] = ep->mark[1];
	ep->mark[1] = window_acked_pos(ep->window);
	if (now - ep->marked >= 2 * step)
		ep->mark[0] = ep->mark[1];
	ep->marked = now;
}

void
endpoint_on_progress(struct endpoint *ep)
{
	ep->progress = clock_steady();
	flow_acked(&ep->flow,
	    ep->link.written + (ep->end - ep->start) - endpoint_in_flight(ep),
	    (uint64_t)(ep->progress * 1e6));
	backoff_reset(&ep->backoff);
	/* A datagram is acknowledged by this system, not by the receiver. */
	ep->failing &= ep->facts->connectionless;
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
		/* Only the server's answers count. */
		window_trim(ep->window, before);
		return;
	}
	/* First: octets that are acknowledged just now are new. */
	move_marks(ep);
	acked = ep->base + transport_acked(&ep->link);
	if (acked > before)
		window_ack(ep->window, acked);
	/* What was taken back meanwhile may be acknowledged as well. */
	if (window_acked_pos(ep->window) > before)
		endpoint_on_progress(ep);
	keep = endpoint_keep_from(ep);
	window_trim(ep->window, endpoint_parted_keep(ep, keep));
}

void
endpoint_look_for_acks(struct endpoint *ep, bool sent)
{
	struct ev_loop *loop = ep->env->loop;
	uint64_t in_flight = window_in_flight(ep->window);

	if (!endpoint_can_send(ep) || in_flight == 0) {
		ev_timer_stop(loop, &ep->ack_timer);
		return;
	}
	if (ep->is_relp)
		ep->ack_timer.repeat = ENDPOINT_ACK_LONGEST;
	else if (endpoint_is_full(ep) && !ep->blocked)
		ep->ack_timer.repeat = ACK_PRESSED;
	else if (sent || !ev_is_active(&ep->ack_timer))
		ep->ack_timer.repeat = ACK_FIRST;
	else
		return;
	if (ev_is_active(&ep->ack_timer))
		return;
	/* No acknowledgement was due before. */
	ep->progress = ep->alive = clock_steady();
	ev_timer_again(loop, &ep->ack_timer);
}
