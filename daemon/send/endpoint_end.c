#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/send/inside.h"

/*
 * Seconds that a receiver gets, after it has closed its side, to acknowledge
 * the octets that are on the way to it; then we connect again.  Longer where
 * another endpoint may send the streams then: a reset may come in that time.
 */
#define PARTING 0.2
#define PARTING_ELSEWHERE 1.
#define PATIENCE_MOST 5 /* doublings of ack_timeout */
/* A connection that lasted less, in seconds: the next address may be better. */
#define LASTING 10.

/*
 * Everything behind keep_pos will be sent again.  Octets of earlier connections
 * that the receiver may still prove not to have read stay in the window.
 */
static void
rewind_to(struct endpoint *ep, uint64_t keep_pos)
{
	/* If the daemon is killed now, its successor must send them again. */
	if (keep_pos < window_acked_pos(ep->window))
		checkpointer_hurry(ep->env->checkpointer);
	keep_pos = endpoint_settle_parted(ep, keep_pos);
	if (ep->nparted > 0)
		window_part(ep->window, keep_pos);
	else
		window_rewind(ep->window, keep_pos);
	ep->base = window_sent_pos(ep->window);
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = ep->base;
}

double
endpoint_patience(const struct endpoint *ep)
{
	return ((double)ep->conf->ack_timeout_ms / 1e3 *
	    (double)(1u << ep->patience));
}

void
endpoint_be_patient(struct endpoint *ep)
{
	if (!ep->is_relp && !transport_counts(&ep->link) &&
	    ep->patience < PATIENCE_MOST)
		ep->patience++;
}

void
endpoint_lose(struct endpoint *ep, uint64_t keep_pos)
{
	ep->losses++;
	if (clock_steady() - ep->opened < LASTING) {
		addresses_avoid(&ep->addresses);
	} else {
		/* The outage before it is over, though nothing was sent. */
		backoff_reset(&ep->backoff);
		ep->failing = false;
	}
	/* First: the rewind wakes streams, which may choose another one. */
	ep->epoch++;
	endpoint_fail(ep);
	rewind_to(ep, keep_pos);
	ep->repeats = 0;
	transport_abort(&ep->link);
}

void
endpoint_cut_off(struct endpoint *ep)
{
	uint64_t keep = endpoint_keep_from(ep);

	ep->epoch++;
	endpoint_enter(ep, ENDPOINT_IDLE);
	rewind_to(ep, keep);
	ep->repeats = 0;
	transport_abort(&ep->link);
}

/* The receiver has everything.  The next turn connects, if it is wanted. */
static void
close_in_order(struct endpoint *ep)
{
	ep->epoch++;
	endpoint_enter(ep, ENDPOINT_IDLE);
	rewind_to(ep, window_acked_pos(ep->window));
	transport_close(&ep->link);
	if (ep->wanted)
		ev_timer_start(ep->env->loop, &ep->again);
}

void
endpoint_become_idle(struct endpoint *ep)
{
	uint64_t keep = endpoint_keep_from(ep);

	transport_finish(&ep->link);
	/* Only its close says that it has read everything: no count does. */
	if (ep->state == ENDPOINT_CLOSING && ep->conf->nurls == 1)
		endpoint_watch_parted(ep, keep);
	window_ack(ep->window, window_sent_pos(ep->window));
	close_in_order(ep);
	ep->repeats = 0;
	ep->patience = 0;
}

void
endpoint_move(struct endpoint *ep)
{
	log_notice("destination %s: %s is no longer at %s", ep->conf->name,
	    ep->url->text, ep->peer);
	endpoint_take_acks(ep);
	close_in_order(ep);
}

/*
 * Returns how many octets a receiver that closes in order may have read and
 * discarded: only octets that it acknowledged just before; and none that were
 * sent again for this very reason, or a receiver that closes again and again
 * would get them each time.
 */
static uint64_t
thrown_away(const struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t recent = acked - ep->mark[0], most = acked - ep->base;
	uint64_t thrown = ep->is_relp ? 0 : transport_lost_at_close(&ep->link);

	most = most > ep->repeats ? most - ep->repeats : 0;
	if (thrown > most)
		thrown = most;
	return (thrown < recent ? thrown : recent);
}

static void
lose_in_order(struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t thrown = thrown_away(ep), carried = acked - ep->base;
	uint64_t left = ep->repeats > carried ? ep->repeats - carried : 0;
	uint64_t keep = acked - thrown, unread = endpoint_keep_from(ep);

	reason_set(&ep->error, "the receiver closed the connection");
	if (transport_acks_unread(&ep->link) && !ep->is_relp &&
	    ep->conf->nurls == 1)
		endpoint_watch_parted(ep, unread < keep ? unread : keep);
	endpoint_lose(ep, keep);
	ep->repeats = thrown > 0 ? thrown : left;
}

