#include "fingerprint.h"

#include <xxhash.h>

void
fingerprint_of(struct fingerprint *fp, const void *p, size_t n)
{
	if (n > FINGERPRINT_MAX)
		n = FINGERPRINT_MAX;
	fp->hash = XXH3_64bits(p, n);
	fp->len = (uint32_t)n;
}

bool
fingerprint_matches(const struct fingerprint *fp, const void *p, size_t n)
{
	if (fp->len == 0)
		return (true);
	return (n >= fp->len && XXH3_64bits(p, fp->len) == fp->hash);
}

size_t
guard_length(off_t at)
{
	return (at < GUARD_MAX ? (size_t)(at > 0 ? at : 0) : GUARD_MAX);
}

void
guard_of(struct guard *g, off_t at, const void *p, size_t n)
{
	const uint8_t *octets = p;
	size_t len = guard_length(at);

	*g = (struct guard) { 0, 0 };
	if (len == 0 || n < len)
		return;
	g->at = at;
	g->hash = XXH3_64bits(octets + n - len, len);
}

bool
guard_matches(const struct guard *g, const void *p, size_t n)
{
	struct guard now;

	if (g->at <= 0)
		return (false);
	guard_of(&now, g->at, p, n);
	return (now.at == g->at && now.hash == g->hash);
}

size_t
fingerprint_length(const void *p, size_t n)
{
	const uint8_t *octets = p;

	while (n > 0 && octets[n - 1] == 0)
		n--;
	return (n);
}
