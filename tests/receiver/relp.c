#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "receiver.h"

#define TXNR_LAST 999999999
#define MAX_DIGITS 9
#define MAX_COMMAND 32
#define OFFERS "200 OK\nrelp_version=0\nrelp_software=receiver\ncommands=syslog"

struct frame {
	uint32_t txnr;
	const uint8_t *command;
	size_t ncommand;
	const uint8_t *data;
	size_t len;
	size_t octets; /* of all of it */
};

/*
 * The functions that read return the octets that they read of p[0..n), 0 when
 * there is more to come, -1 when this is no RELP.
 */

/* A number and what ends it, which is not read. */
static ssize_t
read_number(const uint8_t *p, size_t n, size_t *number)
{
	size_t i;

	*number = 0;
	for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++) {
		if (i == MAX_DIGITS || (i > 0 && *number == 0))
			return (-1);
		*number = *number * 10 + (size_t)(p[i] - '0');
	}
	if (i == n)
		return (0);
	return (i == 0 ? -1 : (ssize_t)i);
}

/* "TXNR COMMAND " */
static ssize_t
read_head(const uint8_t *p, size_t n, struct frame *f)
{
	size_t txnr, i;
	ssize_t used = read_number(p, n, &txnr);

	if (used <= 0)
		return (used);
	if (txnr == 0 || p[used] != ' ')
		return (-1);
	f->txnr = (uint32_t)txnr;
	f->command = p + used + 1;
	n -= (size_t)used + 1;
	for (i = 0; i < n && f->command[i] >= 'a' && f->command[i] <= 'z'; i++)
		if (i == MAX_COMMAND)
			return (-1);
	if (i == n)
		return (0);
	f->ncommand = i;
	if (i == 0 || f->command[i] != ' ')
		return (-1);
	return (used + 1 + (ssize_t)i + 1);
}

/* "DATALEN DATA\n"; without data the blank is missing. */
static ssize_t
read_data(const struct receiver *r, const uint8_t *p, size_t n, struct frame *f)
{
	ssize_t used = read_number(p, n, &f->len);
	size_t at = (size_t)used;

	if (used <= 0)
		return (used);
	if (f->len > r->max_message || (f->len > 0 && p[at++] != ' '))
		return (-1);
	f->data = p + at;
	if (n - at <= f->len)
		return (0);
	return (f->data[f->len] == '\n' ? (ssize_t)(at + f->len + 1) : -1);
}

static ssize_t
read_frame(
    const struct receiver *r, const uint8_t *p, size_t n, struct frame *f)
{
	ssize_t head, data;

	if ((head = read_head(p, n, f)) <= 0)
		return (head);
	data = read_data(r, p + head, n - (size_t)head, f);
	return (data <= 0 ? data : head + data);
}

static bool
is(const struct frame *f, const char *command)
{
	return (f->ncommand == strlen(command) &&
	    memcmp(f->command, command, f->ncommand) == 0);
}

static void
respond(struct conn *c, uint32_t txnr, const char *text)
{
	char buf[256];
	int n;

	n = snprintf(
	    buf, sizeof(buf), "%u rsp %zu %s\n", txnr, strlen(text), text);
	buffer_add(&c->out, buf, (size_t)n);
}

static void
hold(struct receiver *r, struct conn *c, uint32_t txnr, unsigned code)
{
	struct relp *relp = &c->relp;

	if (relp->nheld == relp->room) {
		relp->room = relp->room == 0 ? 64 : 2 * relp->room;
		relp->held =
		    realloc(relp->held, relp->room * sizeof(*relp->held));
		if (relp->held == NULL)
			err(1, NULL);
	}
	relp->held[relp->nheld++] = (struct answer) { txnr, code,
		r->delay_ms == 0 ? 0 : now_ms() + r->delay_ms };
}

static bool
must_refuse(struct receiver *r, const struct frame *f)
{
	if (r->refuse > 0) {
		r->refuse--;
		return (true);
	}
	return (r->poison[0] != '\0' &&
	    memmem(f->data, f->len, r->poison, strlen(r->poison)) != NULL);
}

static void
take_message(struct receiver *r, struct conn *c, const struct frame *f)
{
	if (r->drop) {
		r->dropped++;
		return;
	}
	if (must_refuse(r, f)) {
		r->refused++;
		hold(r, c, f->txnr, 500);
		return;
	}
	message_take(r, f->data, f->len);
	hold(r, c, f->txnr, 200);
}

/* Returns whether it may come now. */
static bool
take_frame(struct receiver *r, struct conn *c, const struct frame *f)
{
	struct relp *relp = &c->relp;

	if (relp->closed || f->txnr != relp->txnr % TXNR_LAST + 1)
		return (false);
	relp->txnr = f->txnr;
	if (is(f, "open") && !relp->open) {
		relp->open = true;
		respond(c, f->txnr, OFFERS);
		return (memmem(f->data, f->len, "relp_version=0", 14) != NULL);
	}
	if (!relp->open)
		return (false);
	if (is(f, "close")) {
		relp->closed = true;
		r->closed++;
		relp_answer(r, c, true);
		respond(c, f->txnr, "200 OK");
		return (true);
	}
	if (!is(f, "syslog"))
		return (false);
	take_message(r, c, f);
	return (true);
}

ssize_t
relp_take(struct receiver *r, struct conn *c, size_t at)
{
	struct frame f;
	ssize_t n;

	n = read_frame(r, c->in.data + at, c->in.len - at, &f);
	return (n <= 0 || take_frame(r, c, &f) ? n : -1);
}

static void
shuffle(struct relp *relp)
{
	struct answer swap;
	size_t i, j;

	for (i = relp->nheld; i > 1; i--) {
		j = (size_t)random() % i;
		swap = relp->held[i - 1];
		relp->held[i - 1] = relp->held[j];
		relp->held[j] = swap;
	}
}

void
relp_answer(struct receiver *r, struct conn *c, bool idle)
{
	struct relp *relp = &c->relp;
	uint64_t now = relp->nheld == 0 ? 0 : now_ms();
	size_t i, kept = 0;

	if (r->shuffle > 0) {
		if (relp->nheld < r->shuffle && !idle)
			return;
		shuffle(relp);
	}
	for (i = 0; i < relp->nheld; i++)
		if (relp->held[i].due_ms > now && !relp->closed)
			relp->held[kept++] = relp->held[i];
		else
			respond(c, relp->held[i].txnr,
			    relp->held[i].code == 200 ? "200 OK"
						      : "500 not this one");
	relp->nheld = kept;
}
