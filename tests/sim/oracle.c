/*
 * What was written, what has arrived, and whether that is as promised.
 */
#include "tests/sim/lines.h"
#include "tests/sim/repeats.h"
#include "tests/sim/setting.h"

#include <stdlib.h>
#include <string.h>

#define GENERATIONS 1024
#define NEVER_SPLIT 480 /* RFC 5424 6.1 */
#define SHORT_PIECE 8 /* of whatever line it is */
#define PASSED_OVER 5 /* a message that was refused so often */
#define COPIED_NS (5 * NS_S)
#define TELLING 256 /* octets of a copy: a whole guard */

/* 1 + what came last for the first time. */
static unsigned newest[SIM_RECEIVERS][GENERATIONS];
/* Of which line a piece came last. */
static struct line *in_pieces[SIM_RECEIVERS];
static bool ordered[SIM_DESTS];
static bool refusals; /* there were some */
static bool powerless; /* since the last life: files begin anew */
static bool shredded, shred_may; /* be sent */
static uint64_t copied;
static int64_t copied_at;
void
oracle_reset(void)
{
	unsigned l;

	for (l = 0; l < LINE_LOGS; l++) {
		memset(lines[l], 0, line_counts[l] * sizeof(lines[l][0]));
		line_counts[l] = 0;
	}
	memset(newest, 0, sizeof(newest));
	memset(in_pieces, 0, sizeof(in_pieces));
	repeats_reset();
	copied = 0;
	copied_at = 0;
	refusals = shredded = shred_may = powerless = false;
	for (l = 0; l < SIM_DESTS; l++)
		ordered[l] = true;
}

void
oracle_no_order(void)
{
	memset(ordered, 0, sizeof(ordered));
}

void
oracle_no_order_at(unsigned receiver)
{
	ordered[setting_dest(receiver)] = false;
}

size_t
oracle_write(
    unsigned log, unsigned generation, char *p, size_t room, struct inode *i)
{
	size_t n;

	(void)i;
	if (line_counts[log] == LINES || room < LINE_ROOM)
		return (0);
	n = line_text(log, line_counts[log], p);
	p[n++] = '\n';
	/* It may come in datagrams that are as short as that. */
	lines[log][line_counts[log]].cut = S.path != 0 && n > NEVER_SPLIT;
	lines[log][line_counts[log]].owed = (uint8_t)setting_owed(log);
	lines[log][line_counts[log]++].generation =
	    (uint16_t)(generation % GENERATIONS);
	return (n);
}

/* The destinations that are to get a line yet. */
static unsigned
want(const struct line *l)
{
	return (l->owed & ~(l->got | l->lost));
}

void
oracle_disown(unsigned log, unsigned dests)
{
	unsigned k;

	for (k = 0; k < line_counts[log]; k++)
		lines[log][k].owed &= (uint8_t)~dests;
}

static void
vanish(struct inode *i, const uint8_t *p, size_t n, bool whole)
{
	unsigned log, seq;
	char begin[16];

	if (!line_parse(p, n, &log, &seq) ||
	    (lines[log][seq].owed & ~lines[log][seq].got) == 0)
		return;
	if (!whole)
		lines[log][seq].cut = true;
	(void)snprintf(begin, sizeof(begin), "app%u", log);
	if (whole && files_holds("/log", begin, p, n, i, true))
		return;
	lines[log][seq].lost |= (uint8_t)want(&lines[log][seq]);
}

void
oracle_vanish(struct inode *i, size_t from)
{
	const uint8_t *p = files_data(i), *nl;
	size_t n = files_size(i), at = 0, len;

	/* A writer that goes on where it was leaves NULs in front. */
	while (at < n && p[at] == 0)
		at++;
	while (at < n) {
		nl = memchr(p + at, '\n', n - at);
		len = nl != NULL ? (size_t)(nl - p) + 1 - at : n - at;
		if (at + len > from)
			vanish(i, p + at, len, nl != NULL);
		at += len;
	}
}

static void
may_forget(struct line *line, int64_t ns)
{
	refusals = true;
	line->refused_until = S.now + ns;
}

/*
 * What a receiver had not read when it died is sent again; not where the
 * worker is gone, too, or the file was cut meanwhile: these are two faults.
 */
void
oracle_unread(unsigned receiver, const uint8_t *p, size_t n, bool orphaned)
{
	const unsigned bit = 1u << setting_dest(receiver);
	const uint8_t *nl;
	unsigned log, seq;
	size_t len;

	for (; n > 0; p += len, n -= len) {
		nl = memchr(p, '\n', n);
		len = nl != NULL ? (size_t)(nl - p) + 1 : n;
		if (!line_parse(p, len, &log, &seq) ||
		    (lines[log][seq].got & bit))
			continue;
		if (orphaned)
			lines[log][seq].lost |= (uint8_t)bit;
		else if (!S.strict) {
			/* The checkpoint's disk is slow. */
			lines[log][seq].reset |= (uint8_t)bit;
			may_forget(&lines[log][seq], 2500 * NS_MS);
		}
	}
}

