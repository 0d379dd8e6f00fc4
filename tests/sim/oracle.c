/*
 * What was written, what has arrived, and whether that is as promised.
 */
#include "tests/sim/sim.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LOGS 4
#define LINES 2048 /* of a log */
#define GENERATIONS 1024
#define LINE_ROOM 512
#define ARRIVALS 256
/* Then the rest of a rotated file is sent without a newline. */
#define PATIENCE_NS (55 * NS_S)
#define COPIED_NS (5 * NS_S)
#define OLDER_GUARD (64 * 1024)
#define MAX_ALLOWED (UINT64_C(1) << 40)

struct line {
	uint16_t generation;
	bool got;
	bool lost; /* nobody could have it */
	bool copied; /* it stands in a copy of its file */
	int64_t since; /* it is half written; or 0 */
	bool cut; /* it does not stand in one piece */
};

static struct line lines[LOGS][LINES];
static unsigned nlines[LOGS];
static unsigned newest[GENERATIONS]; /* 1 + what came last for the first time */
static uint64_t allowed, repeats;
static bool ordered;
static uint64_t copied;
static int64_t copied_at;
/* The last arrivals, round and round. */
static struct {
	int64_t at;
	size_t n;
} arrivals[ARRIVALS];
static unsigned narrivals;

void
oracle_reset(void)
{
	unsigned l;

	for (l = 0; l < LOGS; l++) {
		memset(lines[l], 0, nlines[l] * sizeof(lines[l][0]));
		nlines[l] = 0;
	}
	memset(newest, 0, sizeof(newest));
	memset(arrivals, 0, sizeof(arrivals));
	allowed = repeats = copied = 0;
	copied_at = 0;
	narrivals = 0;
	ordered = true;
}

void
oracle_allow(uint64_t octets)
{
	if (allowed < MAX_ALLOWED)
		allowed += octets;
}

void
oracle_no_order(void)
{
	ordered = false;
}

uint64_t
oracle_repeats(void)
{
	return (repeats);
}

/* What a line says is decided by its number. */
static size_t
text_of(unsigned log, unsigned seq, char *p)
{
	struct rng r = rng_of(S.plan.seed, ((uint64_t)(log + 7) << 40) + seq);
	size_t n, most;

	n = (size_t)snprintf(p, LINE_ROOM, "L%u.%u ", log, seq);
	most = n + (rng_chance(&r, 50) ? 300 : 5 + rng_below(&r, 60));
	while (n < most)
		p[n++] = (char)('a' + rng_below(&r, 26));
	return (n);
}

size_t
oracle_write(
    unsigned log, unsigned generation, char *p, size_t room, struct inode *i)
{
	size_t n;

	(void)i;
	if (nlines[log] == LINES || room < LINE_ROOM)
		return (0);
	n = text_of(log, nlines[log], p);
	p[n++] = '\n';
	lines[log][nlines[log]++].generation =
	    (uint16_t)(generation % GENERATIONS);
	return (n);
}

/* Reads "L1.234 "; returns whether it is one of ours. */
static bool
parse(const uint8_t *p, size_t n, unsigned *log, unsigned *seq)
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
	return (i < n && p[i] == ' ' && *log < LOGS && *seq < nlines[*log]);
}

static void
vanish(struct inode *i, const uint8_t *p, size_t n, bool whole)
{
	unsigned log, seq;
	char begin[16];

	if (!parse(p, n, &log, &seq) || lines[log][seq].got)
		return;
	if (!whole)
		lines[log][seq].cut = true;
	(void)snprintf(begin, sizeof(begin), "app%u", log);
	if (whole && files_holds("/log", begin, p, n, i, true)) {
		lines[log][seq].copied = true;
		return;
	}
	lines[log][seq].lost = true;
}

void
oracle_vanish(struct inode *i, size_t from)
{
	const uint8_t *p = files_data(i), *nl;
	size_t n = files_size(i), at = 0, len;

	while (at < n) {
		nl = memchr(p + at, '\n', n - at);
		len = nl != NULL ? (size_t)(nl - p) + 1 - at : n - at;
		if (at + len > from)
			vanish(i, p + at, len, nl != NULL);
		at += len;
	}
}

/*
 * What a receiver had not read when it died is sent again; not where the
 * worker is gone, too, or the file was cut meanwhile: these are two faults.
 */
void
oracle_unread(const uint8_t *p, size_t n, bool orphaned)
{
	const uint8_t *nl;
	unsigned log, seq;
	size_t len;

	for (; n > 0; p += len, n -= len) {
		nl = memchr(p, '\n', n);
		len = nl != NULL ? (size_t)(nl - p) + 1 : n;
		if (!parse(p, len, &log, &seq) || lines[log][seq].got)
			continue;
		if (orphaned || (lines[log][seq].copied && !S.strict))
			lines[log][seq].lost = true;
	}
}

/* The newest line of log is half written, or is written to its end. */
void
oracle_half(unsigned log, bool half)
{
	struct line *l = &lines[log][nlines[log] - 1];

	/* What was rotated may be finished by then. */
	if (!half && l->since != 0 && S.now - l->since > PATIENCE_NS)
		l->cut = l->lost = true;
	l->since = half ? S.now : 0;
}

