#include <string.h>

#include "receiver.h"

#define MAX_DIGITS 8 /* of an octet count */
#define SHOWN 64 /* octets of what is wrong */

/*
 * RFC 6587 3.4.1.  Returns the octets of one whole frame at p[0..n), 0 when
 * there is more to come, -1 when this is no frame.
 */
static ssize_t
take_octet(struct receiver *r, const uint8_t *p, size_t n)
{
	size_t i, len = 0;

	for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++) {
		if (i == MAX_DIGITS || (i == 0 && p[i] == '0'))
			return (-1);
		len = len * 10 + (size_t)(p[i] - '0');
	}
	if (i == n)
		return (0);
	if (i == 0 || p[i] != ' ' || len > r->max_message)
		return (-1);
	i++;
	if (n - i < len)
		return (0);
	message_take(r, p + i, len);
	return ((ssize_t)(i + len));
}

/* RFC 6587 3.4.2, the trailer being LF. */
static ssize_t
take_newline(struct receiver *r, const uint8_t *p, size_t n)
{
	const uint8_t *nl = memchr(p, '\n', n);

	if (nl == NULL)
		return (n > r->max_message ? -1 : 0);
	message_take(r, p, (size_t)(nl - p));
	return (nl - p + 1);
}

static ssize_t
take(struct receiver *r, struct conn *c, size_t at)
{
	const uint8_t *p = c->in.data + at;

	if (c->framing == FRAMING_AUTO)
		c->framing =
		    *p >= '1' && *p <= '9' ? FRAMING_OCTET : FRAMING_NEWLINE;
	switch (c->framing) {
	case FRAMING_OCTET:
		return (take_octet(r, p, c->in.len - at));
	case FRAMING_RELP:
		return (relp_take(r, c, at));
	case FRAMING_NEWLINE:
	case FRAMING_AUTO:
		break;
	}
	return (take_newline(r, p, c->in.len - at));
}

void
complain(struct receiver *r, const struct conn *c, size_t at)
{
	const uint8_t *p = c->in.data + at;
	size_t i, n = c->in.len - at;

	r->errors++;
	fprintf(stderr, "receiver: framing error at \"");
	for (i = 0; i < n && i < SHOWN; i++)
		if (p[i] >= 32 && p[i] < 127)
			fputc(p[i], stderr);
		else
			fprintf(stderr, "\\x%02x", p[i]);
	fprintf(stderr, "\"\n");
}

bool
conn_deframe(struct receiver *r, struct conn *c)
{
	size_t at = 0;
	ssize_t n = 0;

	while (at < c->in.len && (n = take(r, c, at)) > 0)
		at += (size_t)n;
	if (n == -1) {
		complain(r, c, at);
		return (false);
	}
	buffer_drop(&c->in, at);
	return (true);
}