static bool
is_short(size_t n)
{
	return (S.path != 0 && n > 0 && n < SHORT_PIECE);
}

void
oracle_dropped(unsigned receiver, const uint8_t *p, size_t n)
{
	const unsigned bit = 1u << setting_dest(receiver);
	struct line *line;
	unsigned log, seq;
	bool is_end;

	sim_say("world: lost on the way: %.*s", n > 12 ? 12 : (int)n, p);
	p = line_behind_nuls(p, &n);
	if (line_parse(p, n, &log, &seq))
		lines[log][seq].lost |= (uint8_t)bit;
	else if (is_short(n))
		lines_lose_ends(bit, p, n);
	else if (n > 0 && (line = line_of_piece(NULL, p, n, &is_end)) != NULL)
		line->lost |= (uint8_t)bit;
}

/* What was sent in the last second comes again, in front of what came since. */
void
oracle_refused(unsigned receiver, const uint8_t *p, size_t n)
{
	const unsigned dest = setting_dest(receiver);
	unsigned log, seq;
	struct line *line = NULL;
	bool is_end;

	sim_say("world: refused: %.*s", n > 12 ? 12 : (int)n, p);
	repeats_allow_since(dest, S.now - 3 * NS_S);
	ordered[dest] = false;
	if (line_parse(p, n, &log, &seq))
		line = &lines[log][seq];
	else if (is_short(n))
		lines_lose_ends(1u << dest, p, n);
	else
		line = line_of_piece(NULL, p, n, &is_end);
	if (line == NULL)
		return;
	line->refused |= (uint8_t)(1u << dest);
	may_forget(line, 3 * NS_S);
}

bool
oracle_always_denied(const uint8_t *p, size_t n)
{
	unsigned log, seq;

	return (line_parse(p, n, &log, &seq) && (log + seq) % 41 == 7);
}

/* It comes again and again, and is passed over in the end. */
bool
oracle_denied(unsigned receiver, const uint8_t *p, size_t n)
{
	const unsigned dest = setting_dest(receiver);
	struct line *line;
	unsigned log, seq;

	if (!line_parse(p, n, &log, &seq))
		return (false);
	line = &lines[log][seq];
	if (line->denied[dest] < UINT8_MAX)
		line->denied[dest]++;
	if (line->denied[dest] == PASSED_OVER)
		sim_happened(WAY_REFUSED_ALWAYS);
	if (line->denied[dest] >= PASSED_OVER)
		line->lost |= (uint8_t)(1u << dest);
	return (true);
}

/* Who did not hear of it, or has not noted it yet, does not send it again. */
static void
forget_refusals(bool killed)
{
	struct line *line;
	unsigned l;

	for (l = 0; refusals && l < LINE_LOGS; l++)
		for (line = lines[l]; line < lines[l] + line_counts[l]; line++)
			if (S.now < line->refused_until)
				line->lost |= (line->refused |
						  (killed ? line->reset : 0)) &
				    ~line->got;
}

/* The newest line of log is half written, or is written to its end. */
void
oracle_half(unsigned log, bool half)
{
	struct line *l = &lines[log][line_counts[log] - 1];

	/* What was rotated may be finished by then. */
	if (!half && l->since != 0 && S.now - l->since > LINE_PATIENCE) {
		l->cut = true;
		l->lost = UINT8_MAX;
	}
	l->since = half ? S.now : 0;
}

void
oracle_cut(unsigned log)
{
	lines[log][line_counts[log] - 1].cut = true;
}

void
oracle_cut_at(unsigned log, const char *line)
{
	lines[log][(unsigned)atoi(strchr(line, '.') + 1)].cut = true;
}

bool
oracle_has_begun(const uint8_t *p, size_t n)
{
	const uint8_t *nl;
	unsigned log, seq;

	for (; n > 0 && (nl = memchr(p, '\n', n)) != NULL; p = nl + 1) {
		if (line_parse(p, (size_t)(nl + 1 - p), &log, &seq))
			return (lines[log][seq].got == lines[log][seq].owed &&
			    lines[log][seq].owed != 0);
		n -= (size_t)(nl + 1 - p);
	}
	return (false);
}

/* Within a file the order is that of the file, at each receiver. */
static void
check_order(unsigned receiver, const struct line *l, unsigned log, unsigned seq)
{
	unsigned *last = &newest[receiver][l->generation];

	/* What was lost may be among what comes again. */
	if (l->lost & (1u << setting_dest(receiver)))
		return;
	if (l->denied[setting_dest(receiver)] > 0)
		return;
	if (ordered[setting_dest(receiver)] && !l->cut && seq + 1 < *last)
		sim_fail("line %u.%u came behind %u.%u of the same file", log,
		    seq, log, *last - 1);
	*last = seq + 1;
}