/*
 * The receiver has closed its side.  That does not mean that it has read
 * everything, or will: it shows by the octets on their way to it.  Nor does a
 * close behind ours, which may have crossed it, where no system counts
 * acknowledged octets.
 */
static void
begin_parting(struct endpoint *ep)
{
	endpoint_enter(ep,
	    ep->state == ENDPOINT_FINISHING ? ENDPOINT_CLOSING
					    : ENDPOINT_PARTING);
	ev_io_stop(ep->env->loop, &ep->readable);
	ev_io_stop(ep->env->loop, &ep->writable);
	ev_timer_stop(ep->env->loop, &ep->ack_timer);
	ev_timer_stop(ep->env->loop, &ep->again);
	endpoint_start_timer(
	    ep, ep->conf->nurls == 1 ? PARTING : PARTING_ELSEWHERE);
}

void
endpoint_closed_by_peer(struct endpoint *ep)
{
	endpoint_take_acks(ep);
	if (ep->state == ENDPOINT_FINISHING &&
	    (window_in_flight(ep->window) == 0 ||
		!transport_acks_unread(&ep->link)))
		endpoint_become_idle(ep);
	else if (!ep->is_relp && transport_acks_unread(&ep->link) &&
	    (window_in_flight(ep->window) > 0 || ep->conf->nurls > 1))
		begin_parting(ep);
	else
		lose_in_order(ep);
}

void
endpoint_break(struct endpoint *ep, int error, const char *what)
{
	reason_set(&ep->error, "%s: %s", what,
	    ep->link.why.text[0] != '\0' ? ep->link.why.text : strerror(error));
	if (ep->facts->borrowed) {
		/* The descriptor cannot be opened again. */
		ep->wanted = false;
		endpoint_enter(ep, ENDPOINT_IDLE);
		ep->env->on_stdout_closed(ep->env->arg);
		return;
	}
	/* Not endpoint_take_acks(), which would trim what comes again. */
	if (!ep->is_relp)
		window_ack(ep->window, ep->base + transport_acked(&ep->link));
	ep->probing = ep->facts->connectionless;
	endpoint_lose(ep, endpoint_keep_from(ep));
}

static void
stop_waiting_for_close(struct endpoint *ep)
{
	reason_set(&ep->error,
	    "the receiver was told that there is no more, and does not close");
	endpoint_be_patient(ep);
	endpoint_lose(ep, endpoint_keep_from(ep));
}

/* The receiver closed a while ago: has it read the octets on their way? */
static void
end_parting(struct endpoint *ep)
{
	int error = transport_error(&ep->link);

	if (error != 0) {
		endpoint_break(ep, error, "connection lost");
		return;
	}
	endpoint_take_acks(ep);
	/* Where no system counts, octets stay in flight; it closed, too. */
	if (ep->state == ENDPOINT_CLOSING) {
		endpoint_become_idle(ep);
		return;
	}
	if (window_in_flight(ep->window) == 0) {
		lose_in_order(ep);
		return;
	}
	reason_set(&ep->error,
	    "the receiver closed the connection and did not read on");
	endpoint_lose(ep, endpoint_keep_from(ep));
}

void
endpoint_on_end(struct endpoint *ep)
{
	if (ep->state == ENDPOINT_FINISHING)
		stop_waiting_for_close(ep);
	else
		end_parting(ep);
}

void
endpoint_finish(struct endpoint *ep)
{
	if (ep->facts->borrowed || endpoint_is_datagram(ep)) {
		endpoint_become_idle(ep);
		return;
	}
	endpoint_enter(ep, ENDPOINT_FINISHING);
	endpoint_start_timer(ep, endpoint_patience(ep));
	if (ep->is_relp) {
		ep->start = 0;
		ep->end = relp_session_end(&ep->relp, ep->buf);
	} else {
		transport_finish(&ep->link);
	}
}

bool
endpoint_may_finish(const struct endpoint *ep)
{
	return (ep->state < ENDPOINT_FINISHING && ep->start == ep->end &&
	    (window_in_flight(ep->window) == 0 ||
		(!ep->is_relp && !transport_counts(&ep->link))));
}

void
endpoint_give_way(struct endpoint *ep)
{
	reason_set(&ep->error,
	    "no acknowledgement for %.1f s, and another receiver works",
	    (double)ep->conf->ack_timeout_ms / 1e3);
	endpoint_lose(ep, endpoint_keep_from(ep));
}
