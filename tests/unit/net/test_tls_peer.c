/*
 * Goal: a server is the one that the configuration names, or the reason says
 * what an administrator needs to mend it.
 *
 * libtls and the reading of certificates are ours: a server is what the test
 * says.
 */
#include "daemon/net/tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <tls.h>

#include "daemon/conf/cert.h"

#define DAY (24 * 60 * 60)

/* The server, as libtls shows it. */
struct tls {
	const char *error;
	const char *hash;
	const char *name; /* in its certificate */
	struct cert_facts facts;
	const char *issuer; /* whose certificate is missing, or NULL */
};
static struct tls server;

const char *
tls_error(struct tls *ctx)
{
	return (ctx->error);
}

const char *
tls_peer_cert_hash(struct tls *ctx)
{
	return (ctx->hash);
}

int
tls_peer_cert_contains_name(struct tls *ctx, const char *name)
{
	return (ctx->name != NULL && strcmp(ctx->name, name) == 0);
}

const uint8_t *
tls_peer_cert_chain_pem(struct tls *ctx, size_t *n)
{
	*n = 1;
	return ((const uint8_t *)(ctx->hash != NULL ? "c" : NULL));
}

int
cert_read(const uint8_t *pem, size_t n, struct cert_facts *f)
{
	(void)pem;
	(void)n;
	*f = server.facts;
	return (0);
}

bool
cert_lacks_issuer(const struct cert_pem *chain, const struct cert_pem *ca,
    char *name, size_t size)
{
	(void)chain;
	(void)ca;
	if (server.issuer != NULL)
		(void)strlcpy(name, server.issuer, size);
	return (server.issuer != NULL);
}

struct cert_day
cert_date(time_t t)
{
	struct cert_day date = { .text = "that day" };

	(void)t;
	return (date);
}

static struct conf_destination conf;
static struct conf_url url;
static struct transport transport = { .conf = &conf, .url = &url };

static void
begin(void)
{
	static char peer[] = "siem.example";

	memset(&conf, 0, sizeof(conf));
	memset(&url, 0, sizeof(url));
	url.scheme = CONF_TLS;
	url.host = url.peer = peer;
	conf.tls.verify = true;
	memset(&server, 0, sizeof(server));
	server.hash = "SHA256:a";
	server.name = "siem.example";
	(void)strlcpy(
	    server.facts.names, "siem.example", sizeof(server.facts.names));
	server.facts.not_before = time(NULL) - DAY;
	server.facts.not_after = time(NULL) + DAY;
}

static int
check(struct reason *why)
{
	why->text[0] = '\0';
	return (tls_peer_check(&transport, &server, why));
}

static void
it_is_known_by_its_name(void **state)
{
	static char other[] = "other.example";
	struct reason why;

	(void)state;
	begin();
	assert_int_equal(check(&why), 0);
	conf.tls.server_name = other;
	assert_string_equal(tls_peer_name(&transport), "other.example");
	assert_int_equal(check(&why), -1);
	assert_string_equal(
	    why.text, "certificate is for siem.example, not other.example");
	conf.tls.verify = false;
	assert_int_equal(check(&why), 0);
}

static void
a_fingerprint_counts_and_no_name(void **state)
{
	char first[] = "SHA256:b", second[] = "SHA256:a";
	char *fingerprints[] = { first, second };
	struct reason why;

	(void)state;
	begin();
	server.name = NULL;
	conf.tls.fingerprints = fingerprints;
	conf.tls.nfingerprints = 2;
	assert_int_equal(check(&why), 0);
	conf.tls.nfingerprints = 1;
	server.name = "siem.example";
	assert_int_equal(check(&why), -1);
	assert_string_equal(why.text,
	    "certificate of siem.example is none of those in fingerprint: its "
	    "fingerprint is SHA256:a");
	server.hash = NULL;
	assert_int_equal(check(&why), -1);
	assert_non_null(strstr(why.text, "its fingerprint is unknown"));
}

static void
an_error_is_said_without_its_number(void **state)
{
	(void)state;
	begin();
	assert_string_equal(tls_peer_error(&server), "unknown error");
	server.error = "read failed: error:0A000412:SSL routines::bad "
		       "certificate";
	assert_string_equal(tls_peer_error(&server), "bad certificate");
	server.error = "handshake failed: too late";
	assert_string_equal(
	    tls_peer_error(&server), "handshake failed: too late");
	server.error = "read failed: error:0A000412:SSL routines:";
	assert_string_equal(tls_peer_error(&server), server.error);
}

static void
only_a_certificate_is_refused(void **state)
{
	(void)state;
	begin();
	assert_false(tls_peer_is_refused(&server));
	server.error = "handshake failed: error:0A000412";
	assert_false(tls_peer_is_refused(&server));
	server.error = "certificate verification failed: self-signed";
	assert_true(tls_peer_is_refused(&server));
}

/* What is said of a refusal with this text by a server like this. */
static void
assert_refusal(const char *refused, bool shown, const char *said)
{
	struct reason of, why;

	reason_set(&of, "certificate verification failed: %s", refused);
	tls_peer_tell_refusal(&transport, shown ? &server : NULL, &of, &why);
	assert_string_equal(why.text, said);
}

static void
a_refusal_says_what_is_to_be_mended(void **state)
{
	(void)state;
	begin();
	assert_refusal("self-signed certificate", false,
	    "certificate of siem.example: self-signed certificate");
	assert_refusal("self-signed certificate", true,
	    "certificate of siem.example: self-signed certificate; it is for "
	    "siem.example, its fingerprint is SHA256:a");
	server.issuer = "Our CA";
	assert_refusal("unable to get issuer certificate", true,
	    "certificate of siem.example: unable to get issuer certificate, "
	    "that of \"Our CA\" is neither in the system's list nor sent; it "
	    "is for siem.example, its fingerprint is SHA256:a");
	server.facts.names[0] = '\0';
	assert_refusal("self-signed certificate", true,
	    "certificate of siem.example: self-signed certificate; it is for "
	    "nobody, its fingerprint is SHA256:a");
	server.facts.not_after = time(NULL) - 1;
	assert_refusal("certificate has expired", true,
	    "certificate of siem.example expired that day");
	server.facts.not_before = time(NULL) + DAY;
	assert_refusal("certificate is not yet valid", true,
	    "certificate of siem.example counts from that day on");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_known_by_its_name),
		cmocka_unit_test(a_fingerprint_counts_and_no_name),
		cmocka_unit_test(an_error_is_said_without_its_number),
		cmocka_unit_test(only_a_certificate_is_refused),
		cmocka_unit_test(a_refusal_says_what_is_to_be_mended),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
