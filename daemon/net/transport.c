#include "daemon/net/transport.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/sizes.h"
#include "daemon/net/inside.h"

/* RELP is what is said over a transport, not one of its own. */
static const struct transport_ops *const transports[] = {
	[CONF_UDP] = &transport_udp,
	[CONF_TCP] = &transport_tcp,
	[CONF_TLS] = &transport_tls,
	[CONF_UNIX] = &transport_unix,
	[CONF_STDOUT] = &transport_stdout,
	[CONF_RELP] = &transport_tcp,
	[CONF_RELP_TLS] = &transport_tls,
};

const struct transport_facts *
transport_facts(const struct conf_url *url)
{
	return (&transports[url->scheme]->facts);
}

enum wire
transport_wire(const struct transport *t)
{
	return (t->stream ? t->conf->wire : WIRE_DATAGRAM);
}

int
transport_open(struct transport *t, const struct conf_destination *conf,
    const struct conf_url *url, const struct address *address,
    struct reason *why)
{
	int error;

	memset(t, 0, sizeof(*t));
	t->fd = -1;
	t->conf = conf;
	t->url = url;
	t->ops = transports[url->scheme];
	if (t->ops->open(t, address, why) == 0)
		return (0);
	error = errno;
	transport_close(t);
	errno = error;
	return (-1);
}

enum transport_progress
transport_handshake(struct transport *t, struct reason *why)
{
	enum transport_progress progress;
	int error = 0;

	if (t->ops->facts.borrowed)
		return (TRANSPORT_READY);
	/* Later, what it said before the error is still to be read. */
	if (!t->shaking)
		error = transport_socket_error(t->fd);
	if (error != 0) {
		reason_set(why, "connect: %s", strerror(error));
		return (TRANSPORT_BROKEN);
	}
	if (t->ops->handshake == NULL)
		return (TRANSPORT_READY);
	progress = t->ops->handshake(t, why);
	t->shaking = progress != TRANSPORT_READY;
	return (progress);
}

/*
 * An error that was met is kept, for the socket tells it only once.  What the
 * receiver said before it can still be read.
 */
ssize_t
transport_recv(struct transport *t, uint8_t *p, size_t n)
{
	ssize_t got = -1;

	if (t->ops->recv != NULL)
		got = t->ops->recv(t, p, n);
	else
		errno = EAGAIN;
	if (got > 0)
		return (got);
	if (got == -1 && errno == EINTR)
		errno = EAGAIN;
	if (t->error != 0) {
		errno = t->error;
		return (-1);
	}
	if (got == -1 && errno != EAGAIN)
		t->error = errno;
	return (got);
}

/* Whether no later write can succeed. */
static bool
is_broken(const struct transport *t, int error)
{
	return (t->stream && error != EAGAIN && error != EINTR &&
	    error != ENOBUFS && error != ENOMEM);
}

ssize_t
transport_send(struct transport *t, const uint8_t *p, size_t n)
{
	ssize_t sent;

	t->wait = TRANSPORT_WAIT_WRITE;
	sent = t->ops->send(t, p, n);
	if (sent > 0)
		t->written += (uint64_t)sent;
	else if (sent == -1 && is_broken(t, errno))
		t->error = errno;
	return (sent);
}

uint64_t
transport_acked(struct transport *t)
{
	return (t->ops->acked != NULL ? t->ops->acked(t) : t->written);
}

bool
transport_counts(const struct transport *t)
{
	return (t->ops->acked == NULL || t->counts);
}

uint64_t
transport_unread(const struct transport *t)
{
	if (!t->ops->facts.acks_unread)
		return (0);
	if (t->conf->resend_on_reset != CONF_RESEND_AUTO)
		return (t->conf->resend_on_reset);
	if (t->most == 0)
		return (TRANSPORT_UNREAD_BLIND);
	return (t->most < TRANSPORT_AUTOTUNED ? 2 * t->most : t->most);
}

uint64_t
transport_lost_at_close(const struct transport *t)
{
	uint64_t unread = transport_unread(t),
		 lost = t->ops->facts.lost_at_close;

	return (unread < lost ? unread : lost);
}

bool
transport_acks_unread(const struct transport *t)
{
	return (t->ops->facts.acks_unread);
}

int
transport_socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	return (error);
}

int
transport_error(struct transport *t)
{
	if (t->error == 0)
		t->error = transport_socket_error(t->fd);
	return (t->error);
}

int
transport_detach(struct transport *t)
{
	int fd = t->fd;

	t->fd = -1;
	transport_close(t);
	return (fd);
}

int64_t
transport_silence_ms(struct transport *t)
{
	return (t->ops->silence_ms != NULL ? t->ops->silence_ms(t) : -1);
}

void
transport_finish(struct transport *t)
{
	if (t->ops->finish != NULL)
		t->ops->finish(t);
}

void
transport_close(struct transport *t)
{
	const struct transport_ops *ops = t->ops;

	if (ops != NULL && ops->close != NULL)
		ops->close(t);
	t->state = NULL;
	t->why.text[0] = '\0';
	t->shaking = false;
	if (ops != NULL && t->fd != -1 && !ops->facts.borrowed)
		(void)close(t->fd);
	t->fd = -1;
}

void
transport_abort(struct transport *t)
{
	const struct linger now = { 1, 0 };

	if (t->fd != -1 && t->stream && !t->ops->facts.borrowed)
		(void)setsockopt(
		    t->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	transport_close(t);
}
