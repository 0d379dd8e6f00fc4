#include "tests/sim/conn.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#define RCVBUF_MOST 2048

struct receiver {
	bool listening;
	bool stalled; /* reads nothing */
	bool cut; /* nothing comes through */
};

static struct conn conns[CONNS];
static struct receiver receivers[SIM_RECEIVERS];
static unsigned serial;
static unsigned top; /* of those that were ever used */
static size_t capacity, send_room;
static int64_t latency;

uint64_t
net_capacity(void)
{
	return (capacity);
}

void
net_reset(void)
{
	unsigned n;

	for (n = 0; n < top; n++)
		conns[n].used = false;
	memset(receivers, 0, sizeof(receivers));
	for (n = 0; n < SIM_RECEIVERS; n++)
		receivers[n].listening = true;
	serial = top = 0;
	tls_reset();
	capacity = 64u << rng_below(&S.world, 6);
	if (capacity > RCVBUF_MOST)
		capacity = RCVBUF_MOST;
	send_room = 128u << rng_below(&S.world, 6);
	latency = (50 +
		      (int64_t)rng_below(
			  &S.world, 1u << (6 + rng_below(&S.world, 9)))) *
	    1000;
}

void
conn_soon(struct conn *c)
{
	c->due = S.now + latency / 2 + 1000 +
	    (int64_t)rng_below(&S.world, (unsigned)(latency / 1000)) * 1000;
}

struct conn *
conn_new(void)
{
	struct conn *c = conns;

	while (c < conns + CONNS && c->used)
		c++;
	if (c == conns + CONNS)
		sim_fail("the simulation has too few connections");
	if ((unsigned)(c - conns) >= top)
		top = (unsigned)(c - conns) + 1;
	memset(c, 0, offsetof(struct conn, out));
	c->out.n = c->in.n = c->back.n = c->text.n = 0;
	c->close_at = 0;
	c->nanswers = 0;
	c->hinted = false;
	c->cipher.n = 0;
	memset(&c->tls, 0, sizeof(c->tls));
	c->used = c->held = true;
	c->serial = ++serial;
	c->due = INT64_MAX;
	return (c);
}

void
conn_connect(struct conn *c, unsigned receiver)
{
	c->receiver = receiver;
	c->state = CONN_CONNECTING;
	conn_soon(c);
}

size_t
conn_room(const struct conn *c)
{
	return (c->out.n < send_room ? send_room - c->out.n : 0);
}

/* The system says so when a third of the buffer is free. */
bool
conn_is_roomy(const struct conn *c)
{
	return (conn_room(c) >= send_room / 3);
}

/* What the receiver had not read is gone. */
void
conn_reset(struct conn *c, int error)
{
	if (c->state == CONN_DEAD)
		return;
	oracle_allow_at(c->receiver, conn_at_stake(c));
	c->state = CONN_DEAD;
	c->error = conn_is_over(c) ? 0 : error;
	c->heard = S.now;
	conn_lose_unread(c);
	c->in.n = c->text.n = c->cipher.n = 0;
	c->due = INT64_MAX;
	sim_trace("reset", c->serial, (uint64_t)error);
	sim_say("world: connection %u: reset", c->serial);
}

static void
free_if_done(struct conn *c)
{
	if (c->held)
		return;
	if (c->state == CONN_DEAD || (c->closed && c->out.n == 0) ||
	    (c->type == SOCK_DGRAM && c->out.n == 0 && c->in.n == 0))
		c->used = false;
}

/* The oldest connection first, as a receiver with one thread does. */
static bool
is_behind_another(const struct conn *c)
{
	unsigned n;

	for (n = 0; n < top; n++)
		if (conns[n].used && conns[n].receiver == c->receiver &&
		    conns[n].serial < c->serial && !conns[n].closed &&
		    (conns[n].state == CONN_UP || conns[n].in.n > 0) &&
		    (conns[n].in.n > 0 || conns[n].out.n > 0))
			return (true);
	return (false);
}

