/*
 * The worker's configuration, as a seed has it.
 */
#include "tests/sim/setting.h"

#include <fnmatch.h>
#include <string.h>

#include "tests/sim/world.h"

/* So long after a change all is open that is to be. */
#define SETTLED (3 * NS_S)

struct dest {
	enum receiver_kind kind;
	bool tls;
	unsigned urls;
	bool balances;
	unsigned renamed; /* so often */
};

struct source {
	unsigned dests; /* as bits; none: the source is gone */
};

struct setting {
	struct dest dests[SIM_DESTS];
	unsigned ndests;
	struct source sources[SETTING_SOURCES];
	unsigned nsources; /* a log is of the source with its number */
	bool copies; /* names behind .log are meant, too */
	unsigned pattern; /* of a single source */
};

static struct setting T, next; /* what is so, and what is to be */
static bool changes;
/* When a destination was given what is written to a log; 0: always. */
static int64_t added[WORLD_LOGS][SIM_DESTS];

static const char *const patterns[] = { "/log/*.log", "/log/*.log*",
	"/log/app?.log" };
static unsigned patience;

static enum receiver_kind
draw_kind(struct rng *r, enum receiver_kind kind)
{
	if (sim_may(KIND_SOCKETS) && rng_chance(r, 400))
		kind = RECEIVER_UDP + rng_below(r, 3);
	return (kind);
}

static void
draw_several(struct rng *r)
{
	struct dest *d;
	unsigned i;

	T.ndests = 1 + rng_below(r, SIM_DESTS);
	for (d = T.dests; d < T.dests + T.ndests; d++) {
		d->urls = 1 + rng_below(r, SETTING_URLS);
		d->balances = rng_chance(r, 500);
		if (d > T.dests)
			d->kind = draw_kind(r,
			    sim_may(KIND_RELP) && rng_chance(r, 300)
				? RECEIVER_RELP
				: RECEIVER_TCP);
	}
	T.nsources = 1 + rng_below(r, SETTING_SOURCES);
	T.copies = rng_chance(r, 300);
	for (i = 0; i < T.nsources; i++)
		T.sources[i].dests = 1 + rng_below(r, (1u << T.ndests) - 1);
}

static void
draw_tls(void)
{
	struct rng r = rng_of(S.plan.seed, 8);
	struct dest *d;
	bool tls;

	for (d = T.dests; d < T.dests + T.ndests; d++) {
		tls = rng_chance(&r, 500);
		d->tls = sim_may(KIND_TLS) && tls &&
		    (d->kind == RECEIVER_TCP || d->kind == RECEIVER_RELP);
	}
}

void
setting_reset(void)
{
	struct rng r = rng_of(S.plan.seed, 3), more = rng_of(S.plan.seed, 4);

	memset(&T, 0, sizeof(T));
	changes = false;
	memset(added, 0, sizeof(added));
	T.ndests = T.nsources = T.dests[0].urls = 1;
	T.sources[0].dests = 1;
	T.dests[0].kind = sim_may(KIND_RELP) && rng_chance(&r, 300)
	    ? RECEIVER_RELP
	    : RECEIVER_TCP;
	T.dests[0].kind = draw_kind(&more, T.dests[0].kind);
	if (sim_may(KIND_DESTS) && rng_chance(&more, 500))
		draw_several(&more);
	draw_tls();
}

void
setting_draw(void)
{
	T.pattern = rng_chance(&S.world, 600) ? 0
	    : rng_chance(&S.world, 500)	      ? 1
					      : 2;
	patience = 2 + rng_below(&S.world, 20);
}

enum receiver_kind
setting_kind(unsigned receiver)
{
	return (T.dests[receiver / SETTING_URLS].kind);
}

bool
setting_is_datagram(unsigned receiver)
{
	return (setting_kind(receiver) == RECEIVER_UDP ||
	    setting_kind(receiver) == RECEIVER_UNIX_DATAGRAM);
}

bool
setting_is_local(unsigned receiver)
{
	return (setting_kind(receiver) == RECEIVER_UNIX ||
	    setting_kind(receiver) == RECEIVER_UNIX_DATAGRAM);
}

bool
setting_is_tls(unsigned receiver)
{
	return (T.dests[receiver / SETTING_URLS].tls);
}

unsigned
setting_dest(unsigned receiver)
{
	return (receiver / SETTING_URLS);
}

