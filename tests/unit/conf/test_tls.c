/*
 * Goal: what tls { } says is read into memory, and whatever of it could not
 * work is refused with its line before anything is connected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/cert.h"
#include "daemon/conf/conf.h"
#include "daemon/conf/tls.h"

#define SOURCE "source \"s\" { paths = \"/l\" }\n"
#define HEX32 "0123456789abcdef0123456789abcdef"

static char dir[64];
static char file[96];

static struct conf *
load(const char *tls, struct reason *why)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(
	    fprintf(f, "destination \"d\" {\nurl = \"tls://h\"\n%s\n}\n" SOURCE,
		tls) > 0);
	assert_int_equal(fclose(f), 0);
	return (conf_load(file, NULL, why));
}

/* Replaces each @ by the directory. */
static const char *
expand(const char *text)
{
	static char out[1024];
	size_t n = 0;

	for (; *text != '\0'; text++)
		if (*text == '@')
			n += strlcpy(out + n, dir, sizeof(out) - n);
		else
			out[n++] = *text;
	out[n] = '\0';
	return (out);
}

static struct conf *
accepted(const char *options)
{
	struct reason why = { "" };
	struct conf *c = load(expand(options), &why);

	if (c == NULL)
		fail_msg("%s", why.text);
	return (c);
}

/* words: the message behind the name of the file. */
static void
refused(const char *options, const char *words)
{
	struct reason why = { "" };
	struct conf *c = load(expand(options), &why);

	if (c != NULL)
		fail_msg("accepted: %s", options);
	assert_memory_equal(why.text, file, strlen(file));
	assert_string_equal(why.text + strlen(file), expand(words));
}

static const struct conf_tls *
tls_of(const struct conf *c)
{
	return (&TAILQ_FIRST(&c->destinations)->tls);
}

static void
without_a_section_the_ca_of_the_system_decides(void **state)
{
	struct conf *c = accepted("");
	const struct conf_tls *t = tls_of(c);

	(void)state;
	assert_true(t->verify);
	assert_false(t->only_1_3);
	assert_null(t->ca.p);
	assert_null(t->cert.p);
	assert_null(t->key.p);
	assert_null(t->server_name);
	assert_int_equal(t->nfingerprints, 0);
	assert_int_equal(TAILQ_FIRST(&c->destinations)->wire, WIRE_OCTET);
	conf_free(c);
}

static void
an_empty_section_is_the_same_as_none(void **state)
{
	struct conf *c = accepted("tls { }");

	(void)state;
	assert_true(tls_of(c)->verify);
	conf_free(c);
	c = accepted("tls { ca_file = \"\"\n cert_file = \"\"\n"
		     "key_file = \"\"\n server_name = \"\"\n"
		     "fingerprint = {}\n verify = true\n"
		     "min_version = \"1.2\" }");
	assert_true(tls_of(c)->verify);
	assert_null(tls_of(c)->ca.p);
	assert_null(tls_of(c)->server_name);
	conf_free(c);
}

static void
files_are_read_into_memory(void **state)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	struct conf *c =
	    accepted("tls {\nca_file = \"@/cert\"\ncert_file = \"@/cert\"\n"
		     "key_file = \"@/key\"\nmin_version = 1.3\n"
		     "server_name = \"siem.example.com\"\n}");
	const struct conf_tls *t = tls_of(c);

	(void)state;
	assert_true(t->ca.n > sizeof(begin));
	assert_memory_equal(t->ca.p, begin, sizeof(begin) - 1);
	assert_memory_equal(t->cert.p, begin, sizeof(begin) - 1);
	assert_memory_equal(t->key.p, "-----BEGIN ", 11);
	assert_string_equal(t->server_name, "siem.example.com");
	assert_true(t->only_1_3);
	assert_string_equal(c->warning.text, "");
	conf_free(c);
}

