#include "daemon/dest.h"

#include <stdlib.h>

#include "daemon/conf.h"

struct dest {
	const struct conf_destination *conf;
	struct endpoint *endpoint;
};

struct dest *
dest_new(const struct endpoint_env *env, const struct conf_destination *conf)
{
	struct dest *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->conf = conf;
	if ((d->endpoint = endpoint_new(env, conf, &conf->url)) == NULL) {
		free(d);
		return (NULL);
	}
	return (d);
}

void
dest_free(struct dest *d)
{
	if (d == NULL)
		return;
	endpoint_free(d->endpoint);
	free(d);
}

static void
on_ready(struct stream *s, void *dest)
{
	struct dest *d = dest;

	endpoint_add(d->endpoint, s);
}

static void
on_drop(struct stream *s, void *dest)
{
	struct dest *d = dest;

	endpoint_drop(d->endpoint, s);
}

const struct route_ops dest_route_ops = { on_ready, on_drop };

void
dest_start(struct dest *d)
{
	endpoint_start(d->endpoint);
}

void
dest_pump(struct dest *d)
{
	endpoint_pump(d->endpoint);
}

void
dest_drain(struct dest *d)
{
	endpoint_drain(d->endpoint);
}

bool
dest_is_quiet(const struct dest *d)
{
	return (endpoint_is_quiet(d->endpoint));
}

const struct conf_destination *
dest_conf(const struct dest *d)
{
	return (d->conf);
}

const struct endpoint *
dest_endpoint(const struct dest *d)
{
	return (d->endpoint);
}