bool
setting_is_alone(unsigned receiver)
{
	return (T.dests[setting_dest(receiver)].urls == 1);
}

unsigned
setting_receivers(void)
{
	unsigned d, sum = 0;

	for (d = 0; d < T.ndests; d++)
		sum += T.dests[d].urls;
	return (sum);
}

unsigned
setting_receiver(unsigned n)
{
	unsigned d;

	for (d = 0; n >= T.dests[d].urls; d++)
		n -= T.dests[d].urls;
	return (d * SETTING_URLS + n);
}

static unsigned
owed(const struct setting *t, unsigned log)
{
	return (t->sources[log % t->nsources].dests);
}

/* A file that was rotated before that is none of the source for a new one. */
static bool
may_miss(unsigned log, int64_t since)
{
	const struct log *l = &world_logs[log];

	if (since == 0)
		return (false);
	return (S.now - since < SETTLED ||
	    (l->opened <= since + SETTLED &&
		files_behind(l->path) != l->inode));
}

/* Nobody knows what becomes of what is written until the change. */
unsigned
setting_owed(unsigned log)
{
	unsigned d, bits = owed(&T, log);

	if (changes)
		bits &= owed(&next, log);
	for (d = 0; d < T.ndests; d++)
		if (may_miss(log, added[log][d]) ||
		    (changes && next.dests[d].renamed != T.dests[d].renamed))
			bits &= ~(1u << d);
	return (bits);
}

/* Which destinations begin to get what is written to a log. */
static void
note_added(unsigned log)
{
	unsigned d, bits = owed(&next, log) & ~owed(&T, log);

	for (d = 0; d < T.ndests; d++)
		if ((bits & (1u << d)) ||
		    next.dests[d].renamed != T.dests[d].renamed)
			added[log][d] = S.now;
}

static unsigned
count_sources(const struct setting *t)
{
	unsigned i, n = 0;

	for (i = 0; i < t->nsources; i++)
		n += t->sources[i].dests != 0;
	return (n);
}

static void
draw_change(struct rng *r)
{
	struct source *s = &next.sources[rng_below(r, next.nsources)];
	unsigned bit = 1u << rng_below(r, next.ndests);

	switch (rng_below(r, 5)) {
	case 0:
		next.dests[rng_below(r, next.ndests)].renamed++;
		break;
	case 1:
		next.copies = !next.copies;
		next.pattern = rng_below(r, 3);
		break;
	case 2:
		if (s->dests == 0)
			s->dests = bit;
		else if (count_sources(&next) > 1)
			s->dests = 0;
		break;
	default:
		if ((s->dests ^ bit) != 0)
			s->dests ^= bit;
		break;
	}
}

/*
 * What a destination is not to have any more is not owed; one with another name
 * is another, and gets what is there.
 */
void
setting_change(struct rng *r)
{
	unsigned log, d, gone;

	if (changes)
		return;
	next = T;
	draw_change(r);
	changes = true;
	for (log = 0; log < WORLD_LOGS; log++) {
		gone = owed(&T, log) & ~owed(&next, log);
		for (d = 0; d < T.ndests; d++)
			if (next.dests[d].renamed != T.dests[d].renamed)
				gone |= 1u << d;
		oracle_disown(log, gone);
	}
	for (d = 0; d < T.ndests; d++)
		if (next.dests[d].renamed != T.dests[d].renamed) {
			oracle_renamed(d);
			/* It begins anew, at receivers that had more. */
			oracle_no_order_at(d * SETTING_URLS);
		}
	/* What has been a copy that nobody means is meant now. */
	if (next.copies != T.copies || next.pattern != T.pattern) {
		oracle_allow(UINT32_MAX);
		oracle_no_order();
	}
}

bool
setting_is_to_change(void)
{
	return (changes);
}

void
setting_take_change(void)
{
	unsigned log;

	for (log = 0; log < WORLD_LOGS; log++)
		note_added(log);
	T = next;
	changes = false;
	files_know_anew();
}

static bool
is_log_of(const char *name, unsigned log, bool copies)
{
	char p[32];

	(void)snprintf(p, sizeof(p), "app%u.log%s", log, copies ? "*" : "");
	return (fnmatch(p, name, 0) == 0);
}

