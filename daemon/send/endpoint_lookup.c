/*
 * A connection ends when its receiver moves to another address, and then the
 * name is looked up.  UDP has no connection: messages would go to the old
 * address for ever.  So the name is looked up again when its answer no longer
 * counts and there is something to send.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/send/inside.h"

#define LEAST 5. /* seconds between look-ups */

struct endpoint_lookup {
	const struct endpoint_env *env;
	struct addresses addresses;
	struct address in_use;
	void (*on_moved)(void *arg);
	void *arg;
	double due; /* as clock_steady(); 0: never */
	bool asking;
	bool found; /* some address */
};

static void
set_due(struct endpoint_lookup *l, uint32_t ttl)
{
	l->asking = false;
	if (ttl == ADDRESS_ALWAYS)
		l->due = 0;
	else
		l->due = clock_steady() + (ttl > LEAST ? ttl : LEAST);
}

/*
 * The address in use stays as long as it is one of those that are found, in
 * whatever order; also when nothing is found for now.
 */
static void
on_address(void *lookup, const struct address *a, const char *error)
{
	struct endpoint_lookup *l = lookup;

	(void)error;
	if (a != NULL && !address_is_same(a, &l->in_use)) {
		l->found = true;
		addresses_next(&l->addresses);
		return;
	}
	set_due(l, a != NULL ? a->ttl : 0);
	addresses_stop(&l->addresses);
	if (a == NULL && l->found)
		l->on_moved(l->arg);
}

struct endpoint_lookup *
endpoint_lookup_new(const struct endpoint_env *env, uint64_t timeout_ms,
    const struct conf_url *url, void (*on_moved)(void *arg), void *arg)
{
	struct endpoint_lookup *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->env = env;
	l->on_moved = on_moved;
	l->arg = arg;
	addresses_init(&l->addresses,
	    &(struct resolver_how) { env->loop, timeout_ms }, url, on_address,
	    l);
	return (l);
}

void
endpoint_lookup_free(struct endpoint_lookup *l)
{
	free(l);
}

void
endpoint_lookup_begin(struct endpoint_lookup *l, const struct address *a)
{
	if (l == NULL)
		return;
	l->in_use = *a;
	set_due(l, a->ttl);
}

void
endpoint_lookup_again(struct endpoint_lookup *l)
{
	if (l == NULL || l->due == 0 || l->asking || clock_steady() < l->due)
		return;
	l->asking = true;
	l->found = false;
	l->env->on_resolve(l->env->arg);
	addresses_begin(&l->addresses);
}

void
endpoint_lookup_stop(struct endpoint_lookup *l)
{
	if (l == NULL)
		return;
	addresses_stop(&l->addresses);
	l->asking = false;
}
