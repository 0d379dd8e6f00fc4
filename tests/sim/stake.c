/*
 * What may come twice when a connection is lost, and what may be lost with it.
 */
#include "tests/sim/conn.h"

#define ANSWER 12 /* octets of one, at the least */
#define MESSAGE (S.path != 0 ? SIM_LINE : 512) /* and of a message, at most */

/*
 * What a connection may have carried of which nobody knows that it did: twice
 * what its socket can hold, of which the worker does not know the half.
 */
uint64_t
net_doubt(void)
{
	return (S.blind ? 2 * (uint64_t)BUF + sim_sizes.unread_blind : 0);
}

uint64_t
conn_at_stake(const struct conn *c)
{
	uint64_t again = 2 * net_capacity();

	/* What was answered is not sent again, if the answer can be read. */
	if (conn_is_relp(c))
		return (relp_at_stake(c) + tls_at_stake(c) +
		    (c->held ? 0
			     : (c->back.n / ANSWER + 1) * MESSAGE + c->in.n +
				c->text.n));
	if (again < sim_sizes.autotuned)
		again = sim_sizes.autotuned;
	again += net_doubt() + tls_at_stake(c);
	return (again + 2 * (c->out.n + c->in.n) + 2 * sim_sizes.slice + 4096);
}

/*
 * A worker that goes on has to see what becomes of a connection behind a
 * goodbye, for a minute.
 */
static bool
is_excused(const struct conn *c)
{
	return (c->excused || c->life != S.lives || !S.in_life || S.stopping);
}

/* Where nothing is told of it, a goodbye behind ours says that all was read. */
static bool
is_believed(const struct conn *c)
{
	return (S.blind && c->finishing && c->goodbye);
}

bool
conn_is_over(const struct conn *c)
{
	return (
	    is_believed(c) && (c->out.n == 0 || setting_is_local(c->receiver)));
}

static void
put_unread(struct conn *c, bool and_out)
{
	if (conn_is_tls(c)) {
		tls_texts(c, and_out, &c->text);
		return;
	}
	buffer_put(&c->text, c->in.p, c->in.n);
	if (and_out)
		buffer_put(&c->text, c->out.p, c->out.n);
}

void
conn_lose_unread(struct conn *c)
{
	bool excused = conn_is_over(c);
	size_t text = c->text.n;

	/* The worker went on meanwhile. */
	if (is_believed(c))
		oracle_no_order_at(c->receiver);
	/* In RELP nothing counts that was not answered. */
	if (conn_is_relp(c) || (c->in.n == 0 && !excused))
		return;
	put_unread(c, false);
	oracle_unread(c->receiver, c->text.p, c->text.n,
	    excused ||
		(c->orphaned && is_excused(c) &&
		    !setting_is_local(c->receiver)));
	c->text.n = text;
	put_unread(c, true);
	oracle_unread(c->receiver, c->text.p, c->text.n, excused);
}
