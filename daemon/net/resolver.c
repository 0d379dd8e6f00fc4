#include "daemon/net/resolver.h"

#include <sys/queue.h>

/* Its newer functions are not in all versions that are in use. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * c-ares waits for each name server a tenth of the timeout, in the second round
 * two tenths: so the third is asked in time though two do not answer.
 */
#define ROUNDS 2
#define PARTS 10

/* Records of a service that are read; of these RESOLVER_MAX are chosen. */
#define RECORDS 64

struct socket_watch {
	TAILQ_ENTRY(socket_watch) entry;
	struct resolver_question *question;
	ev_io io;
};

struct resolver_question {
	struct ev_loop *loop;
	ares_channel channel;
	ev_timer timer;
	TAILQ_HEAD(, socket_watch) sockets;
	resolver_host_cb *on_host; /* one of the two */
	resolver_service_cb *on_service;
	void *arg;
	bool done; /* answered */
	const char *error;
	struct address addresses[RESOLVER_MAX];
	struct srv records[RECORDS];
	size_t n;
};

static void
question_free(struct resolver_question *q)
{
	ares_destroy(q->channel);
	ev_timer_stop(q->loop, &q->timer);
	ares_library_cleanup();
	free(q);
}

/* For as long as c-ares can wait; at once for an answer that is there. */
static void
set_timer(struct resolver_question *q)
{
	struct timeval tv = { 0, 0 };

	ev_timer_stop(q->loop, &q->timer);
	if (!q->done && ares_timeout(q->channel, NULL, &tv) == NULL)
		return;
	ev_timer_set(
	    &q->timer, (double)tv.tv_sec + (double)tv.tv_usec / 1e6 + 1e-3, 0.);
	ev_timer_start(q->loop, &q->timer);
}

/* Gives the answer, or lets c-ares ask the next name server. */
static void
proceed(struct resolver_question *q)
{
	if (!q->done) {
		ares_process_fd(q->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		set_timer(q);
		return;
	}
	if (q->on_host != NULL)
		q->on_host(q->arg, q->addresses, q->n, q->error);
	else
		q->on_service(q->arg, q->records, q->n, q->error);
	question_free(q);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	proceed(timer->data);
}

static void
on_socket(struct ev_loop *loop, ev_io *io, int revents)
{
	struct socket_watch *w = io->data;
	struct resolver_question *q = w->question;
	int fd = io->fd;

	(void)loop;
	ares_process_fd(q->channel, revents & EV_READ ? fd : ARES_SOCKET_BAD,
	    revents & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set_timer(q);
}

static struct socket_watch *
find_socket(struct resolver_question *q, int fd)
{
	struct socket_watch *w;

	TAILQ_FOREACH (w, &q->sockets, entry)
		if (w->io.fd == fd)
			return (w);
	return (NULL);
}

/* c-ares calls this also for each socket that ares_destroy() closes. */
static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver_question *q = arg;
	struct socket_watch *w = find_socket(q, fd);
	int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);

	if (w != NULL)
		ev_io_stop(q->loop, &w->io);
	if (events == 0) {
		if (w != NULL)
			TAILQ_REMOVE(&q->sockets, w, entry);
		free(w);
		return;
	}
	if (w == NULL) {
		/* Without a watch the question ends by its timeout. */
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return;
		w->question = q;
		ev_init(&w->io, on_socket);
		w->io.data = w;
		TAILQ_INSERT_TAIL(&q->sockets, w, entry);
	}
	ev_io_set(&w->io, fd, events);
	ev_io_start(q->loop, &w->io);
}

/* Returns a question that is still to be asked, or NULL with errno. */
static struct resolver_question *
question_new(const struct resolver_how *how, void *arg)
{
	struct ares_options options = { .sock_state_cb = on_socket_state };
	struct resolver_question *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (NULL);
	q->loop = how->loop;
	q->arg = arg;
	TAILQ_INIT(&q->sockets);
	ev_timer_init(&q->timer, on_timer, 0., 0.);
	q->timer.data = q;
	options.sock_state_cb_data = q;
	options.tries = ROUNDS;
	options.timeout = (int)(how->timeout_ms / PARTS + 1);
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(q);
		errno = ENOMEM;
		return (NULL);
	}
	if (ares_init_options(&q->channel, &options,
		ARES_OPT_SOCK_STATE_CB | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS) !=
	    ARES_SUCCESS) {
		ares_library_cleanup();
		free(q);
		errno = ENOMEM;
		return (NULL);
	}
	return (q);
}

