#include "wire.h"

#include <string.h>

#define RELP_COMMAND " syslog "
#define RELP_COMMAND_LEN (sizeof(RELP_COMMAND) - 1)

static size_t
put_number(uint32_t n, uint8_t *out)
{
	size_t digits = 1, i;
	uint32_t rest;

	for (rest = n; rest >= 10; rest /= 10)
		digits++;
	for (i = digits; i-- > 0; n /= 10)
		out[i] = (uint8_t)('0' + n % 10);
	return (digits);
}

/* Writes len and the space behind it. */
static size_t
put_length(uint32_t len, uint8_t *out)
{
	size_t digits = put_number(len, out);

	out[digits] = ' ';
	return (digits + 1);
}

static size_t
put_relp(uint32_t len, uint32_t txnr, uint8_t *out)
{
	size_t made = put_number(txnr, out);

	memcpy(out + made, RELP_COMMAND, RELP_COMMAND_LEN);
	made += RELP_COMMAND_LEN;
	return (made + put_length(len, out + made));
}

size_t
wire_head(enum wire wire, size_t len, uint32_t txnr, uint8_t *out)
{
	uint32_t octets = (uint32_t)len;

	switch (wire) {
	case WIRE_OCTET:
		return (put_length(octets, out));
	case WIRE_NEWLINE:
		return (0);
	case WIRE_DATAGRAM:
		memcpy(out, &octets, sizeof(octets));
		return (sizeof(octets));
	case WIRE_RELP:
		return (put_relp(octets, txnr, out));
	}
	return (0);
}

size_t
wire_tail(enum wire wire, uint8_t *out)
{
	if (wire != WIRE_NEWLINE && wire != WIRE_RELP)
		return (0);
	out[0] = '\n';
	return (1);
}
