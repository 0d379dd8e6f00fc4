#include "daemon/net/address.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool
address_is_same(const struct address *a, const struct address *b)
{
	return (a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0);
}

struct address_name
address_text(const struct address *a)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], port[sizeof("65535")];
	struct address_name name = { .text = "" };

	if (getnameinfo((const struct sockaddr *)&a->sa, a->len, host,
		sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)strlcpy(name.text, "unknown address", sizeof(name.text));
	else
		(void)snprintf(name.text, sizeof(name.text),
		    a->sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		    port);
	return (name);
}
