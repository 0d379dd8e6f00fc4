/*
 * What a receiver that speaks RELP makes of what it has read.
 */
#include "tests/sim/conn.h"

#include <ctype.h>
#include <string.h>

static void
say(struct conn *c, unsigned txnr, const char *data)
{
	char text[160];
	int n;

	n = snprintf(text, sizeof(text), "%u rsp %zu%s%s\n", txnr, strlen(data),
	    *data != '\0' ? " " : "", data);
	buffer_put(&c->back, text, (size_t)n);
}

static unsigned
number(const struct buffer *b, size_t *at)
{
	unsigned n = 0;

	while (*at < b->n && isdigit(b->p[*at]))
		n = n * 10 + (unsigned)(b->p[(*at)++] - '0');
	return (n);
}

static void
obey(struct conn *c, unsigned txnr, const char *command, size_t at, size_t n)
{
	static const char goodbye[] = "0 serverclose 0\n";

	if (strcmp(command, "open") == 0) {
		say(c, txnr, "200 OK\nrelp_version=0\ncommands=syslog");
	} else if (strcmp(command, "syslog") == 0) {
		oracle_heard(c->receiver, c->text.p + at, n);
		say(c, txnr, "200 OK");
	} else {
		say(c, txnr, "");
		buffer_put(&c->back, goodbye, sizeof(goodbye) - 1);
		c->finished = true;
	}
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
