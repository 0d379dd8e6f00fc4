/*
 * The system acknowledges octets on the wire, which are more than the text that
 * they carry: a cipher_map tells how much of the text has arrived.
 */
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tls.h>

#include "daemon/base/clock.h"
#include "daemon/conf/tls.h"
#include "daemon/net/address.h"
#include "daemon/net/inside.h"
#include "daemon/net/tls_peer.h"
#include "lib/cipher_map.h"

#define RECORD 16384 /* octets of text in a record, at most */
#define RECORD_ROOM (RECORD + 2048) /* octets that the record has, at most */
#define OUT (256 * 1024) /* octets of records gathered for the socket */
#define IN (32 * 1024) /* octets read ahead from the socket */
#define TURN 8 /* reads of IN before others have their turn */
#define HANDSHAKE (256 * 1024) /* octets; a chain of certificates is 100 KB */
#define WELCOME_MS 2000 /* in which a server that refuses us says so */

struct tls_state {
	struct tls *ctx;
	struct address address;
	struct cipher_map map;
	uint64_t ciphered; /* octets given to the socket */
	uint8_t *out; /* records not given to it yet, from start to end */
	size_t start;
	size_t end;
	bool gathering; /* records go to out, not to the socket */
	uint8_t in[IN]; /* octets of the socket, from in_start to in_end */
	size_t in_start;
	size_t in_end;
	int turn; /* reads of the socket left in this turn */
	size_t said; /* octets of the server during the handshake */
	size_t ahead; /* octets of text encrypted, but not taken by send */
	size_t retry; /* octets of a tls_write() to be repeated, or 0 */
	int error; /* of the socket, as errno */
	bool eof; /* the server has closed its side */
	bool finished; /* close_notify is sent */
	bool shaken; /* the handshake is complete */
	uint64_t shaken_ms; /* since when */
	bool heard; /* the server has said something since then */
	bool welcome; /* it has accepted us, and our certificate */
	bool asking; /* connected only to see a refused certificate */
	struct reason refused; /* why it was refused */
};

/*
 * The socket.
 */

static ssize_t
take(struct transport *t, void *p, size_t n)
{
	struct tls_state *s = t->state;
	ssize_t got;

	do
		got = recv(t->fd, p, n, MSG_DONTWAIT);
	while (got == -1 && errno == EINTR);
	if (got == -1 && errno == EAGAIN)
		return (TLS_WANT_POLLIN);
	if (got == -1)
		s->error = errno;
	if (got == 0)
		s->eof = true;
	return (got);
}

/* A handshake without an end must not keep us reading for ever. */
static ssize_t
take_handshake(struct transport *t, void *p, size_t n)
{
	struct tls_state *s = t->state;
	ssize_t got;

	if (s->said > HANDSHAKE)
		return (-1);
	if ((got = take(t, p, n)) > 0)
		s->said += (size_t)got;
	return (got);
}

/*
 * Reads ahead, for libtls asks for each record in two parts, and a server may
 * send many small ones.  But not during the handshake: what was read ahead
 * makes no event, and only recv_text() takes all of it out.
 */
static ssize_t
on_read(struct tls *ctx, void *p, size_t n, void *arg)
{
	struct transport *t = arg;
	struct tls_state *s = t->state;
	ssize_t got;

	(void)ctx;
	if (!s->shaken)
		return (take_handshake(t, p, n));
	if (s->in_start == s->in_end) {
		if (s->turn == 0)
			return (TLS_WANT_POLLIN);
		s->turn--;
		if ((got = take(t, s->in, sizeof(s->in))) <= 0)
			return (got);
		s->in_start = 0;
		s->in_end = (size_t)got;
	}
	if (n > s->in_end - s->in_start)
		n = s->in_end - s->in_start;
	memcpy(p, s->in + s->in_start, n);
	s->in_start += n;
	s->heard = true;
	return ((ssize_t)n);
}

/* Returns the octets that the socket took, -1, or TLS_WANT_POLLOUT. */
static ssize_t
give(struct transport *t, const void *p, size_t n)
{
	struct tls_state *s = t->state;
	ssize_t sent;

	do
		sent = send(t->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && errno == EAGAIN)
		return (TLS_WANT_POLLOUT);
	if (sent == -1)
		s->error = errno;
	else
		s->ciphered += (uint64_t)sent;
	return (sent);
}

/* Gives the gathered records.  Returns 0 when all are given, or as give(). */
static ssize_t
flush(struct transport *t)
{
	struct tls_state *s = t->state;
	ssize_t sent;

	while (s->start < s->end) {
		if ((sent = give(t, s->out + s->start, s->end - s->start)) < 0)
			return (sent);
		s->start += (size_t)sent;
	}
	s->start = s->end = 0;
	return (0);
}

static bool
has_room(const struct tls_state *s, size_t n)
{
	return (n <= OUT - s->end);
}

/*
 * Gathers records, for a system call costs as much as a record.  What libtls
 * sends on its own account must not overtake them.
 */
