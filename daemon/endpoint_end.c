#include <string.h>

#include "daemon/clock.h"
#include "daemon/endpoint_inside.h"
#include "daemon/ledger.h"

/*
 * A reset that comes behind a FIN comes right behind it; and nothing waits for
 * us, for the next attempt is not sooner.
 */
#define PARTING 0.2
/* What did not last so long is no good address: another one may be. */
#define LASTING 10.

static void
take_back(struct endpoint *ep, uint64_t keep_pos)
{
	/* First: streams that are woken by the rewind may go elsewhere. */
	ep->state = ENDPOINT_BACKOFF;
	ep->epoch++;
	/* Should the daemon be killed now, it must know what to send again. */
	if (keep_pos < window_acked_pos(ep->window))
		ledger_hurry(ep->env->ledger);
	window_rewind(ep->window, keep_pos);
	link_abort(&ep->link);
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = 0;
}

void
endpoint_lose(struct endpoint *ep, uint64_t keep_pos)
{
	ep->losses++;
	if (clock_now() - ep->opened < LASTING)
		targets_avoid(&ep->targets);
	take_back(ep, keep_pos);
	endpoint_fail(ep);
}

bool
endpoint_abandon(struct endpoint *ep)
{
	if (ep->state != ENDPOINT_UP)
		return (false);
	take_back(ep, endpoint_keep_from(ep));
	endpoint_enter(ep, ENDPOINT_IDLE);
	return (true);
}

void
endpoint_become_idle(struct endpoint *ep)
{
	bool again = !ep->draining;

	window_ack(ep->window, window_sent_pos(ep->window));
	ep->state = ENDPOINT_IDLE;
	ep->epoch++;
	window_rewind(ep->window, window_acked_pos(ep->window));
	link_finish(&ep->link);
	link_close(&ep->link);
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = 0;
	endpoint_enter(ep, ENDPOINT_IDLE);
	if (again)
		endpoint_start(ep);
}

static void
lose_in_order(struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t thrown = link_thrown_away(&ep->link);

	reason_set(&ep->error, "the receiver closed the connection");
	endpoint_lose(ep, acked > thrown ? acked - thrown : 0);
}

/*
 * A goodbye does not mean that all was read: many say it and then close with
 * octets unread, for which their system sends a reset.
 */
static void
begin_parting(struct endpoint *ep)
{
	ep->parting = true;
	ev_io_stop(ep->env->loop, &ep->readable);
	ev_io_stop(ep->env->loop, &ep->writable);
	ev_timer_stop(ep->env->loop, &ep->ack_timer);
	ev_timer_stop(ep->env->loop, &ep->again);
	endpoint_start_timer(ep, PARTING);
}

void
endpoint_closed_by_peer(struct endpoint *ep)
{
	endpoint_take_acks(ep);
	if (ep->finishing &&
	    (window_in_flight(ep->window) == 0 || !link_counts(&ep->link)))
		endpoint_become_idle(ep);
	else if (!ep->is_relp && link_may_lie(&ep->link))
		begin_parting(ep);
	else
		lose_in_order(ep);
}

void
endpoint_link_error(struct endpoint *ep, int error, const char *what)
{
	reason_set(&ep->error, "%s: %s", what,
	    ep->link.why.text[0] != '\0' ? ep->link.why.text : strerror(error));
	if (ep->url->scheme == CONF_STDOUT) {
		/* It cannot be opened again. */
		endpoint_enter(ep, ENDPOINT_IDLE);
		ep->env->on_stdout_closed(ep->env->arg);
		return;
	}
	/* Not endpoint_take_acks(): what is kept must still be there. */
	if (!ep->is_relp)
		window_ack(ep->window, link_acked(&ep->link));
	ep->probing = ep->url->scheme == CONF_UDP;
	endpoint_lose(ep, endpoint_keep_from(ep));
}

/* Time is up for the end of a connection. */
void
endpoint_on_end(struct endpoint *ep)
{
	int error;

	if (!ep->parting) {
		reason_set(&ep->error,
		    "the receiver was told that there is no more, and does "
		    "not close");
		endpoint_lose(ep, endpoint_keep_from(ep));
		return;
	}
	if ((error = link_error(&ep->link)) != 0) {
		endpoint_link_error(ep, error, "connection lost");
		return;
	}
	endpoint_take_acks(ep);
	lose_in_order(ep);
}
