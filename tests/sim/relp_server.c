/*
 * What a receiver that speaks RELP makes of what it has read.
 */
#include "tests/sim/conn.h"

#include <ctype.h>
#include <string.h>

#define NEVER INT64_MAX /* no answer is given */
#define GIVEN (INT64_MAX - 1) /* it was, but a message before has none */

static void
say(struct conn *c, unsigned txnr, const char *data)
{
	char text[160];
	int n;

	n = snprintf(text, sizeof(text), "%u rsp %zu%s%s\n", txnr, strlen(data),
	    *data != '\0' ? " " : "", data);
	conn_say(c, text, (size_t)n);
}

static unsigned
number(const struct buffer *b, size_t *at)
{
	unsigned n = 0;

	while (*at < b->n && isdigit(b->p[*at]))
		n = n * 10 + (unsigned)(b->p[(*at)++] - '0');
	return (n);
}

static const char goodbye[] = "0 serverclose 0\n";

static void
hint(struct conn *c)
{
	sim_happened(WAY_HINT);
	sim_say("world: connection %u: serverclose", c->serial);
	c->hinted = true;
	c->close_at = S.now + (int64_t)rng_below(&S.more, 2000) * NS_MS;
	conn_say(c, goodbye, sizeof(goodbye) - 1);
}

static int64_t
draw_due(void)
{
	unsigned ms = rng_below(&S.more, S.answers.late_ms);

	if (S.final || rng_chance(&S.more, 300))
		ms = 0;
	if (ms >= 1000)
		sim_happened(WAY_ANSWER_LATE);
	return (S.now + (int64_t)ms * NS_MS);
}

/*
 * Some messages are refused as chance will have it, some whenever they come:
 * those are passed over in the end.
 */
static bool
is_refused(struct conn *c, const uint8_t *p, size_t n)
{
	bool always = oracle_always_denied(p, n);

	if (S.answers.refusals == 0)
		return (false);
	if (!always && (S.final || !rng_chance(&S.more, S.answers.refusals)))
		return (false);
	if (!oracle_denied(c->receiver, p, n))
		return (false);
	sim_happened(WAY_REFUSED);
	return (true);
}

/* What comes again when a connection is lost: all from the first on that has
   no answer. */
static void
take_message(struct conn *c, unsigned txnr, const uint8_t *p, size_t n)
{
	struct answer *a;

	if (!S.answers.strange || c->nanswers == ANSWERS) {
		oracle_heard(c->receiver, p, n);
		say(c, txnr, "200 OK");
		return;
	}
	sim_cover(KIND_ANSWERS);
	a = &c->answers[c->nanswers++];
	a->txnr = txnr;
	a->n = n + 1;
	a->due = c->hinted ? NEVER : draw_due();
	a->code = is_refused(c, p, n) ? 500 : 200;
	if (a->code == 200)
		oracle_heard(c->receiver, p, n);
	if (!c->hinted && !S.final && rng_chance(&S.more, 5))
		hint(c);
}

static void
open_session(struct conn *c, unsigned txnr)
{
	bool refused = S.answers.strange && !S.final &&
	    rng_chance(&S.more, S.answers.refusals);

	if (refused)
		sim_happened(WAY_OPEN_REFUSED);
	say(c, txnr,
	    refused ? "500 not now"
		    : "200 OK\nrelp_version=0\ncommands=syslog");
}

static void
obey(struct conn *c, unsigned txnr, const char *command, size_t at, size_t n)
{
	if (strcmp(command, "open") == 0) {
		open_session(c, txnr);
	} else if (strcmp(command, "syslog") == 0) {
		take_message(c, txnr, c->text.p + at, n);
	} else {
		say(c, txnr, "");
		conn_say(c, goodbye, sizeof(goodbye) - 1);
		c->finished = true;
	}
}

int64_t
relp_due(const struct conn *c)
{
	int64_t due = INT64_MAX;
	unsigned i;

	for (i = 0; i < c->nanswers; i++)
		if (c->answers[i].due < due)
			due = c->answers[i].due;
	if (due >= GIVEN)
		return (INT64_MAX);
	/* For what is due there was no room. */
	return (due > S.now ? due : S.now + NS_MS);
}

/* Octets that come again: also what was answered behind what was not. */
uint64_t
relp_at_stake(const struct conn *c)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < c->nanswers; i++)
		sum += c->answers[i].n;
	return (sum);
}

static void
give(struct conn *c, unsigned i)
{
	struct answer *a = &c->answers[i];

	if (i > 0 && c->answers[0].due != GIVEN)
		sim_happened(WAY_ANSWER_SOONER);
	say(c, a->txnr, a->code == 200 ? "200 OK" : "500 no");
	a->due = GIVEN;
	/* With a refusal the worker gives up the connection, and what it has
	   read of answers behind it. */
	if (a->code != 200)
		oracle_allow_at(c->receiver,
		    relp_at_stake(c) + c->in.n + c->text.n + c->out.n);
}

void
relp_answer(struct conn *c)
{
	unsigned i, n = 0;

	for (i = 0; i < c->nanswers; i++)
		if (c->answers[i].due <= S.now && c->back.n + 64 < BUF)
			give(c, i);
	while (n < c->nanswers && c->answers[n].due == GIVEN)
		n++;
	memmove(c->answers, c->answers + n,
	    (c->nanswers - n) * sizeof(c->answers[0]));
	c->nanswers -= n;
}

size_t
relp_piece(const struct conn *c, size_t n)
{
	const uint8_t *nl;

	if (conn_is_tls(c))
		return (n > 1 && rng_chance(&S.more, 200)
			? 1 + rng_below(&S.more, (unsigned)n - 1)
			: n);
	if (!S.answers.strange || !conn_is_relp(c))
		return (n);
	if (n > 1 && rng_chance(&S.more, 200)) {
		n = 1 + rng_below(&S.more, (unsigned)n - 1);
		if (c->back.p[n - 1] != '\n')
			sim_happened(WAY_ANSWER_SPLIT);
	}
	nl = memchr(c->back.p, '\n', n);
	if (nl != NULL && nl < c->back.p + n - 1)
		sim_happened(WAY_ANSWERS_AT_ONCE);
	return (n);
}

/* One frame; returns its length, 0: it is not all there. */
static size_t
take_frame(struct conn *c)
{
	const struct buffer *b = &c->text;
	unsigned txnr, len;
	char command[16];
	size_t at = 0, n = 0;

	txnr = number(b, &at);
	for (at++; at < b->n && isalpha(b->p[at]) && n < 15; at++)
		command[n++] = (char)b->p[at];
	command[n] = '\0';
	at++;
	len = number(b, &at);
	/* Ours has the space of what is empty, too. */
	if (len > 0 || (at < b->n && b->p[at] == ' '))
		at++;
	if (at + len >= b->n)
		return (0);
	if (b->p[at + len] != '\n')
		sim_fail("a frame of RELP does not end");
	obey(c, txnr, command, at, len);
	return (at + len + 1);
}

void
relp_serve(struct conn *c)
{
	size_t n;

	while ((n = take_frame(c)) > 0)
		buffer_take(&c->text, n);
}
