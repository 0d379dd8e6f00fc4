/*
 * Goal: whatever a receiver sends, the parser reads nothing beyond it, reports
 * only frames that are there, as they are, and means the same in any pieces.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/relp.h"

#define EVENTS 1024

#define require(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

struct report {
	size_t end; /* of the frame in the input */
	size_t noffers;
	enum relp_event event;
	uint32_t txnr;
	unsigned code;
	bool offers_ok;
	char text[RELP_TEXT_MAX + 1];
	char why[512];
};

static struct report whole[EVENTS], pieces[EVENTS];

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_response(const struct relp_parser *p)
{
	const uint8_t *from = p->data, *to = p->data + RELP_DATA_KEPT;

	require(p->txnr >= 1 && p->txnr <= 999999999);
	require(p->code <= 999);
	require(strlen(p->text) <= RELP_TEXT_MAX);
	for (const char *c = p->text; *c != '\0'; c++)
		require(*c >= ' ' && *c <= '~');
	require(p->offers >= from && p->offers <= to);
	require(p->noffers <= (size_t)(to - p->offers));
}

/* Parses in[0..n) in pieces of step octets that end with their allocation. */
static size_t
parse(const uint8_t *in, size_t n, size_t step, struct report *reports)
{
	struct relp_parser p;
	struct reason why = { "" };
	size_t at, end, used, found = 0;
	uint8_t *piece;

	relp_parser_init(&p);
	for (at = 0; at < n && found < EVENTS; at = end) {
		struct report *r = &reports[found];

		end = n - at < step ? n : at + step;
		piece = malloc(end - at);
		require(piece != NULL);
		memcpy(piece, in + at, end - at);
		memset(r, 0, sizeof(*r));
		r->event = relp_parse(&p, piece, end - at, &used, &why);
		free(piece);
		require(used <= end - at);
		require(r->event != RELP_INCOMPLETE || used == end - at);
		require(r->event == RELP_INCOMPLETE || r->event == RELP_ERROR ||
		    used > 0);
		end = at + used;
		if (r->event == RELP_INCOMPLETE)
			continue;
		found++;
		if (r->event == RELP_ERROR) {
			require(why.text[0] != '\0');
			(void)snprintf(r->why, sizeof(r->why), "%s", why.text);
			require(
			    relp_parse(&p, in, 1, &used, &why) == RELP_ERROR);
			break;
		}
		r->end = end;
		r->txnr = p.txnr;
		if (r->event == RELP_SERVERCLOSE)
			continue;
		check_response(&p);
		r->code = p.code;
		r->noffers = p.noffers;
		r->offers_ok = relp_offers_ok(p.offers, p.noffers, &why);
		(void)snprintf(r->text, sizeof(r->text), "%s", p.text);
	}
	return (found);
}

/* Reads a frame that is known to end at n the plain way. */
static void
check_frame(const uint8_t *in, size_t n, const struct report *r)
{
	char head[64], command[32];
	unsigned txnr, len, code = 0;
	int data = 0;

	require(n >= 7 && in[n - 1] == '\n');
	(void)snprintf(head, sizeof(head), "%.*s", (int)n, (const char *)in);
	require(sscanf(head, "%u %31s %u%n", &txnr, command, &len, &data) == 3);
	require(txnr == r->txnr && len <= RELP_DATA_MAX);
	require(strcmp(command, txnr > 0 ? "rsp" : "serverclose") == 0);
	require((r->event == RELP_RSP) == (txnr > 0));
	data += in[data] == ' ';
	require(n == (size_t)data + len + 1);
	if (txnr == 0 || len == 0) {
		require(r->code == 0 && r->text[0] == '\0');
		return;
	}
	require(sscanf(head + data, "%3u", &code) == 1);
	require(code == r->code);
}

/* What is read together is what is read one by one. */
static void
check_accepted(const uint8_t *in, size_t n, size_t found)
{
	struct relp_parser p;
	struct relp_accepted a;
	size_t count;

	if (found == 0 || whole[0].event != RELP_RSP)
		return;
	relp_parser_init(&p);
	a = relp_parse_accepted(&p, whole[0].txnr, EVENTS, in, n);
	count = (size_t)a.count;
	require(count <= found);
	require(a.used == (count > 0 ? whole[count - 1].end : 0));
	for (size_t i = 0; i < count; i++) {
		require(whole[i].event == RELP_RSP && whole[i].code == 200);
		require(strcmp(whole[i].text, "OK") == 0);
		require(whole[i].txnr == whole[0].txnr + i ||
		    whole[0].txnr + i > 999999999);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	size_t found, at = 0;
	struct reason why;

	(void)relp_offers_ok(in, n, &why);
	found = parse(in, n, n, whole);
	for (size_t i = 0; i < found && whole[i].event != RELP_ERROR; i++) {
		check_frame(in + at, whole[i].end - at, &whole[i]);
		at = whole[i].end;
	}
	check_accepted(in, n, found);
	for (size_t step = 1; step <= 8; step = step * 2 + 1) {
		require(parse(in, n, step, pieces) == found);
		require(memcmp(whole, pieces, found * sizeof(*whole)) == 0);
	}
	return (0);
}
