#include "daemon/conf/conf.h"

#include <stdlib.h>

#include "daemon/conf/tls.h"
#include "daemon/conf/url.h"

static void
free_destination(struct conf_destination *d)
{
	free(d->name);
	for (size_t i = 0; i < d->nurls; i++)
		conf_url_fini(&d->urls[i]);
	conf_tls_fini(&d->tls);
	free(d->bind);
	free(d);
}

static void
free_source(struct conf_source *s)
{
	for (size_t i = 0; i < s->npatterns; i++) {
		pattern_free(s->patterns[i]);
		free(s->paths[i]);
	}
	for (size_t i = 0; i < s->nexclude; i++)
		free(s->exclude[i]);
	free(s->patterns);
	free(s->paths);
	free(s->exclude);
	free(s->destinations);
	free(s->name);
	free(s->app_name);
	free(s->procid);
	free(s->msgid);
	free(s->hostname);
	free(s->sd);
	free(s);
}

void
conf_free(struct conf *c)
{
	struct conf_destination *d;
	struct conf_source *s;

	if (c == NULL)
		return;
	while ((s = TAILQ_FIRST(&c->sources)) != NULL) {
		TAILQ_REMOVE(&c->sources, s, entry);
		free_source(s);
	}
	while ((d = TAILQ_FIRST(&c->destinations)) != NULL) {
		TAILQ_REMOVE(&c->destinations, d, entry);
		free_destination(d);
	}
	free(c->file);
	free(c->state_dir);
	free(c->control_socket);
	free(c->user);
	free(c->hostname);
	free(c);
}