bool
conn_may_read(const struct conn *c)
{
	return (!receivers[c->receiver].stalled && !c->closed && c->in.n > 0 &&
	    !is_behind_another(c));
}

static void
establish(struct conn *c)
{
	if (!receivers[c->receiver].listening) {
		c->state = CONN_DEAD;
		c->error = ECONNREFUSED;
		return;
	}
	c->state = CONN_UP;
	c->heard = S.now;
	sim_trace("up", c->serial, 0);
}

static void
carry(struct conn *c)
{
	size_t room = capacity - c->in.n, n;

	if (setting_is_datagram(c->receiver)) {
		datagram_carry(c, capacity);
		return;
	}
	if (c->closed && c->out.n > 0) {
		/* Nobody reads it: its system says so. */
		conn_reset(c, ECONNRESET);
		return;
	}
	c->heard = S.now;
	n = c->out.n < room ? c->out.n : room;
	if (n > 1)
		n = 1 + rng_below(&S.world, (unsigned)n * 2);
	if (n > c->out.n || n > room)
		n = c->out.n < room ? c->out.n : room;
	if (c->in.n == 0)
		c->in_since = S.now;
	buffer_put(&c->in, c->out.p, n);
	buffer_take(&c->out, n);
}

/* Whether something is going to happen to it without anybody's help. */
static bool
has_more(const struct conn *c)
{
	const struct receiver *r = &receivers[c->receiver];

	if (c->state == CONN_CONNECTING)
		return (!net_is_cut(c->receiver));
	if (c->state != CONN_UP || !c->used)
		return (false);
	if (!net_is_cut(c->receiver) && c->out.n > 0 &&
	    (c->closed || c->in.n < capacity))
		return (true);
	if (!r->stalled && !c->closed && c->in.n > 0)
		return (true);
	if (setting_is_datagram(c->receiver))
		return (c->out.n > 0);
	return (!r->stalled && !net_is_cut(c->receiver) && !c->closed &&
	    (c->finished || c->orphaned) && c->out.n == 0);
}

static void
happen(struct conn *c)
{
	bool cut = net_is_cut(c->receiver), datagrams;

	datagrams = setting_is_datagram(c->receiver);
	if (c->state == CONN_CONNECTING && !cut)
		establish(c);
	if (c->state == CONN_UP && (!cut || datagrams))
		carry(c);
	if (c->state == CONN_UP)
		receiver_read(c);
	if (c->state == CONN_UP && !cut)
		relp_answer(c);
	if (c->state == CONN_UP && (!cut || c->tls.shaken))
		tls_go_on(c);
	if (c->state == CONN_UP && c->close_at != 0 && S.now >= c->close_at)
		receiver_close(c);
	/* The worker has said all, and the receiver has read it. */
	if (c->state == CONN_UP && !datagrams && !cut && !c->closed &&
	    !receivers[c->receiver].stalled && (c->finished || c->orphaned) &&
	    c->out.n == 0 && c->in.n == 0)
		receiver_close(c);
	if (has_more(c))
		conn_soon(c);
	else
		c->due = c->state == CONN_UP && c->close_at != 0 && !c->closed
		    ? c->close_at
		    : INT64_MAX;
	if (c->state == CONN_UP && !cut && relp_due(c) < c->due)
		c->due = relp_due(c);
	if (c->state == CONN_UP && (!cut || c->tls.shaken) &&
	    tls_due(c) < c->due)
		c->due = tls_due(c);
	free_if_done(c);
}

int64_t
net_due(void)
{
	int64_t due = INT64_MAX;
	unsigned n;

	for (n = 0; n < top; n++)
		if (conns[n].used && conns[n].due < due)
			due = conns[n].due;
	return (due);
}

void
net_run(void)
{
	struct conn *c = NULL;
	unsigned n;

	for (n = 0; n < top; n++)
		if (conns[n].used && (c == NULL || conns[n].due < c->due))
			c = &conns[n];
	if (c != NULL && c->due <= S.now)
		happen(c);
}

