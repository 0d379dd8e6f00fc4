#include "wire.h"

#include <string.h>

static size_t
count_digits(size_t n)
{
	size_t digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return (digits);
}

size_t
wire_size(enum wire wire, size_t len)
{
	switch (wire) {
	case WIRE_OCTET:
		return (count_digits(len) + 1);
	case WIRE_NEWLINE:
		return (1);
	case WIRE_DATAGRAM:
		return (sizeof(uint32_t));
	}
	return (0);
}

size_t
wire_head(enum wire wire, size_t len, uint8_t *out)
{
	uint32_t octets = (uint32_t)len;
	size_t digits, i;

	switch (wire) {
	case WIRE_OCTET:
		digits = count_digits(len);
		for (i = digits; i-- > 0; len /= 10)
			out[i] = (uint8_t)('0' + len % 10);
		out[digits] = ' ';
		return (digits + 1);
	case WIRE_NEWLINE:
		return (0);
	case WIRE_DATAGRAM:
		memcpy(out, &octets, sizeof(octets));
		return (sizeof(octets));
	}
	return (0);
}

size_t
wire_tail(enum wire wire, uint8_t *out)
{
	if (wire != WIRE_NEWLINE)
		return (0);
	out[0] = '\n';
	return (1);
}