static ssize_t
on_write(struct tls *ctx, const void *p, size_t n, void *arg)
{
	struct transport *t = arg;
	struct tls_state *s = t->state;
	ssize_t result;

	(void)ctx;
	if (!s->gathering || !has_room(s, n)) {
		if ((result = flush(t)) < 0)
			return (result);
		if (!s->gathering || !has_room(s, n))
			return (give(t, p, n));
	}
	memcpy(s->out + s->end, p, n);
	s->end += n;
	return ((ssize_t)n);
}

/*
 * What went wrong.
 */

/* An alert says what the server means; goodbye is what its close means. */
static void
explain(struct transport *t, const char *what, const char *goodbye,
    struct reason *why)
{
	struct tls_state *s = t->state;
	const char *text = tls_peer_error(s->ctx);

	if (strstr(text, "alert") != NULL)
		reason_set(
		    why, "%s: %s refuses: %s", what, tls_peer_name(t), text);
	else if (s->error != 0)
		reason_set(why, "%s: %s", what, strerror(s->error));
	else if (s->eof)
		reason_set(why, "%s: %s", what, goodbye);
	else
		reason_set(why, "%s: %s", what, text);
}

/*
 * Returns -1 with errno, and sets t->why after a read.  A server that refuses
 * us sends an alert and closes: the alert may still be there to read when
 * writing fails, so a failed write does not set t->why.
 */
static ssize_t
fail(struct transport *t, bool read)
{
	struct tls_state *s = t->state;

	if (read && t->why.text[0] == '\0')
		explain(t, "TLS", "closed without close_notify", &t->why);
	if (s->error != 0)
		errno = s->error;
	else
		errno = s->eof ? ECONNRESET : EPROTO;
	return (-1);
}

/*
 * Connecting.
 */

static int
begin(struct transport *t, bool verify, struct reason *why)
{
	struct conf_tls anonymous = { .only_1_3 = t->conf->tls.only_1_3 };
	struct tls_state *s = t->state;
	struct tls_config *config;
	int result = -1;

	/* To ask for the certificate, none of ours is shown. */
	config = conf_tls_config(
	    s->asking ? &anonymous : &t->conf->tls, verify, why);
	if (config == NULL)
		return (-1);
	if ((s->ctx = tls_client()) == NULL)
		reason_set(why, "TLS: %s", strerror(ENOMEM));
	else if (tls_configure(s->ctx, config) == -1 ||
	    tls_connect_cbs(s->ctx, on_read, on_write, t, tls_peer_name(t)) ==
		-1)
		reason_set(why, "TLS: %s", tls_peer_error(s->ctx));
	else
		result = 0;
	tls_config_free(config);
	return (result);
}

