#include "daemon/send/relp_session.h"

#include <string.h>

#include "daemon/base/version.h"
#include "lib/wire.h"

size_t
relp_session_begin(struct relp_session *s, uint8_t *out)
{
	memset(s, 0, sizeof(*s));
	relp_parser_init(&s->parser);
	s->txnr = RELP_TXNR_OPEN;
	return (relp_encode_open("teslacoild," VERSION, out));
}

size_t
relp_session_end(struct relp_session *s, uint8_t *out)
{
	s->txnr = relp_session_next(s);
	s->closing = true;
	return (relp_encode_close(s->txnr, out));
}

uint32_t
relp_session_next(const struct relp_session *s)
{
	return (wire_next_txnr(s->txnr));
}

void
relp_session_sent(struct relp_session *s, uint64_t n)
{
	s->count += n;
	s->txnr = (uint32_t)((s->txnr - 1 + n) % WIRE_TXNR_LAST) + 1;
}

/* Returns how many transactions before the last one txnr was. */
static uint64_t
transactions_ago(const struct relp_session *s, uint32_t txnr)
{
	return (((uint64_t)s->txnr + WIRE_TXNR_LAST - txnr) % WIRE_TXNR_LAST);
}

/* Returns the number of the transaction that many before the last one. */
static uint32_t
txnr_before(const struct relp_session *s, uint64_t ago)
{
	return ((uint32_t)(((uint64_t)s->txnr - 1 + WIRE_TXNR_LAST - ago) %
		    WIRE_TXNR_LAST) +
	    1);
}

static enum relp_heard
hear_open(struct relp_session *s, struct reason *why)
{
	if (s->parser.txnr != RELP_TXNR_OPEN || s->parser.code != 200) {
		reason_set(why, "the server refused to open: %u %s",
		    s->parser.code, s->parser.text);
		return (RELP_HEARD_ERROR);
	}
	if (!relp_offers_ok(s->parser.offers, s->parser.noffers, why))
		return (RELP_HEARD_ERROR);
	s->open = true;
	return (RELP_HEARD_OPEN);
}

static enum relp_heard
hear_response(
    struct relp_session *s, uint64_t in_flight, struct relp_said *said)
{
	uint64_t ago;

	if (!s->open)
		return (hear_open(s, said->why));
	ago = transactions_ago(s, s->parser.txnr);
	if (s->closing && ago-- == 0)
		return (RELP_HEARD_CLOSE);
	if (ago >= in_flight) {
		reason_set(said->why,
		    "a response to transaction %u, which waits "
		    "for none",
		    s->parser.txnr);
		return (RELP_HEARD_ERROR);
	}
	said->position = s->count - ago;
	s->code = s->parser.code;
	s->text = s->parser.text;
	return (s->code == 200 ? RELP_HEARD_ACK : RELP_HEARD_REFUSAL);
}

/*
 * Reads the responses that accept the oldest messages in order; fast, as most
 * are such.
 */
static bool
hear_accepted(struct relp_session *s, uint64_t in_flight, const uint8_t *in,
    size_t n, struct relp_said *said)
{
	struct relp_accepted accepted;

	if (!s->open || s->closing || in_flight == 0)
		return (false);
	accepted = relp_parse_accepted(
	    &s->parser, txnr_before(s, in_flight - 1), in_flight, in, n);
	said->used = accepted.used;
	said->position = s->count - in_flight + accepted.count;
	return (accepted.count > 0);
}

enum relp_heard
relp_session_hear(struct relp_session *s, uint64_t in_flight, const uint8_t *in,
    size_t n, struct relp_said *said)
{
	if (hear_accepted(s, in_flight, in, n, said))
		return (RELP_HEARD_ACKS);
	switch (relp_parse(&s->parser, in, n, &said->used, said->why)) {
	case RELP_INCOMPLETE:
		break;
	case RELP_RSP:
		return (hear_response(s, in_flight, said));
	case RELP_SERVERCLOSE:
		return (RELP_HEARD_CLOSE);
	case RELP_ERROR:
		return (RELP_HEARD_ERROR);
	}
	return (RELP_HEARD_NOTHING);
}