static void
fingerprints_are_kept_in_one_form(void **state)
{
	struct conf *c =
	    accepted("tls { fingerprint = { \"SHA256:" HEX32 HEX32 "\",\n"
		     "\"sha256:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:"
		     "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89\" } }");
	const struct conf_tls *t = tls_of(c);

	(void)state;
	assert_int_equal(t->nfingerprints, 2);
	assert_string_equal(t->fingerprints[0], "SHA256:" HEX32 HEX32);
	assert_string_equal(t->fingerprints[1],
	    "SHA256:abcdef0123456789abcdef0123456789"
	    "abcdef0123456789abcdef0123456789");
	conf_free(c);
}

static void
what_is_no_fingerprint_is_refused(void **state)
{
	static const char *const bad[] = { "", "SHA256:", HEX32 HEX32,
		"SHA1:" HEX32 HEX32, "SHA256:" HEX32, "SHA256:" HEX32 HEX32 "0",
		"SHA256:" HEX32 HEX32 ":", "SHA256::" HEX32 HEX32,
		"SHA256:" HEX32 "g" HEX32, "SHA256:0:1" HEX32 HEX32,
		"SHA256:" HEX32 "::" HEX32 };
	char option[512], words[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(option, sizeof(option),
		    "tls {\nfingerprint = \"%s\"\n}", bad[i]);
		snprintf(words, sizeof(words),
		    ":4: tls: fingerprint: \"%s\" is none: write \"SHA256:\" "
		    "and 64 hexadecimal digits, which \"openssl x509 -noout "
		    "-fingerprint -sha256 -in certificate\" prints",
		    bad[i]);
		refused(option, words);
	}
}

static void
files_that_cannot_be_read_are_refused(void **state)
{
	(void)state;
	refused("tls {\nca_file = \"cert\"\n}",
	    ":4: tls: ca_file: \"cert\" is not an absolute path: it must begin "
	    "with \"/\"");
	refused("tls {\nca_file = \"@/none\"\n}",
	    ":4: tls: ca_file: \"@/none\": No such file or directory");
	refused("tls {\ncert_file = \"@\"\n}",
	    ":4: tls: cert_file: \"@\" is not a regular file");
	refused("tls {\nkey_file = \"@/fifo\"\n}",
	    ":4: tls: key_file: \"@/fifo\" is not a regular file");
	refused("tls {\n\nkey_file = \"@/empty\"\n}",
	    ":5: tls: key_file: \"@/empty\" is empty");
	refused("tls {\nca_file = \"@/garbage\"\n}",
	    ":4: tls: ca_file: no certificate is in it, in PEM form");
	refused("tls {\nca_file = \"@/key\"\n}",
	    ":4: tls: ca_file: no certificate is in it, in PEM form");
	refused("tls {\ncert_file = \"@/garbage\"\nkey_file = \"@/key\"\n}",
	    ":4: tls: cert_file: no certificate is in it, in PEM form");
	refused("tls {\ncert_file = \"@/cert\"\nkey_file = \"@/garbage\"\n}",
	    ":5: tls: key_file: no private key is in it, in PEM form");
}

static void
a_certificate_and_its_key_belong_together(void **state)
{
	(void)state;
	refused("tls {\ncert_file = \"@/cert\"\n}",
	    ":4: tls: cert_file: a certificate needs its key: key_file is "
	    "missing");
	refused("tls {\nkey_file = \"@/key\"\n}",
	    ":4: tls: key_file: a key needs its certificate: cert_file is "
	    "missing");
	refused("tls {\ncert_file = \"@/cert\"\nkey_file = \"@/other\"\n}",
	    ":5: tls: key_file: the key does not belong to the certificate in "
	    "cert_file");
	refused("tls {\ncert_file = \"@/cert\"\nkey_file = \"@/encrypted\"\n}",
	    ":5: tls: key_file: the key is encrypted: nobody is there to type "
	    "its passphrase; store it without");
}

