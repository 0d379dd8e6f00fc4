/*
 * What a line says, and of which line a piece is.
 */
#include "tests/sim/lines.h"

#include <ctype.h>
#include <string.h>

struct line lines[LINE_LOGS][LINES];
unsigned line_counts[LINE_LOGS];

/* What a line says is decided by its number. */
size_t
line_text(unsigned log, unsigned seq, char *p)
{
	struct rng r = rng_of(S.plan.seed, ((uint64_t)(log + 7) << 40) + seq);
	size_t n, most;

	n = (size_t)snprintf(p, LINE_ROOM, "L%u.%u ", log, seq);
	most = n + (rng_chance(&r, 50) ? 300 : 5 + rng_below(&r, 60));
	if (S.path != 0 && rng_chance(&r, 50))
		most = n + 900 + rng_below(&r, 1000);
	while (n < most)
		p[n++] = (char)('a' + rng_below(&r, 26));
	return (n);
}

bool
line_parse(const uint8_t *p, size_t n, unsigned *log, unsigned *seq)
{
	size_t i = 1;

	*log = *seq = 0;
	if (n < 5 || p[0] != 'L')
		return (false);
	for (; i < n && isdigit(p[i]); i++)
		*log = *log * 10 + (unsigned)(p[i] - '0');
	if (i == n || p[i++] != '.')
		return (false);
	for (; i < n && isdigit(p[i]); i++)
		*seq = *seq * 10 + (unsigned)(p[i] - '0');
	return (i < n && p[i] == ' ' && *log < LINE_LOGS &&
	    *seq < line_counts[*log]);
}

static bool
is_cut(struct line *l)
{
	if (l->since != 0 && S.now - l->since > LINE_PATIENCE)
		l->cut = true;
	return (l->cut);
}

static bool
is_piece(struct line *line, const uint8_t *p, size_t n, bool *is_end)
{
	unsigned seq = (unsigned)(line - lines[0]);
	char text[LINE_ROOM];
	size_t len;

	len = line_text(seq / LINES, seq % LINES, text);
	*is_end = false;
	if (!is_cut(line))
		/* Of a compressed file all that can be had is sent. */
		return (S.torn && n < len && memcmp(text, p, n) == 0);
	if (len < n || memmem(text, len, p, n) == NULL)
		return (false);
	*is_end = memcmp(text + len - n, p, n) == 0;
	return (true);
}

struct line *
line_of_piece(struct line *likely, const uint8_t *p, size_t n, bool *is_end)
{
	unsigned l, k;

	if (likely != NULL && is_piece(likely, p, n, is_end))
		return (likely);
	for (l = 0; l < LINE_LOGS; l++)
		for (k = 0; k < line_counts[l]; k++)
			if (is_piece(&lines[l][k], p, n, is_end))
				return (&lines[l][k]);
	return (NULL);
}

void
lines_lose_ends(unsigned dests, const uint8_t *p, size_t n)
{
	unsigned l, k;
	bool is_end;

	for (l = 0; l < LINE_LOGS; l++)
		for (k = 0; k < line_counts[l]; k++)
			if (is_piece(&lines[l][k], p, n, &is_end) && is_end)
				lines[l][k].lost |= (uint8_t)dests;
}

const uint8_t *
line_behind_nuls(const uint8_t *p, size_t *n)
{
	size_t skip;

	while (*n > 1 && p[0] == '#' && p[1] == '0') {
		skip = *n < 4 ? *n : 4;
		p += skip;
		*n -= skip;
	}
	return (p);
}
