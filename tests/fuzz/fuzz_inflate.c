/*
 * Goal: whatever a file holds that looks compressed, the decoder stays within
 * the room it is given, comes to an end, and means the same in any pieces.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/inflate.h"

#define MOST (256 * 1024) /* octets of text that are looked at */

#define require(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static uint8_t whole[MOST], pieces[MOST];

/* Returns the octets made of in[0..n), in pieces that end where they end. */
static size_t
unpack(enum inflate_kind kind, const uint8_t *in, size_t n, size_t step,
    uint8_t *out, enum inflate_status *status)
{
	struct inflate *z = inflate_new(kind);
	struct inflate_io io = { .used = 0 };
	size_t at = 0, made = 0, len;
	uint8_t *piece;

	require(z != NULL);
	do {
		len = n - at < step ? n - at : step;
		require((piece = malloc(len == 0 ? 1 : len)) != NULL);
		if (len > 0)
			memcpy(piece, in + at, len);
		io = (struct inflate_io) { .in = piece,
			.in_len = len,
			.out = out + made,
			.room = MOST - made };
		if (io.room > step)
			io.room = step;
		*status = inflate_run(z, &io);
		require(io.used <= len && io.made <= io.room);
		at += io.used;
		made += io.made;
		free(piece);
	} while (*status != INFLATE_DAMAGED && made < MOST &&
	    (io.used > 0 || io.made > 0));
	if (*status == INFLATE_DAMAGED)
		require(inflate_error(z) != NULL);
	/* With room and input left it must not stop. */
	require(*status == INFLATE_DAMAGED || made == MOST || at == n);
	inflate_free(z);
	return (made);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum inflate_kind kind = inflate_kind_of(p, n);
	enum inflate_status a, b;
	size_t i, k;

	if (kind == INFLATE_NONE)
		return (0);
	i = unpack(kind, p, n, MOST, whole, &a);
	k = unpack(kind, p, n, 1 + n % 61, pieces, &b);
	/* A decoder may say that it is damaged before or after its last octets.
	 */
	require(memcmp(whole, pieces, i < k ? i : k) == 0);
	if (a != INFLATE_DAMAGED && b != INFLATE_DAMAGED)
		require(i == k && a == b);
	return (0);
}
