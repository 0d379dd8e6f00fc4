/*
 * sink.c - a receiver that only counts, as fast as it can.
 *
 * Takes one connection after the other on a port of loopback that it prints.
 * When so many messages have come, it prints the seconds since the first
 * connection.  Over tcp and tls a message has its length before it or a newline
 * behind it; over relp each is answered, all that came in one read together.
 *
 * usage: sink tcp|tls|relp|relp+tls messages [certificate key]
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <ctype.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define BUFFER (256 * 1024)
#define HEAD_MOST 64 /* octets before a message, at the most */
#define ANSWER_MOST 32

struct sink {
	bool relp;
	SSL_CTX *ctx; /* NULL: no TLS */
	uint64_t messages;
	uint64_t wanted;
	struct timespec begin; /* of the first connection */
	int fd;
	SSL *ssl;
	bool newline; /* how messages end; else they have a length */
	size_t rest; /* of the message at hand */
	uint32_t txnr; /* of it, to be answered at its end; 0: none */
	uint8_t buf[BUFFER];
	char answers[BUFFER];
	size_t nanswers;
};

static void die_tls(const char *) __attribute__((__noreturn__));

static void
die_tls(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

static ssize_t
receive(struct sink *s, uint8_t *p, size_t n)
{
	int got;

	if (s->ssl == NULL)
		return (read(s->fd, p, n));
	got = SSL_read(s->ssl, p, (int)n);
	return (got > 0 ? got : 0);
}

static void
flush_answers(struct sink *s)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < s->nanswers; done += (size_t)n) {
		if (s->ssl != NULL)
			n = SSL_write(s->ssl, s->answers + done,
			    (int)(s->nanswers - done));
		else
			n = write(s->fd, s->answers + done, s->nanswers - done);
		if (n <= 0)
			break; /* it is gone, which the next read will tell */
	}
	s->nanswers = 0;
}

static void
count(struct sink *s)
{
	struct timespec now;

	if (++s->messages != s->wanted)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%.6f\n",
	    (double)(now.tv_sec - s->begin.tv_sec) +
		(double)(now.tv_nsec - s->begin.tv_nsec) / 1e9);
	fflush(stdout);
}

static void
answer(struct sink *s, uint32_t txnr, const char *text)
{
	char digits[10];
	size_t i = sizeof(digits), n;

	if (s->nanswers + ANSWER_MOST + strlen(text) > sizeof(s->answers))
		flush_answers(s);
	do
		digits[--i] = (char)('0' + txnr % 10);
	while ((txnr /= 10) > 0);
	memcpy(s->answers + s->nanswers, digits + i, sizeof(digits) - i);
	s->nanswers += sizeof(digits) - i;
	n = strlen(text);
	memcpy(s->answers + s->nanswers, text, n);
	s->nanswers += n;
}

static void
end_message(struct sink *s)
{
	if (s->relp && s->txnr == 0)
		return;
	count(s);
	if (s->relp)
		answer(s, s->txnr, " rsp 6 200 OK\n");
}

/* Reads a number.  Returns how many octets it has, 0 for not all of them. */
static size_t
number(const uint8_t *p, size_t n, uint32_t *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < n && isdigit(p[i]); i++)
		*value = *value * 10 + (uint32_t)(p[i] - '0');
	if (i == n)
		return (0);
	if (i == 0)
		errx(1, "octet 0x%02x where a number should be", p[0]);
	return (i);
}

/* What comes before a message.  Returns its octets, 0: not all is there. */
static size_t
octet_head(struct sink *s, const uint8_t *p, size_t n)
{
	uint32_t len;
	size_t at = number(p, n, &len);

	if (at == 0)
		return (0);
	s->rest = len;
	return (at + 1);
}

static size_t
relp_head(struct sink *s, const uint8_t *p, size_t n)
{
	static const char offers[] = "relp_version=0\nrelp_software=sink\n"
				     "commands=syslog";
	const uint8_t *command, *blank;
	char text[128];
	uint32_t len, txnr;
	size_t at, digits;

	if ((at = number(p, n, &txnr)) == 0)
		return (0);
	command = p + ++at;
	if ((blank = memchr(command, ' ', n - at)) == NULL)
		return (0);
	at = (size_t)(blank + 1 - p);
	if ((digits = number(p + at, n - at, &len)) == 0)
		return (0);
	at += digits;
	/* " data\n", or "\n" */
	s->rest = len > 0 ? len + 2 : 1;
	s->txnr = *command == 's' ? txnr : 0;
	if (*command == 'o') {
		snprintf(text, sizeof(text), " rsp %zu 200 OK\n%s\n",
		    sizeof("200 OK\n") - 1 + sizeof(offers) - 1, offers);
		answer(s, txnr, text);
	} else if (*command == 'c') {
		answer(s, txnr, " rsp 0\n");
	}
	return (at);
}

