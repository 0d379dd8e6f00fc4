#include "inflate.h"

#include <errno.h>
#include <limits.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>
#include <zstd.h>

/* A window of 2^27 octets is as much as INFLATE_MEMORY. */
#define ZSTD_WINDOW_LOG 27

struct inflate {
	enum inflate_kind kind;
	z_stream gzip;
	ZSTD_DStream *zstd;
	lzma_stream xz;
	const char *error;
	bool whole; /* at the end of a member */
	bool over; /* what follows is no member */
};

enum inflate_kind
inflate_kind_of(const uint8_t *p, size_t n)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b, 0x08 };
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0x00 };

	if (n >= sizeof(gzip) && memcmp(p, gzip, sizeof(gzip)) == 0)
		return (INFLATE_GZIP);
	if (n >= sizeof(zstd) && memcmp(p, zstd, sizeof(zstd)) == 0)
		return (INFLATE_ZSTD);
	if (n >= sizeof(xz) && memcmp(p, xz, sizeof(xz)) == 0)
		return (INFLATE_XZ);
	return (INFLATE_NONE);
}

static int
begin(struct inflate *z)
{
	switch (z->kind) {
	case INFLATE_GZIP:
		/* 16: with gzip's header and trailer. */
		return (
		    inflateInit2(&z->gzip, 16 + MAX_WBITS) == Z_OK ? 0 : -1);
	case INFLATE_ZSTD:
		if ((z->zstd = ZSTD_createDStream()) == NULL ||
		    ZSTD_isError(ZSTD_DCtx_setParameter(
			z->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
			return (-1);
		return (0);
	case INFLATE_XZ:
		return (lzma_stream_decoder(&z->xz, INFLATE_MEMORY,
			    LZMA_TELL_UNSUPPORTED_CHECK) == LZMA_OK
			? 0
			: -1);
	case INFLATE_NONE:
		break;
	}
	return (-1);
}

struct inflate *
inflate_new(enum inflate_kind kind)
{
	struct inflate *z;

	if ((z = calloc(1, sizeof(*z))) == NULL)
		return (NULL);
	z->kind = kind;
	if (begin(z) == -1) {
		inflate_free(z);
		errno = ENOMEM;
		return (NULL);
	}
	return (z);
}

void
inflate_free(struct inflate *z)
{
	if (z == NULL)
		return;
	if (z->kind == INFLATE_GZIP)
		(void)inflateEnd(&z->gzip);
	else if (z->kind == INFLATE_XZ)
		lzma_end(&z->xz);
	(void)ZSTD_freeDStream(z->zstd);
	free(z);
}

static bool
damaged(struct inflate *z, const char *why)
{
	z->error = why;
	return (false);
}

/* The libraries count with types of their own. */
static unsigned
clamp(size_t n)
{
	return (n > UINT_MAX ? UINT_MAX : (unsigned)n);
}

static bool
run_gzip(struct inflate *z, struct inflate_io *io)
{
	unsigned in = clamp(io->in_len - io->used);
	unsigned room = clamp(io->room - io->made);
	int result;

	z->gzip.next_in = io->in + io->used;
	z->gzip.avail_in = in;
	z->gzip.next_out = io->out + io->made;
	z->gzip.avail_out = room;
	result = inflate(&z->gzip, Z_NO_FLUSH);
	io->used += in - z->gzip.avail_in;
	io->made += room - z->gzip.avail_out;
	if (result == Z_STREAM_END)
		z->whole = true;
	else if (result == Z_MEM_ERROR)
		return (damaged(z, "out of memory"));
	else if (result != Z_OK && result != Z_BUF_ERROR)
		return (damaged(z,
		    z->gzip.msg != NULL ? z->gzip.msg : "not as gzip writes"));
	return (true);
}

static bool
run_zstd(struct inflate *z, struct inflate_io *io)
{
	ZSTD_inBuffer in = { io->in, io->in_len, io->used };
	ZSTD_outBuffer out = { io->out, io->room, io->made };
	size_t result;

	result = ZSTD_decompressStream(z->zstd, &out, &in);
	io->used = in.pos;
	io->made = out.pos;
	if (ZSTD_isError(result))
		return (damaged(z, ZSTD_getErrorName(result)));
	z->whole = result == 0;
	return (true);
}

static const char *
xz_error(lzma_ret result)
{
	if (result == LZMA_MEM_ERROR)
		return ("out of memory");
	if (result == LZMA_MEMLIMIT_ERROR)
		return ("needs more than 128 MB of memory");
	if (result == LZMA_UNSUPPORTED_CHECK || result == LZMA_OPTIONS_ERROR)
		return ("compressed in a way that is not supported");
	return ("not as xz writes");
}

static bool
run_xz(struct inflate *z, struct inflate_io *io)
{
	lzma_ret result;

	z->xz.next_in = io->in + io->used;
	z->xz.avail_in = io->in_len - io->used;
	z->xz.next_out = io->out + io->made;
	z->xz.avail_out = io->room - io->made;
	result = lzma_code(&z->xz, LZMA_RUN);
	io->used = io->in_len - z->xz.avail_in;
	io->made = io->room - z->xz.avail_out;
	if (result == LZMA_STREAM_END)
		z->whole = true;
	else if (result != LZMA_OK && result != LZMA_BUF_ERROR)
		return (damaged(z, xz_error(result)));
	return (true);
}

/* Whether c begins another member, and is prepared for. */
static bool
begin_member(struct inflate *z, uint8_t c)
{
	switch (z->kind) {
	case INFLATE_GZIP:
		return (c == 0x1f && inflateReset(&z->gzip) == Z_OK);
	case INFLATE_ZSTD:
		/* Or a frame to be skipped. */
		return (c == 0x28 || (c & 0xf0) == 0x50);
	case INFLATE_XZ:
		return (c == 0xfd && begin(z) == 0);
	case INFLATE_NONE:
		break;
	}
	return (false);
}

/* Passes over what stands behind a member.  Returns whether another begins. */
static bool
next_member(struct inflate *z, struct inflate_io *io)
{
	/* xz pads with NULs, and so do tapes. */
	while (io->used < io->in_len && io->in[io->used] == 0)
		io->used++;
	if (io->used == io->in_len)
		return (false);
	if (begin_member(z, io->in[io->used])) {
		z->whole = false;
		return (true);
	}
	z->over = true;
	io->used = io->in_len;
	return (false);
}

static bool
run(struct inflate *z, struct inflate_io *io)
{
	if (z->kind == INFLATE_GZIP)
		return (run_gzip(z, io));
	return (z->kind == INFLATE_ZSTD ? run_zstd(z, io) : run_xz(z, io));
}

enum inflate_status
inflate_run(struct inflate *z, struct inflate_io *io)
{
	size_t used, made;

	io->used = io->made = 0;
	do {
		if (z->error != NULL)
			return (INFLATE_DAMAGED);
		if (z->over) {
			io->used = io->in_len;
			return (INFLATE_WHOLE);
		}
		if (z->whole && !next_member(z, io))
			return (INFLATE_WHOLE);
		used = io->used;
		made = io->made;
		if (!run(z, io))
			return (INFLATE_DAMAGED);
	} while ((io->used > used || io->made > made) &&
	    (io->made < io->room || z->whole));
	return (z->whole ? INFLATE_WHOLE : INFLATE_MORE);
}

const char *
inflate_error(const struct inflate *z)
{
	return (z->error);
}
