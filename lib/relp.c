#include "relp.h"

#include <sys/types.h>

#include <stdio.h>
#include <string.h>

#include "wire.h"

#define NUMBER_DIGITS 9
#define CODE_DIGITS 3
#define SOFTWARE_MAX 64

#define ACCEPTED " rsp 6 200 OK\n"
#define ACCEPTED_LEN (sizeof(ACCEPTED) - 1)
#define RSP "rsp"
#define SERVERCLOSE "serverclose"

size_t
relp_encode_open(const char *software, uint8_t *out)
{
	char offers[RELP_ROOM / 2];
	int n;

	n = snprintf(offers, sizeof(offers),
	    "relp_version=0\nrelp_software=%.*s\ncommands=syslog", SOFTWARE_MAX,
	    software);
	n = snprintf((char *)out, RELP_ROOM, "%d open %d %s\n", RELP_TXNR_OPEN,
	    n, offers);
	return ((size_t)n);
}

size_t
relp_encode_close(uint32_t txnr, uint8_t *out)
{
	return ((size_t)snprintf((char *)out, RELP_ROOM, "%u close 0\n", txnr));
}

static void
begin_frame(struct relp_parser *p)
{
	p->state = RELP_AT_TXNR;
	p->txnr = 0;
	p->code = 0;
	p->text = "";
	p->offers = p->data;
	p->noffers = 0;
	p->digits = 0;
	p->ncommand = 0;
	p->len = p->left = 0;
}

void
relp_parser_init(struct relp_parser *p)
{
	memset(p, 0, sizeof(*p));
	begin_frame(p);
}

static int
unexpected(const struct relp_parser *p, uint8_t c, struct reason *why)
{
	static const char *const fields[] = {
		[RELP_AT_TXNR] = "the transaction number",
		[RELP_AT_COMMAND] = "the command",
		[RELP_AT_LENGTH] = "the data length",
		[RELP_AT_DATA] = "the data",
		[RELP_AT_END] = "the end",
		[RELP_AT_NEXT] = "what follows",
		[RELP_AT_ERROR] = "what follows an error",
	};

	return (reason_set(why, "not RELP: octet 0x%02x in %s of a frame", c,
	    fields[p->state]));
}

/*
 * Each take_...() reads its field of a frame: what of in[0..n), n > 0, belongs
 * to it, and the octet that ends it.  Returns the octets read, or -1 with why
 * set.
 */

static ssize_t
take_digits(struct relp_parser *p, uint32_t *number, const uint8_t *in,
    size_t n, struct reason *why)
{
	unsigned digits = p->digits;
	uint32_t value = *number;
	size_t i;

	for (i = 0; i < n && in[i] >= '0' && in[i] <= '9'; i++) {
		if (digits++ == NUMBER_DIGITS)
			return (reason_set(why,
			    "not RELP: a number of more than %d digits",
			    NUMBER_DIGITS));
		value = value * 10 + (uint32_t)(in[i] - '0');
	}
	p->digits = digits;
	*number = value;
	if (i < n && digits == 0)
		return (unexpected(p, in[i], why));
	return ((ssize_t)i);
}

static ssize_t
take_txnr(
    struct relp_parser *p, const uint8_t *in, size_t n, struct reason *why)
{
	ssize_t i = take_digits(p, &p->txnr, in, n, why);

	if (i == -1 || (size_t)i == n)
		return (i);
	if (in[i] != ' ')
		return (unexpected(p, in[i], why));
	p->digits = 0;
	p->state = RELP_AT_COMMAND;
	return (i + 1);
}

static bool
is_command(const struct relp_parser *p, const char *command)
{
	return (p->ncommand == strlen(command) &&
	    memcmp(p->command, command, p->ncommand) == 0);
}

/* A response has a transaction number, a hint like serverclose has none. */
static int
check_command(struct relp_parser *p, struct reason *why)
{
	if (is_command(p, RSP) && p->txnr == 0)
		return (reason_set(why, "response to transaction 0"));
	if (is_command(p, SERVERCLOSE) && p->txnr != 0)
		return (reason_set(
		    why, SERVERCLOSE " with transaction number %u", p->txnr));
	if (!is_command(p, RSP) && !is_command(p, SERVERCLOSE))
		return (reason_set(why, "not RELP: unknown command \"%.*s\"",
		    (int)p->ncommand, p->command));
	return (0);
}

