/*
 * Datagrams: out has those that are on their way, in those that the receiver
 * has not read, each behind its length.  text has those that were
 * refused, as lines, until the worker knows.
 */
#include "tests/sim/conn.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

static bool
is_udp(const struct conn *c)
{
	return (setting_kind(c->receiver) == RECEIVER_UDP);
}

/* The first of b; returns where it begins, or NULL. */
static const uint8_t *
first(const struct buffer *b, size_t *n)
{
	uint16_t len;

	if (b->n == 0)
		return (NULL);
	memcpy(&len, b->p, sizeof(len));
	*n = len;
	return (b->p + sizeof(len));
}

static void
drop_first(struct buffer *b, size_t n)
{
	buffer_take(b, n + sizeof(uint16_t));
}

static void
put(struct buffer *b, const void *p, size_t n)
{
	uint16_t len = (uint16_t)n;

	buffer_put(b, &len, sizeof(len));
	buffer_put(b, p, n);
}

/* Nobody has what is in b. */
static void
lose_all(struct conn *c, struct buffer *b)
{
	const uint8_t *p;
	size_t n;

	while ((p = first(b, &n)) != NULL) {
		oracle_dropped(c->receiver, p, n);
		drop_first(b, n);
	}
}

/* A datagram of the worker, maybe of no octets; returns whether it is taken. */
bool
datagram_put(struct conn *c, const void *p, size_t n)
{
	struct buffer *b = is_udp(c) ? &c->out : &c->in;
	size_t most = is_udp(c) ? BUF / 2 : net_capacity();

	if (b->n > 0 && b->n + n + 2 > most)
		return (false);
	put(b, p, n);
	sim_trace("datagram", c->serial, n);
	if (c->due == INT64_MAX)
		conn_soon(c);
	return (true);
}

static void
refuse(struct conn *c, const uint8_t *p, size_t n)
{
	if (c->orphaned || c->text.n + n > BUF / 2) {
		oracle_dropped(c->receiver, p, n);
		return;
	}
	oracle_refused(c->receiver, p, n);
	put(&c->text, p, n);
	c->error = ECONNREFUSED;
}

/* What the network does with those of udp. */
void
datagram_carry(struct conn *c, size_t capacity)
{
	const uint8_t *p;
	size_t n;

	while ((p = first(&c->out, &n)) != NULL) {
		if (net_is_cut(c->receiver))
			oracle_dropped(c->receiver, p, n);
		else if (!net_is_listening(c->receiver))
			refuse(c, p, n);
		else if (c->in.n > 0 && c->in.n + n + 2 > capacity)
			oracle_dropped(c->receiver, p, n);
		else
			put(&c->in, p, n);
		drop_first(&c->out, n);
		if (rng_chance(&S.world, 300))
			break;
	}
}

void
datagram_receive(struct conn *c)
{
	const uint8_t *p;
	size_t n;

	while (conn_may_read(c) && (p = first(&c->in, &n)) != NULL) {
		sim_trace("read", c->serial, n);
		oracle_heard(c->receiver, p, n);
		drop_first(&c->in, n);
		if (rng_chance(&S.world, 300))
			break;
	}
}

/* The receiver's socket is gone, and what stood in it. */
void
datagram_kill(struct conn *c)
{
	if (c->state != CONN_UP)
		return;
	lose_all(c, &c->in);
	if (is_udp(c))
		return;
	/* A slice of which only some was taken is sent again. */
	oracle_allow_at(c->receiver, 2 * sim_sizes.slice);
	/* A new one is another: this one refuses for ever. */
	c->state = CONN_DEAD;
	c->due = INT64_MAX;
}

int
datagram_take_error(struct conn *c)
{
	int error = c->error;

	if (!is_udp(c))
		return (c->state == CONN_DEAD ? ECONNREFUSED : 0);
	c->error = 0;
	c->text.n = 0;
	return (error);
}

/* The worker has closed it: it does not hear of a refusal any more. */
void
datagram_close(struct conn *c)
{
	lose_all(c, &c->text);
	/* It may give way to another with a slice half taken. */
	if (!is_udp(c))
		oracle_allow_at(c->receiver, 2 * sim_sizes.slice);
	if (c->state == CONN_UP)
		conn_soon(c);
}