static void
on_host(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	const struct ares_addrinfo_node *node;
	struct resolver_question *q = arg;
	struct address *a;

	(void)timeouts;
	q->done = true;
	if (status != ARES_SUCCESS) {
		q->error = ares_strerror(status);
		return;
	}
	for (node = info->nodes; node != NULL && q->n < RESOLVER_MAX;
	     node = node->ai_next) {
		a = &q->addresses[q->n];
		if (node->ai_addrlen > sizeof(a->sa))
			continue;
		memcpy(&a->sa, node->ai_addr, node->ai_addrlen);
		a->len = node->ai_addrlen;
		a->ttl = node->ai_ttl > 0 ? (uint32_t)node->ai_ttl : 0;
		q->n++;
	}
	ares_freeaddrinfo(info);
	if (q->n == 0)
		q->error = "it has no address";
}

/* RFC 6761 6.3: localhost is not looked up, not even in /etc/hosts. */
static bool
is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t n = strlen(host);

	if (n > 0 && host[n - 1] == '.')
		n--;
	if (n < sizeof(name) - 1)
		return (false);
	host += n - (sizeof(name) - 1);
	return (strncasecmp(host, name, sizeof(name) - 1) == 0 &&
	    (n == sizeof(name) - 1 || host[-1] == '.'));
}

/* Adds host if it is an address as text. */
static bool
take_address(struct resolver_question *q, const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return (false);
	memcpy(&q->addresses[q->n].sa, found->ai_addr, found->ai_addrlen);
	q->addresses[q->n].len = found->ai_addrlen;
	q->addresses[q->n].ttl = ADDRESS_ALWAYS;
	q->n++;
	q->done = true;
	freeaddrinfo(found);
	return (true);
}

/*
 * Adds the addresses that are known without a question to the DNS, and returns
 * whether there are any.  127.0.0.1 comes first: most programs that listen at
 * ::1 listen there too, but not the other way round.
 */
static bool
take_known(struct resolver_question *q, const char *host, const char *port)
{
	if (!is_localhost(host))
		return (take_address(q, host, port));
	(void)take_address(q, "127.0.0.1", port);
	(void)take_address(q, "::1", port);
	return (q->done);
}

struct resolver_question *
resolver_ask_host(const struct resolver_how *how, const char *host,
    const char *port, resolver_host_cb *on_done, void *arg)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_flags = ARES_AI_NUMERICSERV };
	struct resolver_question *q;

	if ((q = question_new(how, arg)) == NULL)
		return (NULL);
	q->on_host = on_done;
	if (!take_known(q, host, port))
		ares_getaddrinfo(q->channel, host, port, &hints, on_host, q);
	set_timer(q);
	return (q);
}

/* RFC 2782: the target "." says that there is no such service. */
static void
keep_record(struct resolver_question *q, const struct ares_srv_reply *r)
{
	struct srv *to = &q->records[q->n];

	if (q->n == RECORDS || *r->host == '\0' || strcmp(r->host, ".") == 0 ||
	    strlcpy(to->host, r->host, sizeof(to->host)) >= sizeof(to->host))
		return;
	to->priority = r->priority;
	to->weight = r->weight;
	to->port = r->port;
	q->n++;
}

static void
on_service(void *arg, int status, int timeouts, unsigned char *p, int len)
{
	struct ares_srv_reply *replies = NULL, *r;
	struct resolver_question *q = arg;
	size_t i;

	(void)timeouts;
	q->done = true;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(p, len, &replies);
	if (status != ARES_SUCCESS) {
		q->error = ares_strerror(status);
		return;
	}
	for (r = replies; r != NULL; r = r->next)
		keep_record(q, r);
	ares_free_data(replies);
	if (q->n == 0)
		q->error = "the service is not offered there";
	for (i = 0; i < q->n; i++)
		srv_choose(q->records + i, q->n - i, arc4random());
	if (q->n > RESOLVER_MAX)
		q->n = RESOLVER_MAX;
}

struct resolver_question *
resolver_ask_service(const struct resolver_how *how, const char *name,
    resolver_service_cb *on_done, void *arg)
{
	struct resolver_question *q;

	if ((q = question_new(how, arg)) == NULL)
		return (NULL);
	q->on_service = on_done;
	ares_query(q->channel, name, C_IN, T_SRV, on_service, q);
	set_timer(q);
	return (q);
}

void
resolver_cancel(struct resolver_question *q)
{
	if (q != NULL)
		question_free(q);
}