static ssize_t
take_command(
    struct relp_parser *p, const uint8_t *in, size_t n, struct reason *why)
{
	size_t i;

	for (i = 0; i < n && in[i] != ' '; i++) {
		if ((in[i] | 0x20) < 'a' || (in[i] | 0x20) > 'z')
			return (unexpected(p, in[i], why));
		if (p->ncommand == sizeof(p->command))
			return (reason_set(why,
			    "not RELP: unknown command \"%.*s...\"",
			    (int)p->ncommand, p->command));
		p->command[p->ncommand++] = (char)in[i];
	}
	if (i == n)
		return ((ssize_t)i);
	if (check_command(p, why) == -1)
		return (-1);
	p->state = RELP_AT_LENGTH;
	return ((ssize_t)i + 1);
}

/* Returns what to call the frame in a reason, once its command is known. */
static const char *
name_of(const struct relp_parser *p)
{
	return (p->txnr == 0 ? SERVERCLOSE : "response");
}

/* The text goes into our log: a receiver must not write there what it likes. */
static void
set_text(struct relp_parser *p, uint8_t *text, size_t n)
{
	size_t i;

	if (n > RELP_TEXT_MAX)
		n = RELP_TEXT_MAX;
	for (i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	text[n] = '\0';
	p->text = (const char *)text;
}

/* Parses "200 text" and the lines that may follow. */
static int
read_response(struct relp_parser *p, struct reason *why)
{
	size_t i, kept = p->len < RELP_DATA_KEPT ? p->len : RELP_DATA_KEPT;
	uint8_t *text = p->data + CODE_DIGITS, *end = p->data + kept, *lf;

	for (i = 0; i < CODE_DIGITS; i++) {
		if (i >= kept || p->data[i] < '0' || p->data[i] > '9')
			return (reason_set(why,
			    "response to transaction %u has no code", p->txnr));
		p->code = p->code * 10 + p->data[i] - '0';
	}
	if (text < end && *text != ' ' && *text != '\n')
		return (reason_set(why,
		    "response to transaction %u: octet 0x%02x behind its code",
		    p->txnr, *text));
	if (text < end && *text == ' ')
		text++;
	if ((lf = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		p->offers = lf + 1;
		p->noffers = (size_t)(end - p->offers);
		end = lf;
	}
	set_text(p, text, (size_t)(end - text));
	return (0);
}

static ssize_t
take_end(struct relp_parser *p, uint8_t c, struct reason *why)
{
	if (c != '\n')
		return (unexpected(p, c, why));
	p->state = RELP_AT_NEXT;
	if (p->txnr > 0 && p->len > 0 && read_response(p, why) == -1)
		return (-1);
	return (1);
}

static ssize_t
take_length(
    struct relp_parser *p, const uint8_t *in, size_t n, struct reason *why)
{
	ssize_t i = take_digits(p, &p->len, in, n, why);

	if (i == -1 || (size_t)i == n)
		return (i);
	if (p->len > RELP_DATA_MAX)
		return (
		    reason_set(why, "%s has a data length of %u, more than %d",
			name_of(p), p->len, RELP_DATA_MAX));
	p->left = p->len;
	p->state = p->len > 0 ? RELP_AT_DATA : RELP_AT_END;
	/* Without data there is no space, but some servers write one. */
	if (in[i] == ' ')
		return (i + 1);
	if (p->len > 0)
		return (unexpected(p, in[i], why));
	return (i);
}

/* Keeps only the beginning of the data. */
static ssize_t
take_data(struct relp_parser *p, const uint8_t *in, size_t n)
{
	size_t at = p->len - p->left, keep;

	if (n > p->left)
		n = p->left;
	if (at < RELP_DATA_KEPT) {
		keep = n < RELP_DATA_KEPT - at ? n : RELP_DATA_KEPT - at;
		memcpy(p->data + at, in, keep);
	}
	p->left -= (uint32_t)n;
	if (p->left == 0)
		p->state = RELP_AT_END;
	return ((ssize_t)n);
}

static ssize_t
take(struct relp_parser *p, const uint8_t *in, size_t n, struct reason *why)
{
	switch (p->state) {
	case RELP_AT_TXNR:
		return (take_txnr(p, in, n, why));
	case RELP_AT_COMMAND:
		return (take_command(p, in, n, why));
	case RELP_AT_LENGTH:
		return (take_length(p, in, n, why));
	case RELP_AT_DATA:
		return (take_data(p, in, n));
	case RELP_AT_END:
		return (take_end(p, in[0], why));
	case RELP_AT_NEXT:
	case RELP_AT_ERROR:
		break;
	}
	return (unexpected(p, in[0], why));
}

enum relp_event
relp_parse(struct relp_parser *p, const uint8_t *in, size_t n, size_t *used,
    struct reason *why)
{
	ssize_t taken;

	*used = 0;
	if (p->state == RELP_AT_NEXT)
		begin_frame(p);
	while (*used < n && p->state != RELP_AT_NEXT) {
		if ((taken = take(p, in + *used, n - *used, why)) == -1) {
			p->state = RELP_AT_ERROR;
			return (RELP_ERROR);
		}
		*used += (size_t)taken;
	}
	if (p->state != RELP_AT_NEXT)
		return (RELP_INCOMPLETE);
	return (p->txnr > 0 ? RELP_RSP : RELP_SERVERCLOSE);
}

static bool
is_between_frames(const struct relp_parser *p)
{
	return (p->state == RELP_AT_NEXT ||
	    (p->state == RELP_AT_TXNR && p->digits == 0));
}

struct relp_accepted
relp_parse_accepted(const struct relp_parser *p, uint32_t txnr, uint64_t most,
    const uint8_t *in, size_t n)
{
	struct relp_accepted found = { 0, 0 };
	uint32_t number;
	size_t i;

	if (!is_between_frames(p))
		return (found);
	for (; found.count < most; found.count++) {
		number = 0;
		for (i = 0;
		     i < n && i < NUMBER_DIGITS && in[i] >= '0' && in[i] <= '9';
		     i++)
			number = number * 10 + (uint32_t)(in[i] - '0');
		if (number != txnr || n - i < ACCEPTED_LEN ||
		    memcmp(in + i, ACCEPTED, ACCEPTED_LEN) != 0)
			break;
		i += ACCEPTED_LEN;
		in += i;
		n -= i;
		found.used += i;
		txnr = wire_next_txnr(txnr);
	}
	return (found);
}

/* Returns the octets of p[0..n) before the first c. */
static size_t
until(const uint8_t *p, size_t n, uint8_t c)
{
	const uint8_t *at = n > 0 ? memchr(p, c, n) : NULL;

	return (at != NULL ? (size_t)(at - p) : n);
}

static bool
is(const uint8_t *p, size_t n, const char *word)
{
	return (n == strlen(word) && memcmp(p, word, n) == 0);
}

static bool
has_value(const uint8_t *values, size_t n, const char *value)
{
	size_t at, len;

	for (at = 0; at < n; at += len + 1) {
		len = until(values + at, n - at, ',');
		if (is(values + at, len, value))
			return (true);
	}
	return (false);
}

/*
 * A missing version passes: some servers put it into the text of the response.
 * A server that refuses us offers no command, either.
 */
bool
relp_offers_ok(const uint8_t *offers, size_t n, struct reason *why)
{
	size_t at, len, name, skip;
	bool syslog = false;

	for (at = 0; at < n; at += len + 1) {
		len = until(offers + at, n - at, '\n');
		name = until(offers + at, len, '=');
		skip = name < len ? name + 1 : len;
		if (is(offers + at, name, "relp_version") &&
		    !is(offers + at + skip, len - skip, "0")) {
			(void)reason_set(why,
			    "the receiver wants another version of RELP than"
			    " 0");
			return (false);
		}
		if (is(offers + at, name, "commands") &&
		    has_value(offers + at + skip, len - skip, "syslog"))
			syslog = true;
	}
	if (!syslog)
		(void)reason_set(
		    why, "the receiver does not offer to take syslog messages");
	return (syslog);
}
