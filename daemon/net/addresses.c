#include "daemon/net/addresses.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/conf/conf.h"

void
targets_init(struct targets *t, const struct resolve_how *how,
    const struct conf_url *url, targets_cb *on_address, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->how = *how;
	t->url = url;
	t->on_address = on_address;
	t->arg = arg;
}

static bool
has_more(const struct targets *t)
{
	return (t->next_address < t->naddresses || t->next_host < t->nhosts);
}

static void
set_error(struct targets *t, const char *host, const char *error)
{
	reason_set(&t->error, "cannot resolve %s: %s", host, error);
}

static void
on_host(void *arg, const struct address *list, size_t n, const char *error)
{
	struct targets *t = arg;

	t->question = NULL;
	t->naddresses = n;
	t->next_address = 0;
	if (n == 0) {
		set_error(t, t->hosts[t->next_host - 1].host, error);
	} else {
		memcpy(t->addresses, list, n * sizeof(*list));
		t->error.text[0] = '\0';
	}
	targets_next(t);
}

static void
ask_for_host(struct targets *t)
{
	const struct srv *r = &t->hosts[t->next_host++];
	char port[sizeof("65535")];

	(void)snprintf(port, sizeof(port), "%u", r->port);
	t->question = resolve_host(
	    &t->how, r->host, t->url->srv ? port : t->url->port, on_host, t);
	if (t->question == NULL)
		on_host(t, NULL, 0, strerror(errno));
}

static void
on_service(void *arg, const struct srv *list, size_t n, const char *error)
{
	struct targets *t = arg;

	t->question = NULL;
	t->nhosts = n;
	if (n == 0)
		set_error(t, t->url->host, error);
	else
		memcpy(t->hosts, list, n * sizeof(*list));
	targets_next(t);
}

void
targets_begin(struct targets *t)
{
	targets_stop(t);
	t->nhosts = t->next_host = t->naddresses = t->next_address = 0;
	t->error.text[0] = '\0';
	if (!t->url->srv) {
		/* conf_url_parse() saw to its length. */
		(void)strlcpy(
		    t->hosts[0].host, t->url->host, sizeof(t->hosts[0].host));
		t->nhosts = 1;
		targets_next(t);
		return;
	}
	t->question = resolve_service(&t->how, t->url->host, on_service, t);
	if (t->question == NULL)
		on_service(t, NULL, 0, strerror(errno));
}

void
targets_next(struct targets *t)
{
	const struct address *a;

	if (t->question != NULL)
		set_error(t,
		    t->next_host > 0 ? t->hosts[t->next_host - 1].host
				     : t->url->host,
		    "no answer in time");
	targets_stop(t);
	while (t->next_address < t->naddresses) {
		a = &t->addresses[t->next_address++];
		if (t->avoided.len != 0 && address_is_same(a, &t->avoided)) {
			t->avoided.len = 0;
			if (has_more(t))
				continue;
		}
		t->on_address(t->arg, a, NULL);
		return;
	}
	if (t->next_host < t->nhosts)
		ask_for_host(t);
	else
		t->on_address(t->arg, NULL,
		    t->error.text[0] != '\0' ? t->error.text : NULL);
}

void
targets_avoid(struct targets *t)
{
	if (t->next_address > 0)
		t->avoided = t->addresses[t->next_address - 1];
}

void
targets_stop(struct targets *t)
{
	resolve_cancel(t->question);
	t->question = NULL;
}
