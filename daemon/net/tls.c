#include "daemon/net/tls.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tls.h>

#include "daemon/base/clock.h"
#include "daemon/conf/cert.h"
#include "daemon/conf/tls.h"
#include "daemon/conf/url.h"
#include "daemon/net/resolver.h"
#include "lib/cipher_map.h"

#define RECORD LINK_TLS_RECORD
#define RECORD_ROOM (RECORD + 2048) /* that it then has, at the most */
#define OUT (256 * 1024) /* octets for the socket that are gathered */
#define IN (32 * 1024) /* octets of it that are read ahead */
#define TURN 8 /* times that so much is read before others have theirs */
#define HANDSHAKE (256 * 1024) /* octets; a chain of certificates is 100 KB */
#define WELCOME_MS 2000 /* in which a server that refuses us says so */

struct link_tls {
	struct tls *ctx;
	struct address address;
	struct cipher_map map;
	uint64_t ciphered; /* octets given to the socket */
	uint8_t *out; /* octets that are not, from start to end */
	size_t start;
	size_t end;
	bool gathering; /* out has room for a record */
	uint8_t in[IN]; /* octets of the socket, from in_start to in_end */
	size_t in_start;
	size_t in_end;
	int turn; /* reads that are left of it */
	size_t said; /* octets of the server until the handshake ends */
	size_t ahead; /* octets encrypted that send has not taken yet */
	size_t retry; /* of a write that did not get through */
	int error; /* of the socket, as errno */
	bool eof;
	bool finished; /* close_notify is sent */
	bool shaken; /* the handshake has ended */
	uint64_t shaken_ms;
	bool heard; /* of the server since then */
	bool welcome; /* it has taken us, and our certificate */
	bool asking; /* connected only to see the certificate */
	struct reason refused; /* why it is asked for */
};

static const char *
peer_name(const struct link *l)
{
	const struct conf_tls *conf = &l->conf->tls;

	return (conf->server_name != NULL ? conf->server_name
					  : conf_url_peer(l->url));
}

/*
 * The socket.
 */

static ssize_t
take(struct link *l, void *p, size_t n)
{
	struct link_tls *t = l->state;
	ssize_t got;

	do
		got = recv(l->fd, p, n, MSG_DONTWAIT);
	while (got == -1 && errno == EINTR);
	if (got == -1 && errno == EAGAIN)
		return (TLS_WANT_POLLIN);
	if (got == -1)
		t->error = errno;
	if (got == 0)
		t->eof = true;
	return (got);
}

/* One that never comes to an end would keep us reading for ever. */
static ssize_t
take_handshake(struct link *l, void *p, size_t n)
{
	struct link_tls *t = l->state;
	ssize_t got;

	if (t->said > HANDSHAKE)
		return (-1);
	if ((got = take(l, p, n)) > 0)
		t->said += (size_t)got;
	return (got);
}

/*
 * A record is asked for in two parts, and a server may answer in many small
 * ones.  Not before the handshake has ended: then all that was read ahead is
 * taken out at once, for it makes no event.  What is left in the socket does.
 */
static ssize_t
on_read(struct tls *ctx, void *p, size_t n, void *arg)
{
	struct link *l = arg;
	struct link_tls *t = l->state;
	ssize_t got;

	(void)ctx;
	if (!t->shaken)
		return (take_handshake(l, p, n));
	if (t->in_start == t->in_end) {
		if (t->turn == 0)
			return (TLS_WANT_POLLIN);
		t->turn--;
		if ((got = take(l, t->in, sizeof(t->in))) <= 0)
			return (got);
		t->in_start = 0;
		t->in_end = (size_t)got;
	}
	if (n > t->in_end - t->in_start)
		n = t->in_end - t->in_start;
	memcpy(p, t->in + t->in_start, n);
	t->in_start += n;
	t->heard = true;
	return ((ssize_t)n);
}

/* Returns the octets that the socket took, -1, or TLS_WANT_POLLOUT. */
static ssize_t
give(struct link *l, const void *p, size_t n)
{
	struct link_tls *t = l->state;
	ssize_t sent;

	do
		sent = send(l->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && errno == EAGAIN)
		return (TLS_WANT_POLLOUT);
	if (sent == -1)
		t->error = errno;
	else
		t->ciphered += (uint64_t)sent;
	return (sent);
}

