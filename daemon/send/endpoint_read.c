#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/send/inside.h"

#define READ_TURNS 64 /* reads of a turn of the loop */
#define HEAR_OUT 4096 /* reads of a connection that is given up */
#define REFUSALS 5 /* of one message, then it is passed over */

/*
 * The server refused a message.  It gets the message again on another
 * connection, as the reason may pass; but a message that it will never take
 * must not hold up all others.  Returns false when the connection is gone.
 */
static bool
on_refusal(struct endpoint *ep, uint64_t position)
{
	struct cursor *cur;
	struct stream *s;
	off_t begin, end;
	unsigned times;

	if (!window_slice_at(ep->window, position, &cur, &begin, &end)) {
		/* The file was truncated meanwhile. */
		window_ack_one(ep->window, position);
		return (true);
	}
	s = stream_of(cur);
	times = rejects_add(ep->rejects, s->file->dev, s->file->ino, begin);
	reason_set(&ep->error, "%s: the message at %lld was refused: %u %s",
	    file_path(s->file).text, (long long)begin, ep->relp.code,
	    ep->relp.text);
	if (times < REFUSALS) {
		endpoint_lose(ep, window_acked_pos(ep->window));
		return (false);
	}
	/* Said once: after a loss it may be refused again. */
	if (times == REFUSALS) {
		log_warnx("destination %s: %s; %d times: passed over",
		    ep->conf->name, ep->error.text, REFUSALS);
		ep->refused++;
	}
	window_ack_one(ep->window, position);
	endpoint_on_progress(ep);
	return (true);
}

static void
on_relp_close(struct endpoint *ep)
{
	if (ep->state == ENDPOINT_FINISHING &&
	    window_in_flight(ep->window) == 0) {
		endpoint_become_idle(ep);
		return;
	}
	reason_set(&ep->error, "the server closes the connection");
	endpoint_lose(ep, window_acked_pos(ep->window));
}

/* Takes in what a RELP server said.  Returns false when the connection is gone.
 */
static bool
hear(struct endpoint *ep, const uint8_t *p, size_t n)
{
	struct relp_said said = { .why = &ep->error };

	for (; n > 0; p += said.used, n -= said.used)
		switch (relp_session_hear(
		    &ep->relp, window_in_flight(ep->window), p, n, &said)) {
		case RELP_HEARD_NOTHING:
			break;
		case RELP_HEARD_OPEN:
			endpoint_enter(ep, ENDPOINT_UP);
			break;
		case RELP_HEARD_ACK:
			window_ack_one(ep->window, said.position);
			endpoint_on_progress(ep);
			break;
		case RELP_HEARD_ACKS:
			window_ack(ep->window, said.position);
			endpoint_on_progress(ep);
			break;
		case RELP_HEARD_REFUSAL:
			if (!on_refusal(ep, said.position))
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

/*
 * Reads all that the receiver has said: the connection is about to be given up.
 * The answers of a RELP server are acknowledgements, the alert of a TLS server
 * is the reason to log.  Returns false when an answer has ended the connection
 * already.
 */
static bool
hear_out(struct endpoint *ep)
{
	uint8_t buf[16384];
	ssize_t n;
	int turns = HEAR_OUT;

	if (!ep->is_relp && (!ep->link.stream || ep->link.why.text[0] != '\0'))
		return (true);
	while (turns-- > 0 &&
	    (n = transport_recv(&ep->link, buf, sizeof(buf))) > 0)
		if (ep->is_relp && !hear(ep, buf, (size_t)n))
			return (false);
	return (true);
}

void
endpoint_link_error(struct endpoint *ep, int error, const char *what)
{
	if (hear_out(ep))
		endpoint_break(ep, error, what);
}

/* Without RELP, what a receiver says means nothing, and is discarded. */
void
endpoint_read(struct endpoint *ep)
{
	uint8_t buf[16384]; /* the most of a TLS record */
	ssize_t n = 0;
	int turns = READ_TURNS;

	while (turns-- > 0 &&
	    (n = transport_recv(&ep->link, buf, sizeof(buf))) > 0)
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
endpoint_abandon(struct endpoint *ep)
{
	if (!endpoint_is_connected(ep))
		return (false);
	/* An answer may have ended it: then it is idle, or waits to retry. */
	if (hear_out(ep) || ep->state != ENDPOINT_IDLE)
		endpoint_cut_off(ep);
	return (true);
}

/*
 * Notes when the receiver's system last answered, or owed no answer.  A
 * receiver whose system answers is slow, not dead; over RELP the server itself
 * has to answer.
 */
static void
note_life(struct endpoint *ep)
{
	double now = clock_steady(), heard;
	int64_t silence;

	if (ep->alive < ep->progress)
		ep->alive = ep->progress;
	if (ep->is_relp)
		return;
	silence = transport_silence_ms(&ep->link);
	heard = silence == -1 ? 0 : now - (double)silence / 1e3;
	if (ep->alive < heard)
		ep->alive = heard;
}

static void
give_up(struct endpoint *ep, const char *what)
{
	reason_set(&ep->error, "no acknowledgement%s for %.1f s", what,
	    endpoint_patience(ep));
	endpoint_be_patient(ep);
	endpoint_lose(ep, endpoint_keep_from(ep));
}

/*
 * Octets are in flight.  Decides whether to wait, to finish or to give up.
 * Returns false when the connection has ended.
 */
static bool
bear_silence(struct endpoint *ep)
{
	double limit = (double)ep->conf->ack_timeout_ms / 1e3;
	double now = clock_steady();

	note_life(ep);
	if (ep->state == ENDPOINT_FINISHING)
		return (true);
	if (now - ep->progress > limit && endpoint_may_finish(ep)) {
		endpoint_finish(ep);
		return (endpoint_is_connected(ep));
	}
	if (now - ep->alive > endpoint_patience(ep)) {
		give_up(ep, " and no sign of life");
		return (false);
	}
	if (now - ep->progress <= limit)
		return (true);
	if (ep->state == ENDPOINT_DRAINING) {
		/* The streams wait for another endpoint. */
		give_up(ep, "");
		return (false);
	}
	if (!ep->stalled) {
		ep->stalled = true;
		ep->owner->on_state(ep->owner->arg);
	}
	return (true);
}

void
endpoint_check_silence(struct endpoint *ep)
{
	double limit = (double)ep->conf->ack_timeout_ms / 1e3;
	ev_timer *timer = &ep->ack_timer;

	endpoint_take_acks(ep);
	/* After a SIGSTOP of the worker, the answers may stand unread. */
	if (ep->is_relp && clock_steady() - ep->progress > limit)
		endpoint_read(ep);
	if (!endpoint_can_send(ep) || window_in_flight(ep->window) == 0) {
		ev_timer_stop(ep->env->loop, timer);
		return;
	}
	if (!bear_silence(ep))
		return;
	timer->repeat = timer->repeat * 2 < ENDPOINT_ACK_LONGEST
	    ? timer->repeat * 2
	    : ENDPOINT_ACK_LONGEST;
	ev_timer_again(ep->env->loop, timer);
}