static void
each(unsigned receiver, void (*fn)(struct conn *))
{
	unsigned n;

	for (n = 0; n < top; n++)
		if (conns[n].used && conns[n].receiver == receiver &&
		    conns[n].state != CONN_NEW)
			fn(&conns[n]);
}

bool
net_is_listening(unsigned receiver)
{
	return (receivers[receiver].listening);
}

static void
kill_one(struct conn *c)
{
	if (setting_is_datagram(c->receiver))
		datagram_kill(c);
	else if (c->state == CONN_UP)
		receiver_close(c);
	free_if_done(c);
}

/* Connections that stand, stay; of datagrams there are none. */
void
net_listen(unsigned receiver, bool on)
{
	receivers[receiver].listening = on;
	if (!on && setting_is_datagram(receiver))
		each(receiver, kill_one);
}

/* Its program dies; what it had read is kept. */
void
net_kill(unsigned receiver)
{
	receivers[receiver].listening = false;
	receivers[receiver].stalled = false;
	each(receiver, kill_one);
}

void
net_goodbye(unsigned receiver, bool lingers)
{
	if (!setting_is_datagram(receiver))
		each(receiver, lingers ? receiver_part : kill_one);
}

void
net_stall(unsigned receiver, bool on)
{
	receivers[receiver].stalled = on;
	each(receiver, conn_soon);
}

bool
net_is_cut(unsigned receiver)
{
	return (receivers[receiver].cut && !setting_is_local(receiver));
}

static void
hear(struct conn *c)
{
	c->heard = S.now;
}

static void
say_what_waits(struct conn *c)
{
	if (c->bye_waits && c->state == CONN_UP)
		receiver_goodbye(c);
	conn_soon(c);
}

void
net_cut(unsigned receiver, bool on)
{
	if (on && !receivers[receiver].cut)
		each(receiver, hear);
	receivers[receiver].cut = on;
	each(receiver, say_what_waits);
}

/* Nothing of the worker is under way. */
bool
net_is_idle(void)
{
	unsigned d;

	for (d = 0; d < SIM_DESTS; d++)
		if (net_in_flight(d) > 0)
			return (false);
	return (true);
}

enum sim_state
net_state(void)
{
	enum sim_state s = STATE_START;
	const struct conn *c;

	if (!S.in_life)
		return (STATE_NONE);
	if (S.stopping)
		return (STATE_STOPPING);
	for (c = conns; c < conns + top; c++) {
		if (!c->used || !c->held)
			continue;
		if (c->state == CONN_UP)
			return (net_is_idle() ? STATE_QUIET : STATE_FLIGHT);
		s = c->state == CONN_CONNECTING ? STATE_CONNECT : STATE_DOWN;
	}
	return (s == STATE_START && serial > 0 ? STATE_DOWN : s);
}

uint64_t
net_in_flight(unsigned dest)
{
	uint64_t sum = 0;
	unsigned n;

	for (n = 0; n < top; n++)
		if (conns[n].used && conns[n].state != CONN_DEAD &&
		    setting_dest(conns[n].receiver) == dest)
			sum += conns[n].out.n + conns[n].in.n;
	return (sum);
}

/* The worker has no descriptor of it any more. */
void
net_close(void *sock)
{
	struct conn *c = sock;

	c->held = false;
	c->orphaned = true;
	c->life = S.lives;
	c->excused = !S.in_life || S.stopping || c->parted == 0 ||
	    S.now - c->parted > 58 * NS_S || !setting_is_alone(c->receiver);
	if (c->state == CONN_NEW || c->state == CONN_CONNECTING) {
		c->used = false;
		return;
	}
	if (c->nanswers > 0 || conn_is_tls(c))
		oracle_allow_at(c->receiver, conn_at_stake(c));
	if (c->type == SOCK_DGRAM)
		datagram_close(c);
	else if (c->state == CONN_UP && (c->aborting || c->back.n > 0)) {
		/* What has arrived is still read. */
		oracle_allow_at(c->receiver, conn_at_stake(c));
		c->out.n = 0;
		c->finished = true;
	}
	if (c->state == CONN_UP)
		conn_soon(c);
	free_if_done(c);
}