/* Gives what was gathered.  Returns 0 when all is given, or as give(). */
static ssize_t
flush(struct link *l)
{
	struct link_tls *t = l->state;
	ssize_t sent;

	while (t->start < t->end) {
		if ((sent = give(l, t->out + t->start, t->end - t->start)) < 0)
			return (sent);
		t->start += (size_t)sent;
	}
	t->start = t->end = 0;
	return (0);
}

static bool
has_room(const struct link_tls *t, size_t n)
{
	return (n <= OUT - t->end);
}

/*
 * Records are gathered, for a system call each would cost as much as they do.
 * What is said between them must not overtake them.
 */
static ssize_t
on_write(struct tls *ctx, const void *p, size_t n, void *arg)
{
	struct link *l = arg;
	struct link_tls *t = l->state;
	ssize_t result;

	(void)ctx;
	if (!t->gathering || !has_room(t, n)) {
		if ((result = flush(l)) < 0)
			return (result);
		if (!t->gathering || !has_room(t, n))
			return (give(l, p, n));
	}
	memcpy(t->out + t->end, p, n);
	t->end += n;
	return ((ssize_t)n);
}

/*
 * What went wrong.
 */

/* Of "read failed: error:0A000412:SSL routines::bad certificate" the end. */
static const char *
said(struct tls *ctx)
{
	const char *text = tls_error(ctx), *last;

	if (text == NULL)
		return ("unknown error");
	if (strstr(text, "error:") == NULL)
		return (text);
	last = strrchr(text, ':');
	return (last[1] == '\0' ? text : last + 1);
}

/* An alert is what the peer has to say; goodbye: what its silence means. */
static void
explain(
    struct link *l, const char *what, const char *goodbye, struct reason *why)
{
	struct link_tls *t = l->state;
	const char *text = said(t->ctx);

	if (strstr(text, "alert") != NULL)
		reason_set(why, "%s: %s refuses: %s", what, peer_name(l), text);
	else if (t->error != 0)
		reason_set(why, "%s: %s", what, strerror(t->error));
	else if (t->eof)
		reason_set(why, "%s: %s", what, goodbye);
	else
		reason_set(why, "%s: %s", what, text);
}

/*
 * Returns -1 with errno; why says more than that.  A server that refuses us
 * says so and goes: its alert may be there to read though nothing can be
 * written any more, so why is only set by who has read to the end.
 */
static ssize_t
fail(struct link *l, bool read)
{
	struct link_tls *t = l->state;

	if (read && l->why.text[0] == '\0')
		explain(l, "TLS", "closed without close_notify", &l->why);
	if (t->error != 0)
		errno = t->error;
	else
		errno = t->eof ? ECONNRESET : EPROTO;
	return (-1);
}

/* What a certificate says of itself; names is "" when it cannot be read. */
static void
read_peer(struct tls *ctx, struct cert_facts *f)
{
	const uint8_t *pem;
	size_t n;

	if ((pem = tls_peer_cert_chain_pem(ctx, &n)) == NULL ||
	    cert_read(pem, n, f) == -1)
		memset(f, 0, sizeof(*f));
}

/*
 * Connecting.
 */

static int
begin(struct link *l, bool verify, struct reason *why)
{
	struct conf_tls anonymous = { .only_1_3 = l->conf->tls.only_1_3 };
	struct link_tls *t = l->state;
	struct tls_config *config;
	int result = -1;

	/* Who only asks for the certificate shows none. */
	config = conf_tls_config(
	    t->asking ? &anonymous : &l->conf->tls, verify, why);
	if (config == NULL)
		return (-1);
	if ((t->ctx = tls_client()) == NULL)
		reason_set(why, "TLS: %s", strerror(ENOMEM));
	else if (tls_configure(t->ctx, config) == -1 ||
	    tls_connect_cbs(t->ctx, on_read, on_write, l, peer_name(l)) == -1)
		reason_set(why, "TLS: %s", said(t->ctx));
	else
		result = 0;
	tls_config_free(config);
	return (result);
}