static void
an_expired_certificate_of_ours_is_a_warning(void **state)
{
	struct conf *c = accepted("tls {\ncert_file = \"@/expired\"\n"
				  "key_file = \"@/key\"\n}");
	char begin[160];

	(void)state;
	snprintf(begin, sizeof(begin),
	    "%s:4: tls: cert_file: the certificate expired 20", file);
	assert_memory_equal(c->warning.text, begin, strlen(begin));
	conf_free(c);
}

static void
contradictions_are_refused(void **state)
{
	(void)state;
	refused("tls {\nfingerprint = \"SHA256:" HEX32 HEX32
		"\"\nverify = false\n}",
	    ":5: tls: verify = false contradicts fingerprint: leave one of "
	    "them out");
	refused("tls {\nverify = false\nca_file = \"@/cert\"\n}",
	    ":4: tls: verify = false contradicts ca_file: leave one of them "
	    "out");
	refused("tls {\nfingerprint = \"SHA256:" HEX32 HEX32
		"\"\nca_file = \"@/cert\"\n}",
	    ":5: tls: ca_file: fingerprint stands in place of a CA: leave one "
	    "of them out");
}

static void
other_options_are_checked_like_all(void **state)
{
	(void)state;
	refused("tls {\nmin_version = \"1.1\"\n}",
	    ":4: tls: unknown min_version \"1.1\" (1.2, 1.3)");
	refused("tls {\nverify = maybe\n}",
	    ":4: tls: verify: \"maybe\" is not true or false");
	refused("tls {\nserver_name = \"a b\"\n}",
	    ":4: tls: server_name: \"a b\" is neither a name nor an address");
	refused("tls {\nca_fiel = \"/x\"\n}",
	    ":4: tls: unknown option \"ca_fiel\" (ca_file?)");
	refused("tls {\nca_file = \"\"\nca_file = \"\"\n}",
	    ":5: tls: ca_file is given twice: only one can count");
	refused("tls { }\ntls { }",
	    ":4: destination \"d\": tls is given twice: only one can count");
	refused("ca_file = \"/x\"",
	    ":3: destination \"d\": unknown option \"ca_file\": it belongs in "
	    "tls { }");
	refused("tls = \"/x\"",
	    ":3: destination \"d\": \"{\" is missing after the name of the "
	    "tls");
}

static struct conf *
from_args(
    const char *url, const char *name, const char *value, struct reason *why)
{
	const struct conf_pair option = { name, expand(value) };
	const struct conf_pairs options = { &option, 1 };
	char path[] = "/l", *paths[] = { path };

	return (conf_from_args(url, &options, paths, 1, why));
}

static void
the_command_line_takes_the_options_by_their_bare_name(void **state)
{
	struct reason why = { "" };
	struct conf *c = from_args("tls://h", "ca_file", "@/cert", &why);
	char cwd[256];

	(void)state;
	assert_non_null(c);
	assert_non_null(tls_of(c)->ca.p);
	conf_free(c);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	c = from_args("relp+tls://h", "ca_file", "cert", &why);
	assert_int_equal(chdir(cwd), 0);
	assert_non_null(c);
	assert_non_null(tls_of(c)->ca.p);
	conf_free(c);
	assert_null(from_args("tls://h", "key_file", "@/none", &why));
	assert_memory_equal(why.text, "-o key_file: ", 13);
	assert_null(from_args("tcp://h", "verify", "false", &why));
	assert_string_equal(why.text,
	    "-o verify: tls means nothing over tcp: write a url as in "
	    "\"tls://host\", or leave it out");
}

static void
a_certificate_tells_names_and_dates(void **state)
{
	struct conf *c = accepted("tls { ca_file = \"@/cert\" }");
	const struct conf_tls *t = tls_of(c);
	struct cert_facts f;

	(void)state;
	assert_int_equal(cert_read(t->ca.p, t->ca.n, &f), 0);
	assert_string_equal(f.names, "a.example, b.example, 192.0.2.1");
	assert_true(f.not_before <= time(NULL));
	assert_true(f.not_after > time(NULL));
	assert_int_equal(cert_read(t->ca.p, 20, &f), -1);
	assert_int_equal(cert_read(NULL, 0, &f), -1);
	assert_string_equal(cert_date(1793491200).text, "2026-11-01");
	conf_free(c);
	c = accepted("tls { ca_file = \"@/named\" }");
	t = tls_of(c);
	assert_int_equal(cert_read(t->ca.p, t->ca.n, &f), 0);
	assert_string_equal(f.names, "odd?name");
	conf_free(c);
}

