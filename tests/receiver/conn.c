#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tls.h>

#include "receiver.h"

#define SWALLOW_SIZE (4 * 1024 * 1024)
#define READS_IN_A_TURN 16
#define RECORD 16384 /* octets in one of TLS */

static void
conn_open(struct receiver *r, int fd)
{
	struct conn *c = &r->conns[r->nconns++];

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->framing = r->at.relp ? FRAMING_RELP : r->framing;
	conn_accept_tls(r, c);
}

static void
conn_close(struct receiver *r, size_t i, enum parting how)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct conn *c = &r->conns[i];

	if (c->in.len > 0)
		r->partial++;
	if (how == PARTING_RESET)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (how == PARTING_FIN || how == PARTING_NOTIFY)
		conn_notify(c);
	if (how == PARTING_SHUT || how == PARTING_NOTIFY)
		shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	tls_free(c->tls);
	free(c->in.data);
	free(c->out.data);
	free(c->relp.held);
	r->nconns--;
	memmove(c, c + 1, (r->nconns - i) * sizeof(*c));
}

void
receiver_part(struct receiver *r, enum parting how)
{
	/* Unread octets would turn the FIN into a reset. */
	if (how == PARTING_FIN)
		receiver_serve(r);
	while (r->nconns > 0)
		conn_close(r, r->nconns - 1, how);
}

void
receiver_half_close(struct receiver *r)
{
	size_t i;

	for (i = 0; i < r->nconns; i++) {
		conn_notify(&r->conns[i]);
		shutdown(r->conns[i].fd, SHUT_WR);
		r->conns[i].parting = true;
	}
}

void
receiver_end_handshakes(struct receiver *r)
{
	size_t i;

	for (i = r->nconns; i-- > 0;)
		if (r->conns[i].shaking)
			conn_close(r, i, PARTING_RESET);
}

void
receiver_accept(struct receiver *r)
{
	int fd;

	while (r->nconns < MAX_CONNS) {
		fd = accept4(
		    r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			return;
		r->connections++;
		conn_open(r, fd);
	}
}

size_t
receiver_allowance(struct receiver *r)
{
	uint64_t due;

	if (r->paused)
		return (0);
	if (r->rate == 0)
		return (SIZE_MAX);
	due = (now_ms() - r->rate_since_ms) * r->rate / 1000;
	return (due > r->rate_used ? (size_t)(due - r->rate_used) : 0);
}

bool
receiver_must_part(const struct receiver *r)
{
	return (r->part_at != 0 && r->bytes >= r->part_at);
}

void
receiver_count(struct receiver *r, size_t n)
{
	r->bytes += n;
	r->rate_used += n;
}

/* On TCP, MSG_TRUNC throws away without copying. */
static ssize_t
swallow(struct conn *c, size_t room)
{
	buffer_reserve(&c->in, SWALLOW_SIZE);
	if (room > c->in.size)
		room = c->in.size;
	if (c->tls != NULL)
		return (conn_recv(c, c->in.data, room));
	return (recv(c->fd, c->in.data, room, MSG_TRUNC));
}

/* Reads once.  Returns what recv(2) returned. */
static ssize_t
conn_read(struct receiver *r, struct conn *c, size_t room)
{
	ssize_t n;

	if (r->swallow) {
		n = swallow(c, room);
	} else {
		buffer_reserve(&c->in, READ_SIZE);
		if (room > c->in.size - c->in.len)
			room = c->in.size - c->in.len;
		n = conn_recv(c, c->in.data + c->in.len, room);
		if (n > 0)
			c->in.len += (size_t)n;
	}
	if (n > 0)
		receiver_count(r, (size_t)n);
	return (n);
}

/* Reads what there is, within the allowance and a turn's share. */
static enum served
conn_read_some(struct receiver *r, struct conn *c)
{
	size_t room;
	ssize_t n;
	int reads;

	for (reads = 0; reads < READS_IN_A_TURN; reads++) {
		if ((room = receiver_allowance(r)) == 0 ||
		    receiver_must_part(r))
			return (SERVED_MORE);
		if (r->part_at != 0 && room > r->part_at - r->bytes)
			room = (size_t)(r->part_at - r->bytes);
		/* What of a record is decrypted is not unread any more. */
		if (c->tls != NULL && room < RECORD)
			room = RECORD;
		n = conn_read(r, c, room);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (SERVED_ALL);
		if (n == 0 && c->tls != NULL)
			r->closed++;
		if (n <= 0 || !conn_deframe(r, c))
			return (SERVED_END);
	}
	return (SERVED_MORE);
}

/* Writes what waits; false: it will never go. */
static bool
conn_flush(struct receiver *r, struct conn *c)
{
	ssize_t n;

	/* What is answered must not be lost when we die. */
	if (c->out.len > 0)
		receiver_flush(r);
	while (c->out.len > 0 && !c->parting) {
		n = conn_send(c, c->out.data, c->out.len);
		if (n == -1)
			return (errno == EAGAIN || errno == EINTR);
		buffer_drop(&c->out, (size_t)n);
	}
	return (true);
}

static enum served
conn_serve(struct receiver *r, struct conn *c)
{
	enum served served;

	if (c->shaking)
		return (SERVED_ALL);
	served = conn_read_some(r, c);
	if (served == SERVED_END)
		return (served);
	relp_answer(r, c, served == SERVED_ALL);
	if (!conn_flush(r, c) || c->relp.closed)
		return (SERVED_END);
	return (served);
}

static void
shake_all(struct receiver *r)
{
	size_t i;

	for (i = r->nconns; i-- > 0;)
		if (r->conns[i].shaking &&
		    conn_shake(r, &r->conns[i]) == SERVED_END)
			conn_close(r, i, PARTING_FIN);
}

/*
 * The oldest connection first, and a newer one only when the older have
 * nothing more: a sender that connects anew sends what comes after.
 */
void
receiver_serve(struct receiver *r)
{
	size_t i = 0;

	shake_all(r);
	while (i < r->nconns && receiver_allowance(r) > 0)
		switch (conn_serve(r, &r->conns[i])) {
		case SERVED_ALL:
			i++;
			break;
		case SERVED_MORE:
			return;
		case SERVED_END:
			conn_close(r, i, PARTING_FIN);
			break;
		}
}

short
conn_events(const struct conn *c, bool reading)
{
	short events = 0;

	if (c->shaking && c->tls == NULL)
		return (0);
	if (reading || c->shaking)
		events |= POLLIN;
	if (c->out.len > 0 && !c->parting && reading)
		events |= POLLOUT;
	return (events);
}