static int
open_tls(struct transport *t, const struct address *a, struct reason *why)
{
	const struct conf_tls *conf = &t->conf->tls;
	struct tls_state *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	t->state = s;
	if ((s->out = malloc(OUT)) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	s->address = *a;
	if (tcp_open(t, a, why) == -1)
		return (-1);
	return (begin(t, conf->verify && conf->nfingerprints == 0, why));
}

/*
 * libtls does not show a certificate that it refuses, and "expired" alone does
 * not help the administrator: connects once more, only to read the certificate.
 */
static enum transport_progress
ask(struct transport *t, struct reason *why)
{
	struct tls_state *s = t->state;
	struct reason ignored;

	reason_set(&s->refused, "%s", tls_error(s->ctx));
	reason_set(
	    why, "certificate of %s: %s", tls_peer_name(t), s->refused.text);
	tls_free(s->ctx);
	s->ctx = NULL;
	(void)close(t->fd);
	t->fd = -1;
	s->asking = true;
	s->eof = false;
	s->error = 0;
	s->said = 0;
	if (tcp_open(t, &s->address, &ignored) == -1 ||
	    begin(t, false, &ignored) == -1)
		return (TRANSPORT_BROKEN);
	t->why = *why;
	return (TRANSPORT_WAIT_WRITE);
}

static enum transport_progress
shake_hands(struct transport *t, struct reason *why)
{
	struct tls_state *s = t->state;
	int result = tls_handshake(s->ctx);

	if (result == TLS_WANT_POLLIN)
		return (TRANSPORT_WAIT_READ);
	if (result == TLS_WANT_POLLOUT)
		return (TRANSPORT_WAIT_WRITE);
	if (s->asking) {
		tls_peer_tell_refusal(
		    t, result == 0 ? s->ctx : NULL, &s->refused, why);
		return (TRANSPORT_BROKEN);
	}
	if (result == 0) {
		s->shaken = true;
		s->shaken_ms = clock_steady_ms();
		s->welcome = strcmp(tls_conn_version(s->ctx), "TLSv1.3") != 0;
		return (tls_peer_check(t, s->ctx, why) == 0 ? TRANSPORT_READY
							    : TRANSPORT_BROKEN);
	}
	if (!s->asking && tls_peer_is_refused(s->ctx))
		return (ask(t, why));
	if (s->said > HANDSHAKE)
		reason_set(why, "TLS handshake: %s says more than %d octets",
		    tls_peer_name(t), HANDSHAKE);
	else
		explain(
		    t, "TLS handshake", "the peer closed the connection", why);
	return (TRANSPORT_BROKEN);
}

/*
 * Sending and receiving.
 */

/*
 * Encrypts what of p[0..n) is not encrypted yet, as far as out has room; done
 * is how many octets of this send() are before p.  Returns 0, or as
 * tls_write().
 */
static ssize_t
make_records(struct transport *t, const uint8_t *p, size_t n, size_t done)
{
	struct tls_state *s = t->state;
	ssize_t made = 0;
	size_t len;

	s->gathering = true;
	while (s->ahead < n && has_room(s, RECORD_ROOM)) {
		len = n - s->ahead < RECORD ? n - s->ahead : RECORD;
		if (s->retry > 0)
			len = s->retry;
		assert(len <= n - s->ahead);
		if ((made = tls_write(s->ctx, p + s->ahead, len)) < 0) {
			s->retry = len;
			break;
		}
		s->retry = 0;
		s->ahead += (size_t)made;
		cipher_map_add(&s->map, s->ciphered + (s->end - s->start),
		    t->written + done + s->ahead);
	}
	s->gathering = false;
	return (made < 0 ? made : 0);
}

/*
 * Text counts as taken when the socket has all of its records: until then the
 * caller knows that there is something to send, and calls again.
 */
static ssize_t
send_text(struct transport *t, const uint8_t *p, size_t n)
{
	struct tls_state *s = t->state;
	size_t done = 0;
	ssize_t made, result = 0;

	s->turn = TURN;
	while (done < n && result == 0) {
		made = make_records(t, p + done, n - done, done);
		if ((result = flush(t)) != 0)
			break;
		done += s->ahead;
		s->ahead = 0;
		result = made;
	}
	if (done > 0)
		return ((ssize_t)done); /* what went wrong is met again */
	if (result == TLS_WANT_POLLIN || result == TLS_WANT_POLLOUT) {
		t->wait = result == TLS_WANT_POLLIN ? TRANSPORT_WAIT_READ
						    : TRANSPORT_WAIT_WRITE;
		errno = EAGAIN;
		return (-1);
	}
	return (fail(t, s->error == 0));
}

static ssize_t
recv_text(struct transport *t, uint8_t *p, size_t n)
{
	struct tls_state *s = t->state;
	ssize_t got;

	s->turn = TURN;
	/* A record without text, such as a ticket, ends a tls_read(). */
	do
		got = tls_read(s->ctx, p, n);
	while (got == TLS_WANT_POLLIN && s->in_start < s->in_end);
	if (got >= 0 || got == TLS_WANT_POLLIN)
		s->welcome |= s->heard;
	if (got > 0)
		return (got);
	if (got == TLS_WANT_POLLIN || got == TLS_WANT_POLLOUT) {
		errno = EAGAIN;
		return (-1);
	}
	if (got == 0 && !s->eof)
		return (0);
	/*
	 * Many servers answer our close_notify by closing without their own.
	 * A reset is an error all the same.
	 */
	if (s->eof && s->finished && s->error != ECONNRESET &&
	    s->error != EPIPE)
		return (0);
	return (fail(t, true));
}

/*
 * In TLS 1.3 we may send before the server has looked at our certificate, and
 * if it refuses that, its system acknowledges what the server throws away.  So
 * nothing counts until the server has accepted us: most send tickets then; of
 * the others, no refusal comes within WELCOME_MS.
 */
static uint64_t
acked(struct transport *t)
{
	struct tls_state *s = t->state;
	uint64_t arrived = cipher_map_acked(&s->map, tcp_acked(t, s->ciphered));

	if (!s->welcome && clock_steady_ms() - s->shaken_ms >= WELCOME_MS)
		s->welcome = true;
	return (s->welcome ? arrived : 0);
}

/* Nothing is in flight: the socket has room for a close_notify. */
static void
say_goodbye(struct transport *t)
{
	struct tls_state *s = t->state;

	if (s->finished)
		return;
	s->finished = true;
	(void)tls_close(s->ctx);
	(void)shutdown(t->fd, SHUT_WR);
}

static void
close_tls(struct transport *t)
{
	struct tls_state *s = t->state;

	if (s == NULL)
		return;
	tls_free(s->ctx);
	free(s->out);
	free(s);
}

/*
 * A server that stops may read once more, expecting a close_notify, and throw
 * away what it gets: a record of log.
 */
const struct transport_ops transport_tls = {
	.facts = { .needs_address = true,
	    .acks_unread = true,
	    .lost_at_close = RECORD },
	.open = open_tls,
	.handshake = shake_hands,
	.send = send_text,
	.recv = recv_text,
	.acked = acked,
	.silence_ms = tcp_silence_ms,
	.finish = say_goodbye,
	.close = close_tls,
};
