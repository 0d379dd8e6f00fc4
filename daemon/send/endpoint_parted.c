#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/send/inside.h"

/*
 * A receiver closed its side in order and has acknowledged everything: the next
 * connection need not wait.  But many receivers close their socket only later,
 * with octets unread; then their system sends a reset.
 */

/*
 * Seconds until the first look for a reset, the longest time between two looks,
 * and how long a connection is watched.
 */
#define FIRST 0.05
#define LONGEST 1.
#define WATCHED 60.

/* Ends the watch of all but the first n. */
static void
forget_from(struct endpoint *ep, unsigned n)
{
	while (ep->nparted > n)
		(void)close(ep->parted[--ep->nparted].fd);
	if (ep->nparted == 0)
		ev_timer_stop(ep->env->loop, &ep->parted_timer);
}

void
endpoint_forget_parted(struct endpoint *ep)
{
	forget_from(ep, 0);
}

static void
forget_first(struct endpoint *ep)
{
	unsigned i;

	(void)close(ep->parted[0].fd);
	for (i = 1; i < ep->nparted; i++)
		ep->parted[i - 1] = ep->parted[i];
	ep->nparted--;
	if (ep->nparted == 0)
		ev_timer_stop(ep->env->loop, &ep->parted_timer);
}

uint64_t
endpoint_parted_keep(const struct endpoint *ep, uint64_t keep)
{
	unsigned i;

	for (i = 0; i < ep->nparted; i++)
		if (ep->parted[i].keep < keep)
			keep = ep->parted[i].keep;
	return (keep);
}

void
endpoint_watch_parted(struct endpoint *ep, uint64_t keep)
{
	struct parted *p;

	if (ep->nparted == PARTED_MOST)
		forget_first(ep);
	p = &ep->parted[ep->nparted++];
	p->keep = keep;
	p->fd = transport_detach(&ep->link);
	p->since = clock_steady();
	ep->parted_timer.repeat = FIRST;
	ev_timer_again(ep->env->loop, &ep->parted_timer);
}

/*
 * Returns the least position from which a connection that was reset may not
 * have been read, or most.
 */
static uint64_t
reset_at(const struct endpoint *ep, uint64_t most)
{
	unsigned i;

	for (i = 0; i < ep->nparted; i++)
		if (ep->parted[i].keep < most &&
		    transport_socket_error(ep->parted[i].fd) != 0)
			most = ep->parted[i].keep;
	return (most);
}

uint64_t
endpoint_settle_parted(struct endpoint *ep, uint64_t keep_pos)
{
	unsigned i, n = 0;

	keep_pos = reset_at(ep, keep_pos);
	for (i = 0; i < ep->nparted; i++)
		if (ep->parted[i].keep < keep_pos)
			ep->parted[n++] = ep->parted[i];
		else
			(void)close(ep->parted[i].fd);
	ep->nparted = n;
	forget_from(ep, n);
	return (keep_pos);
}

void
endpoint_look_at_parted(struct endpoint *ep)
{
	uint64_t at = reset_at(ep, UINT64_MAX);

	if (at == UINT64_MAX)
		return;
	log_notice("destination %s: %s closed a connection with octets unread: "
		   "they are sent again",
	    ep->conf->name, ep->url->text);
	checkpointer_hurry(ep->env->checkpointer);
	/* Later connections' octets are sent again, too: order must hold. */
	window_part(ep->window, at);
	(void)endpoint_settle_parted(ep, at);
	ep->work = true;
}

void
endpoint_check_parted(struct endpoint *ep)
{
	ev_timer *timer = &ep->parted_timer;

	endpoint_look_at_parted(ep);
	while (
	    ep->nparted > 0 && clock_steady() - ep->parted[0].since > WATCHED)
		forget_first(ep);
	if (ep->nparted == 0)
		return;
	timer->repeat =
	    timer->repeat * 2 < LONGEST ? timer->repeat * 2 : LONGEST;
	ev_timer_again(ep->env->loop, timer);
}
