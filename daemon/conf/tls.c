#include "daemon/conf/tls.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <tls.h>

#include "daemon/base/clock.h"
#include "daemon/conf/cert.h"
#include "daemon/conf/value.h"

#define FILE_MAX (8 * 1024 * 1024)

/*
 * Files.
 */

static void
bytes_fini(struct conf_bytes *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->n);
	free(b->p);
	b->p = NULL;
	b->n = 0;
}

/* Without stdio, whose buffer would keep a copy of a key. */
static int
read_open_file(int fd, struct conf_bytes *b, size_t size)
{
	ssize_t n;

	if ((b->p = malloc(size)) == NULL)
		return (-1);
	for (b->n = 0; b->n < size; b->n += (size_t)n) {
		n = read(fd, b->p + b->n, size - b->n);
		if (n == 0)
			break;
		if (n == -1) {
			b->n = size;
			return (-1);
		}
	}
	return (0);
}

/* Returns why the file cannot be PEM, or NULL. */
static const char *
unfit(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return ("is not a regular file");
	if (st->st_size == 0)
		return ("is empty");
	return (st->st_size > FILE_MAX ? "is too large" : NULL);
}

int
conf_tls_read(struct conf_bytes *b, const char *path, struct reason *why)
{
	const char *wrong = NULL;
	struct stat st;
	int fd, result = -1;

	if (conf_value_absolute(path, why) == -1)
		return (-1);
	/* O_NONBLOCK: a pipe must not keep the daemon waiting. */
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (reason_set(why, "\"%s\": %s", path, strerror(errno)));
	if (fstat(fd, &st) == 0 && (wrong = unfit(&st)) == NULL)
		result = read_open_file(fd, b, (size_t)st.st_size);
	if (wrong != NULL)
		reason_set(why, "\"%s\" %s", path, wrong);
	else if (result == -1)
		reason_set(why, "\"%s\": %s", path, strerror(errno));
	(void)close(fd);
	if (result == -1)
		bytes_fini(b);
	return (result);
}

void
conf_tls_fini(struct conf_tls *t)
{
	bytes_fini(&t->ca);
	bytes_fini(&t->cert);
	bytes_fini(&t->key);
	free(t->server_name);
	for (size_t i = 0; i < t->nfingerprints; i++)
		free(t->fingerprints[i]);
	free(t->fingerprints);
	memset(t, 0, sizeof(*t));
}

/*
 * What libtls makes of them.
 */

static int
fill(struct tls_config *c, const struct conf_tls *t)
{
	uint32_t versions = TLS_PROTOCOL_TLSv1_3;

	if (!t->only_1_3)
		versions |= TLS_PROTOCOL_TLSv1_2;
	if (tls_config_set_protocols(c, versions) == -1)
		return (-1);
	if (t->ca.p != NULL && tls_config_set_ca_mem(c, t->ca.p, t->ca.n) == -1)
		return (-1);
	if (t->cert.p == NULL)
		return (0);
	return (tls_config_set_keypair_mem(
	    c, t->cert.p, t->cert.n, t->key.p, t->key.n));
}

struct tls_config *
conf_tls_config(const struct conf_tls *t, bool verify, struct reason *why)
{
	struct tls_config *c;
	const char *said;

	if ((c = tls_config_new()) == NULL) {
		reason_set(why, "%s", strerror(ENOMEM));
		return (NULL);
	}
	if (fill(c, t) == -1) {
		said = tls_config_error(c);
		reason_set(why, "%s", said != NULL ? said : "out of memory");
		tls_config_free(c);
		return (NULL);
	}
	tls_config_insecure_noverifyname(c);
	if (!verify)
		tls_config_insecure_noverifycert(c);
	return (c);
}

static ssize_t
on_read(struct tls *ctx, void *p, size_t n, void *arg)
{
	(void)ctx;
	(void)p;
	(void)n;
	(void)arg;
	return (TLS_WANT_POLLIN);
}

static ssize_t
on_write(struct tls *ctx, const void *p, size_t n, void *arg)
{
	(void)ctx;
	(void)p;
	(void)n;
	(void)arg;
	return (TLS_WANT_POLLOUT);
}

