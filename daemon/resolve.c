#include "daemon/resolve.h"

#include <sys/queue.h>

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More addresses of one name than this are not tried. */
#define MAX_ADDRESSES 16

struct socket_watch {
	TAILQ_ENTRY(socket_watch) entry;
	struct resolver *resolver;
	ev_io io;
};

struct resolver {
	struct ev_loop *loop;
	ares_channel channel;
	ev_timer timeout;
	TAILQ_HEAD(, socket_watch) sockets;
};

struct resolve {
	struct resolver *resolver;
	resolve_cb *on_done; /* NULL: cancelled */
	void *arg;
	bool starting;
	bool done;
};

/* c-ares tells how long it can wait; without a question it waits for ever. */
static void
set_timeout(struct resolver *r)
{
	struct timeval tv;

	ev_timer_stop(r->loop, &r->timeout);
	if (ares_timeout(r->channel, NULL, &tv) == NULL)
		return;
	ev_timer_set(&r->timeout,
	    (double)tv.tv_sec + (double)tv.tv_usec / 1e6 + 1e-3, 0.);
	ev_timer_start(r->loop, &r->timeout);
}

static void
on_timeout(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct resolver *r = timer->data;

	(void)loop;
	(void)revents;
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timeout(r);
}

static void
on_socket(struct ev_loop *loop, ev_io *io, int revents)
{
	struct socket_watch *w = io->data;
	struct resolver *r = w->resolver;
	int fd = io->fd;

	(void)loop;
	ares_process_fd(r->channel, revents & EV_READ ? fd : ARES_SOCKET_BAD,
	    revents & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set_timeout(r);
}

static struct socket_watch *
find_socket(struct resolver *r, int fd)
{
	struct socket_watch *w;

	TAILQ_FOREACH (w, &r->sockets, entry)
		if (w->io.fd == fd)
			return (w);
	return (NULL);
}

static void
drop_socket(struct socket_watch *w)
{
	ev_io_stop(w->resolver->loop, &w->io);
	TAILQ_REMOVE(&w->resolver->sockets, w, entry);
	free(w);
}

static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	struct socket_watch *w = find_socket(r, fd);
	int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);

	if (events == 0) {
		if (w != NULL)
			drop_socket(w);
		return;
	}
	if (w == NULL) {
		/* Without a watch the question ends by its timeout. */
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return;
		w->resolver = r;
		ev_io_init(&w->io, on_socket, fd, events);
		w->io.data = w;
		TAILQ_INSERT_TAIL(&r->sockets, w, entry);
	} else {
		ev_io_stop(r->loop, &w->io);
		ev_io_set(&w->io, fd, events);
	}
	ev_io_start(r->loop, &w->io);
}

struct resolver *
resolver_new(struct ev_loop *loop)
{
	struct ares_options options = { .sock_state_cb = on_socket_state };
	struct resolver *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->loop = loop;
	TAILQ_INIT(&r->sockets);
	ev_timer_init(&r->timeout, on_timeout, 0., 0.);
	r->timeout.data = r;
	options.sock_state_cb_data = r;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
	    ares_init_options(&r->channel, &options, ARES_OPT_SOCK_STATE_CB) !=
		ARES_SUCCESS) {
		free(r);
		errno = ENOMEM;
		return (NULL);
	}
	return (r);
}

void
resolver_free(struct resolver *r)
{
	struct socket_watch *w;

	if (r == NULL)
		return;
	ares_destroy(r->channel);
	while ((w = TAILQ_FIRST(&r->sockets)) != NULL)
		drop_socket(w);
	ev_timer_stop(r->loop, &r->timeout);
	ares_library_cleanup();
	free(r);
}

static void
finish(
    struct resolve *q, const struct address *list, size_t n, const char *error)
{
	if (q->on_done != NULL)
		q->on_done(q->arg, list, n, error);
	q->done = true;
	if (!q->starting)
		free(q);
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct address list[MAX_ADDRESSES];
	const struct ares_addrinfo_node *node;
	struct resolve *q = arg;
	size_t n = 0;

	(void)timeouts;
	if (status != ARES_SUCCESS) {
		finish(q, NULL, 0, ares_strerror(status));
		return;
	}
	for (node = info->nodes; node != NULL && n < MAX_ADDRESSES;
	     node = node->ai_next) {
		if (node->ai_addrlen > sizeof(list[n].sa))
			continue;
		memset(&list[n], 0, sizeof(list[n]));
		memcpy(&list[n].sa, node->ai_addr, node->ai_addrlen);
		list[n++].len = node->ai_addrlen;
	}
	ares_freeaddrinfo(info);
	finish(q, list, n, n == 0 ? "has no address" : NULL);
}

struct resolve *
resolve_start(struct resolver *r, const char *host, const char *port,
    resolve_cb *on_done, void *arg)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_flags = ARES_AI_NUMERICSERV };
	struct resolve *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (NULL);
	q->resolver = r;
	q->on_done = on_done;
	q->arg = arg;
	q->starting = true;
	ares_getaddrinfo(r->channel, host, port, &hints, on_answer, q);
	q->starting = false;
	set_timeout(r);
	if (q->done) {
		free(q);
		errno = 0;
		return (NULL);
	}
	return (q);
}

/* c-ares cannot take one question back: its answer will find nobody. */
void
resolve_cancel(struct resolve *q)
{
	if (q != NULL)
		q->on_done = NULL;
}

const char *
address_text(const struct address *a)
{
	static char text[NI_MAXHOST + NI_MAXSERV + 4];
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)&a->sa, a->len, host,
		sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return ("unknown address");
	(void)snprintf(text, sizeof(text),
	    a->sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return (text);
}
