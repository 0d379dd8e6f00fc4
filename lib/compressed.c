#include "compressed.h"

#include <string.h>
#include <strings.h>

#define count_of(a) (sizeof(a) / sizeof((a)[0]))

/* gzip, zstd and xz have names of their own, see rotation_is_compressed(). */
static const char *const endings[] = { ".bz2", ".bz", ".Z", ".lz", ".lz4",
	".lzma", ".lzo", ".br", ".sz", ".zip", ".7z", ".rar", ".tgz", ".tbz",
	".tbz2", ".txz", ".tzst" };

/* No text begins with one of these. */
static const struct magic {
	size_t n;
	const char *p;
} magics[] = {
	{ 3, "\x1f\x8b\x08" }, /* gzip */
	{ 4, "\x28\xb5\x2f\xfd" }, /* zstd */
	{ 6,
	    "\xfd"
	    "7zXZ\0" }, /* xz */
	{ 2, "\x1f\x9d" }, /* compress */
	{ 4, "\x04\x22\x4d\x18" }, /* lz4 */
	{ 4, "\x02\x21\x4c\x18" }, /* lz4, the older one */
	{ 9, "\x89LZO\0\r\n\x1a\n" }, /* lzop */
	{ 5, "LZIP\x01" }, /* lzip */
	{ 3, "\x5d\0\0" }, /* lzma, with a dictionary of 64 KB or more */
	{ 4, "PK\x03\x04" }, /* zip */
	{ 6, "7z\xbc\xaf\x27\x1c" }, { 6, "Rar!\x1a\x07" },
	{ 10, "\xff\x06\0\0sNaPpY" }, /* snappy */
};

bool
compressed_by_name(const char *name)
{
	size_t len = strlen(name), n;

	for (size_t i = 0; i < count_of(endings); i++) {
		n = strlen(endings[i]);
		if (len > n && strcasecmp(name + len - n, endings[i]) == 0)
			return (true);
	}
	return (false);
}

/* "BZh", a digit, and pi, or the square root of it where nothing is in it. */
static bool
is_bzip2(const uint8_t *p, size_t n)
{
	return (n >= 10 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' &&
	    p[3] <= '9' &&
	    (memcmp(p + 4, "1AY&SY", 6) == 0 ||
		memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0));
}

bool
compressed_by_head(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < count_of(magics); i++)
		if (n >= magics[i].n &&
		    memcmp(p, magics[i].p, magics[i].n) == 0)
			return (true);
	return (is_bzip2(p, n));
}