static void
a_ca_file_without_a_root_names_what_it_lacks(void **state)
{
	const struct cert_pem none = { NULL, 0 };
	struct cert_pem p;
	struct conf *c;
	char issuer[64];

	(void)state;
	refused("tls {\nca_file = \"@/inter\" }",
	    ":4: tls: ca_file: no root is in it, only what others signed: "
	    "add the certificate of \"our root\"");
	c = accepted("tls { ca_file = \"@/both\" }");
	p.p = tls_of(c)->ca.p;
	p.n = tls_of(c)->ca.n;
	assert_true(cert_has_root(&p));
	assert_false(cert_lacks_issuer(&p, &none, issuer, sizeof(issuer)));
	conf_free(c);
	/* It need not be allowed to sign others. */
	conf_free(accepted("tls { ca_file = \"@/cert\" }"));
	assert_false(cert_has_root(&none));
	assert_false(cert_lacks_issuer(&none, &none, issuer, sizeof(issuer)));
}

static int
make_files(void **state)
{
	static const char script[] =
	    "cd '%s' && exec >log 2>&1\n"
	    "new='openssl genpkey -algorithm EC -pkeyopt "
	    "ec_paramgen_curve:P-256'\n"
	    "$new -out key && $new -out other && "
	    "openssl pkey -in key -aes128 -passout pass:x -out encrypted &&\n"
	    "openssl req -x509 -key key -subj /CN=c -days 9 -addext "
	    "subjectAltName=DNS:a.example,DNS:b.example,IP:192.0.2.1 "
	    "-out cert &&\n"
	    "openssl req -x509 -key key -subj '/CN=odd name' -out named &&\n"
	    "openssl req -new -key key -subj /CN=e -out request &&\n"
	    "printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\nserial=serial\n"
	    "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' >ca &&\n"
	    ": >index && echo 01 >serial &&\n"
	    "openssl ca -batch -notext -config ca -selfsign -keyfile key "
	    "-in request -outdir . -startdate 20200101000000Z "
	    "-enddate 20200102000000Z -out expired &&\n"
	    "openssl req -x509 -key other -subj '/CN=our root' -out root &&\n"
	    "openssl x509 -req -in request -CA root -CAkey other "
	    "-set_serial 1 -out inter && cat inter root >both &&\n"
	    "mkfifo fifo && : >empty && echo garbage >garbage";
	char command[2048];

	(void)state;
	strlcpy(dir, "/tmp/test_conf_tls.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return (-1);
	snprintf(file, sizeof(file), "%s/teslacoil.conf", dir);
	snprintf(command, sizeof(command), script, dir);
	return (system(command));
}

static int
remove_files(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return (system(command));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    without_a_section_the_ca_of_the_system_decides),
		cmocka_unit_test(an_empty_section_is_the_same_as_none),
		cmocka_unit_test(files_are_read_into_memory),
		cmocka_unit_test(fingerprints_are_kept_in_one_form),
		cmocka_unit_test(what_is_no_fingerprint_is_refused),
		cmocka_unit_test(files_that_cannot_be_read_are_refused),
		cmocka_unit_test(a_certificate_and_its_key_belong_together),
		cmocka_unit_test(an_expired_certificate_of_ours_is_a_warning),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(other_options_are_checked_like_all),
		cmocka_unit_test(
		    the_command_line_takes_the_options_by_their_bare_name),
		cmocka_unit_test(a_certificate_tells_names_and_dates),
		cmocka_unit_test(a_ca_file_without_a_root_names_what_it_lacks),
	};

	return (cmocka_run_group_tests(tests, make_files, remove_files));
}
