#include "daemon/cert.h"

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

/* A certificate is the peer's word: nothing but plain text gets into a log. */
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
	add_name(
	    f, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
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
	/* libtls must not find our errors in the queue. */
	ERR_clear_error();
	return (result);
}

const char *
cert_date(time_t t)
{
	static char text[32];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
		return ("an unknown date");
	return (text);
}
