#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <tls.h>

#include "receiver.h"

void
receiver_load_tls(struct receiver *r)
{
	struct tls_config *config;

	if (!r->at.tls)
		return;
	if (r->cert == NULL || r->key == NULL)
		errx(2, "TLS needs a certificate and its key");
	/* They still look at the certificate of the old one. */
	receiver_end_handshakes(r);
	tls_free(r->tls);
	if ((config = tls_config_new()) == NULL ||
	    (r->tls = tls_server()) == NULL)
		err(1, NULL);
	if (tls_config_set_keypair_file(config, r->cert, r->key) == -1)
		errx(1, "%s: %s", r->cert, tls_config_error(config));
	if (r->client_ca != NULL) {
		if (tls_config_set_ca_file(config, r->client_ca) == -1)
			errx(1, "%s: %s", r->client_ca,
			    tls_config_error(config));
		tls_config_verify_client(config);
	}
	if (tls_configure(r->tls, config) == -1)
		errx(1, "TLS: %s", tls_error(r->tls));
	tls_config_free(config);
}

void
conn_accept_tls(struct receiver *r, struct conn *c)
{
	if (!r->at.tls)
		return;
	c->shaking = true;
	if (r->shaking == SHAKING_WELL &&
	    tls_accept_fds(r->tls, &c->tls, c->fd, c->fd) == -1)
		errx(1, "TLS: %s", tls_error(r->tls));
}

/* What was asked for is read, so that closing says FIN. */
static enum served
talk_nonsense(struct receiver *r, struct conn *c)
{
	static const char line[] = "220 mail.example.com ESMTP\r\n";
	char buf[4096];

	if (recv(c->fd, buf, sizeof(buf), 0) == -1 && errno == EAGAIN)
		return (SERVED_ALL);
	(void)send(c->fd, line, sizeof(line) - 1, MSG_NOSIGNAL);
	r->unshaken++;
	return (SERVED_END);
}

enum served
conn_shake(struct receiver *r, struct conn *c)
{
	int result;

	if (c->tls == NULL && r->shaking == SHAKING_GARBAGE)
		return (talk_nonsense(r, c));
	if (c->tls == NULL)
		return (SERVED_ALL);
	result = tls_handshake(c->tls);
	if (result == TLS_WANT_POLLIN || result == TLS_WANT_POLLOUT)
		return (SERVED_ALL);
	if (result == -1) {
		r->unshaken++;
		return (SERVED_END);
	}
	r->shaken++;
	c->shaking = false;
	return (SERVED_MORE);
}

/* As errno where libtls wants to wait; errors are all the same here. */
static ssize_t
told(ssize_t n)
{
	if (n >= 0)
		return (n);
	errno = n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT ? EAGAIN : EIO;
	return (-1);
}

ssize_t
conn_recv(struct conn *c, void *p, size_t n)
{
	if (c->tls != NULL)
		return (told(tls_read(c->tls, p, n)));
	return (recv(c->fd, p, n, 0));
}

ssize_t
conn_send(struct conn *c, const void *p, size_t n)
{
	if (c->tls != NULL)
		return (told(tls_write(c->tls, p, n)));
	return (send(c->fd, p, n, MSG_NOSIGNAL));
}

void
conn_notify(struct conn *c)
{
	if (c->tls != NULL && !c->shaking)
		(void)tls_close(c->tls);
}
