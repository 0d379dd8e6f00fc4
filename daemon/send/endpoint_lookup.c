/*
 * A connection ends when its receiver moves to another address, and then the
 * name is looked up.  UDP has none: messages would go to the old address for
 * ever.  So the name is looked up again when its answer no longer counts and
 * there is something to send.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/send/inside.h"

#define LEAST 5. /* seconds between look-ups */

struct endpoint_lookup {
	struct targets targets;
	double due; /* as clock_now(); 0: never */
	bool asking;
	bool found; /* some address */
};

static void
set_due(struct endpoint *ep, uint32_t ttl)
{
	struct endpoint_lookup *l = ep->lookup;

	l->asking = false;
	if (ttl == RESOLVE_ALWAYS)
		l->due = 0;
	else
		l->due = clock_now() + (ttl > LEAST ? ttl : LEAST);
}

/*
 * The address in use stays as long as it is one of those that are found, in
 * whatever order; also when nothing is found for now.
 */
static void
on_address(void *arg, const struct address *a, const char *error)
{
	struct endpoint *ep = arg;
	struct endpoint_lookup *l = ep->lookup;

	(void)error;
	if (a != NULL && !address_is_same(a, &ep->address)) {
		l->found = true;
		targets_next(&l->targets);
		return;
	}
	set_due(ep, a != NULL ? a->ttl : 0);
	if (a != NULL || !l->found || ep->draining) {
		targets_stop(&l->targets);
		return;
	}
	log_notice("destination %s: %s is no longer at %s", ep->conf->name,
	    ep->url->text, ep->peer);
	endpoint_move(ep);
}

int
endpoint_lookup_new(struct endpoint *ep)
{
	if ((ep->lookup = calloc(1, sizeof(*ep->lookup))) == NULL)
		return (-1);
	targets_init(&ep->lookup->targets,
	    &(struct resolve_how) {
		ep->env->loop, ep->conf->connect_timeout_ms },
	    ep->url, on_address, ep);
	return (0);
}

void
endpoint_lookup_free(struct endpoint *ep)
{
	free(ep->lookup);
	ep->lookup = NULL;
}

void
endpoint_lookup_begin(struct endpoint *ep)
{
	if (ep->lookup != NULL)
		set_due(ep, ep->address.ttl);
}

void
endpoint_lookup_again(struct endpoint *ep)
{
	struct endpoint_lookup *l = ep->lookup;

	if (l == NULL || l->due == 0 || l->asking || clock_now() < l->due)
		return;
	l->asking = true;
	l->found = false;
	ep->env->on_resolve(ep->env->arg);
	targets_begin(&l->targets);
}

void
endpoint_lookup_stop(struct endpoint *ep)
{
	if (ep->lookup == NULL)
		return;
	targets_stop(&ep->lookup->targets);
	ep->lookup->asking = false;
}