bool
setting_means(const char *name)
{
	unsigned log;

	if (T.nsources == 1)
		return (fnmatch(strrchr(patterns[T.pattern], '/') + 1, name,
			    0) == 0);
	for (log = 0; log < WORLD_LOGS; log++)
		if (owed(&T, log) != 0 && is_log_of(name, log, T.copies))
			return (true);
	return (false);
}

static size_t
write_url(char *p, size_t room, unsigned receiver)
{
	static const char *const schemes[] = { "tcp", "relp", "udp", "tls",
		"relp+tls" };
	unsigned i = setting_kind(receiver);
	int n;

	if (setting_is_local(receiver))
		n = snprintf(p, room, "\"unix:///run/%u\"", receiver);
	else
		n = snprintf(p, room, "\"%s://127.0.0.1:%u\"",
		    schemes[setting_is_tls(receiver) ? i + 3 : i],
		    net_port(receiver));
	return ((size_t)n);
}

static size_t
write_name(char *p, size_t room, unsigned i)
{
	int n = snprintf(p, room, "%c", (int)('d' + i));

	if (T.dests[i].renamed > 0)
		n +=
		    snprintf(p + n, room - (size_t)n, "%u", T.dests[i].renamed);
	return ((size_t)n);
}

static size_t
write_dest(char *p, size_t room, unsigned i)
{
	const struct dest *d = &T.dests[i];
	unsigned k;
	size_t n;

	n = (size_t)snprintf(p, room, "destination \"");
	n += write_name(p + n, room - n, i);
	n += (size_t)snprintf(p + n, room - n, "\" {\nurl = { ");
	for (k = 0; k < d->urls; k++) {
		if (k > 0)
			n += (size_t)snprintf(p + n, room - n, ", ");
		n += write_url(p + n, room - n, i * SETTING_URLS + k);
	}
	n += (size_t)snprintf(p + n, room - n,
	    " }\npolicy = %s\nformat = raw\n%s"
	    "retry = { \"100ms\", \"1s\" }\nack_timeout = \"%us\"\n"
	    "connect_timeout = \"2s\"\nmax_message = \"%u\"\n}\n",
	    d->balances ? "balance" : "failover",
	    d->kind == RECEIVER_TCP || d->kind == RECEIVER_UNIX
		? "framing = newline\n"
		: "",
	    patience, S.path != 0 ? 4096 : 480);
	return (n);
}

static size_t
write_paths(char *p, size_t room, unsigned source)
{
	const char *begin = "";
	unsigned log;
	size_t n = 0;

	if (T.nsources == 1)
		return (
		    (size_t)snprintf(p, room, "\"%s\"", patterns[T.pattern]));
	for (log = source; log < WORLD_LOGS; log += T.nsources) {
		n += (size_t)snprintf(p + n, room - n, "%s\"/log/app%u.log%s\"",
		    begin, log, T.copies ? "*" : "");
		begin = ", ";
	}
	return (n);
}

static size_t
write_source(char *p, size_t room, unsigned i)
{
	const char *begin = "";
	unsigned d;
	size_t n;

	n = (size_t)snprintf(
	    p, room, "source \"%c\" {\npaths = { ", (int)('s' + i));
	n += write_paths(p + n, room - n, i);
	n += (size_t)snprintf(p + n, room - n, " }\ndestinations = { ");
	for (d = 0; d < T.ndests; d++) {
		if ((T.sources[i].dests & (1u << d)) == 0)
			continue;
		n += (size_t)snprintf(p + n, room - n, "%s\"", begin);
		n += write_name(p + n, room - n, d);
		n += (size_t)snprintf(p + n, room - n, "\"");
		begin = ", ";
	}
	n += (size_t)snprintf(p + n, room - n, " }\n}\n");
	return (n);
}

size_t
setting_write(char *p, size_t room)
{
	unsigned i;
	size_t n;

	n = (size_t)snprintf(p, room,
	    "state_dir = \"/state\"\ncontrol_socket = \"\"\nuser = \"\"\n"
	    "hostname = \"h\"\n");
	for (i = 0; i < T.ndests; i++)
		n += write_dest(p + n, room - n, i);
	for (i = 0; i < T.nsources; i++)
		if (T.sources[i].dests != 0)
			n += write_source(p + n, room - n, i);
	if (n >= room)
		sim_fail("the configuration is too long");
	return (n);
}
