/*
 * libtls, as far as daemon/net/tls.c and daemon/conf/tls.c use it: a client
 * that speaks as tls_wire.h has it, through the worker's own two callbacks.
 */
#include "tests/sim/tls_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "tests/sim/sim.h"

struct tls_config {
	bool trusts_all;
};

struct tls {
	bool trusts_all;
	tls_read_cb read;
	tls_write_cb write;
	void *arg;
	bool shaken;
	bool old;
	bool said; /* its hello, and waits for the server's */
	uint8_t out[TLS_RECORD(TLS_MOST)]; /* a record for the wire */
	size_t at;
	size_t end;
	size_t text; /* octets that it carries */
	uint8_t in[TLS_RECORD(TLS_MOST)]; /* one of the wire, or some of it */
	size_t got;
	size_t left; /* text of it that nobody has read yet, */
	size_t next; /* from here on */
	char error[128];
};

struct tls_config *
tls_config_new(void)
{
	return (calloc(1, sizeof(struct tls_config)));
}

void
tls_config_free(struct tls_config *c)
{
	free(c);
}

int
tls_config_set_protocols(struct tls_config *c, uint32_t protocols)
{
	(void)c;
	(void)protocols;
	return (0);
}

int
tls_config_set_ca_mem(struct tls_config *c, const uint8_t *p, size_t n)
{
	(void)c;
	(void)p;
	(void)n;
	return (0);
}

int
tls_config_set_keypair_mem(struct tls_config *c, const uint8_t *cert,
    size_t ncert, const uint8_t *key, size_t nkey)
{
	(void)c;
	(void)cert;
	(void)ncert;
	(void)key;
	(void)nkey;
	return (0);
}

const char *
tls_config_error(struct tls_config *c)
{
	(void)c;
	return (NULL);
}

void
tls_config_insecure_noverifyname(struct tls_config *c)
{
	(void)c;
}

void
tls_config_insecure_noverifycert(struct tls_config *c)
{
	c->trusts_all = true;
}

struct tls *
tls_client(void)
{
	return (calloc(1, sizeof(struct tls)));
}

void
tls_free(struct tls *t)
{
	free(t);
}

int
tls_configure(struct tls *t, struct tls_config *c)
{
	t->trusts_all = c->trusts_all;
	return (0);
}

int
tls_connect_cbs(struct tls *t, tls_read_cb read, tls_write_cb write, void *arg,
    const char *name)
{
	(void)name;
	t->read = read;
	t->write = write;
	t->arg = arg;
	return (0);
}

const char *
tls_error(struct tls *t)
{
	return (t->error[0] != '\0' ? t->error : NULL);
}

const char *
tls_conn_version(struct tls *t)
{
	return (t->old ? "TLSv1.2" : "TLSv1.3");
}

const char *
tls_peer_cert_hash(struct tls *t)
{
	return (t->shaken ? "SHA256:00" : NULL);
}

int
tls_peer_cert_contains_name(struct tls *t, const char *name)
{
	(void)t;
	(void)name;
	return (1);
}

const uint8_t *
tls_peer_cert_chain_pem(struct tls *t, size_t *n)
{
	(void)t;
	*n = 0;
	return (NULL);
}

static int
fail(struct tls *t, const char *what)
{
	(void)snprintf(t->error, sizeof(t->error), "%s", what);
	return (-1);
}

/* Returns 0 when the record is on the wire, or what the callback says. */
static ssize_t
flush(struct tls *t)
{
	ssize_t n;

	while (t->at < t->end) {
		n = t->write(t, t->out + t->at, t->end - t->at, t->arg);
		if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT)
			return (n);
		if (n <= 0)
			return (fail(t, "write failed"));
		t->at += (size_t)n;
	}
	t->at = t->end = 0;
	return (0);
}

static void
seal(struct tls *t, enum tls_type type, const void *p, size_t n)
{
	t->at = 0;
	t->end = tls_seal(type, p, n, t->out);
	t->text = n;
}

