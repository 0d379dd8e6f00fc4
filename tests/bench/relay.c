/*
 * relay.c - a long path: hands on what it gets, each octet after a delay.
 *
 * Takes one connection after the other on a port of loopback that it prints,
 * connects to the target, and delays both directions, half of a round trip
 * each.  Its own system acknowledges what it gets at once, so only what answers
 * by itself, as RELP does, finds the path long.
 *
 * usage: relay milliseconds target-port
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define MOST (256 * 1024 * 1024) /* octets on their way */

struct chunk {
	STAILQ_ENTRY(chunk) entry;
	int64_t due_us;
	size_t start;
	size_t end;
	uint8_t octets[];
};

struct way {
	STAILQ_HEAD(, chunk) chunks;
	size_t held;
	bool ended; /* nothing more comes */
	bool closed; /* and that was handed on */
	int from;
	int to;
};

static int64_t delay_us;

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

/* Takes what has come. */
static void
take(struct way *w)
{
	static uint8_t buf[CHUNK];
	struct chunk *c;
	ssize_t n = recv(w->from, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		w->ended = true;
		return;
	}
	if ((c = malloc(sizeof(*c) + (size_t)n)) == NULL)
		err(1, NULL);
	memcpy(c->octets, buf, (size_t)n);
	c->start = 0;
	c->end = (size_t)n;
	c->due_us = now_us() + delay_us;
	w->held += (size_t)n;
	STAILQ_INSERT_TAIL(&w->chunks, c, entry);
}

/* Hands on what is due.  Returns the microseconds to wait, or -1 for ever. */
static int64_t
give(struct way *w, bool *blocked)
{
	struct chunk *c;
	int64_t wait;
	ssize_t n;

	*blocked = false;
	while ((c = STAILQ_FIRST(&w->chunks)) != NULL) {
		if ((wait = c->due_us - now_us()) > 0)
			return (wait);
		n = send(w->to, c->octets + c->start, c->end - c->start,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN) {
			*blocked = true;
			return (-1);
		}
		if (n == -1) {
			w->ended = w->closed = true;
			return (-1);
		}
		w->held -= (size_t)n;
		if ((c->start += (size_t)n) < c->end)
			continue;
		STAILQ_REMOVE_HEAD(&w->chunks, entry);
		free(c);
	}
	if (w->ended && !w->closed) {
		(void)shutdown(w->to, SHUT_WR);
		w->closed = true;
	}
	return (-1);
}

static void
relay(int client, int server)
{
	struct way ways[2] = { { .from = client, .to = server },
		{ .from = server, .to = client } };
	struct pollfd fds[2];
	struct timespec ts;
	int64_t wait, least;
	bool blocked;
	int i;

	STAILQ_INIT(&ways[0].chunks);
	STAILQ_INIT(&ways[1].chunks);
	while (!ways[0].closed || !ways[1].closed) {
		least = -1;
		fds[0] = (struct pollfd) { .fd = client };
		fds[1] = (struct pollfd) { .fd = server };
		for (i = 0; i < 2; i++) {
			wait = give(&ways[i], &blocked);
			if (wait != -1 && (least == -1 || wait < least))
				least = wait;
			if (blocked)
				fds[1 - i].events |= POLLOUT;
			if (!ways[i].ended && ways[i].held < MOST)
				fds[i].events |= POLLIN;
		}
		for (i = 0; i < 2; i++)
			if (fds[i].events == 0)
				fds[i].fd = -1;
		ts.tv_sec = least / 1000000;
		ts.tv_nsec = least % 1000000 * 1000;
		if (ppoll(fds, 2, least == -1 ? NULL : &ts, NULL) == -1 &&
		    errno != EINTR)
			err(1, "ppoll");
		for (i = 0; i < 2; i++)
			if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) !=
				0 &&
			    !ways[i].ended)
				take(&ways[i]);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	const int on = 1;
	int listener, client, server;

	if (argc != 3)
		errx(2, "usage: relay milliseconds target-port");
	delay_us = (int64_t)(atof(argv[1]) * 1000 / 2);
	(void)signal(SIGPIPE, SIG_IGN);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((listener = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(listener, (struct sockaddr *)&sin, len) == -1 ||
	    listen(listener, 16) == -1 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("%u\n", ntohs(sin.sin_port));
	(void)fflush(stdout);
	sin.sin_port = htons((uint16_t)atoi(argv[2]));
	while ((client = accept(listener, NULL, NULL)) != -1) {
		if ((server = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    connect(server, (struct sockaddr *)&sin, len) == -1)
			err(1, "connect");
		(void)setsockopt(
		    client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(
		    server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		relay(client, server);
		(void)close(client);
		(void)close(server);
	}
	err(1, "accept");
}
