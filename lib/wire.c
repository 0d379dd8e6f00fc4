#include "wire.h"

#include <string.h>

#define RELP_COMMAND " syslog "
#define RELP_COMMAND_LEN (sizeof(RELP_COMMAND) - 1)

/* Without a loop: 1233 / 4096 is a little more than the logarithm of 2. */
static inline size_t
count_digits(uint32_t n)
{
	static const uint32_t powers[] = { 0, 10, 100, 1000, 10000, 100000,
		1000000, 10000000, 100000000, 1000000000 };
	size_t bits = 32 - (size_t)__builtin_clz(n | 1);
	size_t most = bits * 1233 / 4096;

	return (n < powers[most] ? most : most + 1);
}

/* Two digits a step: every message has a number or two. */
static inline size_t
put_number(uint32_t n, uint8_t *out)
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";
	size_t digits = count_digits(n), i;

	for (i = digits; i > 1; n /= 100) {
		i -= 2;
		memcpy(out + i, pairs + n % 100 * 2, 2);
	}
	if (i == 1)
		out[0] = (uint8_t)('0' + n);
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
