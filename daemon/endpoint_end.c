#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/endpoint_inside.h"
#include "daemon/ledger.h"
#include "daemon/log.h"

/*
 * Within which a receiver that goes on reading behind its goodbye takes what is
 * on the way to it; the next attempt is not sooner.
 */
#define PARTING 0.2
/* In which a reset may come behind it, where streams may go elsewhere then. */
#define PARTING_ELSEWHERE 1.
/* Looks for a reset that comes later, and for how long.  Seconds. */
#define PARTED_FIRST 0.05
#define PARTED_LONGEST 1.
#define PARTED_MOST 60.
/* What did not last so long is no good address: another one may be. */
#define LASTING 10.

void
endpoint_forget_parted(struct endpoint *ep)
{
	ev_timer_stop(ep->env->loop, &ep->parted_timer);
	if (ep->parted_fd != -1)
		(void)close(ep->parted_fd);
	ep->parted_fd = -1;
}

/*
 * Takes back what is behind keep_pos.  What an earlier connection carried, of
 * which it may still turn out that it was not read, stays in the window.
 */
static void
rewind_to(struct endpoint *ep, uint64_t keep_pos)
{
	/* Should the daemon be killed now, it must know what to send again. */
	if (keep_pos < window_acked_pos(ep->window))
		ledger_hurry(ep->env->ledger);
	if (ep->parted_fd != -1 && link_socket_error(ep->parted_fd) != 0 &&
	    keep_pos > ep->parted_keep)
		keep_pos = ep->parted_keep;
	if (ep->parted_fd != -1 && keep_pos > ep->parted_keep) {
		window_part(ep->window, keep_pos);
	} else {
		endpoint_forget_parted(ep);
		window_rewind(ep->window, keep_pos);
	}
	ep->base = window_sent_pos(ep->window);
	ep->start = ep->end = 0;
	ep->mark[0] = ep->mark[1] = ep->base;
}

static void
take_back(struct endpoint *ep, uint64_t keep_pos)
{
	/* First: streams that are woken by the rewind may go elsewhere. */
	ep->state = ENDPOINT_BACKOFF;
	ep->epoch++;
	rewind_to(ep, keep_pos);
	ep->repeats = 0;
	link_abort(&ep->link);
}

void
endpoint_lose(struct endpoint *ep, uint64_t keep_pos)
{
	ep->losses++;
	if (clock_now() - ep->opened < LASTING)
		targets_avoid(&ep->targets);
	else
		/* It had nothing to send. */
		backoff_reset(&ep->backoff);
	take_back(ep, keep_pos);
	endpoint_fail(ep);
}

bool
endpoint_abandon(struct endpoint *ep)
{
	if (ep->state != ENDPOINT_UP)
		return (false);
	/* It may be lost by what is heard: then it is idle, or tries again. */
	if (!endpoint_hear_out(ep) && ep->state == ENDPOINT_IDLE)
		return (true);
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
	rewind_to(ep, window_acked_pos(ep->window));
	ep->repeats = 0;
	link_finish(&ep->link);
	link_close(&ep->link);
	endpoint_enter(ep, ENDPOINT_IDLE);
	if (again)
		endpoint_start(ep);
}

/*
 * What a receiver that closes in order may have read and thrown away: only what
 * it acknowledged just before that; and nothing that was sent again for this
 * very reason, or a receiver that closes again and again would get it each
 * time.
 */
static uint64_t
thrown_away(const struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t recent = acked - ep->mark[0], most = acked - ep->base;
	uint64_t thrown = link_thrown_away(&ep->link);

	most = most > ep->repeats ? most - ep->repeats : 0;
	if (thrown > most)
		thrown = most;
	return (thrown < recent ? thrown : recent);
}

/*
 * The receiver closed in order and has acknowledged all: the next connection
 * need not wait.  But many say goodbye first and close later, with octets
 * unread, for which their system sends a reset then.
 */
static void
watch_parted(struct endpoint *ep, uint64_t keep_pos)
{
	uint64_t unread = endpoint_keep_from(ep);

	endpoint_forget_parted(ep);
	ep->parted_keep = unread < keep_pos ? unread : keep_pos;
	ep->parted_fd = link_detach(&ep->link);
	ep->parted_since = clock_now();
	ep->parted_timer.repeat = PARTED_FIRST;
	ev_timer_again(ep->env->loop, &ep->parted_timer);
}

void
endpoint_move(struct endpoint *ep)
{
	endpoint_take_acks(ep);
	ep->state = ENDPOINT_IDLE;
	ep->epoch++;
	rewind_to(ep, window_acked_pos(ep->window));
	link_close(&ep->link);
	endpoint_enter(ep, ENDPOINT_IDLE);
	endpoint_start(ep);
}

static void
lose_in_order(struct endpoint *ep)
{
	uint64_t acked = window_acked_pos(ep->window);
	uint64_t thrown = thrown_away(ep), carried = acked - ep->base;
	uint64_t left = ep->repeats > carried ? ep->repeats - carried : 0;

	reason_set(&ep->error, "the receiver closed the connection");
	if (link_may_lie(&ep->link) && !ep->is_relp && ep->conf->nurls == 1)
		watch_parted(ep, acked - thrown);
	endpoint_lose(ep, acked - thrown);
	ep->repeats = thrown > 0 ? thrown : left;
}

void
endpoint_look_at_parted(struct endpoint *ep)
{
	if (ep->parted_fd == -1 || link_socket_error(ep->parted_fd) == 0)
		return;
	log_notice("destination %s: %s closed a connection with octets unread: "
		   "they are sent again",
	    ep->conf->name, ep->url->text);
	ledger_hurry(ep->env->ledger);
	/* What the connection that stands has carried since comes again too. */
	window_part(ep->window, ep->parted_keep);
	endpoint_forget_parted(ep);
	ep->work = true;
}

void
endpoint_on_parted_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct endpoint *ep = timer->data;

	(void)revents;
	endpoint_look_at_parted(ep);
	if (ep->parted_fd == -1)
		return;
	if (clock_now() - ep->parted_since > PARTED_MOST) {
		endpoint_forget_parted(ep);
		return;
	}
	timer->repeat = timer->repeat * 2 < PARTED_LONGEST ? timer->repeat * 2
							   : PARTED_LONGEST;
	ev_timer_again(loop, timer);
}

/*
 * A goodbye does not mean that all was read, or will be: what is on the way to
 * the receiver shows whether it goes on reading.
 */
static void
begin_parting(struct endpoint *ep)
{
	ep->parting = true;
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
	if (ep->finishing &&
	    (window_in_flight(ep->window) == 0 || !link_counts(&ep->link)))
		endpoint_become_idle(ep);
	else if (!ep->is_relp && link_may_lie(&ep->link) &&
	    (window_in_flight(ep->window) > 0 || ep->conf->nurls > 1))
		begin_parting(ep);
	else
		lose_in_order(ep);
}

void
endpoint_link_error(struct endpoint *ep, int error, const char *what)
{
	if (!endpoint_hear_out(ep))
		return;
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
		window_ack(ep->window, ep->base + link_acked(&ep->link));
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
	if (window_in_flight(ep->window) == 0) {
		lose_in_order(ep);
		return;
	}
	reason_set(&ep->error,
	    "the receiver closed the connection and did not read on");
	endpoint_lose(ep, endpoint_keep_from(ep));
}
