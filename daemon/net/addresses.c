#include "daemon/net/addresses.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/conf/conf.h"

void
addresses_init(struct addresses *a, const struct resolver_how *how,
    const struct conf_url *url, addresses_cb *on_address, void *arg)
{
	memset(a, 0, sizeof(*a));
	a->how = *how;
	a->url = url;
	a->on_address = on_address;
	a->arg = arg;
}

static bool
has_more(const struct addresses *a)
{
	return (a->next_address < a->naddresses || a->next_host < a->nhosts);
}

static void
set_error(struct addresses *a, const char *host, const char *error)
{
	reason_set(&a->error, "cannot resolve %s: %s", host, error);
}

static void
on_host(void *arg, const struct address *list, size_t n, const char *error)
{
	struct addresses *a = arg;

	a->question = NULL;
	a->naddresses = n;
	a->next_address = 0;
	if (n == 0) {
		set_error(a, a->hosts[a->next_host - 1].host, error);
	} else {
		memcpy(a->addresses, list, n * sizeof(*list));
		a->error.text[0] = '\0';
	}
	addresses_next(a);
}

static void
ask_for_host(struct addresses *a)
{
	const struct srv *r = &a->hosts[a->next_host++];
	char port[sizeof("65535")];

	(void)snprintf(port, sizeof(port), "%u", r->port);
	a->question = resolver_ask_host(
	    &a->how, r->host, a->url->srv ? port : a->url->port, on_host, a);
	if (a->question == NULL)
		on_host(a, NULL, 0, strerror(errno));
}

static void
on_service(void *arg, const struct srv *list, size_t n, const char *error)
{
	struct addresses *a = arg;

	a->question = NULL;
	a->nhosts = n;
	if (n == 0)
		set_error(a, a->url->host, error);
	else
		memcpy(a->hosts, list, n * sizeof(*list));
	addresses_next(a);
}

void
addresses_begin(struct addresses *a)
{
	addresses_stop(a);
	a->nhosts = a->next_host = a->naddresses = a->next_address = 0;
	a->error.text[0] = '\0';
	if (!a->url->srv) {
		/* conf_url_parse() saw to its length. */
		(void)strlcpy(
		    a->hosts[0].host, a->url->host, sizeof(a->hosts[0].host));
		a->nhosts = 1;
		addresses_next(a);
		return;
	}
	a->question =
	    resolver_ask_service(&a->how, a->url->host, on_service, a);
	if (a->question == NULL)
		on_service(a, NULL, 0, strerror(errno));
}

void
addresses_next(struct addresses *a)
{
	const struct address *next;

	if (a->question != NULL)
		set_error(a,
		    a->next_host > 0 ? a->hosts[a->next_host - 1].host
				     : a->url->host,
		    "no answer in time");
	addresses_stop(a);
	while (a->next_address < a->naddresses) {
		next = &a->addresses[a->next_address++];
		if (a->avoided.len != 0 && address_is_same(next, &a->avoided)) {
			a->avoided.len = 0;
			if (has_more(a))
				continue;
		}
		a->on_address(a->arg, next, NULL);
		return;
	}
	if (a->next_host < a->nhosts)
		ask_for_host(a);
	else
		a->on_address(a->arg, NULL,
		    a->error.text[0] != '\0' ? a->error.text : NULL);
}

void
addresses_avoid(struct addresses *a)
{
	if (a->next_address > 0)
		a->avoided = a->addresses[a->next_address - 1];
}

void
addresses_stop(struct addresses *a)
{
	resolver_cancel(a->question);
	a->question = NULL;
}