int
link_tls_open(struct link *l, const struct address *a, struct reason *why)
{
	const struct conf_tls *conf = &l->conf->tls;
	struct link_tls *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	l->state = t;
	if ((t->out = malloc(OUT)) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	t->address = *a;
	if (link_tcp_open(l, a, why) == -1)
		return (-1);
	return (begin(l, conf->verify && conf->nfingerprints == 0, why));
}

/*
 * libtls does not show a certificate that it refuses, and "expired" is little
 * help to whoever has to mend it: connects once more, only to look at it.
 */
static enum link_progress
ask(struct link *l, struct reason *why)
{
	struct link_tls *t = l->state;
	struct reason ignored;

	reason_set(&t->refused, "%s", tls_error(t->ctx));
	reason_set(why, "certificate of %s: %s", peer_name(l), t->refused.text);
	tls_free(t->ctx);
	t->ctx = NULL;
	(void)close(l->fd);
	l->fd = -1;
	t->asking = true;
	t->eof = false;
	t->error = 0;
	t->said = 0;
	if (link_tcp_open(l, &t->address, &ignored) == -1 ||
	    begin(l, false, &ignored) == -1)
		return (LINK_BROKEN);
	l->why = *why;
	return (LINK_WAIT_WRITE);
}

/* Returns text, and whose certificate is missing if that is the reason. */
static const char *
name_missing(struct link *l, const char *text, struct reason *more)
{
	const struct conf_bytes *trusted = &l->conf->tls.ca;
	const struct cert_pem ca = { trusted->p, trusted->n };
	struct link_tls *t = l->state;
	struct cert_pem chain;
	char issuer[128];

	chain.p = tls_peer_cert_chain_pem(t->ctx, &chain.n);
	if (strstr(text, "issuer certificate") == NULL ||
	    !cert_lacks_issuer(&chain, &ca, issuer, sizeof(issuer)))
		return (text);
	reason_set(more, "%s, that of \"%s\" is neither in %s nor sent", text,
	    issuer, trusted->p != NULL ? "ca_file" : "the system's list");
	return (more->text);
}

/* The certificate that was asked for is here, if the handshake went well. */
static void
tell_refusal(struct link *l, bool shaken, struct reason *why)
{
	struct link_tls *t = l->state;
	const char *hash = shaken ? tls_peer_cert_hash(t->ctx) : NULL;
	const char *name = peer_name(l), *text = strrchr(t->refused.text, ':');
	struct cert_facts f = { 0 };
	struct reason more;
	time_t now = time(NULL);

	text = text == NULL ? t->refused.text : text + 2;
	if (shaken)
		read_peer(t->ctx, &f);
	if (strstr(text, "expired") != NULL && f.not_after < now &&
	    f.not_after != 0)
		reason_set(why, "certificate of %s expired %s", name,
		    cert_date(f.not_after).text);
	else if (f.not_before > now)
		reason_set(why, "certificate of %s counts from %s on", name,
		    cert_date(f.not_before).text);
	else if (hash != NULL)
		reason_set(why,
		    "certificate of %s: %s; it is for %s, its fingerprint is "
		    "%s",
		    name, name_missing(l, text, &more),
		    f.names[0] != '\0' ? f.names : "nobody", hash);
	else
		reason_set(why, "certificate of %s: %s", name, text);
}

/* Whether the peer is who it should be; nothing of a log was sent yet. */
static int
check_peer(struct link *l, struct reason *why)
{
	const struct conf_tls *conf = &l->conf->tls;
	struct link_tls *t = l->state;
	const char *name = peer_name(l), *hash = tls_peer_cert_hash(t->ctx);
	struct cert_facts f;

	if (conf->nfingerprints > 0) {
		for (size_t i = 0; i < conf->nfingerprints; i++)
			if (hash != NULL &&
			    strcmp(hash, conf->fingerprints[i]) == 0)
				return (0);
		return (reason_set(why,
		    "certificate of %s is none of those in fingerprint: its "
		    "fingerprint is %s",
		    name, hash != NULL ? hash : "unknown"));
	}
	if (!conf->verify || tls_peer_cert_contains_name(t->ctx, name) == 1)
		return (0);
	read_peer(t->ctx, &f);
	return (reason_set(why, "certificate is for %s, not %s",
	    f.names[0] != '\0' ? f.names : "nobody", name));
}

static bool
is_refusal(const struct link_tls *t)
{
	const char *text = tls_error(t->ctx);

	return (!t->asking && text != NULL &&
	    strncmp(text, "certificate verification failed", 31) == 0);
}

enum link_progress
link_tls_handshake(struct link *l, struct reason *why)
{
	struct link_tls *t = l->state;
	int result = tls_handshake(t->ctx);

	if (result == TLS_WANT_POLLIN)
		return (LINK_WAIT_READ);
	if (result == TLS_WANT_POLLOUT)
		return (LINK_WAIT_WRITE);
	if (t->asking) {
		tell_refusal(l, result == 0, why);
		return (LINK_BROKEN);
	}
	if (result == 0) {
		t->shaken = true;
		t->shaken_ms = clock_ms();
		t->welcome = strcmp(tls_conn_version(t->ctx), "TLSv1.3") != 0;
		return (check_peer(l, why) == 0 ? LINK_READY : LINK_BROKEN);
	}
	if (is_refusal(t))
		return (ask(l, why));
	if (t->said > HANDSHAKE)
		reason_set(why, "TLS handshake: %s says more than %d octets",
		    peer_name(l), HANDSHAKE);
	else
		explain(
		    l, "TLS handshake", "the peer closed the connection", why);
	return (LINK_BROKEN);
}

/*
 * Sending and receiving.
 */

/*
 * Encrypts of p[0..n) what is not yet, as far as out has room; done: octets of
 * the text before p.  Returns 0, or as tls_write().
 */
static ssize_t
make_records(struct link *l, const uint8_t *p, size_t n, size_t done)
{
	struct link_tls *t = l->state;
	ssize_t made = 0;
	size_t len;

	t->gathering = true;
	while (t->ahead < n && has_room(t, RECORD_ROOM)) {
		len = n - t->ahead < RECORD ? n - t->ahead : RECORD;
		if (t->retry > 0)
			len = t->retry;
		assert(len <= n - t->ahead);
		if ((made = tls_write(t->ctx, p + t->ahead, len)) < 0) {
			t->retry = len;
			break;
		}
		t->retry = 0;
		t->ahead += (size_t)made;
		cipher_map_add(&t->map, t->ciphered + (t->end - t->start),
		    l->written + done + t->ahead);
	}
	t->gathering = false;
	return (made < 0 ? made : 0);
}

/*
 * Text is taken when the socket has all that it was made into: until then the
 * caller knows that there is something to send, and comes again.
 */
ssize_t
link_tls_send(struct link *l, const uint8_t *p, size_t n)
{
	struct link_tls *t = l->state;
	size_t done = 0;
	ssize_t made, result = 0;

	t->turn = TURN;
	while (done < n && result == 0) {
		made = make_records(l, p + done, n - done, done);
		if ((result = flush(l)) != 0)
			break;
		done += t->ahead;
		t->ahead = 0;
		result = made;
	}
	if (done > 0)
		return ((ssize_t)done); /* what went wrong is met again */
	if (result == TLS_WANT_POLLIN || result == TLS_WANT_POLLOUT) {
		l->wait = result == TLS_WANT_POLLIN ? LINK_WAIT_READ
						    : LINK_WAIT_WRITE;
		errno = EAGAIN;
		return (-1);
	}
	return (fail(l, t->error == 0));
}

ssize_t
link_tls_recv(struct link *l, uint8_t *p, size_t n)
{
	struct link_tls *t = l->state;
	ssize_t got;

	t->turn = TURN;
	/* A record that is not for us, such as a ticket, ends a read. */
	do
		got = tls_read(t->ctx, p, n);
	while (got == TLS_WANT_POLLIN && t->in_start < t->in_end);
	if (got >= 0 || got == TLS_WANT_POLLIN)
		t->welcome |= t->heard;
	if (got > 0)
		return (got);
	if (got == TLS_WANT_POLLIN || got == TLS_WANT_POLLOUT) {
		errno = EAGAIN;
		return (-1);
	}
	if (got == 0 && !t->eof)
		return (0);
	/*
	 * Many answer our goodbye by closing, without one of their own.  After
	 * a reset there is no more to read, either.
	 */
	if (t->eof && t->finished && t->error != ECONNRESET &&
	    t->error != EPIPE)
		return (0);
	return (fail(l, true));
}

/*
 * In TLS 1.3 we may send before the server has looked at our certificate, and
 * the system of one that refuses it acknowledges what it throws away.  One that
 * takes us mostly sends tickets; else nothing is heard of a refusal.
 */
uint64_t
link_tls_acked(struct link *l)
{
	struct link_tls *t = l->state;
	uint64_t acked =
	    cipher_map_acked(&t->map, link_tcp_acked(l, t->ciphered));

	if (!t->welcome && clock_ms() - t->shaken_ms >= WELCOME_MS)
		t->welcome = true;
	return (t->welcome ? acked : 0);
}

/* Nothing is in flight: there is room for a goodbye in the socket. */
void
link_tls_finish(struct link *l)
{
	struct link_tls *t = l->state;

	if (t->finished)
		return;
	t->finished = true;
	(void)tls_close(t->ctx);
	(void)shutdown(l->fd, SHUT_WR);
}

void
link_tls_close(struct link *l)
{
	struct link_tls *t = l->state;

	if (t == NULL)
		return;
	tls_free(t->ctx);
	free(t->out);
	free(t);
}