/* Reads as much of a record as there is; returns 1 when it is whole. */
static ssize_t
take_record(struct tls *t)
{
	size_t want;
	ssize_t n;

	for (;;) {
		if ((want = tls_record_len(t->in, t->got)) == 0)
			want = TLS_HEAD;
		else if (want == t->got)
			return (1);
		n = t->read(t, t->in + t->got, want - t->got, t->arg);
		if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT)
			return (n);
		if (n < 0)
			return (fail(t, "read failed"));
		if (n == 0)
			return (0);
		t->got += (size_t)n;
	}
}

static int
hear_hello(struct tls *t)
{
	const uint8_t *says = t->in + TLS_HEAD;

	t->got = 0;
	if (t->in[0] == TLS_ALERT)
		return (fail(t,
		    "handshake failed: error:0A000410:SSL "
		    "routines::sslv3 alert handshake failure"));
	if (t->in[0] != TLS_HELLO)
		return (fail(t, "handshake failed: unexpected message"));
	if (says[TLS_HELLO_BAD] && !t->trusts_all)
		return (fail(t,
		    "certificate verification failed: "
		    "certificate has expired"));
	t->old = says[TLS_HELLO_OLD];
	t->said = false;
	t->shaken = !says[TLS_HELLO_MORE];
	return (0);
}

int
tls_handshake(struct tls *t)
{
	uint8_t hello[512] = { 0 };
	ssize_t n;

	while (!t->shaken) {
		if (!t->said) {
			seal(t, TLS_HELLO, hello,
			    1 + rng_below(&S.more, sizeof(hello)));
			t->said = true;
		}
		if ((n = flush(t)) != 0)
			return ((int)n);
		n = take_record(t);
		if (n == 0)
			return (fail(t, "handshake failed: unexpected EOF"));
		if (n != 1)
			return ((int)n);
		if (hear_hello(t) == -1)
			return (-1);
	}
	return (0);
}

/* Whoever tries again has to come with the same octets. */
ssize_t
tls_write(struct tls *t, const void *p, size_t n)
{
	ssize_t result;

	if (t->end > 0) {
		if (n < t->text || memcmp(t->out + TLS_HEAD, p, t->text) != 0)
			sim_fail("tls_write(3): a bad write retry");
	} else {
		if (n > S.tls_record)
			n = S.tls_record;
		seal(t, TLS_DATA, p, n);
	}
	if ((result = flush(t)) != 0)
		return (result);
	return ((ssize_t)t->text);
}

/* What is no text ends a read. */
static ssize_t
hear_record(struct tls *t)
{
	enum tls_type type = t->in[0];
	size_t n = t->got;

	t->got = 0;
	switch (type) {
	case TLS_DATA:
		t->next = TLS_HEAD;
		t->left = n - TLS_HEAD - TLS_TAIL;
		return (1);
	case TLS_TICKET:
		return (TLS_WANT_POLLIN);
	case TLS_BYE:
		return (0);
	case TLS_ALERT:
		return (fail(t,
		    "read failed: error:0A000412:SSL "
		    "routines::sslv3 alert bad certificate"));
	case TLS_HELLO:
		break;
	}
	return (fail(t, "read failed: unexpected message"));
}

ssize_t
tls_read(struct tls *t, void *p, size_t n)
{
	ssize_t got;

	while (t->left == 0) {
		if ((got = take_record(t)) != 1 || (got = hear_record(t)) != 1)
			return (got);
	}
	if (n > t->left)
		n = t->left;
	memcpy(p, t->in + t->next, n);
	t->next += n;
	t->left -= n;
	return ((ssize_t)n);
}

int
tls_close(struct tls *t)
{
	if (!t->shaken || t->end > 0)
		return (0);
	seal(t, TLS_BYE, "", 0);
	return ((int)flush(t));
}