void
oracle_cut(unsigned log)
{
	lines[log][nlines[log] - 1].cut = true;
}

static bool
is_cut(struct line *l)
{
	if (l->since != 0 && S.now - l->since > PATIENCE_NS)
		l->cut = true;
	return (l->cut);
}

/* Whether it is a piece of a line that was cut to pieces. */
static bool
is_piece(const uint8_t *p, size_t n)
{
	char text[LINE_ROOM];
	unsigned l, k;
	size_t len;

	for (l = 0; l < LOGS; l++)
		for (k = 0; k < nlines[l]; k++) {
			if (!is_cut(&lines[l][k]))
				continue;
			len = text_of(l, k, text);
			if (len >= n && memmem(text, len, p, n) != NULL) {
				if (memcmp(text + len - n, p, n) == 0)
					lines[l][k].got = true;
				return (true);
			}
		}
	return (false);
}

static void
arrived(unsigned log, unsigned seq, size_t n)
{
	struct line *l = &lines[log][seq];

	arrivals[narrivals % ARRIVALS].at = S.now;
	arrivals[narrivals++ % ARRIVALS].n = n + 1;
	if (l->got) {
		repeats += n + 1;
		if (repeats > allowed)
			sim_fail(
			    "line %u.%u came twice without a reason", log, seq);
		return;
	}
	if (ordered && !l->cut && seq + 1 < newest[l->generation])
		sim_fail("line %u.%u came behind %u.%u of the same file", log,
		    seq, log, newest[l->generation] - 1);
	l->got = true;
	newest[l->generation] = seq + 1;
}

void
oracle_heard(unsigned dest, const uint8_t *p, size_t n)
{
	char text[LINE_ROOM];
	unsigned log, seq;
	size_t len;

	(void)dest;
	sim_say("receiver: %.*s", n > 12 ? 12 : (int)n, (const char *)p);
	if (n > 0 && p[0] == '#')
		return;
	if (parse(p, n, &log, &seq)) {
		len = text_of(log, seq, text);
		if (len == n && memcmp(text, p, n) == 0) {
			arrived(log, seq, n);
			return;
		}
	}
	if (is_piece(p, n))
		return;
	sim_fail("nobody wrote \"%.*s\" (%zu octets)", n > 60 ? 60 : (int)n,
	    (const char *)p, n);
}

/* Also what was moved to where nobody looks cannot be found again. */
static bool
is_missing(unsigned log, unsigned seq)
{
	struct line *l = &lines[log][seq];
	char text[LINE_ROOM], begin[16];
	size_t n;

	if (l->got || l->lost)
		return (false);
	n = text_of(log, seq, text);
	text[n++] = '\n';
	(void)snprintf(begin, sizeof(begin), "app%u", log);
	if (files_holds("/log", begin, text, n, NULL, true))
		return (true);
	return (!files_holds("/log", "", text, n, NULL, false) &&
	    !files_holds("/old", "", text, n, NULL, false));
}

bool
oracle_has_all(void)
{
	unsigned l, k;

	for (l = 0; l < LOGS; l++)
		for (k = 0; k < nlines[l]; k++)
			if (is_missing(l, k))
				return (false);
	return (true);
}

void
oracle_miss(char *p, size_t n)
{
	unsigned l, k, count = 0, first = 0, log = 0;

	for (l = 0; l < LOGS; l++)
		for (k = 0; k < nlines[l]; k++)
			if (is_missing(l, k) && count++ == 0) {
				first = k;
				log = l;
			}
	(void)snprintf(p, n, "%u lines did not arrive, the first is %u.%u",
	    count, log, first);
}

/*
 * Known: a copy that was just made when the worker ends is a new file to the
 * next one, where the source means its name.
 */
void
oracle_copied(uint64_t octets)
{
	if (S.now - copied_at > COPIED_NS)
		copied = 0;
	copied += octets;
	copied_at = S.now;
}

bool
oracle_was_copied(void)
{
	return (copied > 0 && S.now - copied_at < 4 * COPIED_NS);
}

void
oracle_on_end(void)
{
	if (copied > 0 && S.now - copied_at < COPIED_NS) {
		oracle_allow(copied);
		oracle_no_order();
	}
}

/* What came since then may come again. */
static void
allow_since(int64_t since)
{
	unsigned i;

	for (i = 0; i < ARRIVALS; i++)
		if (arrivals[i].n > 0 && arrivals[i].at >= since)
			oracle_allow(arrivals[i].n);
	oracle_allow(net_in_flight() + 2 * sim_sizes.slice);
}

void
oracle_on_kill(void)
{
	allow_since(S.now - 60 * NS_MS - (int64_t)S.pause_most_us * 100000);
}

/*
 * Since the last checkpoint that was synced; and where logs lost their end, it
 * goes on at an older guard.
 */
void
oracle_on_power(void)
{
	allow_since(S.now - 4 * NS_S);
	oracle_allow(OLDER_GUARD);
}
