#include <errno.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/conf/url.h"
#include "daemon/send/inside.h"

static void pass_over(struct endpoint *);

/* Tries once more where on_no_descriptor() has made a descriptor free. */
static int
try_link(struct endpoint *ep, const struct address *a)
{
	errno = 0;
	if (transport_open(&ep->link, ep->conf, ep->url, a, &ep->error) == 0)
		return (0);
	if ((errno != EMFILE && errno != ENFILE) ||
	    !ep->env->on_no_descriptor(ep->env->arg))
		return (-1);
	return (transport_open(&ep->link, ep->conf, ep->url, a, &ep->error));
}

static void
open_link(struct endpoint *ep, const struct address *a)
{
	ep->opened = clock_steady();
	if (a != NULL)
		ep->address = *a;
	(void)strlcpy(ep->peer,
	    a != NULL ? address_text(a).text : ep->url->text, sizeof(ep->peer));
	if (try_link(ep, a) == -1) {
		if (ep->facts->by_path)
			ep->env->on_unreached(ep->env->arg);
		pass_over(ep);
		return;
	}
	if (ep->facts->borrowed || endpoint_is_datagram(ep)) {
		endpoint_enter(ep, ENDPOINT_UP);
		return;
	}
	endpoint_enter(ep, ENDPOINT_CONNECTING);
	ev_io_stop(ep->env->loop, &ep->writable);
	ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
	ev_io_start(ep->env->loop, &ep->writable);
}

/* Asks for the next address; after the last one, waits. */
static void
connect_next(struct endpoint *ep)
{
	if (!ep->facts->needs_address) {
		endpoint_fail(ep);
		return;
	}
	endpoint_enter(ep, ENDPOINT_RESOLVING);
	endpoint_start_timer(ep, (double)ep->conf->connect_timeout_ms / 1e3);
	addresses_next(&ep->addresses);
}

/* The address cannot be used, for the reason in ep->error. */
static void
pass_over(struct endpoint *ep)
{
	log_info(
	    "destination %s: %s: %s", ep->conf->name, ep->peer, ep->error.text);
	/* The socket of the next question to a name server may get its fd. */
	ev_io_stop(ep->env->loop, &ep->readable);
	ev_io_stop(ep->env->loop, &ep->writable);
	transport_close(&ep->link);
	connect_next(ep);
}

void
endpoint_on_address(void *arg, const struct address *a, const char *error)
{
	struct endpoint *ep = arg;

	if (a != NULL) {
		open_link(ep, a);
		return;
	}
	if (error != NULL)
		reason_set(&ep->error, "%s", error);
	endpoint_fail(ep);
}

void
endpoint_connect(struct endpoint *ep)
{
	ep->attempts++;
	endpoint_start_timer(ep, (double)ep->conf->connect_timeout_ms / 1e3);
	if (!ep->facts->needs_address) {
		open_link(ep, NULL);
		return;
	}
	endpoint_enter(ep, ENDPOINT_RESOLVING);
	ep->env->on_resolve(ep->env->arg);
	addresses_begin(&ep->addresses);
}

void
endpoint_is_late(struct endpoint *ep)
{
	reason_set(&ep->error, "no %s within %llu ms",
	    ep->link.shaking ? "end of the handshake" : "connection",
	    (unsigned long long)ep->conf->connect_timeout_ms);
	if (ep->link.why.text[0] != '\0')
		ep->error = ep->link.why;
	if (ep->state == ENDPOINT_RESOLVING)
		connect_next(ep);
	else
		pass_over(ep);
}

void
endpoint_send_open(struct endpoint *ep)
{
	struct ev_loop *loop = ep->env->loop;
	ssize_t n;

	while (ep->start < ep->end) {
		n = transport_send(
		    &ep->link, ep->buf + ep->start, ep->end - ep->start);
		if (n > 0) {
			ep->start += (size_t)n;
			continue;
		}
		if (n == -1 && errno != EAGAIN) {
			endpoint_link_error(ep, errno, "send");
			return;
		}
		if (ep->link.wait == TRANSPORT_WAIT_WRITE) {
			ev_io_set(&ep->writable, ep->link.fd, EV_WRITE);
			ev_io_start(loop, &ep->writable);
		}
		break;
	}
	if (!ev_is_active(&ep->readable)) {
		ev_io_set(&ep->readable, ep->link.fd, EV_READ);
		ev_io_start(loop, &ep->readable);
	}
}

static void
on_connected(struct endpoint *ep)
{
	ep->start = ep->end = 0;
	if (!ep->is_relp) {
		endpoint_enter(ep, ENDPOINT_UP);
		return;
	}
	ep->end = relp_session_begin(&ep->relp, ep->buf);
	endpoint_enter(ep, ENDPOINT_OPENING);
	endpoint_send_open(ep);
}

void
endpoint_go_on_connecting(struct endpoint *ep)
{
	struct ev_loop *loop = ep->env->loop;
	ev_io *io = &ep->writable;

	ev_io_stop(loop, &ep->writable);
	ev_io_stop(loop, &ep->readable);
	switch (transport_handshake(&ep->link, &ep->error)) {
	case TRANSPORT_READY:
		on_connected(ep);
		return;
	case TRANSPORT_WAIT_READ:
		io = &ep->readable;
		break;
	case TRANSPORT_WAIT_WRITE:
		break;
	case TRANSPORT_BROKEN:
		pass_over(ep);
		return;
	}
	ev_io_set(io, ep->link.fd, io == &ep->readable ? EV_READ : EV_WRITE);
	ev_io_start(loop, io);
}
