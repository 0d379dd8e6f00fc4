/*
 * A receiver that speaks as tls_wire.h has it: how it shakes hands, and what it
 * makes of the records that it reads.
 */
#include "tests/sim/conn.h"
#include "tests/sim/tls_wire.h"

#include <string.h>

/* Within it a server that refuses the worker says so: daemon/net/tls.c. */
#define WELCOME_NS (2000 * NS_MS)
/* What a worker sends again that came before a goodbye. */
#define RECENT_NS (200 * NS_MS)

static bool read_on[SIM_DESTS]; /* once is enough */

size_t
tls_seal(enum tls_type type, const void *p, size_t n, uint8_t *out)
{
	out[0] = (uint8_t)type;
	out[1] = (uint8_t)(n >> 8);
	out[2] = (uint8_t)n;
	memcpy(out + TLS_HEAD, p, n);
	memset(out + TLS_HEAD + n, '=', TLS_TAIL);
	return (TLS_RECORD(n));
}

size_t
tls_record_len(const uint8_t *p, size_t n)
{
	if (n < TLS_HEAD)
		return (0);
	return (TLS_RECORD((size_t)p[1] << 8 | p[2]));
}

bool
conn_is_tls(const struct conn *c)
{
	return (c->type != SOCK_DGRAM && setting_is_tls(c->receiver));
}

static void
say(struct conn *c, enum tls_type type, const void *p, size_t n)
{
	uint8_t record[TLS_RECORD(TLS_MOST)];

	buffer_put(&c->back, record, tls_seal(type, p, n, record));
}

void
conn_say(struct conn *c, const void *p, size_t n)
{
	if (conn_is_tls(c))
		say(c, TLS_DATA, p, n);
	else
		buffer_put(&c->back, p, n);
}

void
tls_goodbye(struct conn *c)
{
	if (!conn_is_tls(c) || !c->tls.shaken || c->tls.said_bye)
		return;
	c->tls.said_bye = true;
	/* Who throws away what it reads has to say so. */
	if (c->tls.way == WAY_REFUSED_LATE)
		say(c, TLS_ALERT, "no", 2);
	else if (rng_chance(&S.more, 700))
		say(c, TLS_BYE, "", 0);
	else
		sim_happened(WAY_NO_BYE);
}

void
tls_reset(void)
{
	memset(read_on, 0, sizeof(read_on));
}

/*
 * The worker sends that again if it was acknowledged of late, and all is there
 * in whole; not what was thrown away before.
 */
void
tls_read_on(struct conn *c)
{
	bool *done = &read_on[setting_dest(c->receiver)];

	if (!conn_is_tls(c) || conn_is_relp(c) || *done || !c->tls.shaken ||
	    c->finished || c->orphaned || S.stopping || !S.in_life ||
	    c->in.n == 0 || c->out.n + c->text.n + c->cipher.n > 0 ||
	    S.now - c->in_since > RECENT_NS)
		return;
	*done = true;
	sim_happened(WAY_BYE_READS_ON);
	tls_texts(c, false, &c->text);
	oracle_unread(c->receiver, c->text.p, c->text.n, false);
	oracle_no_order_at(c->receiver);
	oracle_allow_at(c->receiver, conn_at_stake(c));
	c->text.n = c->in.n = 0;
}

/* How the handshake is to go. */
static void
draw_plan(struct conn *c)
{
	static const enum sim_way ways[] = { WAY_SHAKE_ALERT, WAY_SHAKE_CLOSE,
		WAY_SHAKE_HANGS, WAY_SHAKE_SLOW, WAY_SHAKE_CERT,
		WAY_REFUSED_LATE };

	c->tls.rounds = 1 + rng_below(&S.more, 3);
	c->tls.old = rng_chance(&S.more, 300);
	c->tls.way = WAYS;
	if (S.final || !rng_chance(&S.more, 300))
		return;
	c->tls.way = ways[rng_below(&S.more, sizeof(ways) / sizeof(ways[0]))];
	if (c->tls.way == WAY_REFUSED_LATE && c->tls.old)
		c->tls.way = WAYS;
	else
		sim_happened(c->tls.way);
}

static void
shaken(struct conn *c)
{
	c->tls.shaken = true;
	c->tls.shaken_at = S.now;
	sim_trace("shaken", c->serial, c->tls.way);
	if (c->tls.way == WAY_REFUSED_LATE)
		c->tls.due = S.now + (int64_t)rng_below(&S.more, 1500) * NS_MS;
	else if (!c->tls.old && rng_chance(&S.more, 700))
		say(c, TLS_TICKET, "ticket", 6);
}