/* Returns how many octets were used. */
static size_t
count_framed(struct sink *s, const uint8_t *p, size_t n)
{
	size_t at = 0, head;

	for (;;) {
		if (s->rest > n - at) {
			s->rest -= n - at;
			return (n);
		}
		at += s->rest;
		if (s->rest > 0)
			end_message(s);
		s->rest = 0;
		head = s->relp ? relp_head(s, p + at, n - at)
			       : octet_head(s, p + at, n - at);
		if (head == 0 && n - at > HEAD_MOST)
			errx(1, "no head of a message");
		if (head == 0)
			return (at);
		at += head;
	}
}

static size_t
count_lines(struct sink *s, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		count(s);
	}
	return (n);
}

/* Of what was read ahead; the rest of a record comes in any case. */
static bool
has_more(const struct sink *s)
{
	return (s->ssl != NULL &&
	    (SSL_pending(s->ssl) > 0 || BIO_pending(SSL_get_rbio(s->ssl)) > 0));
}

static void
serve(struct sink *s)
{
	size_t have = 0, used;
	bool first = true;
	ssize_t n;

	s->rest = s->nanswers = 0;
	while ((n = receive(s, s->buf + have, sizeof(s->buf) - have)) > 0) {
		if (first)
			s->newline = !s->relp && !isdigit(s->buf[0]);
		first = false;
		have += (size_t)n;
		used = s->newline ? count_lines(s, s->buf, have)
				  : count_framed(s, s->buf, have);
		have -= used;
		memmove(s->buf, s->buf + used, have);
		if (!has_more(s))
			flush_answers(s);
	}
}

static void
serve_tls(struct sink *s)
{
	BIO *in, *ahead;

	if ((s->ssl = SSL_new(s->ctx)) == NULL ||
	    SSL_set_fd(s->ssl, s->fd) != 1 ||
	    (in = BIO_new_socket(s->fd, BIO_NOCLOSE)) == NULL ||
	    (ahead = BIO_new(BIO_f_buffer())) == NULL)
		die_tls("SSL_new");
	/*
	 * Many records in one read(2); OpenSSL's own way of reading ahead
	 * moves all that it has for each record.
	 */
	(void)BIO_set_read_buffer_size(ahead, BUFFER);
	SSL_set0_rbio(s->ssl, BIO_push(ahead, in));
	if (SSL_accept(s->ssl) == 1)
		serve(s);
	else
		ERR_print_errors_fp(stderr);
	(void)SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	s->ssl = NULL;
}

static SSL_CTX *
make_context(const char *cert, const char *key)
{
	SSL_CTX *ctx;

	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die_tls(cert);
	return (ctx);
}

/* Prints the port. */
static int
listen_on_loopback(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "socket");
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return (fd);
}

int
main(int argc, char **argv)
{
	static struct sink s;
	const int on = 1;
	bool tls;
	int fd;

	if (argc != 3 && argc != 5)
		errx(2,
		    "usage: sink tcp|tls|relp|relp+tls messages "
		    "[certificate key]");
	tls = strstr(argv[1], "tls") != NULL;
	if (tls != (argc == 5))
		errx(2, "a certificate and a key are for tls");
	s.relp = strncmp(argv[1], "relp", 4) == 0;
	s.wanted = strtoull(argv[2], NULL, 10);
	if (tls)
		s.ctx = make_context(argv[3], argv[4]);
	(void)signal(SIGPIPE, SIG_IGN);
	fd = listen_on_loopback();
	while ((s.fd = accept(fd, NULL, NULL)) != -1) {
		(void)setsockopt(
		    s.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (s.begin.tv_sec == 0)
			(void)clock_gettime(CLOCK_MONOTONIC, &s.begin);
		if (tls)
			serve_tls(&s);
		else
			serve(&s);
		(void)close(s.fd);
	}
	err(1, "accept");
}