/* libtls checks files only when it connects: begins a connection to nothing. */
static int
try_out(const struct conf_tls *t, bool verify, struct reason *why)
{
	struct tls_config *c;
	struct tls *ctx;
	int result = -1;

	reason_set(why, "%s", "");
	if ((c = conf_tls_config(t, verify, why)) == NULL)
		return (-1);
	if ((ctx = tls_client()) == NULL)
		reason_set(why, "%s", strerror(ENOMEM));
	else if (tls_configure(ctx, c) == 0 &&
	    tls_connect_cbs(ctx, on_read, on_write, NULL, NULL) == 0)
		result = 0;
	else if (tls_error(ctx) != NULL)
		reason_set(why, "%s", tls_error(ctx));
	tls_free(ctx);
	tls_config_free(c);
	return (result);
}

static bool
holds(const struct conf_bytes *b, const char *text)
{
	return (memmem(b->p, b->n, text, strlen(text)) != NULL);
}

/* cert_file is known to contain a certificate. */
static int
check_key(const struct conf_tls *t, struct reason *why)
{
	const struct conf_tls pair = { .cert = t->cert, .key = t->key };
	struct reason said;

	if (holds(&t->key, "ENCRYPTED"))
		return (reason_set(why,
		    "the key is encrypted: nobody is there to type its "
		    "passphrase; store it without"));
	if (try_out(&pair, false, &said) == 0)
		return (0);

	if (strstr(said.text, "failed to read") != NULL)
		return (
		    reason_set(why, "no private key is in it, in PEM form"));
	return (reason_set(
	    why, "the key does not belong to the certificate in cert_file"));
}

static void
look_at_dates(const struct cert_facts *f, struct reason *warning)
{
	time_t now = clock_wall_s();

	if (f->not_after < now)
		reason_set(warning, "the certificate expired %s",
		    cert_date(f->not_after).text);
	else if (f->not_before > now)
		reason_set(warning, "the certificate counts from %s on",
		    cert_date(f->not_before).text);
}

static int
check_pair(const struct conf_tls *t, const char **option, struct reason *why,
    struct reason *warning)
{
	struct cert_facts facts;

	*option = "cert_file";
	if (t->cert.p == NULL && t->key.p == NULL)
		return (0);
	if (t->key.p == NULL)
		return (reason_set(
		    why, "a certificate needs its key: key_file is missing"));
	if (cert_read(t->cert.p, t->cert.n, &facts) == 0) {
		look_at_dates(&facts, warning);
		*option = "key_file";
		return (check_key(t, why));
	}
	if (t->cert.p != NULL)
		return (
		    reason_set(why, "no certificate is in it, in PEM form"));
	*option = "key_file";
	return (reason_set(
	    why, "a key needs its certificate: cert_file is missing"));
}

/* OpenSSL accepts a "TRUSTED CERTIFICATE" without its root. */
static int
check_root(const struct conf_tls *t, struct reason *why)
{
	const struct cert_pem ca = { t->ca.p, t->ca.n };
	char issuer[128];

	if (holds(&t->ca, "TRUSTED CERTIFICATE") || cert_has_root(&ca) ||
	    !cert_lacks_issuer(&ca, &ca, issuer, sizeof(issuer)))
		return (0);
	return (reason_set(why,
	    "no root is in it, only what others signed: add the certificate "
	    "of \"%s\"",
	    issuer));
}

static int
check_ca(const struct conf_tls *t, const char **option, struct reason *why)
{
	const struct conf_tls ca = { .ca = t->ca };
	struct cert_facts facts;
	struct reason said;

	*option = "ca_file";
	if (t->ca.p == NULL)
		return (0);
	if (t->nfingerprints > 0)
		return (reason_set(why,
		    "fingerprint stands in place of a CA: leave one of them "
		    "out"));
	if (cert_read(t->ca.p, t->ca.n, &facts) == -1 ||
	    try_out(&ca, true, &said) == -1)
		return (
		    reason_set(why, "no certificate is in it, in PEM form"));
	return (check_root(t, why));
}

int
conf_tls_check(const struct conf_tls *t, const char **option,
    struct reason *why, struct reason *warning)
{
	*option = "verify";
	if (!t->verify && t->nfingerprints > 0)
		return (reason_set(why,
		    "verify = false contradicts fingerprint: leave one of "
		    "them out"));
	if (!t->verify && t->ca.p != NULL)
		return (reason_set(why,
		    "verify = false contradicts ca_file: leave one of them "
		    "out"));
	if (check_ca(t, option, why) == -1)
		return (-1);
	return (check_pair(t, option, why, warning));
}