static void
answer_hello(struct conn *c)
{
	uint8_t says[TLS_HELLO_LEN] = { 0 };

	c->tls.rounds--;
	says[TLS_HELLO_MORE] = c->tls.rounds > 0;
	says[TLS_HELLO_OLD] = c->tls.old;
	says[TLS_HELLO_BAD] = c->tls.way == WAY_SHAKE_CERT;
	say(c, TLS_HELLO, says, sizeof(says));
	if (c->tls.rounds == 0)
		shaken(c);
}

static void
hear_hello(struct conn *c)
{
	if (c->tls.rounds == 0)
		draw_plan(c);
	sim_cover(KIND_TLS);
	if (c->tls.way == WAY_SHAKE_HANGS)
		return;
	if (c->tls.way == WAY_SHAKE_ALERT) {
		say(c, TLS_ALERT, "no", 2);
		c->goodbye = true;
	} else if (c->tls.way == WAY_SHAKE_CLOSE) {
		c->goodbye = true;
	} else if (c->tls.way == WAY_SHAKE_SLOW) {
		c->tls.due = S.now + (int64_t)rng_below(&S.more, 3000) * NS_MS;
	} else {
		answer_hello(c);
	}
}

int64_t
tls_due(const struct conn *c)
{
	if (c->tls.due == 0)
		return (INT64_MAX);
	return (c->tls.due > S.now ? c->tls.due : S.now + NS_MS);
}

/*
 * A slow server answers, or one says that it does not take the worker: in time,
 * whatever the network does.
 */
void
tls_go_on(struct conn *c)
{
	if (c->tls.due == 0 || S.now < c->tls.due)
		return;
	c->tls.due = 0;
	if (!c->tls.shaken) {
		answer_hello(c);
		return;
	}
	receiver_close(c);
}

/* The texts of the records in p[0..n), also of one that is not whole. */
static void
put_texts(struct buffer *to, const uint8_t *p, size_t n)
{
	size_t len, text;

	for (; n > TLS_HEAD; p += len, n -= len) {
		len = tls_record_len(p, n);
		text = len - TLS_HEAD - TLS_TAIL;
		if (text > n - TLS_HEAD)
			text = n - TLS_HEAD;
		if (p[0] == TLS_DATA)
			buffer_put(to, p + TLS_HEAD, text);
		if (len > n)
			return;
	}
}

void
tls_texts(const struct conn *c, bool and_out, struct buffer *to)
{
	static uint8_t all[3 * BUF];
	size_t n;

	memcpy(all, c->cipher.p, c->cipher.n);
	n = c->cipher.n;
	memcpy(all + n, c->in.p, c->in.n);
	n += c->in.n;
	if (and_out) {
		memcpy(all + n, c->out.p, c->out.n);
		n += c->out.n;
	}
	put_texts(to, all, n);
}

static void
throw_away(struct conn *c, const uint8_t *p, size_t n)
{
	struct buffer *text = &c->text;

	buffer_put(text, p, n);
	oracle_unread(c->receiver, text->p, text->n, c->orphaned);
	text->n = 0;
}

/* Reads n octets of the wire; the text of what is whole goes to c->text. */
void
tls_read_wire(struct conn *c, size_t n)
{
	size_t len, text;

	buffer_put(&c->cipher, c->in.p, n);
	buffer_take(&c->in, n);
	while ((len = tls_record_len(c->cipher.p, c->cipher.n)) != 0 &&
	    len <= c->cipher.n) {
		text = len - TLS_HEAD - TLS_TAIL;
		if (c->cipher.p[0] == TLS_HELLO)
			hear_hello(c);
		else if (c->cipher.p[0] == TLS_DATA &&
		    c->tls.way == WAY_REFUSED_LATE)
			throw_away(c, c->cipher.p + TLS_HEAD, text);
		else if (c->cipher.p[0] == TLS_DATA) {
			buffer_put(&c->text, c->cipher.p + TLS_HEAD, text);
			c->tls.carried += text;
		}
		buffer_take(&c->cipher, len);
	}
}

/*
 * Nothing counts before a server of 1.3 has said something, or two seconds; and
 * of a record nothing before all of it is there.
 */
uint64_t
tls_at_stake(const struct conn *c)
{
	if (!conn_is_tls(c))
		return (0);
	return (3 * TLS_RECORD(TLS_MOST) +
	    (S.now - c->tls.shaken_at < 2 * WELCOME_NS ? c->tls.carried : 0));
}
