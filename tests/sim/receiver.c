/*
 * What the program of a receiver does with a connection: it reads, says
 * goodbye, and closes.
 */
#include "tests/sim/conn.h"

#include <errno.h>
#include <string.h>

bool
conn_is_relp(const struct conn *c)
{
	return (setting_kind(c->receiver) == RECEIVER_RELP);
}

/* The receiver's program has n octets more. */
static void
read_text(struct conn *c, size_t n)
{
	uint8_t *nl;

	if (conn_is_tls(c)) {
		tls_read_wire(c, n);
	} else {
		buffer_put(&c->text, c->in.p, n);
		buffer_take(&c->in, n);
	}
	sim_trace("read", c->serial, n);
	if (conn_is_relp(c)) {
		relp_serve(c);
		return;
	}
	while ((nl = memchr(c->text.p, '\n', c->text.n)) != NULL) {
		oracle_heard(c->receiver, c->text.p, (size_t)(nl - c->text.p));
		buffer_take(&c->text, (size_t)(nl - c->text.p) + 1);
	}
}

void
receiver_read(struct conn *c)
{
	size_t n;

	if (!conn_may_read(c))
		return;
	if (setting_is_datagram(c->receiver)) {
		datagram_receive(c);
		return;
	}
	n = 1 + rng_below(&S.world, (unsigned)c->in.n * 2);
	read_text(c, n < c->in.n ? n : c->in.n);
}

/*
 * Where the worker goes by goodbyes, it hears none before the network carries
 * it: one that came through while nothing else does would say too much.
 */
void
receiver_goodbye(struct conn *c)
{
	c->bye_waits = S.blind && net_is_cut(c->receiver);
	if (c->bye_waits)
		return;
	tls_goodbye(c);
	c->goodbye = true;
}

/* The receiver closes: what it has not read makes that a reset. */
void
receiver_close(struct conn *c)
{
	if (c->closed || c->state == CONN_DEAD)
		return;
	c->closed = true;
	tls_read_on(c);
	if (c->in.n > 0) {
		conn_reset(c, ECONNRESET);
		return;
	}
	if (!c->finished || c->out.n > 0)
		oracle_allow_at(c->receiver, conn_at_stake(c));
	else if (S.blind && !c->orphaned)
		sim_happened(WAY_CLOSE_COUNTS);
	receiver_goodbye(c);
	sim_say("world: connection %u: closed by the receiver", c->serial);
}

/* It says goodbye, and reads on for a while. */
void
receiver_part(struct conn *c)
{
	if (c->state != CONN_UP || c->closed)
		return;
	receiver_goodbye(c);
	c->parted = S.now;
	c->close_at = S.now + (int64_t)rng_below(&S.world, 3000) * NS_MS;
	oracle_allow_at(c->receiver, conn_at_stake(c));
	oracle_no_order_at(c->receiver);
	conn_soon(c);
}
