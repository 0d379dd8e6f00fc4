#include "daemon/net/tls_peer.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <tls.h>

#include "daemon/base/clock.h"
#include "daemon/conf/cert.h"
#include "daemon/conf/tls.h"
#include "daemon/conf/url.h"

const char *
tls_peer_name(const struct transport *t)
{
	const struct conf_tls *conf = &t->conf->tls;

	return (conf->server_name != NULL ? conf->server_name
					  : conf_url_peer(t->url));
}

/* It may be "read failed: error:0A000412:SSL routines::bad certificate". */
const char *
tls_peer_error(struct tls *ctx)
{
	const char *text = tls_error(ctx), *last;

	if (text == NULL)
		return ("unknown error");
	if (strstr(text, "error:") == NULL)
		return (text);
	last = strrchr(text, ':');
	return (last[1] == '\0' ? text : last + 1);
}

/* Reads the server's certificate; f->names is "" when that fails. */
static void
read_certificate(struct tls *ctx, struct cert_facts *f)
{
	const uint8_t *pem;
	size_t n;

	if ((pem = tls_peer_cert_chain_pem(ctx, &n)) == NULL ||
	    cert_read(pem, n, f) == -1)
		memset(f, 0, sizeof(*f));
}

int
tls_peer_check(const struct transport *t, struct tls *ctx, struct reason *why)
{
	const struct conf_tls *conf = &t->conf->tls;
	const char *name = tls_peer_name(t), *hash = tls_peer_cert_hash(ctx);
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
	if (!conf->verify || tls_peer_cert_contains_name(ctx, name) == 1)
		return (0);
	read_certificate(ctx, &f);
	return (reason_set(why, "certificate is for %s, not %s",
	    f.names[0] != '\0' ? f.names : "nobody", name));
}

bool
tls_peer_is_refused(struct tls *ctx)
{
	const char *text = tls_error(ctx);

	return (text != NULL &&
	    strncmp(text, "certificate verification failed", 31) == 0);
}

/* Returns text; if an issuer is missing, with its name, in more. */
static const char *
name_missing(const struct transport *t, struct tls *ctx, const char *text,
    struct reason *more)
{
	const struct conf_bytes *trusted = &t->conf->tls.ca;
	const struct cert_pem ca = { trusted->p, trusted->n };
	struct cert_pem chain;
	char issuer[128];

	chain.p = tls_peer_cert_chain_pem(ctx, &chain.n);
	if (strstr(text, "issuer certificate") == NULL ||
	    !cert_lacks_issuer(&chain, &ca, issuer, sizeof(issuer)))
		return (text);
	reason_set(more, "%s, that of \"%s\" is neither in %s nor sent", text,
	    issuer, trusted->p != NULL ? "ca_file" : "the system's list");
	return (more->text);
}

void
tls_peer_tell_refusal(const struct transport *t, struct tls *ctx,
    const struct reason *refused, struct reason *why)
{
	const char *hash = ctx != NULL ? tls_peer_cert_hash(ctx) : NULL;
	const char *name = tls_peer_name(t), *text;
	struct cert_facts f = { 0 };
	struct reason more;
	time_t now = clock_wall_s();

	text = strrchr(refused->text, ':');
	text = text == NULL ? refused->text : text + 2;
	if (ctx != NULL)
		read_certificate(ctx, &f);
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
		    name, name_missing(t, ctx, text, &more),
		    f.names[0] != '\0' ? f.names : "nobody", hash);
	else
		reason_set(why, "certificate of %s: %s", name, text);
}