/*
 * Known: a copy that has less than was sent, and a name that no pattern means,
 * may be nothing that the worker knows; then a later one may send it.
 */
void
oracle_short_copy(const uint8_t *p, size_t n)
{
	/* Where events are lost, one may be found by another scan. */
	const bool tells = n >= TELLING && !sim_may(KIND_LOST_EVENT);
	const uint8_t *nl;
	unsigned log, seq;
	size_t len;

	for (; n > 0; p += len, n -= len) {
		while (n > 0 && p[0] == 0) {
			p++;
			n--;
		}
		nl = memchr(p, '\n', n);
		len = nl != NULL ? (size_t)(nl - p) + 1 : n;
		if (!line_parse(p, len, &log, &seq))
			continue;
		/* Some are so short that they might be anybody's. */
		lines[log][seq].copied = tells ? S.lives : 0;
		lines[log][seq].again = UINT8_MAX;
	}
}

/* Whether it comes from such a copy. */
static bool
is_from_short_copy(struct line *l, unsigned bit)
{
	if (!(l->again & bit) || S.lives <= l->copied)
		return (false);
	l->again &= (uint8_t)~bit;
	return (true);
}

static void
arrived(unsigned receiver, unsigned log, unsigned seq, size_t n)
{
	const unsigned dest = setting_dest(receiver);
	struct line *l = &lines[log][seq];

	if (is_from_short_copy(l, 1u << dest)) {
		l->got |= (uint8_t)(1u << dest);
		return;
	}
	if (!repeats_note(dest, n + 1, (l->got & (1u << dest)) != 0))
		sim_fail("line %u.%u came twice without a reason", log, seq);
	if (l->got & (1u << dest))
		return;
	check_order(receiver, l, log, seq);
	l->got |= (uint8_t)(1u << dest);
}

void
oracle_heard(unsigned receiver, const uint8_t *p, size_t n)
{
	char text[LINE_ROOM];
	unsigned log, seq;
	struct line *line;
	bool is_end;
	size_t len;

	sim_say("receiver %u: %.*s", receiver, n > 12 ? 12 : (int)n,
	    (const char *)p);
	if (n > 1 && p[0] == '#' && p[1] != '0')
		return;
	p = line_behind_nuls(p, &n);
	if (n == 0)
		return;
	if (n > 0 && p[0] == 'X') {
		if (!shred_may)
			sim_fail("what was shredded was sent");
		return;
	}
	if (line_parse(p, n, &log, &seq)) {
		in_pieces[receiver] = &lines[log][seq];
		len = line_text(log, seq, text);
		if (len == n && memcmp(text, p, n) == 0) {
			arrived(receiver, log, seq, n);
			return;
		}
	}
	/* A line behind NULs may come in pieces, too, some of an octet. */
	line = line_of_piece(in_pieces[receiver], p, n, &is_end);
	if (line != NULL) {
		in_pieces[receiver] = line;
		if (S.path != 0)
			sim_happened(WAY_PIECES);
		if (is_end)
			line->got |= (uint8_t)(1u << setting_dest(receiver));
		return;
	}
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

	if (want(l) == 0)
		return (false);
	n = line_text(log, seq, text);
	text[n++] = '\n';
	(void)snprintf(begin, sizeof(begin), "app%u", log);
	if (files_holds("/log", begin, text, n, NULL, true))
		return (true);
	if (files_reach("/real", text, n))
		return (true);
	return (!files_holds("/real", "", text, n, NULL, false) &&
	    !files_holds("/log", "", text, n, NULL, false) &&
	    !files_holds("/old", "", text, n, NULL, false));
}

bool
oracle_has_all(void)
{
	unsigned l, k;

	for (l = 0; l < LINE_LOGS; l++)
		for (k = 0; k < line_counts[l]; k++)
			if (is_missing(l, k))
				return (false);
	return (true);
}

void
oracle_miss(char *p, size_t n)
{
	unsigned l, k, count = 0, first = 0, log = 0;

	for (l = 0; l < LINE_LOGS; l++)
		for (k = 0; k < line_counts[l]; k++)
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

/* To the next worker it is a new file. */
void
oracle_shredded(bool may)
{
	shredded = true;
	shred_may |= may;
}

void
oracle_on_end(bool killed)
{
	shred_may |= shredded;
	forget_refusals(killed);
	if (copied > 0 && S.now - copied_at < COPIED_NS) {
		oracle_allow(copied);
		oracle_no_order();
	}
}

void
oracle_without_power(void)
{
	powerless = true;
}

/*
 * What stood in no file any more comes again from further in front, and another
 * receiver may not have had what came there then.
 */
void
oracle_on_life(void)
{
	if (powerless)
		memset(newest, 0, sizeof(newest));
	powerless = false;
}
