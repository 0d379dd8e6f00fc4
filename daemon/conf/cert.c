#include "daemon/conf/cert.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define CHAIN_MAX 32 /* issuers: two certificates may name each other */

/* The receiver chose the name: only printable ASCII may reach the log. */
static void
add_name(struct cert_facts *f, const void *name, size_t n)
{
	const unsigned char *p = name;
	size_t len = strlen(f->names);
	size_t separator = len == 0 ? 0 : 2;

	if (n == 0 || len + separator + n >= sizeof(f->names))
		return;
	memcpy(f->names + len, ", ", separator);
	len += separator;
	for (size_t i = 0; i < n; i++)
		f->names[len++] = p[i] > 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
	f->names[len] = '\0';
}

static void
add_address(struct cert_facts *f, const void *address, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	if ((n == 4 || n == 16) &&
	    inet_ntop(n == 4 ? AF_INET : AF_INET6, address, text,
		sizeof(text)) != NULL)
		add_name(f, text, strlen(text));
}

static void
add_alternative_names(struct cert_facts *f, const X509 *x)
{
	GENERAL_NAMES *names;
	const GENERAL_NAME *name;
	const ASN1_STRING *s;
	void (*add)(struct cert_facts *, const void *, size_t);

	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS) {
			s = name->d.dNSName;
			add = add_name;
		} else if (name->type == GEN_IPADD) {
			s = name->d.iPAddress;
			add = add_address;
		} else
			continue;
		add(f, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	}
	GENERAL_NAMES_free(names);
}

static void
add_common_name(struct cert_facts *f, const X509 *x)
{
	X509_NAME *subject = X509_get_subject_name(x);
	const ASN1_STRING *s;
	int i;

	if ((i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)) < 0)
		return;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i));
	add_name(f, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static int
convert(const ASN1_TIME *from, time_t *to)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(from, &tm) != 1)
		return (-1);
	*to = timegm(&tm);
	return (0);
}

static int
read_facts(const X509 *x, struct cert_facts *f)
{
	memset(f, 0, sizeof(*f));
	add_alternative_names(f, x);
	if (f->names[0] == '\0')
		add_common_name(f, x);
	if (convert(X509_get0_notBefore(x), &f->not_before) == -1)
		return (-1);
	return (convert(X509_get0_notAfter(x), &f->not_after));
}

int
cert_read(const uint8_t *pem, size_t n, struct cert_facts *f)
{
	X509 *x = NULL;
	BIO *bio;
	int result = -1;

	if (pem == NULL || n > INT_MAX ||
	    (bio = BIO_new_mem_buf(pem, (int)n)) == NULL)
		return (-1);
	if ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		result = read_facts(x, f);
	X509_free(x);
	BIO_free(bio);
	/* libtls would take errors in the queue for its own. */
	ERR_clear_error();
	return (result);
}

/*
 * Chains.
 */

static void
free_info(X509_INFO *info)
{
	X509_INFO_free(info);
}

/* Returns all certificates of pem, or NULL. */
static STACK_OF(X509_INFO) * read_all(const struct cert_pem *pem)
{
	STACK_OF(X509_INFO) * all;
	BIO *bio;

	if (pem->p == NULL || pem->n > INT_MAX ||
	    (bio = BIO_new_mem_buf(pem->p, (int)pem->n)) == NULL)
		return (NULL);
	all = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return (all);
}

/* Whether x is its own issuer, also if it may not sign others. */
static bool
is_root(X509 *x)
{
	return (X509_NAME_cmp(
		    X509_get_subject_name(x), X509_get_issuer_name(x)) == 0);
}

/* Returns the issuer of x among all, which may be NULL; or NULL. */
static X509 *
issuer_among(STACK_OF(X509_INFO) * all, X509 *x)
{
	X509 *issuer;

	for (int i = 0; i < sk_X509_INFO_num(all); i++) {
		issuer = sk_X509_INFO_value(all, i)->x509;
		if (issuer != NULL && X509_check_issued(issuer, x) == X509_V_OK)
			return (issuer);
	}
	return (NULL);
}

bool
cert_has_root(const struct cert_pem *pem)
{
	STACK_OF(X509_INFO) *all = read_all(pem);
	bool found = false;
	X509 *x;

	for (int i = 0; i < sk_X509_INFO_num(all); i++) {
		x = sk_X509_INFO_value(all, i)->x509;
		found = found || (x != NULL && is_root(x));
	}
	sk_X509_INFO_pop_free(all, free_info);
	ERR_clear_error();
	return (found);
}

/* Writes the common name of the issuer of x, or the whole name. */
static void
write_issuer(X509 *x, char *name, size_t size)
{
	X509_NAME *issuer = X509_get_issuer_name(x);

	if (X509_NAME_get_text_by_NID(
		issuer, NID_commonName, name, (int)size) <= 0)
		(void)X509_NAME_oneline(issuer, name, (int)size);
	for (; *name != '\0'; name++)
		if (*name < 0x20 || *name >= 0x7f)
			*name = '?';
}

bool
cert_lacks_issuer(const struct cert_pem *chain, const struct cert_pem *ca,
    char *name, size_t size)
{
	STACK_OF(X509_INFO) *sent = read_all(chain), *trusted = read_all(ca);
	X509 *x = NULL, *next = NULL;
	bool lacks = false;

	if (sk_X509_INFO_num(sent) > 0)
		x = sk_X509_INFO_value(sent, 0)->x509;
	for (int i = 0; x != NULL && i < CHAIN_MAX && !is_root(x); i++) {
		if ((next = issuer_among(trusted, x)) == NULL &&
		    (next = issuer_among(sent, x)) == NULL) {
			write_issuer(x, name, size);
			lacks = true;
		}
		x = next;
	}
	sk_X509_INFO_pop_free(sent, free_info);
	sk_X509_INFO_pop_free(trusted, free_info);
	ERR_clear_error();
	return (lacks);
}

struct cert_day
cert_date(time_t t)
{
	struct cert_day day;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(day.text, sizeof(day.text), "%Y-%m-%d", &tm) == 0)
		(void)strlcpy(day.text, "an unknown date", sizeof(day.text));
	return (day);
}
